//! Where connections come from: TCP on the network, Unix sockets between the daemons.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Sockets are for the daemons' group: nobody else may talk to a board past the gateway's password.
const SOCKET_MODE: u32 = 0o660;
/// How long a client may be silent before it is probed. One that vanished is gone two minutes after its
/// last word.
const SILENCE: Duration = Duration::from_secs(60);
const PROBE_INTERVAL: Duration = Duration::from_secs(15);
const PROBES: u32 = 4;
/// Bytes under way to a client. The kernel lets a sender go on when a part of them was taken, so the slowest
/// client that is seen to progress is one that takes about this much in a write's longest wait. Much less of
/// it stalls the loopback, whose segments are 64 KiB (measured: 32 KiB made downloads 30 times slower).
const SEND_BUFFER: usize = 256 * 1024;

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
        watch(&stream)?;
        let local = stream.local_addr()?;
        Ok((stream, Peer::Tcp { remote, local }))
    }
}

/// Lets the kernel find out whether a silent client is still there, without waking anybody up; and keeps
/// what a slow one has not taken small, so that its progress shows in what can be written.
fn watch(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, SILENCE)?;
    sockopt::set_tcp_keepintvl(stream, PROBE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, PROBES)?;
    sockopt::set_socket_send_buffer_size(stream, SEND_BUFFER)?;
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_vanishes_is_found_out_by_the_kernel() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let _client = TcpStream::connect(address).await.unwrap();
        let (stream, _) = Accept::accept(&listener).await.unwrap();
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&stream).unwrap(), SILENCE);
        assert_eq!(sockopt::tcp_keepintvl(&stream).unwrap(), PROBE_INTERVAL);
        assert_eq!(sockopt::tcp_keepcnt(&stream).unwrap(), PROBES);
    }
}
