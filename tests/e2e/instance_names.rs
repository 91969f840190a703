//! What boards are called in DNS-SD browsers: what their owners say, and each differently.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use cpy_tests::gateway::ADVERTISER;
use cpy_tests::{Gateway, Host, Network, wait};
use serde_json::Value;

const SERIAL: &str = "E6614C311B7E6F35";
const NAME: &str = "cpy-7e6f35.local";

#[tokio::test]
async fn the_instance_name_is_the_boards_own_and_follows_its_settings() {
    let network = Network::new();
    let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let gateway = Gateway::start_on(&pi).await;
    let board = gateway.plug(SERIAL, &["--board-name", "Feather"]).await;
    let twin = gateway
        .plug("E6614C31AAAAAA01", &["--board-name", "Feather"])
        .await;
    let instances = async |expected: [&str; 2]| {
        wait::until(&format!("{expected:?}"), async || {
            let mut instances: Vec<String> = laptop
                .browse()
                .await
                .into_iter()
                .map(|found| found.instance)
                .collect();
            instances.sort();
            instances.dedup();
            (instances == expected).then_some(())
        })
        .await;
    };
    // Which of the two came first is known: it was plugged in first.
    instances(["Feather", "Feather (cpy-aaaa01)"]).await;
    let settings = "CIRCUITPY_WEB_INSTANCE_NAME = \"B\u{fc}cherei 3. Stock\"\n";
    let put = gateway
        .call("PUT", "/fs/settings.toml")
        .to(&board)
        .body(settings);
    assert!(put.send().await.status.is_success());
    let begun = Instant::now();
    wait::until("the new instance name", async || {
        let found = laptop.browse().await;
        found
            .iter()
            .any(|found| found.host == NAME && found.instance == "B\u{fc}cherei 3. Stock")
            .then_some(())
    })
    .await;
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    drop(twin);
}

#[tokio::test]
async fn boards_of_one_kind_keep_their_instance_names_and_pages_know_them() {
    let network = Network::new();
    let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let mut gateway = Gateway::start_on(&pi).await;
    let mut boards = Vec::new();
    for serial in ["E6614C31BBBBBB02", "E6614C31AAAAAA01", SERIAL] {
        boards.push(gateway.plug(serial, &["--board-name", "Feather"]).await);
        wait::until("it has a service", async || {
            (laptop.announced_hosts().await.len() == boards.len()).then_some(())
        })
        .await;
    }
    let before = instances(&laptop, boards.len()).await;
    let mut names = before.values();
    assert!(names.any(|name| name == "Feather"), "{before:?}");
    gateway.terminate(ADVERTISER);
    wait::until("the services are withdrawn", async || {
        laptop.browse().await.is_empty().then_some(())
    })
    .await;
    gateway.start_daemon(ADVERTISER);
    assert_eq!(instances(&laptop, boards.len()).await, before);
    wait::until(&format!("the pages say {before:?}"), async || {
        let call = gateway.call("GET", "/cp/devices.json").host("localhost");
        let listed = call.try_send().await.ok()?.json();
        let word = |device: &Value, key| Some(device[key].as_str()?.to_owned());
        let devices = listed["devices"].as_array()?.iter();
        let listed: Option<BTreeMap<String, String>> = devices
            .map(|device| {
                let host = format!("{}.local", word(device, "hostname")?);
                Some((host, word(device, "instance_name")?))
            })
            .collect();
        (listed? == before).then_some(())
    })
    .await;
}

/// What each of so many hosts calls its service, as soon as no two say the same.
async fn instances(laptop: &Host, boards: usize) -> BTreeMap<String, String> {
    wait::until("each board has an instance name of its own", async || {
        let found = laptop.browse().await;
        let instances: BTreeSet<&String> = found.iter().map(|found| &found.instance).collect();
        let hosts = found.iter().map(|f| (f.host.clone(), f.instance.clone()));
        let hosts: BTreeMap<String, String> = hosts.collect();
        (hosts.len() == boards && instances.len() == boards).then_some(hosts)
    })
    .await
}
