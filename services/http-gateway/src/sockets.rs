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

/// Listens on all of these addresses, or on none. `[::]` takes IPv4 as well, whatever the system's default
/// is, unless `0.0.0.0` is listed beside it; where the system has no IPv6 it becomes `0.0.0.0`.
///
/// Errors: the first address that cannot be had, and what the system says.
pub(crate) fn open_all(
    addresses: &[SocketAddr],
) -> Result<Vec<TcpListener>, (SocketAddr, io::Error)> {
    let v4_too = !addresses.iter().any(|a| a.ip() == Ipv4Addr::UNSPECIFIED);
    let open = |address: &SocketAddr| match open(*address, v4_too) {
        Err(error) if is_any_v6(address.ip()) && v4_too && lacks_v6(&error) => {
            open((Ipv4Addr::UNSPECIFIED, address.port()).into(), v4_too)
        }
        opened => opened,
    };
    addresses
        .iter()
        .map(|address| open(address).map_err(|error| (*address, error)))
        .collect()
}

fn open(address: SocketAddr, v4_too: bool) -> io::Result<TcpListener> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    // Connections of a gateway that has just ended do not keep the next one from its port.
    set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        set_ipv6_v6only(&socket, !(v4_too && is_any_v6(address.ip())))?;
    }
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn lacks_v6(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error())
}

fn is_any_v6(ip: IpAddr) -> bool {
    ip.is_ipv6() && ip.is_unspecified()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use tokio::net::TcpStream;

    use super::*;

    fn only(address: &str) -> TcpListener {
        let mut opened = open_all(&[address.parse().unwrap()]).unwrap();
        opened.pop().unwrap()
    }

    #[tokio::test]
    async fn any_address_takes_both_families() {
        let listener = only("[::]:0");
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        if listener.local_addr().unwrap().is_ipv6() {
            TcpStream::connect(("::1", port)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn both_families_may_be_listed() {
        let port = only("[::]:0").local_addr().unwrap().port();
        let both = [
            (Ipv4Addr::UNSPECIFIED, port).into(),
            (Ipv6Addr::UNSPECIFIED, port).into(),
        ];
        match open_all(&both) {
            Ok(opened) => assert_eq!(opened.len(), 2),
            Err((address, error)) => assert!(address.is_ipv6() && lacks_v6(&error), "{error}"),
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_an_error() {
        let first = only("127.0.0.1:0").local_addr();
        let held = only("127.0.0.1:0");
        let taken = held.local_addr().unwrap();
        let (address, error) = open_all(&[first.unwrap(), taken]).unwrap_err();
        assert_eq!((address, error.kind()), (taken, io::ErrorKind::AddrInUse));
    }
}
