//! Drives that others have changed: emptied, made anew, or only edited. What was on them is not lost.

use std::fs;

use cpy_tests::{Bench, Gateway, wait};

const SERIAL: &str = "E6614C311B7E6F35";

/// What a class has made.
const WORK: [(&str, &str); 4] = [
    ("code.py", "import lesson\n"),
    ("lib/deep/lesson.py", "print('one')\n"),
    ("a name with spaces.txt", ""),
    ("settings.toml", "A = 1\n"),
];

/// A board with work on its drive, of which there are copies.
async fn bench_with_work() -> Bench {
    let bench = Bench::new(SERIAL).await;
    bench.put("lib/deep/", "").await;
    for (path, content) in WORK {
        bench.put(&path.replace(' ', "%20"), content).await;
    }
    copied(&bench, &WORK).await;
    bench
}

/// Waits until there are copies of these files.
async fn copied(bench: &Bench, files: &[(&str, &str)]) {
    wait::until("all is copied", async || {
        let copies = bench.gateway.directory().join("state/file-proxy/copies");
        let copies = fs::read_dir(copies.join(SERIAL)).ok()?;
        let copies: Vec<String> = copies
            .filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok())
            .collect();
        let is_copied = |(path, content): &(&str, &str)| {
            let path = format!("\"path\":\"/{path}\"");
            let has = |copy: &&String| copy.contains(&path);
            let mut found = copies.iter().filter(has);
            found.any(|copy| {
                copy.split_once('\n')
                    .is_some_and(|(_, held)| held == *content)
            })
        };
        files.iter().all(is_copied).then_some(())
    })
    .await;
}

async fn wipe(bench: &mut Bench) {
    // The board makes a new one.
    bench
        .elsewhere(|board| fs::remove_file(board.image().path()).expect("there is one"))
        .await;
}

async fn lost(bench: &Bench) -> Vec<String> {
    let lost = bench.ask("GET", "/fs/?lost", "", 200).await.json();
    let paths = lost["files"].as_array().expect("a list").iter();
    let mut paths: Vec<String> = paths
        .map(|file| file["path"].as_str().expect("a path").to_owned())
        .collect();
    paths.sort();
    paths
}

/// What was kept of a file, the newest first.
async fn history(bench: &Bench, path: &str) -> Vec<String> {
    let mut contents = Vec::new();
    for version in bench.versions(path).await {
        contents.push(bench.held(path, &version).await);
    }
    contents
}

#[tokio::test]
async fn a_drive_that_was_made_anew_is_given_back_whole() {
    let mut bench = bench_with_work().await;
    assert_eq!(bench.reason().await, "");
    wipe(&mut bench).await;
    let said = bench.reason().await;
    assert!(
        said.contains("4 files are kept of what was on it: "),
        "{said}"
    );
    let mut expected = WORK.map(|(path, _)| format!("/{path}"));
    expected.sort();
    assert_eq!(lost(&bench).await, expected);
    // What is saved meanwhile is nobody's loss.
    bench.put("code.py", "# begun anew\n").await;
    bench.put("new.py", "# new\n").await;

    let listed = bench
        .gateway
        .cpyctl(&["drive", "restore", SERIAL, "--list"]);
    assert!(listed.await.unwrap().contains("/lib/deep/lesson.py"));
    let said = bench.gateway.cpyctl(&["drive", "restore", SERIAL]).await;
    assert!(said.unwrap().contains("Given back to cpy-7e6f35: 4 files."));
    for (path, content) in WORK {
        assert_eq!(bench.holds(path).as_deref(), Some(content), "{path}");
    }
    assert_eq!(bench.holds("new.py").unwrap(), "# new\n");
    assert_eq!(history(&bench, "code.py").await[0], "# begun anew\n");
    assert_eq!(bench.reason().await, "");
    assert!(lost(&bench).await.is_empty());
}

