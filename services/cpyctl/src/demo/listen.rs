//! Where the demo's gateway listens: found free before anything is started, and answering before anybody
//! is told of it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use super::reach::Reach;
use crate::daemons::here;

/// How long the gateway may take to start on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// The addresses of this machine with this port: those of loopback, or all where `reach` says so. Nobody listens
/// on them.
pub(super) fn free_addresses(port: u16, reach: Reach) -> Result<Vec<SocketAddr>> {
    let (v4, v6): (IpAddr, IpAddr) = match reach {
        Reach::Local | Reach::Alone => (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()),
        Reach::Network => (Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()),
    };
    let (first, second) = (SocketAddr::from((v4, port)), SocketAddr::from((v6, port)));
    try_to_listen(first)?;
    match try_to_listen(second) {
        Ok(()) => Ok(vec![first, second]),
        Err(error) if is_taken(&error) => Err(error),
        // The system has no IPv6.
        Err(_) => Ok(vec![first]),
    }
}

fn try_to_listen(address: SocketAddr) -> Result<()> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error).with_context(|| {
            format!(
                "port {} is taken; choose another one with --port",
                address.port()
            )
        }),
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}

fn is_taken(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::AddrInUse)
}

/// Waits until somebody listens there.
pub(super) async fn answers(addresses: &[SocketAddr]) -> Result<()> {
    let address = here(addresses);
    let mut tries = interval(BETWEEN_TRIES);
    let connected = async {
        loop {
            tries.tick().await;
            if TcpStream::connect(address).await.is_ok() {
                return;
            }
        }
    };
    timeout(PATIENCE, connected)
        .await
        .map_err(|_| anyhow!("the gateway does not answer on {address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_named() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(taken) = TcpListener::bind(address) else {
                continue; // no IPv6
            };
            let port = taken.local_addr().unwrap().port();
            for reach in [Reach::Local, Reach::Network] {
                let error = format!("{:#}", free_addresses(port, reach).unwrap_err());
                assert!(error.contains(&format!("port {port} is taken")), "{error}");
            }
            drop(taken);
            for reach in [Reach::Alone, Reach::Network] {
                let free = free_addresses(port, reach).unwrap();
                let others = |address: &SocketAddr| !address.ip().is_loopback();
                assert!(
                    free.iter()
                        .all(|address| others(address) == (reach == Reach::Network))
                );
            }
        }
    }
}
