//! Requests below /fs/: passed on as they are, bodies as they come.

use crate::bench::{Bench, PICO, RIGHT};

/// The head of an upload.
fn put(bench: &Bench, path: &str, headers: &str) -> String {
    let host = bench.address;
    format!("PUT /fs/{path} HTTP/1.1\r\nHost: {host}\r\n{RIGHT}{headers}\r\n")
}

#[tokio::test]
async fn the_path_is_passed_on_undecoded_and_without_the_password() {
    let bench = Bench::new().await;
    for path in [
        "/fs/code.py",
        "/fs//lib//a%20b+c.py",
        "/fs/%2e%2e/x",
        "/fs/a?b=c",
        "/fs/ümlaut",
    ] {
        bench.get(path, RIGHT).await.is(200);
        let seen = bench.files.seen.last();
        assert_eq!(seen.line, format!("GET /boards/{PICO}{path}"));
        assert_eq!(seen.header("authorization"), None);
        assert_eq!(seen.header("host"), Some("localhost"));
    }
}

#[tokio::test]
async fn what_the_request_says_is_passed_on() {
    let bench = Bench::new().await;
    let headers = "Accept: application/json\r\nX-Timestamp: 1700000000000\r\n\
        X-Destination: /fs/a b/ü.py\r\nRange: bytes=0-1\r\nIf-None-Match: \"x\"\r\nIf-Modified-Since: x\r\n\
        Origin: http://localhost\r\nCookie: a=b\r\nX-Other: 1\r\nConnection: X-Other\r\n";
    bench
        .request("MOVE", "/fs/code.py", &format!("{RIGHT}{headers}"))
        .await
        .is(201);
    let seen = bench.files.seen.last();
    assert_eq!(seen.line, format!("MOVE /boards/{PICO}/fs/code.py"));
    for (name, value) in [
        ("accept", "application/json"),
        ("x-timestamp", "1700000000000"),
        ("if-none-match", "\"x\""),
    ] {
        assert_eq!(seen.header(name), Some(value), "{seen:?}");
    }
    assert_eq!(
        seen.headers["x-destination"].as_bytes(),
        "/fs/a b/ü.py".as_bytes()
    );
    for name in [
        "cookie",
        "x-other",
        "origin",
        "transfer-encoding",
        "range",
        "if-modified-since",
    ] {
        assert_eq!(seen.header(name), None, "{seen:?}");
    }
}

#[tokio::test]
async fn a_move_to_two_places_is_refused() {
    let bench = Bench::new().await;
    let twice = format!("{RIGHT}X-Destination: /fs/a\r\nX-Destination: /fs/b\r\n");
    let answer = bench.request("MOVE", "/fs/code.py", &twice).await;
    answer.is(400).says("X-Destination");
    assert!(bench.files.seen.all().is_empty());
}

#[tokio::test]
async fn the_answer_is_passed_back_without_what_is_about_the_connection() {
    let bench = Bench::new().await;
    let answer = bench.get("/fs/code.py", RIGHT).await;
    answer
        .is(200)
        .has("content-type", "text/plain;charset=UTF-8");
    answer
        .has("content-length", "9")
        .has("x-content-type-options", "nosniff");
    answer.has("cache-control", "no-store").has_no("x-hop");
    answer.has("access-control-allow-origin", "*");
    assert_eq!(answer.text(), "print(1)\n");
    let answer = bench.get("/fs/missing.py", RIGHT).await;
    answer.is(404).says("There is no such file");
    let answer = bench.request("HEAD", "/fs/code.py", RIGHT).await;
    answer.is(200).has("content-length", "9");
    bench.request("DELETE", "/fs/code.py", RIGHT).await.is(204);
}

