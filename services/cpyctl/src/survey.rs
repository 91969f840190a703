//! Every attached board, from what the daemons say of it. A daemon that is silent leaves its part empty.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use cpy_board::status::{
    AvahiState, ConsoleStatus, ConsoleStatuses, DriveStatus, DriveStatuses, NameStatus,
    NetworkStatus,
};
use cpy_board::{Config, Daemon, Hostname, Record, RuntimeDir, Serial, attached};
use serde::Serialize;
use tokio::time::timeout;

use crate::daemons::{
    Answer, PATIENCE, RoutedBoard, Routes, Silence, here, routes, routes_at_own_ports, statuses,
};
use crate::output::plain;
use crate::tcp_table::open_ports;

/// One board, as `cpyctl boards --json` prints it.
#[derive(Debug, Serialize)]
pub(crate) struct ListedBoard {
    pub(crate) serial: Serial,
    pub(crate) hostname: Hostname,
    pub(crate) address: String,
    pub(crate) port: Option<u16>,
    pub(crate) board_name: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) console: Option<ConsoleStatus>,
    pub(crate) drive: Option<DriveStatus>,
    pub(crate) network: Option<NameStatus>,
    pub(crate) problem: Option<String>,
    /// Whether it has a console at all, whatever the daemon says of that.
    #[serde(skip)]
    pub(crate) has_console: bool,
    /// Whether it has a drive at all.
    #[serde(skip)]
    pub(crate) has_drive: bool,
}

/// What the daemons say.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) consoles: Answer<ConsoleStatuses>,
    pub(crate) drives: Answer<DriveStatuses>,
    pub(crate) network: Answer<NetworkStatus>,
    /// Whether http-gateway answers where it is to.
    pub(crate) web: Answer<()>,
    /// What http-gateway says: there, or else at the boards' own ports.
    pub(crate) routes: Routes,
}

impl Survey {
    /// Asks all daemons of the gateway with this configuration, at once; each may take so long.
    pub(crate) async fn new(config: &Config, patience: Duration) -> Self {
        let runtime_dir = RuntimeDir::new(&config.runtime_dir);
        let (consoles, drives, network, (web, routes)) = tokio::join!(
            statuses(&runtime_dir, Daemon::SerialBridge, patience),
            statuses(&runtime_dir, Daemon::FileProxy, patience),
            network(config, &runtime_dir, patience),
            web(config, patience),
        );
        Self {
            consoles,
            drives,
            network,
            web,
            routes,
        }
    }

    /// The attached board that somebody calls this: by its name, with `.local` or without, or by its serial.
    pub(crate) async fn board(config: &Config, called: &str) -> Result<ListedBoard> {
        let boards = Self::new(config, PATIENCE).await.boards(config)?;
        let hostname = called.strip_suffix(".local").unwrap_or(called);
        let is_meant = |board: &ListedBoard| {
            board.hostname.as_str().eq_ignore_ascii_case(hostname)
                || board.serial.as_str() == called
        };
        boards.into_iter().find(is_meant).ok_or_else(|| {
            anyhow!(
                "no board {} is plugged in; `cpyctl boards` lists those that are",
                plain(called)
            )
        })
    }

    /// Why daemons said nothing, those that did.
    pub(crate) fn silences(&self) -> impl Iterator<Item = &Silence> {
        let of = [
            self.consoles.as_ref().err(),
            self.drives.as_ref().err(),
            self.network.as_ref().err(),
            self.web.as_ref().err(),
        ];
        of.into_iter().flatten()
    }

