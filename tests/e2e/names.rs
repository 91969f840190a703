//! Boards on the network by name: published, found and fetched by another machine, and withdrawn in time.

use std::time::{Duration, Instant};

use cpy_board::{Hostname, Serial};
use cpy_tests::gateway::{ADVERTISER, PASSWORD};
use cpy_tests::network::Heard;
use cpy_tests::{Board, Gateway, Network, wait};
use serde_json::Value;

const SERIAL: &str = "E6614C311B7E6F35";
const NAME: &str = "cpy-7e6f35.local";
/// Shorter than a lookup whose second family is missing: nss-mdns waits 5 s for that.
const SOON: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_board_is_found_by_both_families_and_fetched_by_name_from_another_machine() {
    let network = Network::new();
    let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let gateway = Gateway::start_on(&pi).await;
    let begun = Instant::now();
    let board = gateway.plug_unready(SERIAL, &["--board-name", "Raspberry Pi Pico"]);
    laptop.finds(NAME, &pi.ipv4(), &pi.ipv6()).await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());

    let begun = Instant::now();
    let addresses = laptop.system_addresses(NAME).await;
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(addresses, [pi.ipv4(), pi.ipv6()]);

    gateway.ready(&board).await;
    let listed = wait::until("the board's service", async || {
        laptop
            .browse()
            .await
            .into_iter()
            .find(|found| found.host == NAME)
    })
    .await;
    assert_eq!(listed.instance, "Raspberry Pi Pico");
    assert_eq!(listed.port, 80);

    let version = laptop
        .fetch_json(&format!("http://{NAME}/cp/version.json"))
        .await
        .unwrap();
    assert_eq!(version["hostname"], "cpy-7e6f35");
    let ip = version["ip"].as_str().unwrap();
    assert!([pi.ipv4(), pi.ipv6()].iter().any(|own| own == ip), "{ip}");
    let file = format!("http://:{}@{NAME}/fs/code.py", "p%C3%A4ss%3Aword");
    assert_eq!(PASSWORD, "p\u{e4}ss:word");
    let content = laptop.fetch(&file).await.unwrap();
    assert_eq!(content.as_bytes(), board.image().read("/code.py").unwrap());

    let page = laptop.rendered(&format!("http://{NAME}/")).await;
    assert!(page.contains("Raspberry Pi Pico"), "{page}");
}

