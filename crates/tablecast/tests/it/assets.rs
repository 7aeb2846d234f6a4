//! People's own files: folders served under a path, and the style sheets and scripts that the configuration adds.

use crate::made::Folder;
use crate::program::{Program, run};

/// A folder `files` with a sheet, a script in a folder, hidden files, and links inwards and outwards.
fn files() -> Folder {
    let folder = Folder::new();
    for name in ["files", "files/deep", "files/.git", "aside"] {
        std::fs::create_dir(folder.at(name)).expect("a folder");
    }
    folder.write("files/site.css", b"h1 { color: teal }");
    folder.write("files/deep/more app.js", b"console.log(1)");
    folder.write("files/.git/config", b"hidden words");
    folder.write("files/.env", b"hidden words");
    folder.write("aside/secret.txt", b"hidden words");
    let link = |to: &str, from: &str| {
        std::os::unix::fs::symlink(folder.at(to), folder.at(from)).expect("a link");
    };
    link("aside/secret.txt", "files/out.txt");
    link("aside", "files/out");
    link("files/site.css", "files/in.css");
    link("files/.git", "files/git");
    link("files/.env", "files/env.txt");
    folder
}

#[test]
fn the_files_of_a_folder_are_served_under_its_path() {
    let folder = files();
    let mount = format!("my/assets:{}", folder.text("files"));
    let file = folder.notes("d.db");
    let program = Program::serve(&[&file, "--static", &mount, "-s", "base_url", "/data/"]);
    for path in ["/data/my/assets/site.css", "/my/assets/site.css"] {
        let answer = program.get(path);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, "h1 { color: teal }")
        );
        assert_eq!(answer.header("content-type").as_deref(), Some("text/css"));
    }
    let script = program.get("/data/my/assets/deep/more%20app.js");
    assert_eq!(
        script.header("content-type").as_deref(),
        Some("text/javascript")
    );
    assert_eq!(program.get("/data/my/assets/in.css").status, 200);
    // Other pages are where they were.
    assert_eq!(program.get("/data/d/notes.json").status, 200);
    assert_eq!(
        program.ask("POST", "/data/my/assets/site.css", "").status,
        405
    );
}

#[test]
fn a_file_is_sent_again_only_if_it_has_changed() {
    let folder = files();
    let mount = format!("assets:{}", folder.text("files"));
    let program = Program::serve(&[&folder.notes("d.db"), "--static", &mount]);
    let first = program.get("/assets/site.css");
    let tag = first.header("etag").expect("an entity tag");
    let known = format!("If-None-Match: {tag}\r\n");
    let again = program.ask("GET", "/assets/site.css", &known);
    assert_eq!((again.status, again.body.len()), (304, 0));
    folder.write("files/site.css", b"h1 { color: navy; margin: 0 }");
    assert_eq!(program.ask("GET", "/assets/site.css", &known).status, 200);
    let head = program.ask("HEAD", "/assets/site.css", "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length").as_deref(), Some("29"));
    let part = program.ask("GET", "/assets/site.css", "Range: bytes=0-1\r\n");
    assert_eq!((part.status, part.text().as_str()), (206, "h1"));
    // The first digits of its SHA-256 make an address that never changes its meaning.
    let hashed = |hash: &str| {
        let answer = program.get(&format!("/assets/site.css?_hash={hash}"));
        answer.header("cache-control").expect("a header")
    };
    assert_eq!(
        hashed("9668fb06f041"),
        "max-age=31536000, immutable, public"
    );
    assert_eq!(hashed("wrong"), "no-cache");
}

#[test]
fn nothing_outside_of_the_folder_is_served() {
    let folder = files();
    let mount = format!("assets:{}", folder.text("files"));
    let program = Program::serve(&[&folder.notes("d.db"), "--static", &mount]);
    for path in [
        "/assets/../aside/secret.txt",
        "/assets/..%2faside%2fsecret.txt",
        "/assets/%2e%2e/aside/secret.txt",
        "/assets/deep/../../aside/secret.txt",
        "/assets/deep%5c..%5c..%5caside%5csecret.txt",
        "/assets//etc/passwd",
        "/assets/%2fetc%2fpasswd",
        "/assets/site.css%00.txt",
        "/assets/out.txt",
        "/assets/out/secret.txt",
        "/assets/.env",
        "/assets/%2eenv",
        "/assets/.git/config",
        "/assets/git/config",
        "/assets/env.txt",
        "/assets/./site.css",
        "/assets/deep",
        "/assets/deep/",
        "/assets/",
        "/assets/nope.css",
        "/assets/nope.css?_hash=x",
    ] {
        let answer = program.get(path);
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert!(!answer.text().contains("hidden words"), "{path}");
    }
    let page = program.get("/assets/nope.css");
    assert!(
        page.page()
            .contains("There is no file \"nope.css\" in /assets/")
    );
}

