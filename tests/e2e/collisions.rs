//! Names that somebody else on the network has: another one is taken, and everybody here knows it.

use std::time::{Duration, Instant};

use cpy_board::Hostname;
use cpy_tests::gateway::ADVERTISER;
use cpy_tests::{Board, Gateway, Network, wait};

const SERIAL: &str = "E6614C311B7E6F35";
const WITNESS: &str = "E6614C31AAAAAA01";
const PLAIN: &str = "cpy-7e6f35";

#[tokio::test]
async fn a_name_that_another_machine_has_is_left_to_it_and_another_one_taken() {
    let network = Network::new();
    let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let other = network.host_without_avahi("other");
    let mut stranger = other.stranger().await;
    stranger
        .hold_name(&format!("{PLAIN}.local"), &other.ipv4())
        .await;
    let mut gateway = Gateway::start_on(&pi).await;
    let witness = gateway.plug(WITNESS, &[]).await;
    let board = gateway.plug_unready(SERIAL, &[]);
    let taken = hashed(&board);
    let name = format!("{taken}.local");
    laptop.finds(&name, &pi.ipv4(), &pi.ipv6()).await;
    let begun = Instant::now();
    everybody_says(&gateway, (&board, &witness), &taken).await;
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(
        laptop.resolve_ipv4(&format!("{PLAIN}.local")).await,
        Some(other.ipv4())
    );

    // It is the board's for good when the other has had the first one for a while: over a restart, and when the
    // other has gone.
    wait::until("the new name is written down", async || {
        (gateway.remembered_name(SERIAL)? == taken.as_str()).then_some(())
    })
    .await;
    stranger.let_go().await;
    gateway.terminate(ADVERTISER);
    laptop.finds_nobody(&name).await;
    gateway.start_daemon(ADVERTISER);
    laptop.finds(&name, &pi.ipv4(), &pi.ipv6()).await;
    everybody_says(&gateway, (&board, &witness), &taken).await;
}

#[tokio::test]
async fn a_name_that_another_machine_claims_later_is_given_up_and_everybody_agrees() {
    let network = Network::new();
    let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let other = network.host_without_avahi("other");
    let gateway = Gateway::start_on(&pi).await;
    let witness = gateway.plug(WITNESS, &[]).await;
    let board = gateway.plug(SERIAL, &[]).await;
    let plain = format!("{PLAIN}.local");
    laptop.finds(&plain, &pi.ipv4(), &pi.ipv6()).await;
    let mut stranger = other.stranger().await;
    // It does not ask first, and answers for the name ever after: who was there yields (RFC 6762, section 9).
    stranger.hold_name(&plain, &other.ipv4()).await;
    let taken = hashed(&board);
    let begun = Instant::now();
    laptop
        .finds(&format!("{taken}.local"), &pi.ipv4(), &pi.ipv6())
        .await;
    everybody_says(&gateway, (&board, &witness), &taken).await;
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    // What others remember of the old address is theirs: Avahi says no goodbye for a record that it lost.
    let call = gateway.call("GET", "/cp/version.json").host(&plain);
    call.expect(421).await;
}

