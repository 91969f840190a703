//! Avahi comes, goes and comes back: what was published is published again.

use std::time::{Duration, Instant};

use cpy_tests::{Board, Gateway, Network, wait};

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
    is_said(&gateway, "Names on the network: published.", "published").await;
    pi.stop_avahi();
    let absent = "Names on the network: none, because Avahi is not running.";
    is_said(&gateway, absent, "waiting").await;
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
    is_said(&gateway, "Names on the network: published.", "published").await;
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

#[tokio::test]
async fn an_avahi_that_refuses_is_told_of_and_not_nagged() {
    // Longer than it takes until it is asked again.
    const WHILE: Duration = Duration::from_secs(15);
    let network = Network::new();
    let mut pi = network.host_without_avahi("pi");
    let [laptop] = network.hosts(["laptop"]).await;
    pi.configure_avahi("[publish]\ndisable-user-service-publishing=yes");
    pi.start_avahi();
    pi.avahi_answers().await;
    let gateway = Gateway::start_on(&pi).await;
    let quiet = ["--script", "/dev/null"];
    let boards: Vec<Board> = (0..10)
        .map(|number| gateway.plug_unready(&format!("E6614C31AAAAAA{number:02}"), &quiet))
        .collect();
    wait::until("cpyctl says that all are refused", async || {
        let text = gateway.cpyctl(&["boards"]).await?;
        let line = |board: &Board| format!("{}.local is not published", board.hostname());
        let refused = |board: &Board| {
            let line = line(board);
            let mut lines = text.lines();
            lines.any(|said| said.starts_with(&line) && said.contains("Avahi refuses"))
        };
        boards.iter().all(refused).then_some(())
    })
    .await;
    let nagged = wait::within(WHILE, async || {
        let refusals = gateway.log_lines(&["WARN", "does not publish"]);
        let warnings = gateway.log_lines(&["WARN"]);
        let many = refusals.len() > boards.len() || warnings.len() > boards.len() + 5;
        many.then_some(warnings)
    });
    assert_eq!(nagged.await, None);
    // All that needs no name works.
    for board in &boards {
        gateway.ready(board).await;
    }
    let by_address = format!("http://{}:8001/cp/version.json", pi.ipv4());
    assert!(laptop.fetch(&by_address).await.is_some());
    assert_eq!(gateway.network().await.unwrap()["avahi"], "running");

    pi.stop_avahi();
    pi.configure_avahi("");
    pi.start_avahi();
    for board in &boards {
        let name = format!("{}.local", board.hostname());
        laptop.finds(&name, &pi.ipv4(), &pi.ipv6()).await;
    }
}

#[tokio::test]
async fn an_avahi_that_does_not_answer_holds_nobody_up() {
    let network = Network::new();
    let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let gateway = Gateway::start_on(&pi).await;
    let first = gateway.plug("E6614C31AAAAAA01", &[]).await;
    laptop
        .finds("cpy-aaaa01.local", &pi.ipv4(), &pi.ipv6())
        .await;
    pi.suspend_avahi();
    let second = gateway.plug(SERIAL, &[]).await;
    for board in [&first, &second] {
        let call = gateway.call("GET", "/cp/version.json").board(board);
        call.expect(200).await;
    }
    // The daemon goes on, too, and promises nothing.
    let status = gateway.network().await.unwrap();
    assert_ne!(status["boards"][SERIAL]["state"], "published");
    assert_eq!(laptop.resolve_ipv4(NAME).await, None);
    pi.resume_avahi();
    let begun = Instant::now();
    laptop.finds(NAME, &pi.ipv4(), &pi.ipv6()).await;
    assert!(begun.elapsed() < 2 * BACK, "{:?}", begun.elapsed());
    is_said(&gateway, "Names on the network: published.", "published").await;
}

/// Waits until `cpyctl boards` has this line, and the overview this word for every board, with a problem where that
/// is not "published".
async fn is_said(gateway: &Gateway, line: &str, word: &str) {
    wait::until(&format!("{line:?} and {word:?}"), async || {
        let text = gateway.cpyctl(&["boards"]).await?;
        let call = gateway.call("GET", "/cp/boards.json").host("localhost");
        let overview = call.try_send().await.ok()?.json();
        let boards = overview["boards"].as_array()?;
        let problems = overview["name_problems"].as_array()?;
        let says = |problem: &serde_json::Value| {
            let text = problem.as_str().unwrap_or_default();
            text.contains("Avahi is not running")
        };
        let told = text.lines().any(|said| said == line)
            && boards.iter().all(|board| board["network"]["state"] == word)
            && problems.iter().any(says) == (word != "published");
        told.then_some(())
    })
    .await;
}
