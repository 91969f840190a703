//! Names as the name authority gives them, and what the network knows beside.

use std::time::Instant;

use cpy_board::status::{AvahiState, NameState};
use cpy_board::{RuntimeDir, WebPorts};
use serde_json::json;

use crate::bench::{Bench, DEADLINE, FEATHER, PICO, record, serial};
use crate::wire::Answer;

fn get(host: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n")
}

fn version(name: &str) -> String {
    get(&format!("{name}.local"), "/cp/version.json")
}

#[tokio::test]
async fn a_board_is_called_what_the_authority_says_everywhere_and_at_once() {
    let mut bench = Bench::new().await;
    bench.ask(&version("cpy-7e6f35")).await.is(200);
    bench.names.hold(&[(PICO, "cpy-abcdef")]);
    let begun = Instant::now();
    let answer = bench
        .until(&version("cpy-abcdef"), |answer| answer.status == 200)
        .await;
    assert!(begun.elapsed().as_millis() < 1000, "{:?}", begun.elapsed());
    assert_eq!(answer.json()["hostname"], "cpy-abcdef");
    for _ in 0..2 {
        bench
            .ask(&version("cpy-7e6f35"))
            .await
            .is(421)
            .says("cpy-7e6f35.local is neither a board nor this gateway.");
        for path in ["/cp/boards.json", "/cp/devices.json"] {
            let text = bench.get(path, "").await.text();
            assert!(
                path == "/cp/devices.json" || text.contains("cpy-abcdef"),
                "{path}: {text}"
            );
            assert!(!text.contains("cpy-7e6f35.local"), "{path}: {text}");
        }
        let neutral = bench.ask(&get("circuitpython.local", "/")).await;
        let location = neutral.is(307).header("location").unwrap().to_owned();
        assert!(location.contains("://cpy-abcdef.local"), "{location}");
        let port = std::net::SocketAddr::new(bench.address.ip(), 18001);
        let own = get(&port.to_string(), "/cp/version.json");
        assert_eq!(
            bench.ask_at(port, &own).await.json()["hostname"],
            "cpy-abcdef"
        );
        // The name outlives a restart without the authority.
        bench.stop().await;
        std::fs::remove_dir_all(&bench.config.runtime_dir).unwrap();
        bench.write_record(PICO, &record(PICO));
        bench.start().await;
    }
}

#[tokio::test]
async fn a_name_that_goes_to_another_board_leads_to_that_one() {
    let bench = Bench::new().await;
    bench.plug(FEATHER);
    bench
        .until(&version("cpy-5a0a0b"), |answer| answer.status == 200)
        .await;
    bench.names.hold(&[(FEATHER, "cpy-7e6f35")]);
    bench
        .until(&version("cpy-7e6f35"), |answer| {
            answer.status == 200 && answer.json()["UID"] == FEATHER
        })
        .await;
    bench.ask(&version("cpy-5a0a0b")).await.is(421);
    let all = bench.get("/cp/boards.json", "").await.json();
    assert_eq!(all["total"], 2, "{all}");
}

#[tokio::test]
async fn a_file_of_names_that_cannot_be_read_changes_nothing() {
    let bench = Bench::new().await;
    bench.names.hold(&[(PICO, "cpy-abcdef")]);
    bench
        .until(&version("cpy-abcdef"), |answer| answer.status == 200)
        .await;
    let file = bench.config.runtime_dir.join("mdns-advertiser/names.toml");
    std::fs::rename(&file, file.with_extension("old")).unwrap();
    std::fs::write(file.with_extension("new"), "E6614C = [").unwrap();
    std::fs::rename(file.with_extension("new"), &file).unwrap();
    // A board that comes is seen after the file.
    bench.plug(FEATHER);
    bench
        .until(&version("cpy-5a0a0b"), |answer| answer.status == 200)
        .await;
    bench.ask(&version("cpy-abcdef")).await.is(200);
}

