//! The demo while it runs: the daemons, some virtual boards, and what is said about them.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use cpy_board::config::{Http, Mdns};
use cpy_board::http::{Limits, Server, bind_unix};
use cpy_board::{Config, Hostname, Password, RuntimeDir, Serial, Shutdown, atomic_file};
use tokio::sync::mpsc;

use super::control::{Action, Control, Order};
use super::introduction::introduction;
use super::listen;
use super::names;
use super::place::Place;
use super::process::Process;
use super::reach::Reach;
use crate::daemons::{PATIENCE, routes};

const BRIDGE: &str = "cpy-serial-bridge";
const PROXY: &str = "cpy-file-proxy";
const ADVERTISER: &str = "cpy-mdns-advertiser";
const GATEWAY: &str = "cpy-http-gateway";
const VIRTUAL_BOARD: &str = "cpy-virtual-board";

/// What the demo shows.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) boards: u16,
    pub(super) port: u16,
    pub(super) password: Password,
    pub(super) reach: Reach,
}

/// Runs until Ctrl-C, or until one of the daemons ends.
pub(super) async fn run(place: &Place, options: Options) -> Result<()> {
    let _made = place.make()?;
    let listen = listen::free_addresses(options.port, options.reach)?;
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let orders = take_orders(place, &shutdown)?;
    write_config(place, &options, &listen)?;
    let config = [
        OsString::from("--config"),
        place.config_file().into_os_string(),
    ];
    let mut bridge = Process::start(BRIDGE, place.directory(), &config)?;
    let mut proxy = Process::start(PROXY, place.directory(), &config)?;
    let mut advertiser = Process::start(ADVERTISER, place.directory(), &config)?;
    let mut gateway = Process::start(GATEWAY, place.directory(), &config)?;
    let mut boards = Boards::plugged_in(place, &options, &listen)?;
    let result = tokio::select! {
        () = shutdown.requested() => Ok(()),
        () = boards.obey(orders) => Ok(()),
        Err(error) = introduce(place, &listen, &options) => Err(error),
        end = bridge.ended() => Err(anyhow!(end)),
        end = proxy.ended() => Err(anyhow!(end)),
        end = advertiser.ended() => Err(anyhow!(end)),
        end = gateway.ended() => Err(anyhow!(end)),
    };
    // Whoever read this may have gone, and the rest has to be done all the same.
    let _ = writeln!(io::stdout(), "\nThe demo ends.");
    boards.unplug_all().await;
    for daemon in [gateway, advertiser, proxy, bridge] {
        daemon.stop().await;
    }
    shutdown.drain(Duration::from_secs(1)).await;
    result
}

fn take_orders(place: &Place, shutdown: &Shutdown) -> Result<mpsc::Receiver<Order>> {
    let socket = place.control_socket();
    let listener =
        bind_unix(&socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
    let (sender, orders) = mpsc::channel(1);
    let control = Server::new(Control::new(sender), Limits::default(), shutdown.clone());
    shutdown.spawn(async move { control.serve(listener).await });
    Ok(orders)
}

fn write_config(place: &Place, options: &Options, listen: &[SocketAddr]) -> Result<()> {
    let config = Config {
        boards_dir: place.boards_dir(),
        runtime_dir: place.runtime_dir(),
        state_dir: place.state_dir(),
        http: Http {
            listen: listen.to_vec(),
            password: Some(options.password.clone()),
            ..Http::default()
        },
        // What others do not reach is not announced to them.
        mdns: Mdns {
            enabled: options.reach == Reach::Network,
            ..Mdns::default()
        },
        ..Config::default()
    };
    config.validate()?;
    atomic_file::replace(
        &place.config_file(),
        toml::to_string(&config)?.as_bytes(),
        0o600,
    )?;
    Ok(())
}

/// Says how the boards are reached, once they are.
async fn introduce(place: &Place, listen: &[SocketAddr], options: &Options) -> Result<()> {
    listen::answers(listen).await?;
    let runtime_dir = RuntimeDir::new(place.runtime_dir());
    let settled = names::settled(listen, options.boards, options.reach, &runtime_dir).await;
    println!("{}", introduction(&settled, options));
    Ok(())
}

/// The demo's boards, plugged in or not.
#[derive(Debug)]
struct Boards<'a> {
    place: &'a Place,
    listen: &'a [SocketAddr],
    all: Vec<Board>,
}