    /// Every attached board. Names are the gateway's or, where it says none, those that mdns-advertiser holds; a board
    /// that neither knows (yet) has the one that the plain rule gives.
    pub(crate) fn boards(&self, config: &Config) -> Result<Vec<ListedBoard>> {
        let attached = attached::scan(&config.boards_dir)
            .with_context(|| format!("cannot read {}", config.boards_dir.display()))?;
        let records = RuntimeDir::new(&config.runtime_dir).records();
        let routed: BTreeMap<&Serial, &RoutedBoard> = self
            .routes
            .boards
            .iter()
            .map(|board| (&board.serial, board))
            .collect();
        let network = self.network.iter().flat_map(|network| &network.boards);
        let network: BTreeMap<&Serial, &NameStatus> = network.collect();
        let held: BTreeMap<Serial, Hostname> = if routed.is_empty() {
            let name = |(serial, name): (&&Serial, &&NameStatus)| {
                ((*serial).clone(), name.hostname.clone())
            };
            network.iter().map(name).collect()
        } else {
            let name = |board: &RoutedBoard| (board.serial.clone(), board.hostname.clone());
            self.routes.boards.iter().map(name).collect()
        };
        let boards = Hostname::assign_beside(attached.keys(), &held)
            .into_iter()
            .map(|(serial, hostname)| {
                let port = routed.get(&serial).and_then(|board| board.port);
                let record = Record::read(&records, &serial).unwrap_or_default();
                let firmware = record.firmware;
                ListedBoard {
                    address: address(&hostname, &config.http.listen),
                    port,
                    board_name: firmware
                        .as_ref()
                        .map(|firmware| firmware.board_name.clone()),
                    version: firmware.map(|firmware| firmware.version),
                    console: self
                        .consoles
                        .as_ref()
                        .ok()
                        .and_then(|all| all.get(&serial))
                        .cloned(),
                    drive: self
                        .drives
                        .as_ref()
                        .ok()
                        .and_then(|all| all.get(&serial))
                        .cloned(),
                    network: network.get(&serial).copied().cloned(),
                    problem: record.settings_problem,
                    has_console: attached[&serial].console.is_some(),
                    has_drive: attached[&serial].drive.is_some(),
                    serial,
                    hostname,
                }
            });
        Ok(boards.collect())
    }
}

/// Whether http-gateway answers where it is to, and what it says. Who has lost its first port to somebody else still
/// serves the boards at theirs: it is looked for there when nobody, or somebody else, answers, and when the answer takes
/// half of the time that there is.
async fn web(config: &Config, patience: Duration) -> (Answer<()>, Routes) {
    let listen = &config.http.listen;
    let half = patience / 2;
    // Nothing of this is looked at where the first question is answered.
    let at_own_ports = async {
        let attached = attached::scan(&config.boards_dir).unwrap_or_default();
        let attached: BTreeSet<Serial> = attached.into_keys().collect();
        let open = open_ports();
        let ports = config.http.board_ports.ports();
        let ports = ports.filter(|port| open.as_ref().is_none_or(|open| open.contains(port)));
        let routes = routes_at_own_ports(listen, ports, &attached, half).await;
        (routes, attached.is_empty())
    };
    let mut first = pin!(routes(listen, patience));
    let (answer, (elsewhere, is_without_boards)) = match timeout(half, &mut first).await {
        Ok(Ok(routes)) => return (Ok(()), routes),
        Ok(Err(silence)) => (Err(silence), at_own_ports.await),
        Err(_) => tokio::join!(first, at_own_ports),
    };
    let silence = match answer {
        Ok(routes) => return (Ok(()), routes),
        Err(silence) => silence,
    };
    match elsewhere {
        // Without a board nobody knows which port would be the gateway's.
        None if is_without_boards && matches!(silence, Silence::NotRunning(..)) => {
            (Err(Silence::Unreached(here(listen))), Routes::default())
        }
        None => (Err(silence), Routes::default()),
        Some(routes) => {
            let silence = match silence {
                Silence::Stranger(_) => silence,
                _ => Silence::Elsewhere(here(listen)),
            };
            (Err(silence), routes)
        }
    }
}

/// How names do. Where none are announced there is nobody to ask.
async fn network(
    config: &Config,
    runtime_dir: &RuntimeDir,
    patience: Duration,
) -> Answer<NetworkStatus> {
    if config.mdns.enabled {
        return statuses(runtime_dir, Daemon::MdnsAdvertiser, patience).await;
    }
    Ok(NetworkStatus {
        avahi: AvahiState::Disabled,
        boards: BTreeMap::new(),
    })
}

/// Whether nobody but this machine reaches the gateway.
pub(crate) fn is_local(listen: &[SocketAddr]) -> bool {
    !listen.is_empty() && listen.iter().all(|address| address.ip().is_loopback())
}

