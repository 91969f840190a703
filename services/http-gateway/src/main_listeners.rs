//! The addresses at which all boards are served: sockets that systemd handed over, and beside them what the
//! configuration names. One that cannot be had is no reason not to serve the others; a reload tries it again, which
//! helps where the port is one that a daemon may open.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use cpy_board::Shutdown;
use cpy_board::http::{Limits, Server};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::framed_stream::FramedListener;
use crate::gateway::Gateway;
use crate::sockets::{self, Reach};

/// Every main listener.
pub(crate) struct MainListeners {
    server: Server<Gateway>,
    shutdown: Shutdown,
    /// Those that systemd opened stay for good.
    inherited: Vec<Listener>,
    opened: Vec<Listener>,
    /// What the configuration names.
    wanted: Vec<SocketAddr>,
    problems: Vec<String>,
}

struct Listener {
    /// What it was opened for: with port 0, the system chose another one.
    asked: Reach,
    address: SocketAddr,
    state: State,
}

enum State {
    Bound(TcpListener),
    Serving(JoinHandle<()>),
}

impl MainListeners {
    /// With the sockets that were handed over, if any were.
    ///
    /// Errors: one of them is no listener.
    pub(crate) fn new(
        server: Server<Gateway>,
        shutdown: Shutdown,
        inherited: Vec<TcpListener>,
    ) -> io::Result<Self> {
        let inherited = inherited.into_iter().map(|socket| {
            let asked = Reach::of(&socket)?;
            Listener::new(asked, socket)
        });
        Ok(Self {
            server,
            shutdown,
            inherited: inherited.collect::<io::Result<_>>()?,
            opened: Vec::new(),
            wanted: Vec::new(),
            problems: Vec::new(),
        })
    }

    /// Closes what is not `wanted` any more and opens what is, as far as it can be had. Connections that were
    /// accepted live on.
    pub(crate) async fn follow(&mut self, wanted: &[SocketAddr]) {
        wanted.clone_into(&mut self.wanted);
        self.problems.clear();
        let reaches = sockets::reaches(wanted);
        let mut kept = Vec::new();
        for listener in std::mem::take(&mut self.opened) {
            if reaches.contains(&listener.asked) {
                kept.push(listener);
            } else {
                tracing::info!(address = %listener.address, "listening no more");
                listener.close().await;
            }
        }
        self.opened = kept;
        for reach in reaches {
            let mut held = self.inherited.iter().chain(&self.opened);
            if held.any(|listener| listener.asked.covers(reach)) {
                continue;
            }
            match sockets::open(reach).and_then(|socket| Listener::new(reach, socket)) {
                Ok(listener) => self.opened.push(listener),
                Err(error) => self.problems.push(complain(reach.address, &error)),
            }
        }
    }

    /// Goes by other limits from now on, here and at the boards' own ports: it is one server.
    pub(crate) fn limit(&self, limits: Limits) {
        self.server.limit(limits);
    }

    /// Serves all that is open from now on.
    pub(crate) fn serve(&mut self) {
        for listeners in [&mut self.inherited, &mut self.opened] {
            let serve = |listener: Listener| listener.served(&self.server, &self.shutdown);
            *listeners = std::mem::take(listeners).into_iter().map(serve).collect();
        }
    }

    /// The ports of those that are open, the one to announce first.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let open = self.inherited.iter().chain(&self.opened);
        open.map(|listener| listener.address.port()).collect()
    }

    /// Where boards' own ports are to be opened: wherever all boards are served, or would be.
    pub(crate) fn addresses(&self) -> BTreeSet<IpAddr> {
        let inherited = self.inherited.iter().map(|listener| listener.address.ip());
        let wanted = self.wanted.iter().map(SocketAddr::ip);
        let mut all: BTreeSet<IpAddr> = inherited.chain(wanted).collect();
        if all.is_empty() {
            all.insert(Ipv6Addr::UNSPECIFIED.into());
        }
        all
    }

    /// What is the matter with those that cannot be had, in sentences.
    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl Listener {
    fn new(asked: Reach, socket: TcpListener) -> io::Result<Self> {
        Ok(Self {
            asked,
            address: socket.local_addr()?,
            state: State::Bound(socket),
        })
    }

    fn served(self, server: &Server<Gateway>, shutdown: &Shutdown) -> Self {
        let State::Bound(socket) = self.state else {
            return self;
        };
        tracing::info!(address = %self.address, "listening");
        let listener = FramedListener::new(socket, server.limits());
        let server = server.clone();
        let task = shutdown.spawn(async move { server.serve(listener).await });
        Self {
            state: State::Serving(task),
            ..self
        }
    }

    /// Returns when the address is free.
    async fn close(self) {
        if let State::Serving(task) = self.state {
            task.abort();
            // An error says that it was aborted.
            let _ = task.await;
        }
    }
}

/// Says what is the matter with an address, in the log and for the pages.
fn complain(address: SocketAddr, error: &io::Error) -> String {
    let reason = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program has it, and a reload tries again when it is free".to_owned()
        }
        io::ErrorKind::PermissionDenied => format!(
            "only systemd opens ports below 1024, those that ListenStream= of cpy-http-gateway.socket names, and has \
             not handed over this one; where it is named there and free, `sudo systemctl restart cpy-gateway.target` \
             mends that ({error})"
        ),
        _ => error.to_string(),
    };
    tracing::error!(%address, reason,
        "cannot listen there: boards are served at the other addresses and at their own ports");
    format!("The gateway cannot listen on {address}: {reason}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_done_about_an_address_depends_on_who_opens_it() {
        let told =
            |address: &str, kind: io::ErrorKind| complain(address.parse().unwrap(), &kind.into());
        let taken = told("[::]:8080", io::ErrorKind::AddrInUse);
        assert!(
            taken.contains("[::]:8080: another program has it, and a reload"),
            "{taken}"
        );
        let denied = told("[::]:81", io::ErrorKind::PermissionDenied);
        assert!(!denied.contains("reload"), "{denied}");
        for part in [
            "[::]:81: ",
            "ListenStream=",
            "systemctl restart cpy-gateway.target",
        ] {
            assert!(denied.contains(part), "{part}: {denied}");
        }
    }
}
