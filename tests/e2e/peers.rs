//! Other devices of the network on a board's pages: other gateways' boards, Wi-Fi boards, and hostile ones.

use std::time::{Duration, Instant};

use cpy_tests::gateway::ADVERTISER;
use cpy_tests::{Gateway, Host, Network, Stranger, wait};
use serde_json::{Value, json};

const SERIAL: &str = "E6614C311B7E6F35";
const OTHER: &str = "E6614C31AAAAAA01";
/// What the advertiser may need with any number of peers.
const MEMORY: usize = 40 << 20;
/// What it may write about them.
const LOG: usize = 512 << 10;

#[tokio::test]
async fn boards_of_other_gateways_and_strangers_are_listed_once_and_go_when_they_go() {
    let network = Network::new();
    let [pi, attic] = network.hosts(["pi", "attic"]).await;
    let third = network.host_without_avahi("third");
    let mut stranger = third.stranger().await;
    let one = Gateway::start_on(&pi).await;
    let two = Gateway::start_on(&attic).await;
    let _here = one.plug(SERIAL, &[]).await;
    let there = two.plug(OTHER, &["--board-name", "Feather"]).await;
    stranger
        .hold_board("B\u{fc}cherei \u{1f40d}", "cpy-5a5a5a", 8080, &third.ipv4())
        .await;
    // It sees everybody on two interfaces.
    pi.plug_twice().await;
    let expected = [
        ("cpy-5a5a5a", "B\u{fc}cherei \u{1f40d}", 8080, third.ipv4()),
        ("cpy-aaaa01", "Feather", 80, attic.ipv4()),
    ];
    are_listed(&one, &expected).await;
    let welcome = pi.rendered("http://cpy-7e6f35.local/").await;
    for (hostname, instance, _, _) in &expected {
        assert!(
            welcome.contains(hostname) && welcome.contains(instance),
            "{welcome}"
        );
    }

    // The stranger moves, without a goodbye.
    let srv = json!({
        "name": ["B\u{fc}cherei \u{1f40d}", "_circuitpython", "_tcp", "local"],
        "type": "SRV", "data": [81, ["cpy-5a5a5a", "local"]], "unique": true,
    });
    stranger.order(json!({ "hold": [srv] })).await;
    let moved = [
        ("cpy-5a5a5a", "B\u{fc}cherei \u{1f40d}", 81, third.ipv4()),
        ("cpy-aaaa01", "Feather", 80, attic.ipv4()),
    ];
    are_listed(&one, &moved).await;
    let address = json!({
        "name": ["cpy-5a5a5a", "local"], "type": "A", "data": "10.77.0.200", "unique": true,
    });
    stranger.order(json!({ "hold": [address] })).await;
    let moved = [
        (
            "cpy-5a5a5a",
            "B\u{fc}cherei \u{1f40d}",
            81,
            "10.77.0.200".to_owned(),
        ),
        ("cpy-aaaa01", "Feather", 80, attic.ipv4()),
    ];
    are_listed(&one, &moved).await;

    stranger.let_go().await;
    are_listed(&one, &moved[1..]).await;
    // One of the two ways to the peers goes; they stay.
    pi.unplug_second_interface().await;
    are_listed(&one, &moved[1..]).await;
    drop(there);
    drop(two);
    are_listed(&one, &[]).await;
}

#[tokio::test]
async fn a_device_that_moves_to_another_host_is_never_listed_with_the_old_ones_address() {
    let network = Network::new();
    let [pi] = network.hosts(["pi"]).await;
    let other = network.host_without_avahi("other");
    let mut stranger = other.stranger().await;
    let gateway = Gateway::start_on(&pi).await;
    let _board = gateway.plug(SERIAL, &[]).await;
    let at = |host: &'static str, address: &str| [(host, "Pico", 80, address.to_owned())];
    let srv = |host: &str| {
        json!({
            "name": ["Pico", "_circuitpython", "_tcp", "local"],
            "type": "SRV", "data": [80, [host, "local"]], "unique": true,
        })
    };
    let address = |host: &str, address: &str| json!({ "name": [host, "local"], "type": "A", "data": address, "unique": true });
    stranger.hold_board("Pico", "h1", 80, "10.77.0.50").await;
    are_listed(&gateway, &at("h1", "10.77.0.50")).await;
    let moved = [srv("h2"), address("h2", "10.77.0.60")];
    stranger.order(json!({ "hold": moved })).await;
    are_listed(&gateway, &at("h2", "10.77.0.60")).await;
    // Nobody knows where the next one is, for a while.
    stranger.order(json!({ "hold": [srv("h3")] })).await;
    are_listed(&gateway, &[]).await;
    stranger
        .order(json!({ "hold": [address("h3", "10.77.0.70")] }))
        .await;
    are_listed(&gateway, &at("h3", "10.77.0.70")).await;
}