async fn announced(bench: &Bench, right: impl Fn(&WebPorts) -> bool) {
    let file = RuntimeDir::new(&bench.config.runtime_dir).web_ports();
    let begun = Instant::now();
    while !file.read().is_some_and(|ports| right(&ports)) {
        assert!(begun.elapsed() < DEADLINE, "never right: {:?}", file.read());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_board_is_announced_where_it_is_listed_and_served() {
    let bench = Bench::new().await;
    let main = bench.address.port();
    announced(&bench, |ports| {
        ports.main == Some(main) && ports.boards.is_empty()
    })
    .await;
    let mut asking = record(PICO);
    asking.settings.port = Some(18070);
    bench.write_record(PICO, &asking);
    announced(&bench, |ports| ports.of(&serial(PICO)) == Some(18070)).await;
    let devices = get("cpy-5a0a0b.local", "/cp/devices.json");
    bench.plug(FEATHER);
    bench
        .until(&devices, |answer| {
            answer.status == 200 && answer.json()["devices"][0]["port"] == 18070
        })
        .await;
    // Two that ask for one port are told apart by their names.
    let mut rival = record(FEATHER);
    rival.settings.port = Some(18070);
    bench.write_record(FEATHER, &rival);
    announced(&bench, |ports| ports.boards.is_empty()).await;
    bench
        .until(&devices, |answer| {
            answer.json()["devices"][0]["port"] == main
        })
        .await;
}

#[tokio::test]
async fn other_devices_are_listed_after_the_own_boards_as_long_as_somebody_sees_them() {
    let mut bench = Bench::new().await;
    bench.plug(FEATHER);
    let hostile = "\"><script>alert(1)</script>";
    bench.names.see("zebra", hostile);
    bench.names.see("cpy-7e6f35", "An impostor");
    bench.names.see("ape", "Ape");
    let devices = get("cpy-5a0a0b.local", "/cp/devices.json");
    let answer = bench.until(&devices, |answer| answer.status == 200).await;
    let own = json!({
        "hostname": "cpy-7e6f35",
        "instance_name": "Raspberry Pi Pico",
        "port": bench.address.port(),
        "ip": bench.address.ip().to_string(),
    });
    let other = |hostname: &str, instance_name: &str| json!({"hostname": hostname, "instance_name": instance_name, "port": 80, "ip": "192.168.1.9"});
    let all = json!({"total": 3, "devices": [own, other("ape", "Ape"), other("zebra", hostile)]});
    assert_eq!(answer.json(), all);
    let peers = get("cpy-5a0a0b.local", "/peers");
    assert_eq!(bench.ask(&peers).await.json(), all);
    bench.names.stop().await;
    let alone = json!({"total": 1, "devices": [own]});
    assert_eq!(bench.ask(&devices).await.json(), alone);
    let hangs = bench.names.start_silent();
    let begun = Instant::now();
    assert_eq!(bench.ask(&devices).await.json(), alone);
    assert!(begun.elapsed().as_millis() < 1000, "{:?}", begun.elapsed());
    drop(hangs);
    std::fs::remove_file(bench.config.runtime_dir.join("mdns-advertiser/http.sock")).unwrap();
    bench.names.start();
    assert_eq!(bench.ask(&devices).await.json(), all);
    bench.config.mdns.enabled = false;
    bench.start().await;
    let disabled = bench.ask(&devices).await.json();
    assert_eq!(disabled["total"], 1, "{disabled}");
}

#[tokio::test]
async fn a_stranger_cannot_push_a_device_out_of_the_list_from_another_port() {
    let bench = Bench::new().await;
    bench.names.see("feather", "Sensor");
    bench.names.see_at(8080, "feather", "AAA evil");
    let devices = get("cpy-7e6f35.local", "/cp/devices.json");
    let listed = bench.ask(&devices).await.json();
    assert_eq!(listed["total"], 2, "{listed}");
    let sensor =
        json!({"hostname": "feather", "instance_name": "Sensor", "port": 80, "ip": "192.168.1.9"});
    assert!(
        listed["devices"].as_array().unwrap().contains(&sensor),
        "{listed}"
    );
}

#[tokio::test]
async fn a_board_that_just_left_is_nobody_elses() {
    let bench = Bench::new().await;
    bench.plug(FEATHER);
    bench.names.see("cpy-7e6f35", "Raspberry Pi Pico");
    bench.unplug(PICO);
    let devices = get("cpy-5a0a0b.local", "/cp/devices.json");
    let left = |answer: &Answer| answer.status == 200 && answer.json()["total"] == 0;
    bench.until(&devices, left).await;
    // Once its name is given up, whoever has it is another one.
    bench.names.say(|network| network.boards.clear());
    assert_eq!(bench.ask(&devices).await.json()["total"], 1);
}

#[tokio::test]
async fn a_board_is_called_what_the_network_calls_it_while_somebody_says_so() {
    let bench = Bench::new().await;
    bench.names.say(|network| {
        let name = network.boards.get_mut(&serial(PICO)).unwrap();
        name.instance_name = Some("Raspberry Pi Pico (cpy-7e6f35)".into());
    });
    let called = async |bench: &Bench| {
        let one = bench
            .ask(&get("cpy-7e6f35.local", "/cp/board.json"))
            .await
            .json();
        let all = bench.get("/cp/boards.json", "").await.json();
        let name = one["instance_name"].as_str().unwrap().to_owned();
        assert_eq!(all["boards"][0]["instance_name"], name);
        name
    };
    assert_eq!(called(&bench).await, "Raspberry Pi Pico (cpy-7e6f35)");
    bench.plug(FEATHER);
    let devices = get("cpy-5a0a0b.local", "/cp/devices.json");
    let listed = bench.until(&devices, |answer| answer.status == 200).await;
    assert_eq!(
        listed.json()["devices"][0]["instance_name"],
        "Raspberry Pi Pico (cpy-7e6f35)"
    );
    bench.names.stop().await;
    let listed = bench.ask(&devices).await.json();
    assert_eq!(listed["devices"][0]["instance_name"], "Raspberry Pi Pico");
    let hangs = bench.names.start_silent();
    let begun = Instant::now();
    bench.ask(&devices).await.is(200);
    // Names and peers are waited for together.
    assert!(begun.elapsed().as_millis() < 700, "{:?}", begun.elapsed());
    drop(hangs);
}

#[tokio::test]
async fn what_the_network_knows_of_a_name_is_told_and_a_daemon_that_hangs_holds_nothing_up() {
    let mut bench = Bench::new().await;
    let document = get("cpy-7e6f35.local", "/cp/board.json");
    let told = async |bench: &Bench| {
        let one = bench.ask(&document).await.json();
        let all = bench.get("/cp/boards.json", "").await.json();
        assert_eq!(all["boards"][0]["network"], one["network"]);
        assert_eq!(one["problems"], json!([]), "it is no fault of the board");
        let state = one["network"]["state"].as_str().unwrap().to_owned();
        let problem = one["network"]["problem"].as_str().unwrap().to_owned();
        let problems = all["name_problems"].as_array().unwrap();
        assert_eq!(problems.len(), usize::from(!problem.is_empty()), "{all}");
        (state, problem)
    };
    let name = |state, avahi| {
        bench.names.say(|network| {
            network.avahi = avahi;
            network.boards.get_mut(&serial(PICO)).unwrap().state = state;
        });
    };
    name(NameState::Claiming, AvahiState::Running);
    assert_eq!(told(&bench).await, ("claiming".into(), String::new()));
    name(NameState::Taken, AvahiState::Running);
    let (state, problem) = told(&bench).await;
    assert!(
        state == "taken" && problem.contains("tries its next one"),
        "{state}: {problem}"
    );
    bench.names.say(|network| {
        let name = network.boards.get_mut(&serial(PICO)).unwrap();
        "Too many entries".clone_into(&mut name.reason);
    });
    name(NameState::Refused, AvahiState::Running);
    let (state, problem) = told(&bench).await;
    assert!(
        state == "refused" && problem.contains("(Too many entries), so it cannot be found"),
        "{state}: {problem}"
    );
    name(NameState::Published, AvahiState::Running);
    let (state, problem) = told(&bench).await;
    assert!(
        state == "published" && problem.contains("(Too many entries): it can be found"),
        "{state}: {problem}"
    );
    name(NameState::Waiting, AvahiState::Absent);
    let (state, problem) = told(&bench).await;
    assert!(
        state == "waiting" && problem.contains("Avahi is not running"),
        "{state}: {problem}"
    );
    bench.names.stop().await;
    let (state, problem) = told(&bench).await;
    assert!(
        state == "unknown" && problem.contains("(mdns-advertiser) is not running."),
        "{state}: {problem}"
    );
    let hangs = bench.names.start_silent();
    let begun = Instant::now();
    let (state, problem) = told(&bench).await;
    assert!(
        state == "unknown" && problem.contains("(mdns-advertiser) does not answer."),
        "{state}: {problem}"
    );
    assert!(begun.elapsed().as_millis() < 2000, "{:?}", begun.elapsed());
    drop(hangs);
    bench.config.mdns.enabled = false;
    bench.start().await;
    assert_eq!(told(&bench).await, ("disabled".into(), String::new()));
}