#[test]
fn a_wrong_mount_is_named_before_anything_is_served() {
    let folder = files();
    let (file, files) = (folder.notes("d.db"), folder.text("files"));
    let nowhere = folder.text("nope");
    for (mounts, reason) in [
        (&["assets"][..], "takes MOUNT:DIR"),
        (&[&format!("assets:{nowhere}")], "nope cannot be read"),
        (&[&format!("assets:{file}")], "is not a folder"),
        (&[&format!(":{files}")], "cannot be served under"),
        (&[&format!("../x:{files}")], "cannot be served under"),
        (&[&format!("/-/static:{files}")], "is the program's own"),
        (&[&format!("d:{files}")], "would hide the database /d"),
        (
            &[&format!("a:{files}"), &format!("/a/:{files}")],
            "two folders cannot both be served under /a/",
        ),
    ] {
        let mut arguments = vec!["serve", "-p", "0", &file];
        for mount in mounts {
            arguments.extend(["--static", mount]);
        }
        let output = run(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(reason), "{said}");
        assert!(said.contains("--static"), "{said}");
    }
}

#[test]
fn a_folder_of_configuration_serves_its_static_files() {
    let folder = Folder::new();
    folder.notes("d.db");
    std::fs::create_dir(folder.at("static")).expect("a folder");
    folder.write("static/a.txt", b"own");
    let program = Program::serve(&[folder.path()]);
    assert_eq!(program.get("/static/a.txt").text(), "own");
    let other = files();
    let mount = format!("static:{}", other.text("files"));
    let path = folder.path().display().to_string();
    let program = Program::serve(&[&path, "--static", &mount]);
    assert_eq!(program.get("/static/a.txt").status, 404);
    assert_eq!(program.get("/static/site.css").status, 200);
}

const EXTRA: &str = "
extra_css_urls:
- /static/site.css
- url: https://cdn.example/lib.css
  sri: sha384-YWJj
extra_js_urls:
- url: app.js
  module: true
databases:
  d:
    extra_css_urls: [/static/d.css, /static/site.css]
    extra_js_urls: ['https://maps.example/map.js']
    tables:
      notes:
        extra_css_urls: [/static/notes.css]
        extra_js_urls: [/static/notes.js]
";

#[test]
fn sheets_and_scripts_come_with_their_site_database_and_table() {
    let folder = Folder::new();
    let config = folder.write("c.yaml", EXTRA.as_bytes());
    let file = folder.notes("d.db");
    let program = Program::serve(&[&file, "-c", &config, "-s", "base_url", "/x/"]);
    let (of_site, of_database, of_table) = (
        &["/x/static/site.css", "cdn.example/lib.css", "/x/app.js"][..],
        &["/x/static/d.css", "maps.example/map.js"][..],
        &["/x/static/notes.css", "/x/static/notes.js"][..],
    );
    for (path, levels) in [
        ("/x/", 1),
        ("/x/-/settings", 1),
        ("/x/nope", 1),
        ("/x/d", 2),
        ("/x/d/-/query?sql=select+1", 2),
        ("/x/d/authors", 2),
        ("/x/d/notes", 3),
        ("/x/d/NOTES", 3),
        ("/x/d/notes/1", 3),
    ] {
        let page = program.get(path).page();
        for (level, urls) in [of_site, of_database, of_table].into_iter().enumerate() {
            for url in urls {
                let times = page.matches(&format!("{url}\"")).count();
                assert_eq!(
                    times,
                    usize::from(level < levels),
                    "{url} in {path}: {page}"
                );
            }
        }
    }
    let page = program.get("/x/d/notes").page();
    assert!(page.contains("integrity=\"sha384-YWJj\" crossorigin=\"anonymous\""));
    assert!(page.contains("<script type=\"module\" src=\"/x/app.js\""));
    let policy = |path: &str| {
        program
            .get(path)
            .header("content-security-policy")
            .expect("a header")
    };
    let styles = "style-src 'self' https://cdn.example;";
    let scripts = "script-src 'self' https://maps.example;";
    assert!(policy("/x/").contains(styles) && !policy("/x/").contains("script-src"));
    assert!(policy("/x/d").contains(styles) && policy("/x/d").contains(scripts));
    assert!(policy("/x/d").starts_with("default-src 'self'; "));
}