#[tokio::test]
async fn two_gateways_see_each_others_boards_and_their_own_never_twice() {
    let network = Network::new();
    let [pi, attic] = network.hosts(["pi", "attic"]).await;
    let one = Gateway::start_on(&pi).await;
    let two = Gateway::start_on(&attic).await;
    let _boards = [
        one.plug(SERIAL, &["--board-name", "Pico"]).await,
        one.plug("E6614C31BBBBBB02", &["--board-name", "Pico W"])
            .await,
        // Another of the same kind: its service wants the same name at first.
        two.plug(OTHER, &["--board-name", "Pico"]).await,
    ];
    let all_but = |name: &str| {
        let mut names = ["cpy-7e6f35", "cpy-aaaa01", "cpy-bbbb02"].to_vec();
        names.retain(|other| *other != name);
        names
    };
    for (gateway, name) in [(&one, "cpy-7e6f35"), (&two, "cpy-aaaa01")] {
        let host = format!("{name}.local");
        wait::until(&format!("{name} sees the others"), async || {
            let mut seen = Vec::new();
            for device in devices(gateway, &host).await? {
                let ip = device["ip"].as_str()?.to_owned();
                assert!(!ip.starts_with("fe80"), "{device}");
                seen.push(device["hostname"].as_str()?.to_owned());
            }
            seen.sort();
            (seen == all_but(name)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn peers_with_any_bytes_in_their_names_do_no_harm() {
    let network = Network::new();
    let [pi] = network.hosts(["pi"]).await;
    let other = network.host_without_avahi("other");
    let mut stranger = other.stranger().await;
    let gateway = Gateway::start_on(&pi).await;
    let _board = gateway.plug(SERIAL, &[]).await;
    let address = other.ipv4();
    let labels = [
        "hex:fffe41",
        "hex:410041",
        "hex:410a1b5b324a7f",
        "<script>alert(1)</script>",
        "\",\"ip\":\"10.0.0.1",
        "a.b\\c",
        "\u{202e}txt.exe",
        " ",
    ];
    for (number, label) in labels.iter().enumerate() {
        let host = format!("odd-{number}");
        stranger.hold_board(label, &host, 80, &address).await;
    }
    stranger
        .hold_board("bad host", "hex:ff62", 80, &address)
        .await;
    stranger
        .hold_board("loopback", "odd-lo", 80, "127.0.0.1")
        .await;
    stranger
        .hold_board("link-local", "odd-ll", 80, "169.254.1.1")
        .await;
    for bytes in [
        "",
        "00",
        "000084000000ffff00000000",
        "0000840000000001000000000c000c",
    ] {
        stranger.order(json!({ "bytes": bytes })).await;
    }
    // The last one: when it is listed, the others have been looked at.
    stranger
        .hold_board("The Last", "cpy-5a5a5a", 80, &address)
        .await;
    let devices = wait::until("the last peer is listed", async || {
        let devices = devices(&gateway, "cpy-7e6f35.local").await?;
        let last = devices
            .iter()
            .any(|device| device["instance_name"] == "The Last");
        last.then_some(devices)
    })
    .await;
    for device in &devices {
        assert_ne!(device["ip"], "127.0.0.1", "{device}");
        assert!(
            device["port"].is_u64() && device["hostname"].is_string(),
            "{device}"
        );
    }
    let log = gateway.daemon(ADVERTISER).output();
    assert!(!log.contains("\u{1b}[2J"), "an escape reached the log");
}

#[tokio::test]
async fn ten_thousand_peers_that_come_and_go_cost_a_bounded_amount() {
    let network = Network::new();
    let [pi] = network.hosts(["pi"]).await;
    let other = network.host_without_avahi("other");
    let mut stranger = other.stranger().await;
    let gateway = Gateway::start_on(&pi).await;
    let board = gateway.plug(SERIAL, &[]).await;
    let _early = neighbour(&network, "early").await;
    is_listed(&gateway, "early").await;
    for first in (0..10_000).step_by(500) {
        flood(&mut stranger, first, 500, &other, HERE).await;
    }
    wait::until("some of the flood is seen", async || {
        (!devices(&gateway, "cpy-7e6f35.local").await?.is_empty()).then_some(())
    })
    .await;
    // One that comes and goes, and comes and goes.
    for round in 0..200 {
        let ttl = if round % 2 == 0 { 120 } else { 0 };
        let records = json!([{
            "name": "_circuitpython._tcp.local", "type": "PTR", "ttl": ttl,
            "data": ["Flapping", "_circuitpython", "_tcp", "local"],
        }]);
        stranger.order(json!({ "say": records })).await;
    }
    let daemon = gateway.daemon(ADVERTISER);
    let memory = daemon.resident();
    assert!(memory < MEMORY, "{memory} bytes");
    assert!(
        daemon.output().len() < LOG,
        "{} bytes of log",
        daemon.output().len()
    );
    let reply = gateway
        .call("GET", "/cp/devices.json")
        .board(&board)
        .expect(200)
        .await;
    assert!(reply.body.len() < 1 << 20, "{}", reply.body.len());
    gateway
        .call("GET", "/cp/version.json")
        .board(&board)
        .expect(200)
        .await;
    // Its own names are published all the same.
    pi.finds_ipv4("cpy-7e6f35.local", &pi.ipv4()).await;
    is_listed(&gateway, "early").await;
}

#[tokio::test]
async fn a_device_that_comes_after_a_flood_from_somebody_else_is_listed() {
    let network = Network::new();
    let [pi] = network.hosts(["pi"]).await;
    let other = network.host_without_avahi("other");
    let mut stranger = other.stranger().await;
    let gateway = Gateway::start_on(&pi).await;
    let _board = gateway.plug(SERIAL, &[]).await;
    let (_early, early) = neighbour(&network, "early").await;
    is_listed(&gateway, "early").await;
    // Four records each: they fit in Avahi's cache of 4096 (cache-entries-max), and something beside.
    flood(&mut stranger, 0, 800, &other, HERE).await;
    wait::until("a part of the flood is listed", async || {
        (devices(&gateway, "cpy-7e6f35.local").await?.len() > 100).then_some(())
    })
    .await;
    let begun = Instant::now();
    let (_late, late) = neighbour(&network, "late").await;
    is_listed(&gateway, "late").await;
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    is_listed(&gateway, "early").await;
    flood(&mut stranger, 0, 800, &other, GONE).await;
    let left = [
        ("early", "early", 80, early.ipv4()),
        ("late", "late", 80, late.ipv4()),
    ];
    are_listed(&gateway, &left).await;
}

/// How long the services of a flood are there, in seconds.
const HERE: u32 = 4500;
/// A goodbye.
const GONE: u32 = 0;

async fn flood(stranger: &mut Stranger, first: u32, services: u32, host: &Host, ttl: u32) {
    let address = host.ipv4();
    let flood = json!({ "services": services, "first": first, "address": address, "ttl": ttl });
    stranger.order(json!({ "flood": flood })).await;
}

/// A device on a machine of its own, with that machine's name and address.
async fn neighbour(network: &Network, name: &str) -> (Stranger, Host) {
    let host = network.host_without_avahi(name);
    let mut stranger = host.stranger().await;
    stranger.hold_board(name, name, 80, &host.ipv4()).await;
    (stranger, host)
}

/// Waits until a device is among those that are listed.
async fn is_listed(gateway: &Gateway, hostname: &str) {
    wait::until(&format!("{hostname} is listed"), async || {
        let devices = devices(gateway, "cpy-7e6f35.local").await?;
        let mut devices = devices.iter();
        devices
            .any(|device| device["hostname"] == hostname)
            .then_some(())
    })
    .await;
}

/// The other devices, as a board lists them.
async fn devices(gateway: &Gateway, board: &str) -> Option<Vec<Value>> {
    let call = gateway.call("GET", "/cp/devices.json").host(board);
    let reply = call.try_send().await.ok()?.json();
    let devices = reply["devices"].as_array()?.clone();
    assert_eq!(reply["total"], devices.len(), "{reply}");
    Some(devices)
}

/// Waits until the board with the first serial lists exactly these devices.
async fn are_listed(gateway: &Gateway, expected: &[(&str, &str, u16, String)]) {
    wait::until(&format!("{expected:?} are listed"), async || {
        let mut listed = Vec::new();
        for device in devices(gateway, "cpy-7e6f35.local").await? {
            listed.push((
                device["hostname"].as_str()?.to_owned(),
                device["instance_name"].as_str()?.to_owned(),
                u16::try_from(device["port"].as_u64()?).ok()?,
                device["ip"].as_str()?.to_owned(),
            ));
        }
        listed.sort();
        let expected = expected.iter().map(|(hostname, instance, port, ip)| {
            (
                (*hostname).to_owned(),
                (*instance).to_owned(),
                *port,
                ip.clone(),
            )
        });
        listed.into_iter().eq(expected).then_some(())
    })
    .await;
}
