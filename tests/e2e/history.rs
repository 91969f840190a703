//! What files held before they were changed, and how it comes back.

use std::fs;

use cpy_tests::{Bench, Gateway, wait};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const SERIAL: &str = "E6614C311B7E6F35";

/// Waits until there are copies of these files.
async fn are_copied(bench: &Bench, paths: &[&str]) {
    let copies = bench.gateway.directory().join("state/file-proxy/copies");
    wait::until("all is copied", async || {
        let copies = fs::read_dir(copies.join(SERIAL)).ok()?;
        let copies: Vec<String> = copies
            .filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok())
            .collect();
        let is_copied = |path: &&str| {
            let path = format!("\"path\":\"{path}\"");
            copies.iter().any(|copy| copy.contains(&path))
        };
        paths.iter().all(is_copied).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_file_held_is_listed_read_and_given_back() {
    let bench = Bench::new(SERIAL).await;
    assert!(bench.versions("plan.py").await.is_empty());
    for (content, status) in [("# one\n", 201), ("# two\n", 204), ("# three\n", 204)] {
        bench.ask("PUT", "/fs/plan.py", content, status).await;
    }
    let versions = bench.versions("plan.py").await;
    assert_eq!(versions.len(), 2, "{versions:?}");
    assert_eq!(versions[0]["path"], "/plan.py");
    assert_eq!(bench.held("plan.py", &versions[0]).await, "# two\n");
    assert_eq!(bench.held("plan.py", &versions[1]).await, "# one\n");
    let one = format!("/fs/plan.py?history={}", versions[1]["id"]);
    bench.ask("PUT", &one, "a body", 400).await;
    bench.ask("PUT", &one, "", 204).await;
    assert_eq!(bench.holds("plan.py").unwrap(), "# one\n");
    assert_eq!(
        bench
            .held("plan.py", &bench.versions("plan.py").await[0])
            .await,
        "# three\n"
    );
    bench.ask("GET", "/fs/plan.py?history=99999", "", 404).await;
    bench.ask("GET", "/fs/code.py?history=1", "", 404).await;
    bench.ask("GET", "/fs/plan.py?history=x", "", 404).await;
}

#[tokio::test]
async fn the_command_line_lists_prints_and_restores() {
    let bench = Bench::new(SERIAL).await;
    bench.ask("PUT", "/fs/my%20plan.py", "# one\n", 201).await;
    bench.ask("PUT", "/fs/my%20plan.py", "# two\n", 204).await;
    let name = bench.board.hostname().to_string();
    let history = async |more: &[&str]| {
        let arguments = [&["history", &name, "my plan.py"], more].concat();
        bench.gateway.cpyctl(&arguments).await
    };
    let listed = history(&[]).await.unwrap();
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with("ID "), "{listed}");
    assert!(lines[1].ends_with(" 6      /my plan.py"), "{listed}");
    let id = lines[1].split(' ').next().unwrap();
    assert_eq!(history(&["--print", id]).await.unwrap(), "# one\n");
    assert!(
        history(&["--restore", id])
            .await
            .unwrap()
            .contains("my plan.py holds that again")
    );
    assert_eq!(bench.holds("my plan.py").unwrap(), "# one\n");
    assert!(history(&["--print", "99999"]).await.is_none());
    let nothing = bench
        .gateway
        .cpyctl(&["history", &name, "code.py"])
        .await
        .unwrap();
    assert!(nothing.contains("Nothing is kept"), "{nothing}");
    assert!(
        bench
            .gateway
            .cpyctl(&["history", "cpy-ffffff", "code.py"])
            .await
            .is_none()
    );
}

#[tokio::test]
async fn what_was_deleted_comes_back_also_after_a_restart() {
    let mut bench = Bench::new(SERIAL).await;
    bench.ask("PUT", "/fs/lib/mine/", "", 201).await;
    bench.ask("PUT", "/fs/lib/mine/a.py", "a", 201).await;
    bench.ask("PUT", "/fs/lib/mine/b.py", "b", 201).await;
    bench.ask("DELETE", "/fs/lib/mine/", "", 204).await;
    bench.kill_file_proxy().await;
    let versions = bench.versions("lib/mine/").await;
    let mut paths: Vec<&str> = versions
        .iter()
        .filter_map(|version| version["path"].as_str())
        .collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/lib/mine/a.py", "/lib/mine/b.py"]);
    bench.ask("PUT", "/fs/lib/mine/", "", 201).await;
    for version in &versions {
        let target = format!(
            "/fs{}?history={}",
            version["path"].as_str().unwrap(),
            version["id"]
        );
        bench.ask("PUT", &target, "", 201).await;
    }
    assert_eq!(bench.holds("lib/mine/a.py").unwrap(), "a");
    assert_eq!(bench.holds("lib/mine/b.py").unwrap(), "b");
}

#[tokio::test]
async fn where_nothing_can_be_kept_files_are_saved_and_the_page_says_so() {
    let bench = Bench::new(SERIAL).await;
    let history = bench.gateway.directory().join("state/file-proxy/history");
    fs::create_dir_all(history.parent().unwrap()).unwrap();
    fs::write(&history, "").unwrap();
    bench.ask("PUT", "/fs/code.py", "# new\n", 204).await;
    assert_eq!(bench.holds("code.py").unwrap(), "# new\n");
    let state = bench.state().await;
    assert!(
        state["problems"].to_string().contains("cannot be kept"),
        "{state}"
    );
    fs::remove_file(&history).unwrap();
    bench.ask("PUT", "/fs/code.py", "# newer\n", 204).await;
    assert_eq!(bench.state().await["problems"].to_string(), "[]");
    assert_eq!(bench.versions("code.py").await.len(), 1);
}

#[tokio::test]
async fn a_deleted_directory_is_one_version_and_each_file_of_it_comes_back() {
    let bench = Bench::new(SERIAL).await;
    for content in ["# one\n", "# two\n"] {
        bench
            .ask(
                "PUT",
                "/fs/plan.py",
                content,
                if content == "# one\n" { 201 } else { 204 },
            )
            .await;
    }
    bench.ask("PUT", "/fs/lib/big/", "", 201).await;
    for number in 0..60 {
        let target = format!("/fs/lib/big/{number}.py");
        bench
            .ask("PUT", &target, &format!("# {number}\n"), 201)
            .await;
    }
    bench.ask("DELETE", "/fs/lib/big/", "", 204).await;
    assert_eq!(bench.versions("lib/big/").await.len(), 60);
    let plan = bench.versions("plan.py").await;
    assert_eq!(bench.held("plan.py", &plan[0]).await, "# one\n");
    let version = &bench.versions("lib/big/7.py").await[0];
    let target = format!("/fs/lib/big/7.py?history={}", version["id"]);
    bench.ask("PUT", &target, "", 201).await;
    assert_eq!(bench.holds("lib/big/7.py").unwrap(), "# 7\n");
}

#[tokio::test]
async fn what_is_kept_is_json_for_everybody_and_says_which_methods_it_takes() {
    let bench = Bench::new(SERIAL).await;
    let ask = async |method: &str, target: &str| {
        let call = bench.gateway.call(method, target).to(&bench.board);
        call.header("Accept", "text/html,*/*").send().await
    };
    for target in [
        "/fs/lib/?history",
        "/fs/?history",
        "/fs/?lost",
        "/fs/lib?history",
    ] {
        let reply = ask("GET", target).await;
        assert_eq!(reply.status, 200, "{target}: {reply:?}");
        let json = "application/json;charset=UTF-8";
        assert_eq!(reply.headers["content-type"], json, "{target}");
    }
    let socket = bench.gateway.directory().join("run/file-proxy/http.sock");
    for (target, methods) in [
        ("/fs/lib/?history", "GET, HEAD"),
        ("/fs/code.py?history", "GET, HEAD"),
        ("/fs/code.py?history=1", "GET, HEAD, PUT"),
        ("/fs/?lost", "GET, HEAD, PUT, DELETE"),
    ] {
        let reply = ask("MOVE", target).await;
        assert_eq!(reply.status, 405, "{target}: {reply:?}");
        let with_options = methods.replace("HEAD", "HEAD, OPTIONS");
        assert_eq!(reply.headers["allow"], with_options, "{target}");
        // file-proxy itself, which cpyctl asks.
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        let head = format!(
            "MOVE /boards/{SERIAL}{target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
        assert!(
            answer.contains(&format!("\r\nallow: {methods}\r\n")),
            "{answer}"
        );
    }
    let page = ask("GET", "/fs/lib/?other").await;
    assert!(
        page.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
}

#[tokio::test]
async fn the_command_line_gives_a_deleted_directory_back_with_one_number() {
    let bench = Bench::new(SERIAL).await;
    bench.ask("PUT", "/fs/game/levels/", "", 201).await;
    for (path, content) in [("a.py", "# early\n"), ("b.py", "# b\n"), ("levels/1", "1")] {
        let target = format!("/fs/game/{path}");
        bench.ask("PUT", &target, content, 201).await;
    }
    bench.ask("PUT", "/fs/game/a.py", "# late\n", 204).await;
    bench.ask("DELETE", "/fs/game/", "", 204).await;
    bench.ask("PUT", "/fs/game/", "", 201).await;
    bench.ask("PUT", "/fs/game/b.py", "# newer\n", 201).await;
    // Nothing can be given back to a file in whose place there is a directory.
    bench.ask("PUT", "/fs/game/levels/1/", "", 201).await;

    let versions = bench.versions("game").await;
    let id = |path: &str| {
        let found = versions.iter().find(|version| version["path"] == path);
        found.expect("it is kept")["id"].to_string()
    };
    let name = bench.board.hostname().to_string();
    let number = id("/game/b.py");
    let arguments = ["history", &name, "game", "--restore", &number];
    let said = bench.gateway.cpyctl_fails(&arguments).await;
    assert!(
        said.contains("Given back: 2 files. What one of them held until now is in its history."),
        "{said}"
    );
    assert!(said.contains("/game/levels/1: "), "{said}");
    assert!(!said.contains("/game/a.py"), "{said}");
    assert_eq!(bench.holds("game/a.py").unwrap(), "# late\n");
    assert_eq!(bench.holds("game/b.py").unwrap(), "# b\n");
    let newer = &bench.versions("game/b.py").await[0];
    assert_eq!(bench.held("game/b.py", newer).await, "# newer\n");

    bench.ask("DELETE", "/fs/game/", "", 204).await;
    let said = bench.gateway.cpyctl(&arguments).await;
    assert_eq!(said.unwrap().trim_end(), "Given back: 3 files.");
    assert_eq!(bench.holds("game/levels/1").unwrap(), "1");
    let missing = ["history", &name, "game", "--restore", "99999"];
    let said = bench.gateway.cpyctl_fails(&missing).await;
    assert!(said.contains("There is no such version"), "{said}");
}

#[tokio::test]
async fn what_is_given_back_to_a_wiped_drive_says_what_became_of_what_stood_there() {
    const KEPT: &str = "What stood in the place of one of them is in its history.";
    for (bounds, expected) in [
        ("", KEPT),
        (
            "[history]\nversions = 0\n",
            "What stood in the place of one of them could not be kept.",
        ),
    ] {
        let gateway = Gateway::start_with(bounds).await;
        let board = gateway.plug(SERIAL, &[]).await;
        let mut bench = Bench { board, gateway };
        for path in ["plan.py", "lib/mine.py"] {
            bench
                .ask("PUT", &format!("/fs/{path}"), "# work\n", 201)
                .await;
        }
        are_copied(&bench, &["/plan.py", "/lib/mine.py"]).await;
        // The board makes a new one.
        bench
            .elsewhere(|board| fs::remove_file(board.image().path()).unwrap())
            .await;
        bench.ask("PUT", "/fs/plan.py", "# begun anew\n", 201).await;
        let restore = ["drive", "restore", SERIAL];
        let list = [&restore[..], &["--list"]].concat();
        let listed = bench.gateway.cpyctl(&list).await.unwrap();
        let lines: Vec<&str> = listed.lines().collect();
        for line in &lines[..lines.len() - 1] {
            let replaces = line.ends_with("  (something else is in its place now)");
            assert_eq!(replaces, line.contains("/plan.py"), "{listed}");
        }
        let said = bench.gateway.cpyctl(&restore).await.unwrap();
        assert!(said.trim_end().ends_with(expected), "{said}");
        assert_eq!(bench.holds("plan.py").unwrap(), "# work\n");
        let versions = bench.versions("plan.py").await;
        assert_eq!(!versions.is_empty(), expected == KEPT, "{versions:?}");
    }
}