/// Where a browser finds the board by its name: on the network, or on this machine where the gateway
/// listens on loopback only.
fn address(hostname: &Hostname, listen: &[SocketAddr]) -> String {
    let domain = if is_local(listen) {
        "localhost"
    } else {
        "local"
    };
    match listen.first().map_or(80, SocketAddr::port) {
        80 => format!("http://{hostname}.{domain}/"),
        port => format!("http://{hostname}.{domain}:{port}/"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::fs::symlink;
    use std::time::Instant;

    use cpy_board::status::NameState;

    use super::*;

    #[test]
    fn names_are_the_gateways_or_those_that_are_held_or_those_of_the_rule() {
        let dir = tempfile::tempdir().unwrap();
        let serials: [Serial; 2] = ["A0000001", "B0000001"].map(|text| text.parse().unwrap());
        for serial in &serials {
            let board = dir.path().join(serial.as_str());
            std::fs::create_dir(&board).unwrap();
            symlink("/dev/null", board.join("console")).unwrap();
        }
        let config = Config {
            boards_dir: dir.path().into(),
            runtime_dir: dir.path().join("run"),
            ..Config::default()
        };
        let held = NameStatus {
            hostname: "cpy-00000b".parse().unwrap(),
            state: NameState::Claiming,
            instance_name: None,
            reason: String::new(),
        };
        let silence = || Silence::Hangs("nobody".into());
        let mut survey = Survey {
            consoles: Err(silence()),
            drives: Err(silence()),
            network: Err(silence()),
            web: Err(silence()),
            routes: Routes::default(),
        };
        let named = |survey: &Survey| {
            let boards = survey.boards(&config).unwrap().into_iter();
            let names: Vec<String> = boards.map(|board| board.hostname.to_string()).collect();
            names
        };
        let second = Hostname::hashed(&serials[1], 0).to_string();
        assert_eq!(named(&survey), ["cpy-000001", &second]);
        survey.network = Ok(NetworkStatus {
            avahi: AvahiState::Running,
            boards: [(serials[0].clone(), held)].into(),
        });
        assert_eq!(named(&survey), ["cpy-00000b", "cpy-000001"]);
        survey.routes.boards = vec![RoutedBoard {
            serial: serials[1].clone(),
            hostname: "cpy-00000c".parse().unwrap(),
            port: None,
        }];
        assert_eq!(named(&survey), ["cpy-000001", "cpy-00000c"]);
    }

    /// A gateway at this address, with this one port for boards, of which none is attached.
    fn without_boards(listen: SocketAddr, board_port: u16) -> Config {
        let mut config = Config {
            boards_dir: "/nonexistent".into(),
            ..Config::default()
        };
        config.http.listen = vec![listen];
        config.http.board_ports = format!("{board_port}-{board_port}").parse().unwrap();
        config
    }

    #[tokio::test]
    async fn a_gateway_that_hangs_at_all_its_ports_takes_no_more_than_the_patience() {
        let [main, own] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let port = own.local_addr().unwrap().port();
        let config = without_boards(main.local_addr().unwrap(), port);
        let patience = Duration::from_millis(600);
        let began = Instant::now();
        let (answer, _) = web(&config, patience).await;
        assert!(matches!(answer, Err(Silence::Hangs(_))), "{answer:?}");
        assert!(began.elapsed() < patience * 3 / 2, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn without_a_board_nobody_knows_whether_the_gateway_runs_elsewhere() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let config = without_boards(free.unwrap(), 1);
        let (answer, _) = web(&config, Duration::from_secs(2)).await;
        let said = answer.unwrap_err().to_string();
        assert!(said.contains("is not reached at"), "{said}");
    }

    #[test]
    fn addresses_say_where_a_browser_finds_the_board() {
        let name: Hostname = "cpy-7e6f35".parse().unwrap();
        let listen = |text: &str| vec![text.parse().unwrap()];
        assert_eq!(address(&name, &[]), "http://cpy-7e6f35.local/");
        assert_eq!(
            address(&name, &listen("[::]:80")),
            "http://cpy-7e6f35.local/"
        );
        assert_eq!(
            address(&name, &listen("0.0.0.0:8080")),
            "http://cpy-7e6f35.local:8080/"
        );
        assert_eq!(
            address(&name, &listen("127.0.0.1:8080")),
            "http://cpy-7e6f35.localhost:8080/"
        );
    }
}