#[tokio::test]
async fn the_second_gateway_with_a_board_of_the_same_name_takes_another_one() {
    let network = Network::new();
    let [pi, attic, laptop] = network.hosts(["pi", "attic", "laptop"]).await;
    let one = Gateway::start_on(&pi).await;
    let two = Gateway::start_on(&attic).await;
    let first = one.plug(SERIAL, &[]).await;
    laptop
        .finds(&format!("{PLAIN}.local"), &pi.ipv4(), &pi.ipv6())
        .await;
    // Another chip of the same lot.
    let witness = two.plug(WITNESS, &[]).await;
    let second = two.plug_unready("DF6014C3227E6F35", &[]);
    let taken = hashed(&second);
    laptop
        .finds(&format!("{taken}.local"), &attic.ipv4(), &attic.ipv6())
        .await;
    everybody_says(&two, (&second, &witness), &taken).await;
    let names = one.names().await;
    assert_eq!(names[first.serial().as_str()], PLAIN);
    for (name, serial) in [(PLAIN, SERIAL), (taken.as_str(), "DF6014C3227E6F35")] {
        let url = format!("http://{name}.local/cp/version.json");
        wait::until(&format!("{url} is {serial}"), async || {
            (laptop.fetch_json(&url).await?["UID"] == serial).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_remembered_name_that_no_rule_gives_is_used_and_can_be_lost() {
    const REMEMBERED: &str = "cpy-0000aa";
    let network = Network::new();
    let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let other = network.host_without_avahi("other");
    let mut gateway = Gateway::stopped_on(&pi, "");
    gateway.remember_name(SERIAL, REMEMBERED);
    gateway.start_all().await;
    let _board = gateway.plug_unready(SERIAL, &[]);
    let name = format!("{REMEMBERED}.local");
    laptop.finds(&name, &pi.ipv4(), &pi.ipv6()).await;
    let mut stranger = other.stranger().await;
    stranger.hold_name(&name, &other.ipv4()).await;
    let begun = Instant::now();
    let taken = wait::until("the board has another name", async || {
        let status = gateway.network().await?["boards"][SERIAL].clone();
        let name = status["hostname"].as_str()?.to_owned();
        (name != REMEMBERED && status["state"] == "published").then_some(name)
    })
    .await;
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    laptop
        .finds(&format!("{taken}.local"), &pi.ipv4(), &pi.ipv6())
        .await;
}

#[tokio::test]
async fn a_board_that_moves_to_another_gateway_soon_has_its_own_name_there() {
    let network = Network::new();
    let [pi, attic, laptop] = network.hosts(["pi", "attic", "laptop"]).await;
    let one = Gateway::start_on(&pi).await;
    let two = Gateway::start_on(&attic).await;
    let mut there = one.plug(SERIAL, &[]).await;
    let witness = two.plug(WITNESS, &[]).await;
    let plain = format!("{PLAIN}.local");
    laptop.finds(&plain, &pi.ipv4(), &pi.ipv6()).await;
    there.unplug();
    // The first gateway has the name for some seconds more.
    let here = two.plug_unready(SERIAL, &[]);
    let borrowed = hashed(&here);
    laptop
        .finds(&format!("{borrowed}.local"), &attic.ipv4(), &attic.ipv6())
        .await;
    everybody_says(&two, (&here, &witness), &borrowed).await;
    let begun = Instant::now();
    wait::until("the board has its own name again", async || {
        let remembered = two.remembered_name(SERIAL);
        assert_ne!(remembered.as_deref(), Some(borrowed.as_str()));
        let status = two.network().await?["boards"][SERIAL].clone();
        (status["hostname"] == PLAIN && status["state"] == "published").then_some(())
    })
    .await;
    // 15 s until somebody looks, 5 s until Avahi says that nobody answers, and one to claim the name.
    assert!(
        begun.elapsed() < Duration::from_secs(25),
        "{:?}",
        begun.elapsed()
    );
    everybody_says(&two, (&here, &witness), &here.hostname()).await;
    laptop.finds(&plain, &attic.ipv4(), &attic.ipv6()).await;
    laptop.finds_nobody(&format!("{borrowed}.local")).await;
    assert_eq!(two.remembered_name(SERIAL).as_deref(), Some(PLAIN));
}

/// The name of a board whose plain one is taken.
fn hashed(board: &Board) -> Hostname {
    Hostname::hashed(board.serial(), 0)
}

/// Waits until routing, documents and the command line have this name for the board; the witness is another one,
/// which lists it among the other devices.
async fn everybody_says(gateway: &Gateway, (board, witness): (&Board, &Board), name: &Hostname) {
    wait::until(&format!("everybody says {name}"), async || {
        let host_name = format!("{name}.local");
        let call = gateway.call("GET", "/cp/version.json").host(&host_name);
        let version = call.try_send().await.ok()?.json();
        let devices = gateway.call("GET", "/cp/devices.json").board(witness);
        let devices = devices.try_send().await.ok()?.json();
        let listed = gateway.cpyctl(&["boards", "--json"]).await?;
        let listed: serde_json::Value = serde_json::from_str(&listed).ok()?;
        let here = |device: &serde_json::Value| device["hostname"] == name.as_str();
        let agreed = version["hostname"] == name.as_str()
            && version["UID"] == board.serial().as_str()
            && devices["devices"].as_array()?.iter().any(here)
            && listed.as_array()?.iter().any(here);
        agreed.then_some(())
    })
    .await;
}
