//! What files held before they were changed, and how it comes back.

use std::fs;

use cpy_tests::Bench;

const SERIAL: &str = "E6614C311B7E6F35";

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
