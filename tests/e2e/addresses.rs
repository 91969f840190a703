//! The machine's addresses and interfaces change, and its boards' names with them.

use std::collections::BTreeSet;
use std::time::Duration;

use cpy_tests::network::Heard;
use cpy_tests::{Board, Gateway, Host, Network, Stranger, wait};

const SERIAL: &str = "E6614C311B7E6F35";
const NAME: &str = "cpy-7e6f35.local";
/// The name of all boards of the network.
const SHARED: &str = "circuitpython.local";

/// A gateway with a board on a machine, a machine that looks for it, and one that hears everything.
struct Place {
    _board: Board,
    _gateway: Gateway,
    stranger: Stranger,
    pi: Host,
    laptop: Host,
    _listener: Host,
    // Last: the others are on it.
    _network: Network,
}

impl Place {
    async fn new(configuration: &str) -> Self {
        let network = Network::new();
        let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
        let listener = network.host_without_avahi("listener");
        let stranger = listener.stranger().await;
        let mut gateway = Gateway::stopped_on(&pi, configuration);
        gateway.start_all().await;
        let board = gateway.plug(SERIAL, &["--script", "/dev/null"]).await;
        laptop.finds(NAME, &pi.ipv4(), &pi.ipv6()).await;
        Self {
            _gateway: gateway,
            _board: board,
            stranger,
            pi,
            laptop,
            _listener: listener,
            _network: network,
        }
    }

    /// The addresses that the board was said to have since `point`.
    fn announced(&self, point: usize) -> Vec<String> {
        let heard = self.stranger.heard(NAME, point).into_iter();
        let addresses = heard.filter(|heard| heard.record["ttl"] != 0);
        let text = |data: &serde_json::Value| data.as_str().unwrap_or_default().to_owned();
        addresses.map(|heard| text(&heard.record["data"])).collect()
    }

    async fn is_announced(&self, address: &str, point: usize) {
        wait::until(&format!("{NAME} is {address}"), async || {
            self.announced(point)
                .iter()
                .any(|said| said == address)
                .then_some(())
        })
        .await;
    }

    /// Waits until the board's name and the one that all boards share have gone from the address `old` to `new`, and
    /// looks at what was said of them since `point`: they were never without an address of this type.
    async fn moved_without_a_gap(&self, kind: &str, (old, new): (&str, &str), point: usize) {
        for name in [NAME, SHARED] {
            let heard = wait::until(&format!("{name} goes from {old} to {new}"), async || {
                let mut heard = self.stranger.heard(name, point);
                heard.retain(|heard| heard.record["type"] == kind);
                let given = heard
                    .iter()
                    .any(|h| h.record["data"] == new && !is_goodbye(h));
                // A name of one's own takes the place of what it was; of a shared one the old address is taken back.
                let replaced = |h: &Heard| h.record["data"] == old && is_goodbye(h);
                (given && (name == NAME || heard.iter().any(replaced))).then_some(heard)
            })
            .await;
            let mut addresses = BTreeSet::from([old]);
            for one in &heard {
                let address = one.record["data"].as_str().expect("it is an address");
                if !is_goodbye(one) {
                    addresses.insert(address);
                    continue;
                }
                let was_there = addresses.remove(address);
                assert!(
                    was_there && !addresses.is_empty(),
                    "{name}: {address} is taken back, and {addresses:?} are left: {heard:#?}"
                );
            }
        }
    }
}

fn is_goodbye(heard: &Heard) -> bool {
    heard.record["ttl"] == 0
}

