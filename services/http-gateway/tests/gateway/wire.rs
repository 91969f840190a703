//! A raw connection. What went over it is printed when a test fails.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::bench::DEADLINE;

pub(crate) struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
    log: String,
}

/// An answer, chunks put together.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    log: String,
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = timeout(DEADLINE, TcpStream::connect(address));
        Self {
            stream: stream.await.expect("no connection").unwrap(),
            received: Vec::new(),
            log: String::new(),
        }
    }

    /// None where nobody listens.
    pub(crate) async fn try_ask(address: SocketAddr, head: &str) -> Option<Answer> {
        let stream = TcpStream::connect(address).await.ok()?;
        let mut wire = Self {
            stream,
            received: Vec::new(),
            log: String::new(),
        };
        wire.send(&format!("{head}\r\n")).await;
        Some(wire.answer().await)
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.note(">", bytes);
        timeout(DEADLINE, self.stream.write_all(bytes))
            .await
            .expect("nobody reads")
            .unwrap_or_else(|error| panic!("{error} after\n{}", self.log));
    }

    /// Sends as much as the other side takes; how much it was.
    pub(crate) async fn send_what_is_taken(&mut self, bytes: &[u8]) -> usize {
        let mut sent = 0;
        while sent < bytes.len() {
            match timeout(DEADLINE, self.stream.write(&bytes[sent..])).await {
                Ok(Ok(size)) => sent += size,
                _ => break,
            }
        }
        sent
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        self.answer_to(false).await
    }

    /// The next answer; one to HEAD has no body.
    pub(crate) async fn answer_to(&mut self, head: bool) -> Answer {
        let text = self.until(b"\r\n\r\n").await;
        let text = String::from_utf8(text).unwrap();
        let mut lines = text.trim_end().split("\r\n");
        let status_line = lines.next().unwrap();
        let status: u16 = status_line[9..12].parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| {
                let (name, value) = line.split_once(':').unwrap();
                (name.to_ascii_lowercase(), value.trim().to_owned())
            })
            .collect();
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
            log: String::new(),
        };
        let empty = head || status < 200 || status == 204 || status == 304;
        if !empty {
            answer.body = if answer.header("transfer-encoding") == Some("chunked") {
                self.chunks().await
            } else if let Some(length) = answer.header("content-length") {
                self.exactly(length.parse().unwrap()).await
            } else {
                self.until_closed().await
            };
        }
        answer.log.clone_from(&self.log);
        answer
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = String::from_utf8(self.until(b"\r\n").await).unwrap();
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            let chunk = self.exactly(size + 2).await;
            if size == 0 {
                return body;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    /// Reads up to and with the mark.
    pub(crate) async fn until(&mut self, mark: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = find(&self.received, mark) {
                return self.received.drain(..at + mark.len()).collect();
            }
            assert!(self.read().await, "it ended early:\n{}", self.log);
        }
    }

    pub(crate) async fn exactly(&mut self, size: usize) -> Vec<u8> {
        while self.received.len() < size {
            assert!(self.read().await, "it ended early:\n{}", self.log);
        }
        self.received.drain(..size).collect()
    }

    /// All that comes until the other side closes.
    pub(crate) async fn until_closed(&mut self) -> Vec<u8> {
        while self.read().await {}
        std::mem::take(&mut self.received)
    }

    /// Whether nothing comes for a moment.
    pub(crate) async fn is_silent(&mut self) -> bool {
        self.received.is_empty()
            && timeout(Duration::from_millis(200), self.stream.readable())
                .await
                .is_err()
    }

    async fn read(&mut self) -> bool {
        let mut buffer = vec![0; 65_536];
        let read = timeout(DEADLINE, self.stream.read(&mut buffer)).await;
        let size = match read {
            Ok(Ok(size)) => size,
            Ok(Err(error)) => panic!("{error} after\n{}", self.log),
            Err(late) => panic!("{late} after\n{}", self.log),
        };
        let bytes = buffer[..size].to_vec();
        self.note("<", &bytes);
        self.received.extend(bytes);
        size > 0
    }

    fn note(&mut self, direction: &str, bytes: &[u8]) {
        let shown = &bytes[..bytes.len().min(2000)];
        for line in String::from_utf8_lossy(shown).split_inclusive('\n') {
            writeln!(self.log, "{direction} {}", line.escape_debug()).unwrap();
        }
    }
}

impl Answer {
    /// The only value of a header; several are an error of their own.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(header, _)| header == name);
        let value = values.next()?;
        assert!(values.next().is_none(), "{name} twice:\n{}", self.log);
        Some(&value.1)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        self.is(200);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}:\n{}", self.log))
    }

    /// Fails unless the answer has this status.
    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "on the wire:\n{}", self.log);
        self
    }

    /// Fails unless the answer has this header.
    #[track_caller]
    pub(crate) fn has(&self, name: &str, value: &str) -> &Self {
        assert_eq!(
            self.header(name),
            Some(value),
            "{name}, on the wire:\n{}",
            self.log
        );
        self
    }

    #[track_caller]
    pub(crate) fn has_no(&self, name: &str) -> &Self {
        assert_eq!(
            self.header(name),
            None,
            "{name}, on the wire:\n{}",
            self.log
        );
        self
    }

    /// Fails unless the body is one sentence that holds this.
    #[track_caller]
    pub(crate) fn says(&self, part: &str) -> &Self {
        let text = self.text();
        assert!(
            text.contains(part)
                && text.trim_end().ends_with(['.', '}'])
                && !text.trim_end().contains('\n'),
            "no sentence with {part:?}:\n{}",
            self.log
        );
        self
    }
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}
