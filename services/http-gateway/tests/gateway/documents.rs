//! The public documents, to the letter.

use std::fs;

use cpy_board::Record;
use serde_json::json;

use crate::bench::{Bench, FEATHER, PICO, RIGHT, record};

const PICO_NAME: &str = "cpy-7e6f35.local";

fn get(host: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n")
}

#[tokio::test]
async fn version_tells_what_the_board_is() {
    let bench = Bench::new().await;
    let answer = bench.ask(&get(PICO_NAME, "/cp/version.json")).await;
    assert_eq!(
        answer.json(),
        json!({
            "web_api_version": 4,
            "version": "10.0.3",
            "build_date": "2025-10-17",
            "board_name": "Raspberry Pi Pico",
            "mcu_name": "rp2040",
            "board_id": "raspberry_pi_pico",
            "creator_id": 0x239a,
            "creation_id": 0x80f4,
            "hostname": "cpy-7e6f35",
            "port": bench.address.port(),
            "UID": PICO,
            "ip": bench.address.ip().to_string(),
        })
    );
    answer.has("content-type", "application/json;charset=UTF-8");
    answer.has("cache-control", "no-store");
    let head = format!("HEAD /cp/version.json HTTP/1.1\r\nHost: {PICO_NAME}\r\n");
    bench.ask(&head).await.is(200);
}

#[tokio::test]
async fn a_board_that_says_nothing_of_itself_still_answers() {
    let mut bench = Bench::empty().await;
    bench.plug_unread(PICO);
    bench.start().await;
    let version = bench.ask(&get(PICO_NAME, "/cp/version.json")).await.json();
    assert_eq!(version["web_api_version"], 4);
    assert_eq!(version["version"], "");
    assert_eq!(version["creator_id"], 0);
    assert_eq!(version["UID"], PICO);
}

#[tokio::test]
async fn devices_are_the_other_boards() {
    let bench = Bench::new().await;
    bench.plug(FEATHER);
    let mut named = record(FEATHER);
    named.settings.instance_name = Some("Kitchen".into());
    bench.write_record(FEATHER, &named);
    let devices = get(PICO_NAME, "/cp/devices.json");
    let answer = bench
        .until(&devices, |answer| answer.text().contains("Kitchen"))
        .await;
    let expected = json!({"total": 1, "devices": [{
        "hostname": "cpy-5a0a0b",
        "instance_name": "Kitchen",
        "port": bench.address.port(),
        "ip": bench.address.ip().to_string(),
    }]});
    assert_eq!(answer.json(), expected);
    assert_eq!(bench.ask(&get(PICO_NAME, "/peers")).await.json(), expected);
    let all = bench.get("/cp/devices.json", "").await.json();
    assert_eq!(all["total"], 2, "{all}");
}

#[tokio::test]
async fn disk_info_tells_of_the_drive_in_bytes() {
    let bench = Bench::new().await;
    let disk_info = get(PICO_NAME, "/cp/diskinfo.json");
    assert_eq!(
        bench.ask(&disk_info).await.json(),
        json!([{"root": "/", "free": 900_096, "total": 1_028_096, "block_size": 512, "writable": true}])
    );
    bench.files.drives.lock().unwrap().clear();
    bench.ask(&disk_info).await.is(503).says("no drive");
}

