//! Listening with TLS and on a Unix socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::made::Folder;
use crate::program::{Answer, Program, command, run};

/// A certificate for `localhost`, and files of it and its key.
struct Certificate {
    file: String,
    key: String,
    config: Arc<ClientConfig>,
}

impl Certificate {
    fn new(folder: &Folder, name: &str) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            file: folder.write(&format!("{name}.crt"), cert.pem().as_bytes()),
            key: folder.write(
                &format!("{name}.key"),
                signing_key.serialize_pem().as_bytes(),
            ),
            config: Arc::new(config),
        }
    }

    /// The answer by TLS, trusting this certificate alone.
    fn get(&self, program: &Program, path: &str) -> Answer {
        let socket = TcpStream::connect(program.address()).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_mins(1)))
            .unwrap();
        let name = "localhost".to_owned().try_into().unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        write!(stream, "GET {path} HTTP/1.0\r\nHost: host.test\r\n\r\n").unwrap();
        Answer::read(stream).expect("an answer by TLS")
    }
}

/// What the program says when it refuses to serve.
fn refusal(arguments: &[&str]) -> String {
    let mut all = vec!["serve", "-p", "0"];
    all.extend(arguments);
    let output = run(&all);
    assert!(!output.status.success(), "{arguments:?} should be refused");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_certificate_makes_it_https_and_addresses_say_so() {
    let folder = Folder::new();
    let (file, certificate) = (folder.notes("notes.db"), Certificate::new(&folder, "own"));
    let program = Program::serve(&[
        &file,
        "--ssl-certfile",
        &certificate.file,
        "--ssl-keyfile",
        &certificate.key,
    ]);
    assert!(program.said().contains("Serving on https://"));
    // Neither who says nothing nor who does not speak TLS is in the way of others.
    let silent = || TcpStream::connect(program.address()).unwrap();
    let _silent: Vec<TcpStream> = std::iter::repeat_with(silent).take(300).collect();
    assert!(Answer::read(program.send("GET", "/", "")).is_none());
    let since = Instant::now();
    let answer = certificate.get(&program, "/notes/notes.json?_size=1");
    assert!(
        since.elapsed() < Duration::from_secs(8),
        "handshakes are in the way"
    );
    assert_eq!(answer.status, 200);
    let next = answer.json()["next_url"].clone();
    let next = next.as_str().unwrap();
    assert!(next.starts_with("https://host.test/"), "{next}");
}

#[test]
fn the_key_may_lie_beside_the_certificate() {
    let folder = Folder::new();
    let certificate = Certificate::new(&folder, "own");
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let both = read(&certificate.key) + &read(&certificate.file);
    let both = folder.write("both.pem", both.as_bytes());
    let program = Program::serve(&[&folder.notes("notes.db"), "--ssl-certfile", &both]);
    assert_eq!(certificate.get(&program, "/").status, 200);
}

#[test]
fn a_certificate_that_cannot_serve_is_refused_with_the_reason() {
    let folder = Folder::new();
    let (file, missing) = (folder.notes("notes.db"), folder.at("missing.pem"));
    let (one, other) = (
        Certificate::new(&folder, "one"),
        Certificate::new(&folder, "other"),
    );
    let missing = missing.to_str().unwrap();
    let cases: [(&[&str], &str); 6] = [
        (
            &["--ssl-keyfile", &one.key],
            "--ssl-keyfile needs the certificate",
        ),
        (&["--ssl-certfile", missing], "missing.pem cannot be read"),
        (&["--ssl-certfile", &file], "notes.db"),
        (&["--ssl-certfile", &one.file], "no private key"),
        (
            &["--ssl-certfile", &one.file, "--ssl-keyfile", &one.file],
            "no private key",
        ),
        (
            &["--ssl-certfile", &one.file, "--ssl-keyfile", &other.key],
            "does not fit the certificate",
        ),
    ];
    for (options, reason) in cases {
        let mut arguments = vec![file.as_str()];
        arguments.extend(options);
        let said = refusal(&arguments);
        assert!(said.contains(reason), "{options:?}: {said}");
        assert!(!said.contains("Serving on"), "{said}");
    }
}

fn get_by_socket(path: &Path, address: &str) -> Answer {
    let mut socket = UnixStream::connect(path).expect("a socket that listens");
    write!(socket, "GET {address} HTTP/1.0\r\nHost: host.test\r\n\r\n").unwrap();
    Answer::read(socket).expect("an answer by the socket")
}

#[test]
fn a_unix_socket_is_listened_on_and_goes_with_the_program() {
    let folder = Folder::new();
    let (file, path) = (folder.notes("notes.db"), folder.at("site.sock"));
    let uds = path.to_str().unwrap();
    let start = || Program::start(command(&["serve", &file, "--uds", uds]));
    let program = start();
    assert!(
        program
            .said()
            .contains(&format!("Serving on http+unix://{uds}"))
    );
    let answer = get_by_socket(&path, "/notes/notes.json");
    assert_eq!(answer.status, 200);
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666, "a proxy of another user must reach it");
    let said = refusal_by_socket(&file, uds);
    assert!(said.contains("another program listens there"), "{said}");
    program.signal("TERM");
    assert!(program.end().0);
    assert!(!path.exists(), "the socket is left over");

    // One that was left over is no hindrance.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.symlink_metadata().unwrap().file_type().is_socket());
    let _program = start();
    assert_eq!(get_by_socket(&path, "/").status, 200);
}

fn refusal_by_socket(file: &str, uds: &str) -> String {
    let output = run(&["serve", file, "--uds", uds]);
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_path_that_cannot_be_a_socket_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let file = folder.notes("notes.db");
    let said = refusal_by_socket(&file, &file);
    assert!(
        said.contains("is there already, and is no socket"),
        "{said}"
    );
    let mut start = [0; 15];
    let read = std::fs::File::open(&file).and_then(|mut file| file.read_exact(&mut start));
    assert!(read.is_ok() && start.starts_with(b"SQLite format 3"));
    let nowhere = folder.at("no/such/folder.sock");
    let said = refusal_by_socket(&file, nowhere.to_str().unwrap());
    assert!(said.contains("cannot be listened on"), "{said}");
    let said = refusal(&[&file, "--uds", folder.at("x.sock").to_str().unwrap()]);
    assert!(said.contains("cannot be used with"), "{said}");
}

#[test]
fn a_manifest_reads_https_of_those_whom_the_system_trusts() {
    let folder = Folder::new();
    let (file, certificate) = (folder.notes("notes.db"), Certificate::new(&folder, "own"));
    let program = Program::serve(&[
        &file,
        "--ssl-certfile",
        &certificate.file,
        "--ssl-keyfile",
        &certificate.key,
    ]);
    let port = program.address().rsplit(':').next().unwrap();
    let manifest = format!(
        "{{tablecast: 1, tables: {{read: {{rows: /rows, url: 'https://localhost:{port}/notes/notes.json'}}}}}}"
    );
    let manifest = folder.write("far.tablecast.yaml", manifest.as_bytes());
    let read = |trusted: Option<&String>| {
        let mut reading = command(&["serve", &manifest, "--get", "/far/read.json"]);
        if let Some(file) = trusted {
            reading.env("SSL_CERT_FILE", file);
        }
        let output = reading.output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), told)
    };
    let (is_read, rows) = read(Some(&certificate.file));
    assert!(is_read && rows.contains("\"rowid\":0"), "{rows}");
    let (is_read, refusal) = read(None);
    assert!(
        !is_read && refusal.contains("cannot be reached"),
        "{refusal}"
    );
}
