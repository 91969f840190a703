//! Two people, one file: what a client expects of a file before it changes it.

use cpy_tests::Bench;
use cpy_tests::http::Reply;

const SERIAL: &str = "E6614C311B7E6F35";

/// The file that all of them want.
const FILE: &str = "/fs/code.py";

/// The file's entity tag, which its listing has as well.
async fn entity_tag(bench: &Bench) -> String {
    let got = bench.call("GET", FILE).expect(200).await;
    let etag = got.header("etag").to_owned();
    let listing = bench.ask("GET", "/fs/", "", 200).await;
    let files = listing.json()["files"].as_array().expect("a list").clone();
    let file = files
        .iter()
        .find(|file| file["name"] == "code.py")
        .expect("it is listed");
    assert_eq!(file["etag"], etag.as_str(), "{file}");
    let directory = files
        .iter()
        .find(|file| file["directory"] == true)
        .expect("one is listed");
    assert!(directory["etag"].is_null(), "{directory}");
    etag
}

async fn save(bench: &Bench, content: &str, condition: &str, status: u16) -> Reply {
    let call = bench.call("PUT", FILE).body(content.to_owned());
    let (name, value) = condition.split_once(": ").expect("a header");
    call.header(name, value).expect(status).await
}

#[tokio::test]
async fn of_two_people_who_edit_one_file_the_second_is_told() {
    let bench = Bench::new(SERIAL).await;
    let read = entity_tag(&bench).await;
    let first = save(&bench, "# first\n", &format!("If-Match: {read}"), 204).await;
    let after_first = first.header("etag").to_owned();
    assert_ne!(after_first, read);
    assert_eq!(entity_tag(&bench).await, after_first);
    let second = save(&bench, "# second", &format!("If-Match: {read}"), 412).await;
    assert!(
        second.text().contains("somebody has changed it"),
        "{second:?}"
    );
    assert_eq!(bench.holds("code.py").unwrap(), "# first\n");
    for method in ["DELETE", "MOVE"] {
        let call = bench.call(method, FILE).header("If-Match", &read);
        call.header("X-Destination", "/fs/gone.py")
            .expect(412)
            .await;
    }
    let several = format!("If-Match: \"other\", {after_first}");
    save(&bench, "# third\n", &several, 204).await;
    // Who expects nothing overwrites, as ever.
    bench.call("PUT", FILE).body("# last\n").expect(204).await;
    let now = entity_tag(&bench).await;
    let call = bench.call("MOVE", FILE).header("If-Match", &now);
    call.header("X-Destination", "/fs/main.py")
        .expect(201)
        .await;
    save(&bench, "# new", "If-Match: *", 412).await;
}

#[tokio::test]
async fn a_file_is_made_only_where_there_is_none_or_another() {
    let bench = Bench::new(SERIAL).await;
    save(&bench, "# over", "If-None-Match: *", 412).await;
    let etag = entity_tag(&bench).await;
    save(&bench, "# over", &format!("If-None-Match: {etag}"), 412).await;
    save(&bench, "# over", "If-None-Match: \"another\"", 204).await;
    bench
        .call("DELETE", FILE)
        .header("If-Match", "*")
        .expect(204)
        .await;
    save(&bench, "# new", "If-None-Match: *", 201).await;
    assert_eq!(bench.holds("code.py").unwrap(), "# new");
}

#[tokio::test]
async fn whoever_has_a_content_already_is_not_sent_it_again() {
    let bench = Bench::new(SERIAL).await;
    let etag = entity_tag(&bench).await;
    let call = bench.call("GET", FILE).header("If-None-Match", &etag);
    let reply = call.expect(304).await;
    assert_eq!(reply.header("etag"), etag);
    assert_eq!(reply.text(), "");
    let call = bench
        .call("GET", FILE)
        .header("If-None-Match", "\"another\"");
    assert_eq!(call.expect(200).await.header("etag"), etag);
    bench
        .call("GET", FILE)
        .header("If-Match", "\"another\"")
        .expect(412)
        .await;
}

#[tokio::test]
async fn contents_of_one_length_and_one_second_are_told_apart() {
    let bench = Bench::new(SERIAL).await;
    let mut seen = std::collections::BTreeSet::new();
    for number in 10..60 {
        let call = bench.call("PUT", FILE).body(format!("# {number}\n"));
        // As a client with a clock that stands still.
        let reply = call.header("X-Timestamp", "1760702400000").send().await;
        assert!(reply.status.is_success(), "{reply:?}");
        assert!(seen.insert(reply.header("etag").to_owned()), "{reply:?}");
    }
}

#[tokio::test]
async fn an_entity_tag_outlives_a_replug_and_a_daemon() {
    let mut bench = Bench::new(SERIAL).await;
    bench.call("PUT", FILE).body("# mine\n").expect(204).await;
    let etag = entity_tag(&bench).await;
    bench.elsewhere(|_| {}).await;
    assert_eq!(entity_tag(&bench).await, etag);
    bench.kill_file_proxy().await;
    assert_eq!(entity_tag(&bench).await, etag);
}