#[tokio::test]
async fn a_board_document_tells_the_state_of_all() {
    let bench = Bench::new().await;
    let document = get(PICO_NAME, "/cp/board.json");
    let board = json!({
        "serial": PICO,
        "hostname": "cpy-7e6f35",
        "port": 18001,
        "instance_name": "Raspberry Pi Pico",
        "board_name": "Raspberry Pi Pico",
        "board_id": "raspberry_pi_pico",
        "version": "10.0.3",
        "uid": PICO,
        "attached": true,
        "console": {"state": "running", "title": "code.py"},
        "drive": {"state": "ready", "writable": true, "reason": "", "free": 900_096, "total": 1_028_096},
        "network": {"state": "published", "problem": ""},
        "problems": [],
    });
    assert_eq!(bench.ask(&document).await.json(), board);
    let mut listed = board;
    listed["url"] = format!("http://{}:18001/", bench.address.ip()).into();
    assert_eq!(
        bench.get("/cp/boards.json", "").await.json(),
        json!({"total": 1, "problems": [], "name_problems": [], "boards": [listed]})
    );
    let by_name = bench.ask(&get(PICO_NAME, "/cp/boards.json")).await.json();
    let port = bench.address.port();
    assert_eq!(
        by_name["boards"][0]["url"],
        format!("http://{PICO_NAME}:{port}/")
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_in_sentences() {
    let bench = Bench::new().await;
    let mut broken = Record {
        settings_problem: Some("settings.toml, line 3: no value.".into()),
        ..record(PICO)
    };
    broken.settings.password = None;
    bench.write_record(PICO, &broken);
    fs::remove_file(bench.config.boards_dir.join(PICO).join("drive")).unwrap();
    bench.console.stop().await;
    let document = get(PICO_NAME, "/cp/board.json");
    let answer = bench
        .until(&document, |answer| {
            answer.text().contains("line 3") && answer.text().contains("absent")
        })
        .await
        .json();
    assert_eq!(answer["console"], json!(null));
    assert_eq!(answer["drive"]["state"], "absent");
    let problems = answer["problems"].to_string();
    for part in [
        "serial-bridge",
        "shows no drive",
        "line 3",
        "No password is set",
    ] {
        assert!(problems.contains(part), "{part}: {problems}");
    }
}

#[tokio::test]
async fn one_board_is_asked_about_alone_and_a_drive_that_is_busy_is_not_missing() {
    let bench = Bench::new().await;
    bench.files.drives.lock().unwrap().clear();
    let state = bench.ask(&get(PICO_NAME, "/cp/board.json")).await.json();
    assert_eq!(state["drive"], json!(null));
    let problems = state["problems"].to_string();
    assert!(problems.contains("drive does not answer now"), "{problems}");
    assert!(!problems.contains("shows no drive"), "{problems}");
    for (seen, line) in [
        (&bench.files.seen, format!("GET /boards/{PICO}/drive")),
        (&bench.console.seen, format!("GET /boards/{PICO}/console")),
    ] {
        let lines: Vec<String> = seen.all().into_iter().map(|seen| seen.line).collect();
        assert_eq!(lines, [line]);
    }
}

#[tokio::test]
async fn settings_that_have_not_been_read_are_a_problem() {
    let mut bench = Bench::empty().await;
    bench.plug_unread(PICO);
    bench.start().await;
    let state = bench.ask(&get(PICO_NAME, "/cp/board.json")).await.json();
    let problems = state["problems"].to_string();
    assert!(problems.contains("have not been read yet"), "{problems}");
    assert!(!problems.contains("No password is set"), "{problems}");
}

#[tokio::test]
async fn an_unplugged_board_is_told_to_be_and_all_else_of_it_is_unavailable() {
    let bench = Bench::new().await;
    bench.unplug(PICO);
    let document = get(PICO_NAME, "/cp/board.json");
    let board = bench
        .until(&document, |answer| {
            answer.text().contains("\"attached\":false")
        })
        .await
        .json();
    assert!(
        board["problems"]
            .to_string()
            .contains("cpy-7e6f35 is not plugged in.")
    );
    for path in [
        "/cp/version.json",
        "/cp/diskinfo.json",
        "/cp/devices.json",
        "/peers",
        "/fs/",
        "/fs/code.py",
        "/edit/",
        "/cp/serial/",
    ] {
        let answer = bench.ask(&format!("{}{RIGHT}", get(PICO_NAME, path))).await;
        answer.is(503).says("cpy-7e6f35 is not plugged in.");
    }
    for path in ["/", "/code/", "/static/shared/page.css", "/favicon.ico"] {
        bench.ask(&get(PICO_NAME, path)).await.is(200);
    }
    assert_eq!(bench.get("/cp/boards.json", "").await.json()["total"], 0);
}

#[tokio::test]
async fn the_gateways_own_address_is_the_board_that_is_alone() {
    let bench = Bench::new().await;
    bench.get("/cp/version.json", "").await.is(200);
    bench.get("/fs/code.py", RIGHT).await.is(200);
    bench.plug(FEATHER);
    let own = get(&bench.address.to_string(), "/cp/version.json");
    let answer = bench.until(&own, |answer| answer.status == 404).await;
    answer.says("Several boards are plugged in");
    bench.get("/fs/code.py", RIGHT).await.is(404);
    bench.get("/cp/boards.json", "").await.is(200);
    bench.unplug(PICO);
    bench.unplug(FEATHER);
    let answer = bench.until(&own, |answer| answer.status == 503).await;
    answer.says("No board is plugged in");
}
