//! What files held is not lost where the history is small, cannot be written, or is asked for by another name.

use std::fs;

use cpy_tests::{Bench, Gateway, wait};

const SERIAL: &str = "E6614C311B7E6F35";

async fn bench_with(configuration: &str) -> Bench {
    let gateway = Gateway::start_with(configuration).await;
    let board = gateway.plug(SERIAL, &[]).await;
    Bench { board, gateway }
}

async fn paths(bench: &Bench, of: &str) -> Vec<String> {
    let versions = bench.versions(of).await;
    let paths = versions.iter().map(|version| version["path"].as_str());
    paths.map(|path| path.expect("a path").to_owned()).collect()
}

#[tokio::test]
async fn of_a_directory_all_is_kept_that_the_history_takes_and_the_rest_is_said() {
    let bench = bench_with("[history]\nbytes = 65536").await;
    bench.put("proj/", "").await;
    bench.put("proj/sound.wav", &"x".repeat(70_000)).await;
    bench.put("proj/work.py", "# mine\n").await;
    bench.ask("DELETE", "/fs/proj/", "", 204).await;
    assert_eq!(paths(&bench, "proj").await, ["/proj/work.py"]);
    let said = bench.reason().await;
    assert!(
        said.contains("there is more in /proj than the history takes"),
        "{said}"
    );
    // It is over with the next change.
    bench.put("code.py", "# new\n").await;
    assert_eq!(bench.reason().await, "");
    bench.put("large.bin", &"x".repeat(70_000)).await;
    bench.put("large.bin", "small").await;
    let said = bench.reason().await;
    assert!(
        said.contains("/large.bin is larger than the history takes"),
        "{said}"
    );
}

#[tokio::test]
async fn the_deepest_file_of_a_deleted_directory_is_kept() {
    let bench = Bench::new(SERIAL).await;
    let deep = "d/".repeat(63);
    bench.put(&deep, "").await;
    bench.put(&format!("{deep}deep.py"), "# deep\n").await;
    bench.ask("DELETE", "/fs/d/", "", 204).await;
    assert_eq!(paths(&bench, "d").await, [format!("/{deep}deep.py")]);
}

#[tokio::test]
async fn however_a_file_is_called_it_has_one_history() {
    let bench = Bench::new(SERIAL).await;
    bench.put("A%20long%20name.py", "# one\n").await;
    bench.put("ALONGN~1.PY", "# two\n").await;
    bench.put("a%20LONG%20name.PY", "# three\n").await;
    for name in ["A%20long%20name.py", "ALONGN~1.PY", "a%20long%20NAME.py"] {
        let versions = bench.versions(name).await;
        let [two, one] = &versions[..] else {
            panic!("{name}: {versions:?}");
        };
        assert_eq!(two["path"], "/A long name.py");
        assert_eq!(bench.held(name, two).await, "# two\n");
        assert_eq!(bench.held(name, one).await, "# one\n");
    }
    assert_eq!(bench.holds("A long name.py").as_deref(), Some("# three\n"));
}

#[tokio::test]
async fn what_was_deleted_while_nothing_could_be_kept_is_in_the_history_later() {
    let mut bench = Bench::new(SERIAL).await;
    bench.put("code.py", "import work\n").await;
    bench.put("work.py", "# mine\n").await;
    let state = bench.gateway.directory().join("state/file-proxy");
    let is_copied = || {
        let mut copies = fs::read_dir(state.join("copies").join(SERIAL)).ok()?;
        copies.find_map(|copy| {
            let text = fs::read_to_string(copy.ok()?.path()).ok()?;
            text.ends_with("\n# mine\n").then_some(())
        })
    };
    wait::until("it is copied", async || is_copied()).await;
    // Where the history should be there is a file: as if the disk were full.
    let history = state.join("history").join(SERIAL);
    fs::create_dir_all(state.join("history")).expect("a directory");
    let _ = fs::remove_dir_all(&history);
    fs::write(&history, "").expect("a file");
    bench.ask("DELETE", "/fs/work.py", "", 204).await;
    let said = bench.reason().await;
    assert!(said.contains("cannot be kept"), "{said}");
    // The copy is looked at when the drive is quiet.
    wait::until("the copy was to go", async || {
        let log = bench.gateway.daemon("cpy-file-proxy").output();
        log.contains("cannot be copied").then_some(())
    })
    .await;
    assert_eq!(is_copied(), Some(()), "the only one there is");
    fs::remove_file(&history).expect("it is there");
    bench.elsewhere(|_| {}).await;
    wait::until("it is in the history", async || {
        (paths(&bench, "work.py").await == ["/work.py"]).then_some(())
    })
    .await;
}
