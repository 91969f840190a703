//! Requests by curl: from machines whose network the test itself is not in.

use std::process::Stdio;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::http::{Failure, Reply};
use crate::network::Entrance;

/// One request and its whole answer.
pub(crate) async fn exchange(
    entrance: &Entrance,
    method: &str,
    url: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Reply, Failure> {
    let mut command = Command::from(entrance.command("curl"));
    command.args([
        "--silent",
        "--show-error",
        "--include",
        "--path-as-is",
        "--http1.1",
    ]);
    match method {
        // There is no body to wait for.
        "HEAD" => command.arg("--head"),
        _ => command.args(["--request", method]),
    };
    for (name, value) in headers {
        command.args(["--header", &format!("{name}: {}", value.to_str()?)]);
    }
    if !body.is_empty() {
        command.args(["--data-binary", "@-", "--header", "Expect:"]);
    }
    let mut child = command
        .arg(url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = child.stdin.take().expect("its input is a pipe");
    // curl may end before it has read everything.
    let _ = input.write_all(body).await;
    drop(input);
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    reply(&output.stdout)
}

fn reply(answer: &[u8]) -> Result<Reply, Failure> {
    const END: &[u8] = b"\r\n\r\n";
    let end = answer.windows(END.len()).position(|part| part == END);
    let end = end.ok_or("curl prints no head")?;
    let head = std::str::from_utf8(&answer[..end])?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or("a header without a colon")?;
        headers.append(
            name.parse::<HeaderName>()?,
            HeaderValue::from_str(value.trim())?,
        );
    }
    Ok(Reply {
        status: status
            .ok_or("a head without a status")?
            .parse::<StatusCode>()?,
        headers,
        body: Bytes::copy_from_slice(&answer[end + END.len()..]),
    })
}