#[tokio::test]
async fn what_was_lost_is_kept_until_somebody_says_otherwise() {
    let mut bench = bench_with_work().await;
    wipe(&mut bench).await;
    assert_eq!(lost(&bench).await.len(), 4);
    bench.kill_file_proxy().await;
    wipe(&mut bench).await;
    assert_eq!(lost(&bench).await.len(), 4);
    bench.ask("PUT", "/fs/?lost", "a body", 400).await;
    let said = bench
        .gateway
        .cpyctl(&["drive", "restore", SERIAL, "--forget"])
        .await;
    assert!(said.unwrap().contains("cpy-7e6f35: 4 files."));
    assert!(lost(&bench).await.is_empty());
    assert_eq!(bench.reason().await, "");
    assert_eq!(bench.holds("lib/deep/lesson.py"), None);
}

#[tokio::test]
async fn what_others_write_over_or_delete_is_in_the_history() {
    let mut bench = bench_with_work().await;
    bench
        .elsewhere(|board| {
            board.image().write("/code.py", b"# edited on a laptop\n");
            board.image().delete("/lib/deep/lesson.py");
        })
        .await;
    wait::until("the history has what it held", async || {
        let versions = history(&bench, "code.py").await;
        (versions.first()? == "import lesson\n").then_some(())
    })
    .await;
    wait::until("the history has what was deleted", async || {
        let versions = history(&bench, "lib/deep/lesson.py").await;
        (versions == ["print('one')\n"]).then_some(())
    })
    .await;
    assert_eq!(bench.reason().await, "");
    assert!(lost(&bench).await.is_empty());
    assert_eq!(bench.holds("code.py").unwrap(), "# edited on a laptop\n");
    copied(&bench, &[("code.py", "# edited on a laptop\n")]).await;
}

#[tokio::test]
async fn what_others_wrote_over_is_kept_although_somebody_saves_at_once() {
    let mut bench = bench_with_work().await;
    let edited = "# edited on a laptop\n";
    bench
        .elsewhere(|board| {
            board.image().write("/code.py", edited.as_bytes());
            board.image().delete("/lib/deep/lesson.py");
        })
        .await;
    bench.put("lib/deep/lesson.py", "# another\n").await;
    let versions = history(&bench, "lib/deep/lesson.py").await;
    assert_eq!(versions, ["print('one')\n"]);
    bench.put("code.py", "# saved\n").await;
    assert_eq!(
        history(&bench, "code.py").await[..2],
        [edited, "import lesson\n"]
    );
    bench.put("code.py", "# saved again\n").await;
    let versions = history(&bench, "code.py").await;
    assert_eq!(versions[..3], ["# saved\n", edited, "import lesson\n"]);
}

#[tokio::test]
async fn what_cannot_be_given_back_keeps_nothing_else_from_it() {
    let mut bench = bench_with_work().await;
    wipe(&mut bench).await;
    bench.ask("DELETE", "/fs/code.py", "", 204).await;
    bench.put("code.py/", "").await;
    let said = bench
        .gateway
        .cpyctl_fails(&["drive", "restore", SERIAL])
        .await;
    assert!(
        said.contains("1 of the files could not be given back"),
        "{said}"
    );
    assert_eq!(lost(&bench).await, ["/code.py"]);
    assert_eq!(bench.holds("lib/deep/lesson.py").unwrap(), "print('one')\n");
    bench.ask("DELETE", "/fs/code.py/", "", 204).await;
    let said = bench.gateway.cpyctl(&["drive", "restore", SERIAL]).await;
    assert!(said.unwrap().contains("Given back to cpy-7e6f35: 1 file."));
    assert_eq!(bench.holds("code.py").unwrap(), "import lesson\n");
}

