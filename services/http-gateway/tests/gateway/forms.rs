//! Files sent by a browser's form.

use std::fmt::Write as _;

use cpy_board::status::{DriveState, DriveStatus};

use crate::bench::{Bench, PICO, RIGHT};
use crate::stand_in::Seen;
use crate::wire::Answer;

const PLAIN: &str = "Accept: */*\r\n";

/// Sends a form with a field and these files.
async fn post(bench: &Bench, path: &str, files: &[(&str, &str)], headers: &str) -> Answer {
    let mut body = "--xx\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhi\r\n".to_owned();
    for (name, content) in files {
        write!(
            body,
            "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{content}\r\n"
        )
        .unwrap();
    }
    body += "--xx--\r\n";
    let host = bench.address;
    let length = body.len();
    let mut wire = bench.connect().await;
    wire.send(&format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\
         Content-Type: multipart/form-data; boundary=xx\r\n{headers}\r\n{body}"
    ))
    .await;
    wire.answer().await
}

/// The files that were written.
fn puts(bench: &Bench) -> Vec<Seen> {
    let mut seen = bench.files.seen.all();
    seen.retain(|seen| seen.line.starts_with("PUT "));
    seen
}

/// What is said to a form of this length before any of it is sent.
async fn asked_first(bench: &Bench, length: u64) -> Answer {
    let host = bench.address;
    let mut wire = bench.connect().await;
    wire.send(&format!(
        "POST /fs/ HTTP/1.1\r\nHost: {host}\r\n{RIGHT}Content-Length: {length}\r\n\
         Expect: 100-continue\r\nContent-Type: multipart/form-data; boundary=xx\r\n\r\n"
    ))
    .await;
    wire.answer().await
}

#[tokio::test]
async fn a_form_that_cannot_succeed_is_refused_before_it_is_sent() {
    let bench = Bench::new().await;
    asked_first(&bench, 2_000_000)
        .await
        .is(417)
        .says("900096 bytes are free");
    asked_first(&bench, 950_000).await.is(100);
    let set = |change: fn(&mut DriveStatus)| {
        bench
            .files
            .drives
            .lock()
            .unwrap()
            .values_mut()
            .for_each(change);
    };
    set(|drive| {
        drive.writable = false;
        drive.reason = "The board keeps it.".into();
    });
    asked_first(&bench, 100)
        .await
        .is(409)
        .says("The board keeps it.");
    set(|drive| drive.state = DriveState::Unreadable);
    asked_first(&bench, 100)
        .await
        .is(503)
        .says("cannot be read");
    bench.files.drives.lock().unwrap().clear();
    asked_first(&bench, 100).await.is(503).says("no drive");
    bench.files.stop().await;
    asked_first(&bench, 100).await.is(503).says("not running");
    assert!(puts(&bench).is_empty());
}

#[tokio::test]
async fn a_form_tells_when_its_files_were_changed() {
    let bench = Bench::new().await;
    let headers = format!("{RIGHT}X-Timestamp: 1700000000000\r\n");
    post(&bench, "/fs/", &[("a", "1")], &headers).await.is(201);
    assert_eq!(puts(&bench)[0].header("x-timestamp"), Some("1700000000000"));
}

#[tokio::test]
async fn each_file_becomes_a_put_below_the_directory() {
    let bench = Bench::new().await;
    let files = [
        ("C:\\me\\a b%.py", "one"),
        ("", "nothing"),
        ("../../boot.py", "two\r\n--x\r\n"),
    ];
    post(&bench, "/fs/lib/", &files, &format!("{RIGHT}{PLAIN}"))
        .await
        .is(201);
    let seen = puts(&bench);
    let lines: Vec<&str> = seen.iter().map(|seen| seen.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            format!("PUT /boards/{PICO}/fs/lib/a%20b%25.py"),
            format!("PUT /boards/{PICO}/fs/lib/boot.py")
        ]
    );
    assert_eq!(seen[0].body, b"one");
    assert_eq!(seen[1].body, b"two\r\n--x\r\n");
    assert_eq!(seen[0].header("transfer-encoding"), Some("chunked"));
}

#[tokio::test]
async fn a_browser_is_sent_back_to_the_directory() {
    let bench = Bench::new().await;
    let headers = format!("{RIGHT}Accept: text/html,*/*\r\n");
    let answer = post(&bench, "/fs/a%20b/", &[("x", "1")], &headers).await;
    answer.is(303).has("location", "/fs/a%20b/");
}

#[tokio::test]
async fn the_first_refusal_is_the_answer() {
    let bench = Bench::new().await;
    let long = "x".repeat(300_000);
    for accept in [PLAIN, "Accept: text/html\r\n"] {
        let files = [("a", "1"), ("refused", long.as_str()), ("b", "2")];
        let answer = post(&bench, "/fs/", &files, &format!("{RIGHT}{accept}")).await;
        answer.is(409).says("The drive belongs to the board");
        assert!(bench.files.seen.last().line.ends_with("/fs/refused"));
    }
}

#[tokio::test]
async fn a_form_needs_what_a_put_needs() {
    let bench = Bench::new().await;
    let file = [("a", "1")];
    post(&bench, "/fs/", &file, PLAIN).await.is(401);
    let evil = format!("{RIGHT}Origin: http://evil\r\n");
    post(&bench, "/fs/", &file, &evil).await.is(403);
    post(&bench, "/fs/code.py", &file, RIGHT).await.is(405);
    post(&bench, "/fs/", &[], RIGHT)
        .await
        .is(400)
        .says("no file");
    let long = "x".repeat(30_000);
    let answer = post(&bench, "/fs/", &[(&long, "1")], RIGHT).await;
    answer.is(400).says("too long");
    let plain = format!("{RIGHT}Content-Type: text/plain\r\nContent-Length: 0\r\n");
    bench
        .request("POST", "/fs/", &plain)
        .await
        .is(415)
        .says("multipart/form-data");
    assert!(puts(&bench).is_empty());
}

#[tokio::test]
async fn a_form_cut_short_cuts_its_file_short() {
    let bench = Bench::new().await;
    let host = bench.address;
    let part = "--xx\r\nContent-Disposition: form-data; name=\"f\"; filename=\"cut\"\r\n\r\nfirst half\r\n";
    let mut wire = bench.connect().await;
    wire.send(&format!(
        "POST /fs/ HTTP/1.1\r\nHost: {host}\r\n{RIGHT}Content-Length: 500\r\n\
         Content-Type: multipart/form-data; boundary=xx\r\n\r\n{part}"
    ))
    .await;
    bench
        .files
        .seen
        .wait("the file", |seen| seen.line.ends_with("/cut"))
        .await;
    drop(wire);
    bench
        .files
        .seen
        .wait("the cut", |seen| seen.end == Some(false))
        .await;
}

#[tokio::test]
async fn a_form_whose_chunks_are_wrong_is_said_to_be_broken() {
    let bench = Bench::new().await;
    let host = bench.address;
    let part =
        "--xx\r\nContent-Disposition: form-data; name=\"f\"; filename=\"cut\"\r\n\r\nfirst half";
    let mut wire = bench.connect().await;
    wire.send(&format!(
        "POST /fs/ HTTP/1.1\r\nHost: {host}\r\n{RIGHT}Transfer-Encoding: chunked\r\n\
         Content-Type: multipart/form-data; boundary=xx\r\n\r\n{:x}\r\n{part}\r\nzz\r\n",
        part.len()
    ))
    .await;
    wire.answer().await.is(400).says("cut short");
}
