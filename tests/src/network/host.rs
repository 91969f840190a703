//! A machine of the network: its interfaces and addresses, and commands that run on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::anchor::Anchor;
use super::avahi::{Avahi, Bus};
use super::entrance::Entrance;
use super::{Stranger, Switch, script};
use crate::wait;

/// A machine. It is switched off when this is dropped.
#[derive(Debug)]
pub struct Host {
    avahi: Option<Avahi>,
    bus: Option<Bus>,
    name: String,
    number: u8,
    directory: PathBuf,
    entrance: Entrance,
    switches: u32,
    // Last: it holds what the others run in.
    _namespaces: Anchor,
}

impl Host {
    /// A machine on the first switch, with its D-Bus running.
    pub(super) fn new(name: &str, number: u8, switches: &Anchor, directory: &Path) -> Self {
        fs::create_dir_all(directory).expect("a directory for the machine");
        let namespaces = Anchor::new(
            &Entrance::of(switches.id(), &[]),
            &["--net", "--mount", "--uts"],
            &script("machine"),
            &[
                name,
                &number.to_string(),
                &switches.id().to_string(),
                directory.to_str().expect("a plain path"),
            ],
        );
        let entrance = Entrance::of(namespaces.id(), &["--net", "--mount", "--uts"]);
        Self {
            avahi: None,
            bus: Some(Bus::start(&entrance, directory)),
            name: name.to_owned(),
            number,
            directory: directory.to_owned(),
            entrance,
            switches: switches.id(),
            _namespaces: namespaces,
        }
    }

    /// Its name, without `.local`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address on the first switch.
    pub fn ipv4(&self) -> String {
        Switch::Lan.addresses(self.number).0
    }

    /// Its IPv6 address on the first switch.
    pub fn ipv6(&self) -> String {
        Switch::Lan.addresses(self.number).1
    }

    /// Its address on the second switch, once it is plugged in there.
    pub fn other_ipv4(&self) -> String {
        Switch::Other.addresses(self.number).0
    }

    /// Where its logs and files are.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The way in.
    pub fn entrance(&self) -> &Entrance {
        &self.entrance
    }

    /// A command that runs on it.
    pub fn command(&self, program: &str) -> Command {
        self.entrance.command(program)
    }

