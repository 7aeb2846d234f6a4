//! Where the program listens: on a port, with TLS if a certificate is given, or on a Unix socket.
//!
//! A TLS handshake happens in a task of its own, so that a visitor who never ends one keeps nobody else out.

use std::fs::{Permissions, set_permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::arguments::ServeArguments;

/// A handshake that takes longer is given up.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Connections that wait to be served, their handshake done.
const WAITING_MAX: usize = 64;

/// Who may write to the folder of a Unix socket decides who reaches the site, not the socket: a proxy runs as another.
const SOCKET_MODE: u32 = 0o666;

/// An open place to listen on.
pub(crate) struct Listening {
    socket: Socket,
    tls: Option<TlsAcceptor>,
}

enum Socket {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener, OwnSocket),
}

impl Listening {
    /// Listens where the arguments say. A certificate is read, and refused if it does not fit, before the port opens.
    pub(crate) async fn open(arguments: &ServeArguments) -> anyhow::Result<Self> {
        let tls = tls(arguments)?;
        let socket = if let Some(path) = &arguments.uds {
            unix(path)?
        } else {
            let (host, port) = (arguments.host.as_str(), arguments.port);
            let listener = TcpListener::bind((host, port))
                .await
                .with_context(|| format!("{host}:{port} cannot be listened on"))?;
            Socket::Tcp(listener.into_std()?)
        };
        Ok(Self { socket, tls })
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// The address for people, without a path.
    pub(crate) fn url(&self) -> anyhow::Result<String> {
        let scheme = self.scheme();
        Ok(match &self.socket {
            Socket::Tcp(listener) => format!("{scheme}://{}", listener.local_addr()?),
            Socket::Unix(_, own) => format!("{scheme}+unix://{}", own.path.display()),
        })
    }

    /// Starts to take connections. What waits on the socket is not lost between two starts.
    pub(crate) fn start(&self) -> anyhow::Result<Listener> {
        let listener = match &self.socket {
            Socket::Tcp(listener) => Listener::Tcp(TcpListener::from_std(listener.try_clone()?)?),
            Socket::Unix(listener, _) => {
                Listener::Unix(UnixListener::from_std(listener.try_clone()?)?)
            }
        };
        Ok(match &self.tls {
            None => listener,
            Some(acceptor) => listener.with_tls(acceptor.clone()),
        })
    }
}

/// What the certificate and its key make; `None` without them.
fn tls(arguments: &ServeArguments) -> anyhow::Result<Option<TlsAcceptor>> {
    let (key, certificate) = (&arguments.ssl_keyfile, &arguments.ssl_certfile);
    let Some(certificate) = certificate else {
        if key.is_some() {
            bail!("--ssl-keyfile needs the certificate of the key, too: --ssl-certfile FILE");
        }
        return Ok(None);
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .with_context(|| format!("--ssl-certfile {} cannot be read", certificate.display()))?;
    if chain.is_empty() {
        bail!(
            "--ssl-certfile {} holds no certificate in PEM format",
            certificate.display()
        );
    }
    let (option, file) = match key {
        Some(key) => ("--ssl-keyfile", key),
        // Some keep the key beside the certificate.
        None => ("--ssl-certfile", certificate),
    };
    let key = PrivateKeyDer::from_pem_file(file)
        .with_context(|| format!("{option} {}: no private key can be read", file.display()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| format!("{option} {} does not fit the certificate", file.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

/// Listens on a Unix socket. A socket that nobody listens on any more is replaced, anything else at its path is not.
fn unix(path: &Path) -> anyhow::Result<Socket> {
    let shown = path.display();
    if let Ok(metadata) = path.symlink_metadata() {
        if !metadata.file_type().is_socket() {
            bail!("--uds {shown} is there already, and is no socket");
        }
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            bail!("--uds {shown}: another program listens there");
        }
        std::fs::remove_file(path).with_context(|| format!("--uds {shown} is left over"))?;
    }
    let listener = std::os::unix::net::UnixListener::bind(path)
        .with_context(|| format!("--uds {shown} cannot be listened on"))?;
    listener.set_nonblocking(true)?;
    let inode = path.symlink_metadata()?.ino();
    let own = OwnSocket {
        path: path.to_owned(),
        inode,
    };
    set_permissions(path, Permissions::from_mode(SOCKET_MODE))?;
    Ok(Socket::Unix(listener, own))
}

/// A socket of our own in the file system, which goes with us.
struct OwnSocket {
    path: PathBuf,
    inode: u64,
}

impl Drop for OwnSocket {
    fn drop(&mut self) {
        // Another program may have put its own in the place meanwhile.
        let is_own = self
            .path
            .symlink_metadata()
            .is_ok_and(|it| it.ino() == self.inode);
        if is_own {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Takes connections.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
    /// Those whose handshake is done.
    Tls(mpsc::Receiver<Connection>),
}

impl Listener {
    fn with_tls(self, acceptor: TlsAcceptor) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let mut listener = self;
        tokio::spawn(async move {
            loop {
                let connection = tokio::select! {
                    (connection, ()) = axum::serve::Listener::accept(&mut listener) => connection,
                    () = sender.closed() => return,
                };
                // As many as there are visitors: those who never end theirs must not be counted against others.
                let handshake = acceptor.accept(Box::new(connection));
                let sender = sender.clone();
                tokio::spawn(async move {
                    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, handshake).await {
                        let _ = sender.send(Connection::Tls(Box::new(stream))).await;
                    }
                });
            }
        });
        Self::Tls(receiver)
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = ();

    async fn accept(&mut self) -> (Connection, ()) {
        let connection = match self {
            // These wait out what cannot be accepted, such as one file too many.
            Self::Tcp(listener) => {
                let (stream, _) = axum::serve::Listener::accept(listener).await;
                // An answer is written at once; waiting for more to send only delays it.
                let _ = stream.set_nodelay(true);
                Connection::Tcp(stream)
            }
            Self::Unix(listener) => {
                Connection::Unix(axum::serve::Listener::accept(listener).await.0)
            }
            Self::Tls(receiver) => match receiver.recv().await {
                Some(connection) => connection,
                None => std::future::pending().await,
            },
        };
        (connection, ())
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A visitor's connection.
pub(crate) enum Connection {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<Box<Connection>>>),
}

/// Calls the same method of the connection inside.
macro_rules! inner {
    ($connection:expr, $stream:ident => $call:expr) => {
        match $connection.get_mut() {
            Connection::Tcp($stream) => {
                let $stream = Pin::new($stream);
                $call
            }
            Connection::Unix($stream) => {
                let $stream = Pin::new($stream);
                $call
            }
            Connection::Tls($stream) => {
                let $stream = Pin::new($stream.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        inner!(self, stream => stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        inner!(self, stream => stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        inner!(self, stream => stream.poll_write_vectored(context, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        inner!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        inner!(self, stream => stream.poll_shutdown(context))
    }
}