#[tokio::test]
async fn thirty_boards_and_two_of_one_lot_among_them_are_all_found() {
    let network = Network::new();
    let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let gateway = Gateway::start_on(&pi).await;
    let serials: Vec<String> = (0..28)
        .map(|number| format!("E6614C31{number:02X}{number:06X}"))
        .chain(["E6614C3100ABCDEF".into(), "E6614C3111ABCDEF".into()])
        .collect();
    let plug = |serial: &String| gateway.plug_unready(serial, &["--script", "/dev/null"]);
    let boards: Vec<Board> = serials.iter().map(plug).collect();
    let names = wait::until("thirty names", async || {
        let names = gateway.names().await;
        (names.len() == boards.len()).then_some(names)
    })
    .await;
    let lot: Vec<&String> = serials[28..].iter().map(|serial| &names[serial]).collect();
    assert_ne!(lot[0], lot[1]);
    assert!(lot.contains(&&"cpy-abcdef".to_owned()), "{lot:?}");
    for name in names.values() {
        laptop
            .finds(&format!("{name}.local"), &pi.ipv4(), &pi.ipv6())
            .await;
    }
    wait::until("thirty services", async || {
        (laptop.announced_hosts().await.len() == boards.len()).then_some(())
    })
    .await;
    for (serial, name) in &names {
        let url = format!("http://{name}.local/cp/version.json");
        wait::until(&format!("{url} is {serial}"), async || {
            (laptop.fetch_json(&url).await?["UID"] == *serial).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_board_that_comes_back_in_time_is_never_withdrawn_and_one_that_does_not_is() {
    let network = Network::new();
    let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let listener = network.host_without_avahi("listener");
    let gateway = Gateway::start_on(&pi).await;
    let mut resets = gateway.plug(SERIAL, &[]).await;
    let mut leaves = gateway.plug("E6614C31AAAAAA01", &[]).await;
    for name in [NAME, "cpy-aaaa01.local"] {
        laptop.finds(name, &pi.ipv4(), &pi.ipv6()).await;
    }
    let stranger = listener.stranger().await;
    resets.unplug();
    resets.plug();
    // Its grace time begins after the other's, so it ends after it too.
    leaves.unplug();
    let begun = Instant::now();
    wait::until("a goodbye for the board that left", async || {
        (!stranger.goodbyes("cpy-aaaa01.local", 0).is_empty()).then_some(())
    })
    .await;
    let grace = begun.elapsed();
    assert!(
        grace > Duration::from_secs(9) && grace < Duration::from_secs(13),
        "{grace:?}"
    );
    assert!(stranger.goodbyes(NAME, 0).is_empty());
    laptop.finds(NAME, &pi.ipv4(), &pi.ipv6()).await;
    laptop.finds_nobody("cpy-aaaa01.local").await;
    assert!(laptop.browse().await.iter().all(|found| found.host == NAME));
    leaves.plug();
    laptop
        .finds("cpy-aaaa01.local", &pi.ipv4(), &pi.ipv6())
        .await;
}

#[tokio::test]
async fn names_go_at_once_with_the_advertiser_and_come_back_with_it() {
    let network = Network::new();
    let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let listener = network.host_without_avahi("listener");
    let mut gateway = Gateway::start_on(&pi).await;
    let _board = gateway.plug(SERIAL, &[]).await;
    laptop.finds(NAME, &pi.ipv4(), &pi.ipv6()).await;
    let stranger = listener.stranger().await;
    for killed in [false, true] {
        let point = stranger.len();
        let begun = Instant::now();
        if killed {
            gateway.kill(ADVERTISER);
        } else {
            gateway.terminate(ADVERTISER);
        }
        wait::until("a goodbye", async || {
            (!stranger.goodbyes(NAME, point).is_empty()).then_some(())
        })
        .await;
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "{:?}",
            begun.elapsed()
        );
        laptop.finds_nobody(NAME).await;
        // The web server goes on without it, by address and by name.
        gateway
            .call("GET", "/cp/version.json")
            .host(NAME)
            .expect(200)
            .await;
        let begun = Instant::now();
        gateway.start_daemon(ADVERTISER);
        laptop.finds(NAME, &pi.ipv4(), &pi.ipv6()).await;
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn circuitpython_local_is_answered_by_every_gateway_beside_strangers() {
    let network = Network::new();
    let [pi, attic, laptop] = network.hosts(["pi", "attic", "laptop"]).await;
    let other = network.host_without_avahi("other");
    let mut stranger = other.stranger().await;
    let shared =
        serde_json::json!([{ "name": "circuitpython.local", "type": "A", "data": other.ipv4() }]);
    stranger.order(serde_json::json!({ "hold": shared })).await;
    let one = Gateway::start_on(&pi).await;
    let two = Gateway::start_on(&attic).await;
    let _boards = [
        one.plug(SERIAL, &[]).await,
        two.plug("E6614C31AAAAAA01", &[]).await,
    ];
    for address in [pi.ipv4(), attic.ipv4()] {
        wait::until(
            &format!("circuitpython.local is {address} too"),
            async || {
                let point = stranger.len();
                stranger.ask("circuitpython.local").await;
                let answer = async || {
                    let heard = stranger.heard("circuitpython.local", point);
                    let data = |heard: &Heard| heard.record["data"] == *address;
                    heard.iter().any(data).then_some(())
                };
                wait::within(Duration::from_secs(1), answer).await
            },
        )
        .await;
    }
    // A record of one's own would make the others stop.
    let heard = stranger.heard("circuitpython.local", 0);
    assert!(
        heard
            .iter()
            .all(|heard| heard.record["unique"] == false && heard.record["ttl"] != 0)
    );
    let found = laptop.resolve_ipv4("circuitpython.local").await.unwrap();
    assert!(
        [pi.ipv4(), attic.ipv4(), other.ipv4()].contains(&found),
        "{found}"
    );
    // From the machines themselves it leads to boards, by name.
    for (gateway, name) in [(&one, NAME), (&two, "cpy-aaaa01.local")] {
        let call = gateway.call("GET", "/x").host("circuitpython.local");
        let reply = call.expect(307).await;
        assert_eq!(reply.header("location"), format!("http://{name}/x"));
    }
}

#[tokio::test]
async fn two_interfaces_on_one_network_make_no_stranger_of_an_own_board() {
    // Longer than an unplugged board is announced.
    const WHILE: Duration = Duration::from_secs(11);
    const OTHER: &str = "E6614C31AAAAAA01";
    let network = Network::new();
    let [pi] = network.hosts(["pi"]).await;
    let third = network.host_without_avahi("third");
    let mut gateway = Gateway::start_on(&pi).await;
    let _stays = gateway.plug(SERIAL, &["--board-name", "Feather"]).await;
    wait::until("the board is published", async || {
        let status = gateway.network().await?;
        status["boards"][SERIAL]["instance_name"]
            .is_string()
            .then_some(())
    })
    .await;
    pi.plug_twice().await;
    let mut leaves = gateway.plug(OTHER, &["--board-name", "Feather"]).await;
    let mut stranger = third.stranger().await;
    stranger
        .hold_board("Stranger", "cpy-5a5a5a", 80, &third.ipv4())
        .await;
    // The other devices as the advertiser lists them, and as the board that stays does.
    let lists = async |gateway: &Gateway| {
        let peers = gateway.peers().await.expect("the advertiser answers");
        let reply = gateway.call("GET", "/cp/devices.json").host(NAME);
        let devices = reply.expect(200).await.json()["devices"].clone();
        let host = |device: &Value| device["hostname"].as_str().unwrap_or_default().to_owned();
        let strangers: Vec<String> = peers.iter().map(host).collect();
        let devices = devices.as_array().expect("a list");
        let mut listed: Vec<String> = devices.iter().map(host).collect();
        listed.sort();
        (strangers, listed)
    };
    let is_right = |(strangers, listed): &(Vec<String>, Vec<String>), expected: &[&str]| {
        strangers == &["cpy-5a5a5a"] && listed == expected
    };
    let become_right = async |gateway: &Gateway, expected: &[&str]| {
        wait::until(&format!("the lists say {expected:?}"), async || {
            is_right(&lists(gateway).await, expected).then_some(())
        })
        .await;
    };
    let become_wrong = async |gateway: &Gateway, time, expected: &[&str]| {
        wait::within(time, async || {
            Some(lists(gateway).await).filter(|lists| !is_right(lists, expected))
        })
        .await
    };
    let both = ["cpy-5a5a5a", "cpy-aaaa01"];
    become_right(&gateway, &both).await;
    // Both services are announced on both interfaces by now, and heard on the other one.
    wait::until("the boards have instance names", async || {
        let status = gateway.network().await?;
        let named = |serial: &str| status["boards"][serial]["instance_name"].is_string();
        (named(SERIAL) && named(OTHER)).then_some(())
    })
    .await;
    assert_eq!(
        become_wrong(&gateway, Duration::from_secs(2), &both).await,
        None
    );
    // What is still remembered of its own earlier announcements is nobody else's.
    gateway.kill(ADVERTISER);
    gateway.start_daemon(ADVERTISER);
    let own_among_strangers = wait::within(Duration::from_secs(3), async || {
        let mut peers = gateway.peers().await?;
        peers.retain(|peer| peer["hostname"] != "cpy-5a5a5a");
        (!peers.is_empty()).then_some(peers)
    });
    assert_eq!(own_among_strangers.await, None);
    become_right(&gateway, &both).await;
    leaves.unplug();
    become_right(&gateway, &both[..1]).await;
    assert_eq!(become_wrong(&gateway, WHILE, &both[..1]).await, None);
}

#[tokio::test]
async fn without_mdns_in_the_configuration_nothing_is_published() {
    let network = Network::new();
    let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let mut gateway = Gateway::stopped_on(&pi, "[mdns]\nenabled = false");
    gateway.start_all().await;
    let board = gateway.plug(SERIAL, &[]).await;
    gateway
        .call("GET", "/cp/version.json")
        .board(&board)
        .expect(200)
        .await;
    assert_eq!(laptop.resolve_ipv4(NAME).await, None);
    assert_eq!(laptop.browse().await, []);
}

#[test]
fn the_names_of_this_file_are_the_plain_ones() {
    let serial: Serial = SERIAL.parse().unwrap();
    assert_eq!(format!("{}.local", Hostname::plain(&serial)), NAME);
}
