//! Listening TCP sockets: those that systemd hands over, and those that the gateway opens itself.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rustix::io::Errno;
use rustix::net::sockopt::{ipv6_v6only, set_ipv6_v6only, set_socket_reuseaddr};
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

/// What a socket listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) address: SocketAddr,
    /// It is `[::]`, and takes IPv4 as well.
    v4_too: bool,
}

impl Reach {
    /// That of a socket that is open.
    pub(crate) fn of(socket: &TcpListener) -> io::Result<Self> {
        let address = socket.local_addr()?;
        let v4_too = is_any_v6(address.ip()) && !ipv6_v6only(socket)?;
        Ok(Self { address, v4_too })
    }

    /// Whether who listens here cannot and need not listen there.
    pub(crate) fn covers(self, other: Self) -> bool {
        let (here, there) = (self.address, other.address);
        here.port() == there.port()
            && (here.ip() == there.ip()
                || (here.ip().is_unspecified()
                    && (self.v4_too || here.is_ipv4() == there.is_ipv4())))
    }
}

/// What to open for these addresses, each once. `[::]` takes IPv4 as well, whatever the system's default is, unless
/// `0.0.0.0` is listed beside it.
pub(crate) fn reaches(addresses: &[SocketAddr]) -> Vec<Reach> {
    let any_v4 = |port| addresses.contains(&(Ipv4Addr::UNSPECIFIED, port).into());
    let mut all: Vec<Reach> = addresses
        .iter()
        .map(|address| Reach {
            address: *address,
            v4_too: is_any_v6(address.ip()) && !any_v4(address.port()),
        })
        .collect();
    // The wide ones first: what they cover falls away. Port 0 is another port each time.
    all.sort_by_key(|reach| !reach.address.ip().is_unspecified());
    let mut wide: Vec<Reach> = Vec::new();
    for reach in all {
        let asked_again = reach.address.port() != 0 && wide.iter().any(|w| w.covers(reach));
        if !asked_again {
            wide.push(reach);
        }
    }
    // In the order of the addresses: the first port is the one that is announced.
    wide.sort_by_key(|reach| addresses.iter().position(|a| *a == reach.address));
    wide
}

/// Listens on a port of all of these addresses, or of none.
///
/// Errors: what the system says of the first that cannot be had.
pub(crate) fn open_all(addresses: &[SocketAddr]) -> io::Result<Vec<TcpListener>> {
    reaches(addresses).into_iter().map(open).collect()
}

/// Listens there. Where the system has no IPv6, `[::]` becomes `0.0.0.0`.
pub(crate) fn open(reach: Reach) -> io::Result<TcpListener> {
    match bind_to(reach) {
        Err(error) if reach.v4_too && lacks_v6(&error) => {
            let address = (Ipv4Addr::UNSPECIFIED, reach.address.port()).into();
            bind_to(Reach {
                address,
                v4_too: false,
            })
        }
        opened => opened,
    }
}

fn bind_to(Reach { address, v4_too }: Reach) -> io::Result<TcpListener> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    // Connections of a gateway that has just ended do not keep the next one from its port.
    set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        set_ipv6_v6only(&socket, !v4_too)?;
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
            Err(error) => assert!(lacks_v6(&error), "{error}"),
        }
    }

    #[test]
    fn an_address_that_a_wider_one_covers_is_not_opened_beside_it() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        for (listed, opened) in [
            (
                &["127.0.0.1:80", "[::]:80", "[::1]:80"][..],
                &["[::]:80"][..],
            ),
            (&["127.0.0.1:80", "0.0.0.0:80"], &["0.0.0.0:80"]),
            (
                &["[::]:80", "127.0.0.1:8080"],
                &["[::]:80", "127.0.0.1:8080"],
            ),
            (&["[::]:80", "0.0.0.0:80"], &["[::]:80", "0.0.0.0:80"]),
            (&["[::1]:80", "0.0.0.0:80"], &["[::1]:80", "0.0.0.0:80"]),
            (&["127.0.0.1:80", "127.0.0.1:80"], &["127.0.0.1:80"]),
            (
                &["127.0.0.1:0", "127.0.0.1:0"],
                &["127.0.0.1:0", "127.0.0.1:0"],
            ),
        ] {
            let reaches = reaches(&addresses(listed));
            let found: Vec<SocketAddr> = reaches.iter().map(|reach| reach.address).collect();
            assert_eq!(found, addresses(opened), "{listed:?}");
        }
    }

    #[tokio::test]
    async fn a_socket_that_was_handed_over_covers_what_it_takes() {
        let both = only("[::]:0");
        let Ok(SocketAddr::V6(address)) = both.local_addr() else {
            return; // no IPv6
        };
        let reach = |text: &str| {
            let address = format!("{text}:{}", address.port()).parse().unwrap();
            reaches(&[address])[0]
        };
        let held = Reach::of(&both).unwrap();
        for covered in ["127.0.0.1", "0.0.0.0", "[::1]", "[::]"] {
            assert!(held.covers(reach(covered)), "{covered}");
        }
        let v4 = Reach::of(&only("0.0.0.0:0")).unwrap();
        assert!(!v4.covers(Reach {
            address: SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), v4.address.port()),
            v4_too: true,
        }));
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_an_error() {
        let first = only("127.0.0.1:0").local_addr();
        let held = only("127.0.0.1:0");
        let taken = held.local_addr().unwrap();
        let error = open_all(&[first.unwrap(), taken]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
