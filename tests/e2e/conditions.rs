//! Two people, one file: what a client expects of a file before it changes it.

use cpy_tests::http::{Call, Reply};
use cpy_tests::{Board, Gateway, wait};

const SERIAL: &str = "E6614C311B7E6F35";

struct Bench {
    // Dropped before the gateway, in whose directory its image is.
    board: Board,
    gateway: Gateway,
}

impl Bench {
    async fn new() -> Self {
        let gateway = Gateway::start().await;
        let board = gateway.plug(SERIAL, &[]).await;
        Self { board, gateway }
    }

    fn call(&self, method: &str) -> Call {
        self.gateway.call(method, "/fs/code.py").to(&self.board)
    }

    /// The file's entity tag, which its listing has as well.
    async fn etag(&self) -> String {
        let etag = self.call("GET").expect(200).await.header("etag").to_owned();
        let list = self.gateway.call("GET", "/fs/").to(&self.board);
        let listing = list.header("Accept", "application/json").expect(200).await;
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

    async fn save(&self, content: &str, condition: &str, status: u16) -> Reply {
        let call = self.call("PUT").body(content.to_owned());
        let (name, value) = condition.split_once(": ").expect("a header");
        call.header(name, value).expect(status).await
    }

    fn content(&self) -> Vec<u8> {
        self.board
            .image()
            .read("/code.py")
            .expect("the file is there")
    }
}

#[tokio::test]
async fn of_two_people_who_edit_one_file_the_second_is_told() {
    let bench = Bench::new().await;
    let read = bench.etag().await;
    let first = bench
        .save("# first\n", &format!("If-Match: {read}"), 204)
        .await;
    let after_first = first.header("etag").to_owned();
    assert_ne!(after_first, read);
    assert_eq!(bench.etag().await, after_first);
    let second = bench
        .save("# second", &format!("If-Match: {read}"), 412)
        .await;
    assert!(
        second.text().contains("somebody has changed it"),
        "{second:?}"
    );
    assert_eq!(bench.content(), b"# first\n");
    for method in ["DELETE", "MOVE"] {
        let call = bench.call(method).header("If-Match", &read);
        call.header("X-Destination", "/fs/gone.py")
            .expect(412)
            .await;
    }
    let several = format!("If-Match: \"other\", {after_first}");
    bench.save("# third\n", &several, 204).await;
    // Who expects nothing overwrites, as ever.
    bench.call("PUT").body("# last\n").expect(204).await;
    let now = bench.etag().await;
    let call = bench.call("MOVE").header("If-Match", &now);
    call.header("X-Destination", "/fs/main.py")
        .expect(201)
        .await;
    bench.save("# new", "If-Match: *", 412).await;
}

#[tokio::test]
async fn a_file_is_made_only_where_there_is_none_or_another() {
    let bench = Bench::new().await;
    bench.save("# over", "If-None-Match: *", 412).await;
    let etag = bench.etag().await;
    bench
        .save("# over", &format!("If-None-Match: {etag}"), 412)
        .await;
    bench
        .save("# over", "If-None-Match: \"another\"", 204)
        .await;
    bench
        .call("DELETE")
        .header("If-Match", "*")
        .expect(204)
        .await;
    bench.save("# new", "If-None-Match: *", 201).await;
    assert_eq!(bench.content(), b"# new");
}

#[tokio::test]
async fn whoever_has_a_content_already_is_not_sent_it_again() {
    let bench = Bench::new().await;
    let etag = bench.etag().await;
    let call = bench.call("GET").header("If-None-Match", &etag);
    let reply = call.expect(304).await;
    assert_eq!(reply.header("etag"), etag);
    assert_eq!(reply.text(), "");
    let call = bench.call("GET").header("If-None-Match", "\"another\"");
    assert_eq!(call.expect(200).await.header("etag"), etag);
    bench
        .call("GET")
        .header("If-Match", "\"another\"")
        .expect(412)
        .await;
}

#[tokio::test]
async fn contents_of_one_length_and_one_second_are_told_apart() {
    let bench = Bench::new().await;
    let mut seen = std::collections::BTreeSet::new();
    for number in 10..60 {
        let call = bench.call("PUT").body(format!("# {number}\n"));
        // As a client with a clock that stands still.
        let reply = call.header("X-Timestamp", "1760702400000").send().await;
        assert!(reply.status.is_success(), "{reply:?}");
        assert!(seen.insert(reply.header("etag").to_owned()), "{reply:?}");
    }
}

#[tokio::test]
async fn an_entity_tag_outlives_a_replug_and_a_daemon() {
    let mut bench = Bench::new().await;
    bench.call("PUT").body("# mine\n").expect(204).await;
    let etag = bench.etag().await;
    bench.board.unplug();
    bench
        .gateway
        .status_becomes(&bench.board, "/fs/code.py", 503)
        .await;
    bench.board.plug();
    bench
        .gateway
        .status_becomes(&bench.board, "/fs/code.py", 200)
        .await;
    assert_eq!(bench.etag().await, etag);
    bench.gateway.kill("cpy-file-proxy");
    bench.gateway.start_daemon("cpy-file-proxy");
    wait::until("file-proxy is back", async || {
        let reply = bench.call("GET").try_send().await.ok()?;
        (reply.status == 200).then_some(())
    })
    .await;
    assert_eq!(bench.etag().await, etag);
}