#[derive(Debug)]
struct Board {
    serial: Serial,
    /// As the gateway said last.
    hostname: Hostname,
    arguments: Vec<OsString>,
    process: Option<Process>,
}

impl<'a> Boards<'a> {
    fn plugged_in(place: &'a Place, options: &Options, listen: &'a [SocketAddr]) -> Result<Self> {
        let serials: Vec<Serial> = (0..options.boards).map(serial).collect::<Result<_>>()?;
        let mut all = Vec::new();
        for (serial, hostname) in Hostname::assign(&serials) {
            let arguments = vec![
                "--boards-dir".into(),
                place.boards_dir().into_os_string(),
                "--image".into(),
                place.image(serial.as_str()).into_os_string(),
                "--serial".into(),
                serial.as_str().into(),
            ];
            let process = Some(Process::start(
                VIRTUAL_BOARD,
                place.directory(),
                &arguments,
            )?);
            all.push(Board {
                serial,
                hostname,
                arguments,
                process,
            });
        }
        Ok(Self { place, listen, all })
    }

    /// Plugs and unplugs as it is told, for good.
    async fn obey(&mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.recv().await {
            let outcome = self.carry_out(order.action, &order.board).await;
            // Whoever asked may have gone.
            let _ = order.outcome.send(outcome);
        }
    }

    /// Learns what the boards that are plugged in are called now.
    async fn learn_names(&mut self) {
        let said = routes(self.listen, PATIENCE).await.unwrap_or_default();
        for routed in said.boards {
            let same = |board: &&mut Board| board.serial == routed.serial;
            if let Some(board) = self.all.iter_mut().find(same) {
                board.hostname = routed.hostname;
            }
        }
    }

    async fn carry_out(&mut self, action: Action, name: &str) -> Result<String, String> {
        self.learn_names().await;
        let is_meant = |board: &&mut Board| {
            board.hostname.as_str().eq_ignore_ascii_case(name) || board.serial.as_str() == name
        };
        let Some(board) = self.all.iter_mut().find(is_meant) else {
            return Err(format!("The demo has no board {name}."));
        };
        match (action, board.process.take()) {
            (Action::Unplug, Some(process)) => {
                process.stop().await;
                Ok(format!("{} is unplugged.", board.hostname))
            }
            (Action::Plug, None) => {
                let process =
                    Process::start(VIRTUAL_BOARD, self.place.directory(), &board.arguments);
                board.process = Some(process.map_err(|error| format!("{error:#}"))?);
                Ok(format!("{} is plugged in.", board.hostname))
            }
            (Action::Unplug, None) => Err(format!("{} is not plugged in.", board.hostname)),
            (Action::Plug, running) => {
                board.process = running;
                Err(format!("{} is plugged in already.", board.hostname))
            }
        }
    }

    async fn unplug_all(self) {
        for process in self.all.into_iter().filter_map(|board| board.process) {
            process.stop().await;
        }
    }
}

/// Serial numbers such as Picos have: 16 hex digits, the last six different for each board.
fn serial(number: u16) -> Result<Serial> {
    let tail = 0x7e_6f35_u32.wrapping_add(u32::from(number) * 0x0f_1bbd) & 0xff_ffff;
    Ok(format!("E6614C311B{tail:06X}").parse()?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn sixty_four_boards_have_plain_names_of_their_own() {
        let serials: Vec<Serial> = (0..64).map(|number| serial(number).unwrap()).collect();
        let names: BTreeSet<Hostname> = serials.iter().map(Hostname::plain).collect();
        assert_eq!(names.len(), 64);
    }
}