#[tokio::test]
async fn a_new_address_is_found_without_a_gap() {
    let place = Place::new("").await;
    let (pi, laptop) = (&place.pi, &place.laptop);
    let (old, old_ipv6) = (pi.ipv4(), pi.ipv6());
    let point = place.stranger.len();
    // The new one first, then the old one goes: a lease that is renewed elsewhere.
    pi.add_address("eth0", "10.77.0.99/16").await;
    pi.remove_address("eth0", &format!("{}/24", pi.ipv4()))
        .await;
    wait::until("the new address is found", async || {
        let found = laptop.resolve_ipv4(NAME).await;
        let found = found.expect("there is an answer at any time");
        (found == "10.77.0.99").then_some(())
    })
    .await;
    place
        .moved_without_a_gap("A", (&old, "10.77.0.99"), point)
        .await;
    let point = place.stranger.len();
    pi.add_address("eth0", "fd77::99/64").await;
    pi.remove_address("eth0", &format!("{old_ipv6}/64")).await;
    laptop.finds(NAME, "10.77.0.99", "fd77::99").await;
    place
        .moved_without_a_gap("AAAA", (&old_ipv6, "fd77::99"), point)
        .await;
    wait::until("the old address is forgotten", async || {
        (laptop.system_addresses(NAME).await == ["10.77.0.99", "fd77::99"]).then_some(())
    })
    .await;
    laptop
        .fetch(&format!("http://{NAME}/cp/version.json"))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_address_that_goes_before_the_new_one_comes_stays_announced() {
    // Less than the daemon's patience.
    const WHILE: Duration = Duration::from_secs(1);
    let place = Place::new("").await;
    let pi = &place.pi;
    let (v4, v6) = (pi.ipv4(), pi.ipv6());
    for (kind, (old, new), length) in [
        ("A", (v4.as_str(), "10.77.0.99"), 24),
        ("AAAA", (v6.as_str(), "fd77::99"), 64),
    ] {
        let point = place.stranger.len();
        pi.remove_address("eth0", &format!("{old}/{length}")).await;
        let withdrawn = wait::within(WHILE, async || {
            let mut goodbyes = place.stranger.goodbyes(NAME, point);
            goodbyes.retain(|heard| heard.record["type"] == kind);
            (!goodbyes.is_empty()).then_some(goodbyes)
        });
        let withdrawn = withdrawn.await;
        assert!(withdrawn.is_none(), "{withdrawn:?}");
        pi.add_address("eth0", &format!("{new}/{length}")).await;
        place.moved_without_a_gap(kind, (old, new), point).await;
    }
    place.laptop.finds(NAME, "10.77.0.99", "fd77::99").await;
}

#[tokio::test]
async fn a_link_that_goes_down_and_up_brings_the_names_back() {
    let place = Place::new("").await;
    for _ in 0..2 {
        place.pi.link_down().await;
        let point = place.stranger.len();
        place.pi.link_up().await;
        place.is_announced(&place.pi.ipv4(), point).await;
        place.is_announced(&place.pi.ipv6(), point).await;
    }
    let (pi, laptop) = (&place.pi, &place.laptop);
    laptop.finds(NAME, &pi.ipv4(), &pi.ipv6()).await;
    laptop
        .fetch(&format!("http://{NAME}/cp/version.json"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_second_interface_has_its_own_addresses_and_no_other() {
    let place = Place::new("").await;
    let (pi, laptop) = (&place.pi, &place.laptop);
    for _ in 0..2 {
        // The second time it has another index.
        pi.plug_second_interface().await;
        laptop.plug_second_interface().await;
        laptop.link_down().await;
        laptop.finds_ipv4(NAME, &pi.other_ipv4()).await;
        laptop
            .fetch(&format!("http://{NAME}/cp/version.json"))
            .await
            .unwrap();
        laptop.link_up().await;
        laptop.unplug_second_interface().await;
        pi.unplug_second_interface().await;
    }
    laptop.finds_ipv4(NAME, &pi.ipv4()).await;
    let announced = place.announced(0);
    assert!(
        announced.iter().all(|address| *address != pi.other_ipv4()),
        "{announced:?}"
    );
}

#[tokio::test]
async fn only_interfaces_of_the_configuration_are_used_where_it_names_some() {
    let place = Place::new("[mdns]\ninterfaces = [\"eth0\"]").await;
    let (pi, laptop) = (&place.pi, &place.laptop);
    laptop.plug_second_interface().await;
    pi.plug_second_interface().await;
    let point = place.stranger.len();
    pi.add_address("eth0", "10.77.0.98/16").await;
    pi.remove_address("eth0", &format!("{}/24", pi.ipv4()))
        .await;
    // When this has been heard, the second interface has been looked at.
    place.is_announced("10.77.0.98", point).await;
    laptop.link_down().await;
    laptop.finds_ipv4("pi.local", &pi.other_ipv4()).await;
    assert_eq!(laptop.resolve_ipv4(NAME).await, None);
}

#[tokio::test]
async fn an_interface_of_the_configuration_that_is_missing_is_named_and_used_when_it_comes() {
    let network = Network::new();
    let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let mut gateway = Gateway::stopped_on(&pi, "[mdns]\ninterfaces = [\"eth9\"]");
    gateway.start_all().await;
    let _board = gateway.plug(SERIAL, &["--script", "/dev/null"]).await;
    let warnings = || gateway.log_lines(&["WARN", "eth9"]);
    wait::until("the log names the interface", async || {
        (!warnings().is_empty()).then_some(())
    })
    .await;
    assert_eq!(laptop.resolve_ipv4(NAME).await, None);
    // A change of something else is no reason to say it again.
    pi.add_address("eth0", "10.77.0.98/16").await;
    laptop.plug_second_interface().await;
    pi.plug_second_interface_as("eth9").await;
    laptop.link_down().await;
    laptop.finds_ipv4(NAME, &pi.other_ipv4()).await;
    laptop
        .fetch(&format!("http://{NAME}/cp/version.json"))
        .await
        .unwrap();
    assert_eq!(warnings().len(), 1, "{:?}", warnings());
}

#[tokio::test]
async fn bridges_of_containers_and_temporary_addresses_are_left_out() {
    let place = Place::new("").await;
    place.pi.add_own_bridge("docker0", "172.17.0.1/16").await;
    let point = place.stranger.len();
    let temporary = place.pi.add_temporary_address().await;
    place
        .pi
        .remove_address("eth0", &format!("{}/64", place.pi.ipv6()))
        .await;
    // The address beside the temporary one.
    let stable = wait::until("the stable address", async || {
        let announced = place.announced(point).into_iter();
        let mut stable = announced.filter(|address| address.starts_with("fd79:"));
        stable.next()
    })
    .await;
    assert_ne!(stable, temporary);
    let announced = place.announced(0);
    for no_address in ["172.17.0.1", "127.0.0.1", "::1", &temporary] {
        assert!(
            announced.iter().all(|address| address != no_address),
            "{announced:?}"
        );
    }
    assert!(
        announced.iter().all(|address| !address.starts_with("fe80")),
        "{announced:?}"
    );
    // Nor does the machine that asks itself get them.
    let own = place.pi.system_addresses(NAME).await;
    assert!(!own.contains(&"172.17.0.1".to_owned()), "{own:?}");
}