#[tokio::test]
async fn a_directory_is_json_for_who_names_it_and_a_page_otherwise() {
    let bench = Bench::new().await;
    let json = format!("{RIGHT}Accept: text/html, application/json\r\n");
    assert!(bench.get("/fs/lib/", &json).await.json()["files"].is_array());
    for accept in ["", "Accept: */*\r\n", "Accept: text/html\r\n"] {
        for method in ["GET", "HEAD"] {
            let answer = bench
                .request(method, "/fs/lib/", &format!("{RIGHT}{accept}"))
                .await;
            answer
                .is(200)
                .has("content-type", "text/html;charset=UTF-8");
            assert!(answer.header("content-security-policy").is_some());
        }
    }
    let answer = bench.get("/fs/missing/", RIGHT).await;
    answer.is(404).says("There is no such file");
}

#[tokio::test]
async fn a_body_of_known_length_keeps_it_and_one_in_chunks_stays_in_chunks() {
    let bench = Bench::new().await;
    for (headers, body, length, coding) in [
        ("Content-Length: 5\r\n", "hello", Some("5"), None),
        (
            "Transfer-Encoding: chunked\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            None,
            Some("chunked"),
        ),
    ] {
        let mut wire = bench.connect().await;
        wire.send(&format!("{}{body}", put(&bench, "a.txt", headers)))
            .await;
        wire.answer().await.is(201);
        let seen = bench.files.seen.last();
        assert_eq!(seen.body, b"hello");
        assert_eq!(seen.header("content-length"), length);
        assert_eq!(seen.header("transfer-encoding"), coding);
    }
    // Neither of them: an empty file.
    let mut wire = bench.connect().await;
    wire.send(&put(&bench, "empty.txt", "")).await;
    wire.answer().await.is(201);
    assert_eq!(bench.files.seen.last().end, Some(true));
}

#[tokio::test]
async fn a_body_is_passed_on_while_it_comes() {
    let bench = Bench::new().await;
    let mut wire = bench.connect().await;
    wire.send(&put(&bench, "a.txt", "Content-Length: 10\r\n"))
        .await;
    wire.send("first").await;
    let first = |seen: &crate::stand_in::Seen| seen.body == b"first" && seen.end.is_none();
    bench.files.seen.wait("the first half", first).await;
    wire.send("after").await;
    wire.answer().await.is(201);
    assert_eq!(bench.files.seen.last().body, b"firstafter");
}

#[tokio::test]
async fn a_body_cut_short_is_cut_short_for_file_proxy_too() {
    let bench = Bench::new().await;
    for (headers, part) in [
        ("Content-Length: 10\r\n", "first"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nfirst\r\n"),
    ] {
        let mut wire = bench.connect().await;
        wire.send(&format!("{}{part}", put(&bench, "cut.txt", headers)))
            .await;
        bench
            .files
            .seen
            .wait("the start", |seen| {
                seen.end.is_none() && seen.body == b"first"
            })
            .await;
        drop(wire);
        bench
            .files
            .seen
            .wait("the cut", |seen| seen.end == Some(false))
            .await;
    }
}

#[tokio::test]
async fn a_client_whose_chunks_are_wrong_is_told_so() {
    let bench = Bench::new().await;
    let mut wire = bench.connect().await;
    let head = put(&bench, "cut.txt", "Transfer-Encoding: chunked\r\n");
    wire.send(&format!("{head}5\r\nhello\r\nzz\r\n")).await;
    wire.answer().await.is(400).says("broke off");
    assert!(wire.until_closed().await.is_empty());
}

#[tokio::test]
async fn a_chunk_that_nobody_could_send_is_refused_before_its_data_is_waited_for() {
    let bench = Bench::new().await;
    let head = put(&bench, "huge.bin", "Transfer-Encoding: chunked\r\n");
    for begin in ["", "5\r\nhello\r\n"] {
        for size in ["ffffffffffffffff", "7fffffffffffffff;a", "100000000"] {
            let mut wire = bench.connect().await;
            wire.send(&format!("{head}{begin}{size}\r\n")).await;
            wire.answer().await.is(400).says("broke off");
            assert!(wire.until_closed().await.is_empty(), "{begin}{size}");
        }
    }
    // Whoever reads the body: a directory's page wants none.
    for target in ["/", "/fs/"] {
        let host = bench.address;
        let mut wire = bench.connect().await;
        wire.send(&format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\n{RIGHT}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"
        ))
        .await;
        wire.answer().await.is(200);
        wire.until_closed().await;
    }
}