    /// Runs a command to its end beside the test, and gives what it printed where that went well.
    pub async fn run(&self, program: &str, arguments: &[&str]) -> Option<String> {
        let mut command = tokio::process::Command::from(self.command(program));
        let output = command
            .args(arguments)
            .kill_on_drop(true)
            .output()
            .await
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text)
    }

    /// Runs a command that must succeed, and gives what it printed.
    pub async fn ok(&self, program: &str, arguments: &[&str]) -> String {
        let text = self.run(program, arguments).await;
        text.unwrap_or_else(|| panic!("{program} {arguments:?} failed on {}", self.name))
    }

    /// Starts avahi-daemon, without waiting.
    pub fn start_avahi(&mut self) {
        assert!(self.avahi.is_none(), "it runs already");
        self.avahi = Some(Avahi::start(&self.entrance, &self.directory));
    }

    /// Waits until Avahi has its own name and answers.
    pub async fn avahi_answers(&self) {
        let what = format!("the Avahi of {} is running", self.name);
        wait::until(&what, async || {
            let state = self.run("dbus-send", &Avahi::STATE_QUERY).await?;
            (state.trim() == Avahi::RUNNING).then_some(())
        })
        .await;
    }

    /// SIGTERM to avahi-daemon: it withdraws what it published.
    pub fn stop_avahi(&mut self) {
        self.avahi.take().expect("it runs").terminate();
    }

    /// SIGKILL to avahi-daemon: the network is told nothing.
    pub fn kill_avahi(&mut self) {
        self.avahi.take().expect("it runs").kill();
    }

    /// SIGSTOP to avahi-daemon: it is on the bus, and answers nobody.
    pub fn suspend_avahi(&self) {
        self.avahi.as_ref().expect("it runs").suspend();
    }

    /// SIGCONT to avahi-daemon.
    pub fn resume_avahi(&self) {
        self.avahi.as_ref().expect("it runs").resume();
    }

    /// Gives avahi-daemon these lines beside its usual configuration, instead of those that it was given before. It
    /// reads them when it starts.
    pub fn configure_avahi(&self, lines: &str) {
        let path = self.directory.join("avahi/avahi-daemon.conf");
        let usual = path.with_extension("usual");
        if !usual.exists() {
            fs::copy(&path, &usual).expect("the machine has made it");
        }
        let text = fs::read_to_string(usual).expect("it was copied");
        fs::write(path, format!("{text}{lines}\n")).expect("it can be changed");
    }

    /// Kills D-Bus, and Avahi, which ends with it.
    pub fn kill_bus(&mut self) {
        drop(self.bus.take().expect("it runs"));
        if let Some(avahi) = self.avahi.take() {
            avahi.kill();
        }
    }

    /// Starts D-Bus again.
    pub fn start_bus(&mut self) {
        assert!(self.bus.is_none(), "it runs already");
        self.bus = Some(Bus::start(&self.entrance, &self.directory));
    }

    /// Another machine's voice on this one's interface: put it on a machine whose Avahi does not run.
    pub async fn stranger(&self) -> Stranger {
        Stranger::start(self).await
    }

    /// Pulls the cable out of `eth0`, as far as the machine can tell. The kernel drops its IPv6 addresses.
    pub async fn link_down(&self) {
        self.ip(&["link", "set", "eth0", "down"]).await;
    }

    /// Puts the cable back. Whoever set the IPv6 address on a real machine does it again.
    pub async fn link_up(&self) {
        self.ip(&["link", "set", "eth0", "up"]).await;
        self.add_address("eth0", &format!("{}/64", self.ipv6()))
            .await;
    }

    /// Gives an interface one more address, `ADDRESS/LENGTH`.
    pub async fn add_address(&self, interface: &str, address: &str) {
        self.ip(&["address", "add", address, "dev", interface])
            .await;
    }

    /// Takes an address away.
    pub async fn remove_address(&self, interface: &str, address: &str) {
        self.ip(&["address", "del", address, "dev", interface])
            .await;
    }

    /// A second interface, `eth1`, on the second switch.
    pub async fn plug_second_interface(&self) {
        self.plug_second_interface_as("eth1").await;
    }

    /// A second interface of this name, on the second switch.
    pub async fn plug_second_interface_as(&self, name: &str) {
        let (ipv4, ipv6) = Switch::Other.addresses(self.number);
        self.plug(Switch::Other, name, &[&ipv4, &ipv6]).await;
    }

    /// A second interface, `eth1`, on the first switch: the machine sees everybody twice.
    pub async fn plug_twice(&self) {
        let address = format!("10.77.0.{}", self.number + 100);
        self.plug(Switch::Lan, "eth1", &[&address]).await;
    }

    /// Takes the second interface away.
    pub async fn unplug_second_interface(&self) {
        self.ip(&["link", "delete", "eth1"]).await;
    }

    /// A bridge of this machine's own with an address, as container tools make one.
    pub async fn add_own_bridge(&self, name: &str, address: &str) {
        self.ip(&["link", "add", name, "type", "bridge"]).await;
        // A bridge is up when one of its ports is.
        self.ip(&[
            "link", "add", "inside0", "type", "veth", "peer", "name", "veth0",
        ])
        .await;
        self.ip(&["link", "set", "veth0", "master", name, "up"])
            .await;
        self.ip(&["link", "set", "inside0", "up"]).await;
        self.add_address(name, address).await;
        self.ip(&["link", "set", name, "up"]).await;
    }

    /// Lets the kernel make a temporary address beside a new one on `eth0` (RFC 8981), and gives it.
    pub async fn add_temporary_address(&self) -> String {
        let on = "echo 2 >/proc/sys/net/ipv6/conf/eth0/use_tempaddr";
        self.ok("sh", &["-c", on]).await;
        let stable = format!("fd79::{}/64", self.number);
        let add = [
            "address",
            "add",
            &stable,
            "dev",
            "eth0",
            "mngtmpaddr",
            "nodad",
        ];
        self.ip(&add).await;
        wait::until("a temporary address", async || {
            let show = ["-6", "-oneline", "address", "show", "temporary"];
            let text = self.ok("ip", &show).await;
            let address = text.split_whitespace().nth(3)?;
            Some(address.split('/').next()?.to_owned())
        })
        .await
    }

    async fn plug(&self, switch: Switch, interface: &str, addresses: &[&str]) {
        let switches = self.switches.to_string();
        let lengths = addresses.iter().map(|address| {
            let length = if address.contains(':') { 64 } else { 24 };
            format!("{address}/{length}")
        });
        let addresses: Vec<String> = lengths.collect();
        let plug = script("plug");
        let mut arguments = vec![switches.as_str(), switch.name(), interface, &self.name];
        arguments.extend(addresses.iter().map(String::as_str));
        self.ok(plug.to_str().expect("a plain path"), &arguments)
            .await;
    }

    async fn ip(&self, arguments: &[&str]) {
        self.ok("ip", arguments).await;
    }
}
