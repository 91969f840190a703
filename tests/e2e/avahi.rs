//! Avahi comes, goes and comes back: what was published is published again.

use std::time::{Duration, Instant};

use cpy_tests::{Gateway, Network, wait};

const SERIAL: &str = "E6614C311B7E6F35";
const NAME: &str = "cpy-7e6f35.local";
/// Avahi itself asks the network for 0.9 s whether a name is free.
const BACK: Duration = Duration::from_secs(2);

#[tokio::test]
async fn without_avahi_everything_else_works_and_names_come_with_it() {
    let network = Network::new();
    let mut pi = network.host_without_avahi("pi");
    let [laptop] = network.hosts(["laptop"]).await;
    let gateway = Gateway::start_on(&pi).await;
    let board = gateway.plug(SERIAL, &[]).await;
    let by_address = format!("http://{}:8001/cp/version.json", pi.ipv4());
    assert!(laptop.fetch(&by_address).await.is_some());
    let devices = gateway.call("GET", "/cp/devices.json").board(&board);
    assert_eq!(devices.expect(200).await.json()["total"], 0);
    pi.start_avahi();
    let begun = Instant::now();
    laptop.finds(NAME, &pi.ipv4(), &pi.ipv6()).await;
    assert!(begun.elapsed() < BACK, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn all_is_published_again_when_avahi_comes_back() {
    let network = Network::new();
    let [mut pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let gateway = Gateway::start_on(&pi).await;
    let boards = [
        gateway.plug(SERIAL, &[]).await,
        gateway.plug("E6614C31AAAAAA01", &[]).await,
        gateway.plug("E6614C31BBBBBB02", &[]).await,
    ];
    let all = async || {
        for board in &boards {
            let name = format!("{}.local", board.hostname());
            laptop.finds(&name, &pi.ipv4(), &pi.ipv6()).await;
        }
    };
    all().await;
    pi.stop_avahi();
    laptop.finds_nobody(NAME).await;
    pi.start_avahi();
    let begun = Instant::now();
    laptop.finds(NAME, &pi.ipv4(), &pi.ipv6()).await;
    assert!(begun.elapsed() < BACK, "{:?}", begun.elapsed());
    let services = async || {
        wait::until("three services", async || {
            (laptop.announced_hosts().await.len() == 3).then_some(())
        })
        .await;
    };
    services().await;
    let listener = network.host_without_avahi("listener");
    let stranger = listener.stranger().await;
    // Nobody on the network is told of this end, so nobody forgets the names.
    pi.kill_avahi();
    pi.start_avahi();
    let begun = Instant::now();
    wait::until("it is announced again", async || {
        (!stranger.heard(NAME, 0).is_empty()).then_some(())
    })
    .await;
    assert!(begun.elapsed() < BACK, "{:?}", begun.elapsed());
    services().await;
}

#[tokio::test]
async fn the_advertiser_outlives_the_system_bus() {
    let network = Network::new();
    let [mut pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let gateway = Gateway::start_on(&pi).await;
    let board = gateway.plug(SERIAL, &[]).await;
    laptop.finds(NAME, &pi.ipv4(), &pi.ipv6()).await;
    pi.kill_bus();
    gateway
        .call("GET", "/cp/version.json")
        .board(&board)
        .expect(200)
        .await;
    pi.start_bus();
    pi.start_avahi();
    pi.avahi_answers().await;
    let listener = network.host_without_avahi("listener");
    let stranger = listener.stranger().await;
    wait::until("it is announced again", async || {
        (!stranger.heard(NAME, 0).is_empty()).then_some(())
    })
    .await;
    laptop.finds(NAME, &pi.ipv4(), &pi.ipv6()).await;
}