#[tokio::test]
async fn continue_is_sent_when_file_proxy_asks_for_the_body() {
    let bench = Bench::new().await;
    for headers in [
        "Expect: 100-continue\r\nContent-Length: 5\r\n",
        "Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let mut wire = bench.connect().await;
        wire.send(&put(&bench, "a.txt", headers)).await;
        wire.answer().await.is(100);
        let chunked = headers.contains("chunked");
        wire.send(if chunked {
            "5\r\nhello\r\n0\r\n\r\n"
        } else {
            "hello"
        })
        .await;
        wire.answer().await.is(201);
        let seen = bench.files.seen.last();
        assert_eq!(seen.header("expect"), Some("100-continue"));
        assert_eq!(seen.body, b"hello");
    }
}

#[tokio::test]
async fn continue_is_not_sent_for_a_request_that_is_refused() {
    let bench = Bench::new().await;
    let expect = "Expect: 100-continue\r\nContent-Length: 5000000\r\n";
    let host = bench.address;
    for (head, status) in [
        (put(&bench, "toolarge.bin", expect), 417),
        (put(&bench, "refused.bin", expect), 409),
        (
            format!("PUT /fs/a HTTP/1.1\r\nHost: {host}\r\n{expect}\r\n"),
            401,
        ),
        (
            format!("PUT /nothing HTTP/1.1\r\nHost: {host}\r\n{expect}\r\n"),
            404,
        ),
        (
            format!("PUT /fs/a HTTP/1.1\r\nHost: {host}\r\nOrigin: http://evil\r\n{expect}\r\n"),
            403,
        ),
        (
            format!("PUT /fs/a HTTP/1.1\r\nHost: evil\r\n{expect}\r\n"),
            421,
        ),
        (
            format!("PATCH /fs/a HTTP/1.1\r\nHost: {host}\r\n{RIGHT}{expect}\r\n"),
            405,
        ),
        (
            format!("POST /fs/a/ HTTP/1.1\r\nHost: {host}\r\n{RIGHT}{expect}\r\n"),
            415,
        ),
    ] {
        let mut wire = bench.connect().await;
        wire.send(&head).await;
        wire.answer().await.is(status).has("connection", "close");
        assert!(wire.until_closed().await.is_empty(), "{head}");
    }
}

#[tokio::test]
async fn continue_waits_for_file_proxy() {
    let mut bench = Bench::empty().await;
    bench.plug(PICO);
    bench.start().await;
    // A service that takes the head and says nothing.
    let socket =
        cpy_board::RuntimeDir::new(&bench.config.runtime_dir).socket(cpy_board::Daemon::FileProxy);
    let listener = cpy_board::http::bind_unix(&socket).unwrap();
    let mut wire = bench.connect().await;
    wire.send(&put(
        &bench,
        "a",
        "Expect: 100-continue\r\nContent-Length: 5\r\n",
    ))
    .await;
    let (mut service, _) = listener.accept().await.unwrap();
    assert!(wire.is_silent().await);
    let go = "HTTP/1.1 100 Continue\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut service, go.as_bytes())
        .await
        .unwrap();
    wire.answer().await.is(100);
    wire.send("hello").await;
    let end = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut service, end.as_bytes())
        .await
        .unwrap();
    wire.answer().await.is(201);
}

