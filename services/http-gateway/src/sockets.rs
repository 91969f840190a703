//! Listening TCP sockets: those that systemd hands over, and those that the gateway opens itself.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rustix::io::Errno;
use rustix::net::sockopt::{set_ipv6_v6only, set_socket_reuseaddr};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with};
use tokio::net::TcpListener;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

/// The sockets that systemd opened for this process, if it did.
pub(crate) fn inherited() -> io::Result<Vec<TcpListener>> {
    let mut handed = listenfd::ListenFd::from_env();
    let mut sockets = Vec::new();
    for number in 0..handed.len() {
        if let Some(socket) = handed.take_tcp_listener(number)? {
            socket.set_nonblocking(true)?;
            sockets.push(TcpListener::from_std(socket)?);
        }
    }
    Ok(sockets)
}

/// Listens on an address. `[::]` takes IPv4 as well, whatever the system's default is; where the system
/// has no IPv6 it becomes `0.0.0.0`.
pub(crate) fn open(address: SocketAddr) -> io::Result<TcpListener> {
    match open_as(address) {
        Err(error)
            if error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error())
                && is_any_v6(address.ip()) =>
        {
            open_as((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        opened => opened,
    }
}

fn open_as(address: SocketAddr) -> io::Result<TcpListener> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    // Connections of a gateway that has just ended do not keep the next one from its port.
    set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        set_ipv6_v6only(&socket, !is_any_v6(address.ip()))?;
    }
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn is_any_v6(ip: IpAddr) -> bool {
    ip.is_ipv6() && ip.is_unspecified()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn any_address_takes_both_families() {
        let listener = open("[::]:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        if listener.local_addr().unwrap().is_ipv6() {
            TcpStream::connect(("::1", port)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_an_error() {
        let first = open("127.0.0.1:0".parse().unwrap()).unwrap();
        let error = open(first.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