#[tokio::test]
async fn a_drive_of_which_next_to_nothing_is_left_is_given_back() {
    let mut bench = bench_with_work().await;
    let more = [("b.py", "# b\n"), ("c.py", "# c\n"), ("d.py", "# d\n")];
    for (path, content) in more {
        bench.put(path, content).await;
    }
    copied(&bench, &more).await;
    bench
        .elsewhere(|board| {
            for path in [
                "/lib/deep/lesson.py",
                "/a name with spaces.txt",
                "/settings.toml",
            ] {
                board.image().delete(path);
            }
            for (path, _) in more {
                board.image().delete(&format!("/{path}"));
            }
            board.image().write("/code.py", b"# somebody else's\n");
        })
        .await;
    assert_eq!(lost(&bench).await.len(), 6);
    let said = bench.gateway.cpyctl(&["drive", "restore", SERIAL]).await;
    assert!(said.unwrap().contains("Given back to cpy-7e6f35: 6 files."));
    assert_eq!(bench.holds("code.py").unwrap(), "# somebody else's\n");
    assert_eq!(bench.holds("d.py").unwrap(), "# d\n");
}

#[tokio::test]
async fn a_drive_that_cannot_be_read_any_more_says_what_is_kept_of_it() {
    let mut bench = bench_with_work().await;
    bench.gateway.unplug(&mut bench.board).await;
    let image = bench.board.image();
    let mut sectors = fs::read(image.path()).expect("there is one");
    sectors[..512].fill(0);
    fs::write(image.path(), sectors).expect("it can be written");
    bench.board.plug();
    wait::until("what is kept is told", async || {
        let told = "4 files are kept of what was on it, and will be offered back";
        bench.reason().await.contains(told).then_some(())
    })
    .await;
    wipe(&mut bench).await;
    assert_eq!(lost(&bench).await.len(), 4);
}

#[tokio::test]
async fn what_this_gateway_deleted_or_moved_is_no_loss_whatever_happens_next() {
    let mut bench = bench_with_work().await;
    let call = bench.call("MOVE", "/fs/code.py");
    let moved = call.header("X-Destination", "/fs/main.py").send();
    assert_eq!(moved.await.status, 201);
    for path in ["lib/", "a%20name%20with%20spaces.txt", "settings.toml"] {
        bench.ask("DELETE", &format!("/fs/{path}"), "", 204).await;
    }
    bench.gateway.kill("cpy-file-proxy");
    bench.gateway.start_daemon("cpy-file-proxy");
    bench.gateway.ready(&bench.board).await;
    assert_eq!(bench.reason().await, "");
    assert!(lost(&bench).await.is_empty());
    assert_eq!(bench.holds("main.py").as_deref(), Some(WORK[0].1));
}

#[tokio::test]
async fn what_was_moved_elsewhere_is_no_loss() {
    let mut bench = bench_with_work().await;
    bench
        .elsewhere(|board| {
            let image = board.image();
            for (path, _) in WORK.iter().filter(|(path, _)| *path != "code.py") {
                image.delete(&format!("/{path}"));
            }
            image.rename("/code.py", "/main.py");
        })
        .await;
    assert_eq!(bench.reason().await, "");
    assert!(lost(&bench).await.is_empty());
}

#[tokio::test]
async fn at_a_port_another_board_is_no_wiped_one() {
    let gateway = Gateway::start().await;
    let mut board = gateway.plug("usb-1-1_4", &[]).await;
    let call = gateway.call("PUT", "/fs/code.py").to(&board);
    call.body("# a board's\n").expect(204).await;
    let copies = gateway
        .directory()
        .join("state/file-proxy/copies/usb-1-1_4");
    wait::until("it is copied", async || {
        let mut copies = fs::read_dir(&copies).ok()?;
        copies.find_map(|copy| {
            let text = fs::read_to_string(copy.ok()?.path()).ok()?;
            text.ends_with("\n# a board's\n").then_some(())
        })
    })
    .await;
    gateway.unplug(&mut board).await;
    fs::remove_file(board.image().path()).expect("there is one");
    board.plug();
    gateway.ready(&board).await;
    let bench = Bench { board, gateway };
    assert_eq!(bench.reason().await, "");
    assert!(lost(&bench).await.is_empty());
}