#[tokio::test]
async fn a_client_that_sends_all_before_it_reads_sees_a_refusal() {
    let bench = Bench::new().await;
    let body = vec![b'x'; 9_000_000];
    let length = format!("Content-Length: {}\r\n", body.len());
    let host = bench.address;
    for (head, status) in [
        (put(&bench, "refused.bin", &length), 409),
        (
            format!("PUT /fs/a HTTP/1.1\r\nHost: {host}\r\n{length}\r\n"),
            401,
        ),
        (
            format!("PUT /cp/version.json HTTP/1.1\r\nHost: {host}\r\n{length}\r\n"),
            405,
        ),
        (
            format!("PUT /fs/a HTTP/1.1\r\nHost: evil\r\n{length}\r\n"),
            421,
        ),
    ] {
        for _ in 0..3 {
            let mut wire = bench.connect().await;
            wire.send(&head).await;
            wire.send_bytes(&body).await;
            wire.answer().await.is(status);
            // The connection is as good as before.
            wire.send(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))
                .await;
            wire.answer().await.is(200);
        }
    }
}

#[tokio::test]
async fn a_redirected_upload_is_read_behind_the_redirect() {
    let bench = Bench::new().await;
    let mut wire = bench.connect().await;
    wire.send("PUT /fs/a HTTP/1.1\r\nHost: circuitpython.local\r\nContent-Length: 3000000\r\n\r\n")
        .await;
    wire.send_bytes(&vec![b'x'; 3_000_000]).await;
    wire.answer().await.is(307).has("connection", "close");
    assert!(wire.until_closed().await.is_empty());
}

#[tokio::test]
async fn a_refusal_of_a_huge_body_ends_the_connection() {
    let bench = Bench::new().await;
    let mut wire = bench.connect().await;
    wire.send(&put(
        &bench,
        "refused.bin",
        "Content-Length: 1000000000\r\n",
    ))
    .await;
    wire.answer().await.is(409);
    let megabyte = vec![b'x'; 1_000_000];
    let mut sent = 0;
    while sent < 500_000_000 {
        match wire.send_what_is_taken(&megabyte).await {
            1_000_000 => sent += 1_000_000,
            _ => return,
        }
    }
    panic!("half of it was read");
}

#[tokio::test]
async fn a_service_that_is_not_running_is_said_to_be_and_comes_back() {
    let mut bench = Bench::new().await;
    bench.files.stop().await;
    for (method, path) in [
        ("GET", "/fs/code.py"),
        ("GET", "/fs/"),
        ("PUT", "/fs/a"),
        ("GET", "/cp/diskinfo.json"),
    ] {
        let answer = bench.request(method, path, RIGHT).await;
        answer
            .is(503)
            .says("file service (file-proxy) is not running");
    }
    bench.files.start();
    bench.get("/fs/code.py", RIGHT).await.is(200);
}

#[tokio::test]
async fn an_upload_to_a_service_that_is_not_running_is_read_behind_the_answer() {
    let bench = Bench::new().await;
    bench.files.stop().await;
    let mut wire = bench.connect().await;
    wire.send(&put(&bench, "a", "Content-Length: 3000000\r\n"))
        .await;
    wire.send_bytes(&vec![b'x'; 3_000_000]).await;
    wire.answer().await.is(503);
    let host = bench.address;
    wire.send(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))
        .await;
    wire.answer().await.is(200);
}

#[tokio::test]
async fn a_service_that_breaks_off_is_said_to_have() {
    let mut bench = Bench::empty().await;
    bench.files.start_raw(b"");
    bench.plug(PICO);
    bench.start().await;
    for path in ["/fs/code.py", "/fs/"] {
        bench.get(path, RIGHT).await.is(503).says("broke off");
    }
}

#[tokio::test]
async fn an_answer_cut_short_is_not_taken_for_a_whole_one() {
    let mut bench = Bench::empty().await;
    bench
        .files
        .start_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
    bench.plug(PICO);
    bench.start().await;
    let mut wire = bench.connect().await;
    let host = bench.address;
    wire.send(&format!(
        "GET /fs/a HTTP/1.1\r\nHost: {host}\r\n{RIGHT}\r\n"
    ))
    .await;
    let got = wire.until_closed().await;
    let text = String::from_utf8_lossy(&got);
    assert!(
        text.contains("content-length: 10") && text.ends_with("first"),
        "{text}"
    );
}
