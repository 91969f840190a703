//! The pages as they are served.

use std::io::Read as _;

use crate::bench::{Bench, RIGHT};

#[tokio::test]
async fn pages_are_where_the_web_workflow_has_them() {
    let bench = Bench::new().await;
    let name = "cpy-7e6f35.local";
    let welcome = bench
        .ask(&format!("GET / HTTP/1.1\r\nHost: {name}\r\n"))
        .await;
    let overview = bench.get("/", "").await;
    assert_ne!(welcome.text(), overview.text());
    for (path, headers) in [
        ("/", ""),
        ("/code/", ""),
        ("/edit/", RIGHT),
        ("/cp/serial/", RIGHT),
        ("/fs/", RIGHT),
    ] {
        let answer = bench.get(path, headers).await;
        answer
            .is(200)
            .has("content-type", "text/html;charset=UTF-8");
        answer
            .has("cache-control", "no-cache")
            .has("x-content-type-options", "nosniff");
        answer.has("referrer-policy", "no-referrer");
        answer.has(
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        );
        bench.request("HEAD", path, headers).await.is(200);
    }
    for (path, kind) in [
        ("/favicon.ico", "image/svg+xml"),
        ("/static/favicon.svg", "image/svg+xml"),
        ("/static/shared/page.css", "text/css;charset=UTF-8"),
        (
            "/static/shared/protocol.js",
            "text/javascript;charset=UTF-8",
        ),
    ] {
        bench.get(path, "").await.is(200).has("content-type", kind);
    }
    for path in [
        "/static/",
        "/static/nothing",
        "/static/../Cargo.toml",
        "/static/edit/index.html",
    ] {
        bench.get(path, "").await.is(404);
    }
}

#[tokio::test]
async fn a_page_without_its_last_slash_leads_to_it() {
    let bench = Bench::new().await;
    for path in ["/code", "/edit", "/cp/serial", "/fs"] {
        let answer = bench.get(path, "").await;
        answer.is(307).has("location", &format!("{path}/"));
    }
}

#[tokio::test]
async fn pages_are_packed_for_who_takes_it() {
    let bench = Bench::new().await;
    let plain = bench.get("/", "").await;
    plain.has_no("content-encoding");
    let packed = bench.get("/", "Accept-Encoding: br, gzip\r\n").await;
    packed.is(200).has("content-encoding", "gzip");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed.body[..])
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, plain.body);
    bench
        .get("/", "Accept-Encoding: gzip;q=0\r\n")
        .await
        .has_no("content-encoding");
}

#[tokio::test]
async fn what_the_browser_has_is_not_sent_again() {
    let bench = Bench::new().await;
    for encoding in ["", "Accept-Encoding: gzip\r\n"] {
        let first = bench.get("/static/shared/page.css", encoding).await;
        let tag = first.is(200).header("etag").unwrap().to_owned();
        let again = format!("{encoding}If-None-Match: \"other\", W/{tag}\r\n");
        let answer = bench.get("/static/shared/page.css", &again).await;
        answer.is(304).has("etag", &tag);
        let other = format!("{encoding}If-None-Match: \"other\"\r\n");
        bench.get("/static/shared/page.css", &other).await.is(200);
    }
}
