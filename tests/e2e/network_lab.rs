//! The network in software itself: what is published on one machine is found on another.

use std::process::Stdio;
use std::time::{Duration, Instant};

use cpy_tests::{Network, wait};
use tokio::process::Command;

#[tokio::test]
async fn a_name_published_on_one_machine_is_found_on_another_fast() {
    let network = Network::new();
    let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let mut publish = Command::from(pi.command("avahi-publish-address"));
    let _published = publish
        .args(["--no-reverse", "cpy-000001.local", &pi.ipv4()])
        .kill_on_drop(true)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait::until("the name is found by Avahi", async || {
        let answer = laptop.run("avahi-resolve", &["-4", "-n", "cpy-000001.local"]);
        answer.await?.contains(&pi.ipv4()).then_some(())
    })
    .await;
    let begun = Instant::now();
    let answer = laptop.ok("getent", &["ahostsv4", "cpy-000001.local"]).await;
    assert!(answer.contains(&pi.ipv4()), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn machines_know_each_other_by_both_families() {
    let network = Network::new();
    let [one, two] = network.hosts(["one", "two"]).await;
    for (from, to) in [(&one, &two), (&two, &one)] {
        let name = format!("{}.local", to.name());
        let answer = from.ok("getent", &["ahosts", &name]).await;
        assert!(answer.contains(&to.ipv4()), "{answer}");
        assert!(answer.contains(&to.ipv6()), "{answer}");
    }
}

#[tokio::test]
async fn a_stranger_is_heard_and_hears() {
    let network = Network::new();
    let [laptop] = network.hosts(["laptop"]).await;
    let stranger_host = network.host_without_avahi("stranger");
    let mut stranger = stranger_host.stranger().await;
    stranger
        .hold_board("B\u{fc}cherei", "cpy-5a5a5a", 80, &stranger_host.ipv4())
        .await;
    wait::until("the stranger's board is listed", async || {
        let listed = laptop.run("avahi-browse", &["-rptk", "_circuitpython._tcp"]);
        let listed = listed.await?;
        (listed.contains("cpy-5a5a5a.local") && listed.contains(&stranger_host.ipv4()))
            .then_some(())
    })
    .await;
    stranger.let_go().await;
    wait::until("it is listed no more", async || {
        let listed = laptop.run("avahi-browse", &["-ptk", "_circuitpython._tcp"]);
        listed.await?.trim().is_empty().then_some(())
    })
    .await;
    let heard = stranger.heard("laptop.local", 0);
    assert!(
        heard.iter().any(|heard| heard.record["type"] == "A"),
        "{heard:?}"
    );
}

#[tokio::test]
async fn avahi_and_links_can_be_taken_away_and_come_back() {
    let network = Network::new();
    let [mut pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let resolves = async |expected: bool| {
        wait::until(&format!("pi.local resolves: {expected}"), async || {
            let answer = laptop.run("avahi-resolve", &["-4", "-n", "pi.local"]);
            let found = tokio::time::timeout(Duration::from_secs(1), answer).await;
            (found.is_ok_and(|found| found.is_some_and(|text| text.contains("10.77"))) == expected)
                .then_some(())
        })
        .await;
    };
    resolves(true).await;
    pi.stop_avahi();
    resolves(false).await;
    pi.start_avahi();
    pi.avahi_answers().await;
    resolves(true).await;
    pi.kill_bus();
    pi.start_bus();
    pi.start_avahi();
    pi.avahi_answers().await;
    pi.link_down().await;
    pi.link_up().await;
    pi.plug_second_interface().await;
    pi.unplug_second_interface().await;
    pi.add_own_bridge("docker0", "172.17.0.1/16").await;
    let temporary = pi.add_temporary_address().await;
    assert!(temporary.starts_with("fd79:"), "{temporary}");
    resolves(true).await;
}
