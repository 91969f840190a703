//! Where connections come from: TCP on the network, Unix sockets between the daemons.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Sockets are for the daemons' group: nobody else may talk to a board past the gateway's password.
const SOCKET_MODE: u32 = 0o660;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Another program of this machine, over a Unix socket.
    Local,
    /// Somebody on the network.
    Tcp {
        /// Their address.
        remote: SocketAddr,
        /// The address and port of ours that they connected to.
        local: SocketAddr,
    },
}

/// A listener of any kind.
pub trait Accept: Send + Sync + 'static {
    /// Its connections.
    type Io: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Io, Peer)>> + Send;
}

impl Accept for UnixListener {
    type Io = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Peer)> {
        let (stream, _) = Self::accept(self).await?;
        Ok((stream, Peer::Local))
    }
}

impl Accept for TcpListener {
    type Io = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, remote) = Self::accept(self).await?;
        // A keystroke is one byte: it must not wait for company.
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        Ok((stream, Peer::Tcp { remote, local }))
    }
}

/// Listens on a Unix socket, making its directory and replacing what a daemon that was killed left.
///
/// Errors: `AddrInUse` when a daemon answers there; otherwise what the system says.
pub fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    if let Some(directory) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(directory)?;
    }
    if StdUnixStream::connect(path).is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE))?;
    Ok(listener)
}
