//! HTTP/1.1 itself: what keeps a connection and what ends it.

use crate::bench::{Bench, RIGHT};

#[tokio::test]
async fn a_connection_is_kept_and_pipelined_requests_are_answered_in_order() {
    let bench = Bench::new().await;
    let host = bench.address;
    let mut wire = bench.connect().await;
    let request =
        |method: &str, path: &str| format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{RIGHT}");
    let all = [
        request("GET", "/cp/version.json") + "\r\n",
        request("PUT", "/fs/a") + "Content-Length: 5\r\n\r\nhello",
        request("GET", "/nothing") + "\r\n",
        request("GET", "/fs/code.py") + "\r\n",
    ];
    wire.send(&all.concat()).await;
    for status in [200, 201, 404, 200] {
        wire.answer().await.is(status);
    }
    wire.send(&(request("HEAD", "/fs/code.py") + "\r\n")).await;
    wire.answer_to(true).await.is(200);
    wire.send(&(request("GET", "/") + "Connection: close\r\n\r\n"))
        .await;
    wire.answer().await.is(200);
    assert!(wire.until_closed().await.is_empty());
}

#[tokio::test]
async fn http_1_0_is_served_with_and_without_a_host() {
    let bench = Bench::new().await;
    for host in ["", "Host: cpy-7e6f35.local\r\n"] {
        let mut wire = bench.connect().await;
        wire.send(&format!("GET /fs/code.py HTTP/1.0\r\n{host}{RIGHT}\r\n"))
            .await;
        let answer = wire.answer().await;
        assert_eq!(answer.is(200).text(), "print(1)\n");
        assert!(wire.until_closed().await.is_empty());
    }
    let mut wire = bench.connect().await;
    wire.send(&format!(
        "PUT /fs/a HTTP/1.0\r\n{RIGHT}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
    ))
    .await;
    wire.answer().await.is(201);
}

#[tokio::test]
async fn a_request_without_one_good_host_is_bad() {
    let bench = Bench::new().await;
    let host = bench.address;
    for headers in [
        String::new(),
        "Host:\r\n".to_owned(),
        "Host: a b\r\n".to_owned(),
        "Host: \u{fc}.local\r\n".to_owned(),
        format!("Host: {host}\r\nHost: {host}\r\n"),
    ] {
        let mut wire = bench.connect().await;
        wire.send(&format!("GET / HTTP/1.1\r\n{headers}\r\n")).await;
        wire.answer().await.is(400).says("Host");
        assert!(wire.until_closed().await.is_empty(), "{headers}");
    }
}

#[tokio::test]
async fn a_head_that_is_not_http_is_bad_and_ends_the_connection() {
    let bench = Bench::new().await;
    let host = format!("Host: {}\r\n", bench.address);
    for head in [
        format!("GET / HTTP/1.1\r\n{host}X: a\x01b\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}X : a\r\n\r\n"),
        format!(
            "PUT /fs/a HTTP/1.1\r\n{host}{RIGHT}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"
        ),
        format!("PUT /fs/a HTTP/1.1\r\n{host}{RIGHT}Content-Length: -1\r\n\r\n"),
        format!("PUT /fs/a HTTP/1.1\r\n{host}{RIGHT}Content-Length: 5, 6\r\n\r\nhello"),
        format!("PUT /fs/a HTTP/1.1\r\n{host}{RIGHT}Transfer-Encoding: gzip\r\n\r\n"),
        "nonsense\r\n\r\n".to_owned(),
    ] {
        let mut wire = bench.connect().await;
        wire.send(&head).await;
        wire.answer().await.is(400);
        assert!(wire.until_closed().await.is_empty(), "{head}");
    }
    assert!(bench.files.seen.all().is_empty());
}

#[tokio::test]
async fn a_request_with_two_lengths_is_bad_and_nothing_is_smuggled_behind_it() {
    let bench = Bench::new().await;
    let host = bench.address;
    let hidden = format!("GET /fs/hidden HTTP/1.1\r\nHost: {host}\r\n{RIGHT}\r\n");
    for lengths in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
    ] {
        let head = format!("PUT /fs/a HTTP/1.1\r\nHost: {host}\r\n{RIGHT}{lengths}\r\n");
        for (first, second) in [
            (head.clone() + "0\r\n\r\n" + &hidden, String::new()),
            (head.clone(), String::new()),
            // What comes at last is the end of the head, and the client waits for an answer.
            (head[..head.len() - 1].to_owned(), "\n".to_owned()),
        ] {
            let mut wire = bench.connect().await;
            wire.send("GET /cp/version.json HTTP/1.1\r\nHost: a.local\r\n\r\n")
                .await;
            wire.answer().await.is(421);
            wire.send(&first).await;
            if !second.is_empty() {
                assert!(wire.is_silent().await);
                wire.send(&second).await;
            }
            wire.answer().await.is(400);
            assert!(wire.until_closed().await.is_empty(), "{lengths}");
        }
    }
    assert!(bench.files.seen.all().is_empty());
}

#[tokio::test]
async fn a_connection_is_kept_and_watched_after_chunks_and_after_an_upgrade_that_is_none() {
    let bench = Bench::new().await;
    let host = bench.address;
    let put = format!("PUT /fs/a HTTP/1.1\r\nHost: {host}\r\n{RIGHT}");
    let mut wire = bench.connect().await;
    for trailers in ["", "X-Sum: 1\r\n"] {
        wire.send(&format!(
            "{put}Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n{trailers}\r\n"
        ))
        .await;
        wire.answer().await.is(201);
        assert_eq!(bench.files.seen.last().body, b"hello");
    }
    wire.send(&format!(
        "GET /cp/version.json HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\nUpgrade: none\r\n\r\n"
    ))
    .await;
    wire.answer().await.is(200);
    wire.send(&format!(
        "{put}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    ))
    .await;
    wire.answer().await.is(400);
    assert!(wire.until_closed().await.is_empty());
    assert_eq!(bench.files.seen.all().len(), 2);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let bench = Bench::new().await;
    let host = bench.address;
    let long = format!("X: {}\r\n", "x".repeat(40_000));
    let many = "X-Many: 1\r\n".repeat(80);
    for headers in [long, many] {
        let mut wire = bench.connect().await;
        wire.send(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n"))
            .await;
        wire.answer().await.is(431);
    }
    let path = "x".repeat(5000);
    bench.get(&format!("/fs/{path}"), RIGHT).await.is(200);
}

#[tokio::test]
async fn the_end_of_the_gateway_waits_for_the_request_that_it_is_in() {
    let mut bench = Bench::new().await;
    let host = bench.address;
    let mut wire = bench.connect().await;
    wire.send(&format!(
        "PUT /fs/a HTTP/1.1\r\nHost: {host}\r\n{RIGHT}Content-Length: 10\r\n\r\nfirst"
    ))
    .await;
    bench
        .files
        .seen
        .wait("the start", |seen| seen.body == b"first")
        .await;
    bench.shutdown.request();
    wire.send("after").await;
    wire.answer().await.is(201);
    bench.stop().await;
}
