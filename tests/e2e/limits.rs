//! What clients may take: each limit is answered with its status, follows the configuration, and leaves other boards
//! alone.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cpy_tests::gateway::PASSWORD;
use cpy_tests::{Board, Console, Gateway, http, wait};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;

const SERIAL: &str = "E6614C311B7E6F35";
const OTHER: &str = "E6614C31AAAAAA01";
/// Somebody else's address on the loopback.
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];

/// An upload of which a part has been sent.
struct HalfUpload {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl HalfUpload {
    /// Sends all of a file but its end, once it is asked for it: the request has its place then.
    async fn begin(gateway: &Gateway, board: &Board, path: &str, content: &[u8]) -> Self {
        let mut stream = TcpStream::connect(gateway.address())
            .await
            .expect("it connects");
        let length = content.len();
        let lines = format!("Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n");
        let head = http::head("PUT", path, board) + &lines;
        stream.write_all(head.as_bytes()).await.expect("it is read");
        assert_eq!(status(&mut stream).await, "100");
        let mut rest = [0; " Continue\r\n\r\n".len()];
        stream.read_exact(&mut rest).await.expect("it answers");
        let (first, rest) = content.split_at(length - 1);
        stream.write_all(first).await.expect("it is read");
        let rest = rest.to_vec();
        Self { stream, rest }
    }

    /// Sends the end, and gives the status.
    async fn finish(mut self) -> String {
        self.stream.write_all(&self.rest).await.expect("it is read");
        status(&mut self.stream).await
    }
}

/// The status of the answer that comes next.
async fn status(stream: &mut TcpStream) -> String {
    let mut answer = [0; 12];
    let read = timeout(wait::DEADLINE, stream.read_exact(&mut answer)).await;
    read.expect("no answer").expect("it ended");
    String::from_utf8_lossy(&answer[9..]).into_owned()
}

/// All that comes back until the end, for a client that waits when it has sent this.
async fn patient(address: SocketAddr, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it connects");
    // It may be refused before it has sent all.
    let _ = stream.write_all(sent).await;
    let mut answer = Vec::new();
    let read = timeout(wait::DEADLINE, stream.read_to_end(&mut answer)).await;
    let _ = read.expect("the connection is not closed");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(gateway: &Gateway, board: &Board, expected: u16) -> cpy_tests::Reply {
    let call = gateway.call("GET", "/fs/code.py").to(board);
    call.expect(expected).await
}

async fn put(gateway: &Gateway, board: &Board, path: &str, content: &[u8], expected: u16) {
    let call = gateway.call("PUT", path).to(board);
    call.body(content.to_vec()).expect(expected).await;
}

#[tokio::test]
async fn an_address_that_has_all_its_connections_in_use_is_told_and_others_are_served() {
    let gateway = Gateway::start_with("[limits]\nconnections_per_address = 8").await;
    let board = gateway.plug(SERIAL, &[]).await;
    let mut uploads = Vec::new();
    for n in 0..8 {
        let path = format!("/fs/{n}.txt");
        uploads.push(HalfUpload::begin(&gateway, &board, &path, b"content").await);
    }
    let ask = format!("{}\r\n", http::head("GET", "/fs/code.py", &board));
    let told = http::raw(gateway.address(), ask.as_bytes()).await;
    assert!(told.starts_with("HTTP/1.1 503 "), "{told}");
    assert!(told.contains("\r\nRetry-After: "), "{told}");
    assert!(told.contains("Your address"), "{told}");
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((ELSEWHERE, 0).into()).unwrap();
    let mut other = socket.connect(gateway.address()).await.unwrap();
    other.write_all(ask.as_bytes()).await.unwrap();
    assert_eq!(status(&mut other).await, "200");
    for upload in uploads {
        assert_eq!(upload.finish().await, "201");
    }
    get(&gateway, &board, 200).await;
}

#[tokio::test]
async fn a_board_whose_requests_are_all_under_way_says_so_and_others_are_served() {
    let limits = "connections = 16\nrequests_per_board = 4\nconsoles_per_board = 4";
    let gateway = Gateway::start_with(&format!("[limits]\n{limits}")).await;
    let board = gateway.plug(SERIAL, &[]).await;
    let other = gateway.plug(OTHER, &[]).await;
    let mut uploads = Vec::new();
    for n in 0..4 {
        let path = format!("/fs/{n}.txt");
        uploads.push(HalfUpload::begin(&gateway, &board, &path, b"content").await);
    }
    let refused = get(&gateway, &board, 503).await;
    assert_eq!(refused.header("retry-after"), "1");
    assert!(refused.text().contains("under way"), "{refused:?}");
    let mut consoles = Vec::new();
    for _ in 0..4 {
        consoles.push(Console::open(&gateway, &board).await);
    }
    // All that one board's clients can hold is held, and idle connections hold nothing.
    let mut idle = Vec::new();
    for _ in 0..30 {
        idle.push(TcpStream::connect(gateway.address()).await.unwrap());
    }
    for _ in 0..5 {
        get(&gateway, &other, 200).await;
        put(&gateway, &other, "/fs/code.py", b"print(1)", 204).await;
        Console::open(&gateway, &other).await;
    }
    let pages = gateway.call("GET", "/cp/version.json").board(&board);
    pages.expect(200).await;
    for upload in uploads {
        assert_eq!(upload.finish().await, "201");
    }
    get(&gateway, &board, 200).await;
}

#[tokio::test]
async fn a_console_that_is_full_refuses_before_the_upgrade_and_other_consoles_open() {
    let gateway = Gateway::start_with("[limits]\nconsoles_per_board = 2").await;
    let board = gateway.plug(SERIAL, &[]).await;
    let other = gateway.plug(OTHER, &[]).await;
    let mut consoles = Vec::new();
    for _ in 0..2 {
        consoles.push(Console::open(&gateway, &board).await);
    }
    let Err(tungstenite::Error::Http(refused)) = Console::try_open(&gateway, &board).await else {
        panic!("it is full");
    };
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "10");
    Console::open(&gateway, &other)
        .await
        .until("Hello World!")
        .await;
    consoles.pop();
    wait::until("there is a place again", async || {
        Console::try_open(&gateway, &board).await.ok()
    })
    .await;
}

#[tokio::test]
async fn heads_that_are_late_or_too_large_are_told_and_silence_just_ends() {
    let gateway = Gateway::start_with("[limits]\nheader_seconds = 1\nidle_seconds = 1").await;
    let board = gateway.plug(SERIAL, &[]).await;
    let address = gateway.address();
    assert_eq!(patient(address, b"").await, "");
    let late = patient(address, b"GET / HTTP/1.1\r\nHost: loc").await;
    assert!(late.starts_with("HTTP/1.1 408 "), "{late}");
    let version = format!(
        "GET /cp/version.json HTTP/1.1\r\nHost: {}.local\r\n\r\n",
        board.hostname()
    );
    let idle = patient(address, version.as_bytes()).await;
    assert!(idle.starts_with("HTTP/1.1 200 "), "{idle}");
    assert_eq!(idle.matches("HTTP/1.1").count(), 1, "{idle}");
    let long = "x".repeat(100_000);
    let endless = patient(address, format!("GET /{long} HTTP/1.1\r\n\r\n").as_bytes()).await;
    assert!(endless.starts_with("HTTP/1.1 414 "), "{endless}");
    let large = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n");
    let large = patient(address, large.as_bytes()).await;
    assert!(large.starts_with("HTTP/1.1 431 "), "{large}");
    // A console is no idle connection, and a transfer that makes progress has all the time it needs.
    let mut console = Console::open(&gateway, &board).await;
    console.until("Hello World!").await;
    let upload = HalfUpload::begin(&gateway, &board, "/fs/slow.txt", b"slow").await;
    assert_eq!(patient(address, b"").await, "");
    assert_eq!(patient(address, b"").await, "");
    assert_eq!(upload.finish().await, "201");
    console.until("soft reboot").await;
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_sent() {
    let gateway = Gateway::start_with("[limits]\nupload_bytes = 65536").await;
    let board = gateway.plug(SERIAL, &[]).await;
    let old = board.image().read("/code.py").unwrap();
    let head = http::head("PUT", "/fs/code.py", &board);
    // The limit, and a drive that is smaller than what is declared; nothing of either is sent.
    for length in [65_537_u64, 1 << 30, u64::MAX >> 1] {
        let request = format!("{head}Content-Length: {length}\r\n\r\n");
        let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(status(&mut stream).await, "413", "{length}");
        let request = format!("{head}Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n");
        let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(status(&mut stream).await, "417", "{length}");
    }
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    let begun = format!("{head}Transfer-Encoding: chunked\r\n\r\n20000\r\n");
    stream.write_all(begun.as_bytes()).await.unwrap();
    stream.write_all(&[b'#'].repeat(65_537)).await.unwrap();
    assert_eq!(status(&mut stream).await, "413", "as soon as it passes");
    assert_eq!(board.image().read("/code.py").unwrap(), old);
    put(&gateway, &board, "/fs/code.py", &[b'#'].repeat(65_536), 204).await;
}

#[tokio::test]
async fn the_uploads_to_one_board_wait_on_no_more_disk_than_its_share() {
    let gateway = Gateway::start_with("[limits]\nupload_bytes = 100000").await;
    let board = gateway.plug(SERIAL, &[]).await;
    let other = gateway.plug(OTHER, &[]).await;
    let first = HalfUpload::begin(&gateway, &board, "/fs/1.bin", &[1].repeat(60_000)).await;
    // Whether it has arrived or not: it was told to come.
    let call = gateway.call("PUT", "/fs/2.bin").to(&board);
    let refused = call.body(vec![2; 60_000]).expect(503).await;
    assert_eq!(refused.header("retry-after"), "5");
    put(&gateway, &board, "/fs/3.bin", &[3].repeat(30_000), 201).await;
    put(&gateway, &other, "/fs/4.bin", &[4].repeat(90_000), 201).await;
    assert_eq!(first.finish().await, "201");
    let call = gateway.call("PUT", "/fs/5.bin").to(&board);
    call.body(vec![5; 60_000]).expect(201).await;
}

#[tokio::test]
async fn an_upload_that_trickles_holds_up_neither_its_board_nor_others() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let other = gateway.plug(OTHER, &[]).await;
    let mut trickle = TcpStream::connect(gateway.address()).await.unwrap();
    let head = http::head("PUT", "/fs/slow.txt", &board) + "Content-Length: 10\r\n\r\n";
    trickle.write_all(head.as_bytes()).await.unwrap();
    for n in 0..10_u8 {
        trickle.write_all(&[b'0' + n]).await.unwrap();
        if n < 9 {
            put(&gateway, &board, &format!("/fs/{n}.txt"), &[n], 201).await;
            get(&gateway, &board, 200).await;
            get(&gateway, &other, 200).await;
        }
    }
    assert_eq!(status(&mut trickle).await, "201");
    assert_eq!(board.image().read("/slow.txt").unwrap(), b"0123456789");
}

#[tokio::test]
async fn guesses_of_one_slow_nobody_who_has_the_password() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    get(&gateway, &board, 200).await;
    let mut guesses = Vec::new();
    for n in 0..60 {
        let call = gateway.call("GET", "/fs/code.py").board(&board);
        let guess = call.password(&format!("wrong {n}"));
        guesses.push(tokio::spawn(guess.try_send()));
    }
    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        get(&gateway, &board, 200).await;
        times.push(begun.elapsed());
    }
    times.sort();
    assert!(times[10] < Duration::from_secs(1), "{times:?}");
    let told: Vec<bool> = guesses
        .iter()
        .map(tokio::task::JoinHandle::is_finished)
        .collect();
    assert!(told.contains(&false), "guesses were answered at once");
    // Another address has guesses of its own to make.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((ELSEWHERE, 0).into()).unwrap();
    let mut other = socket.connect(gateway.address()).await.unwrap();
    let ask = format!("{}\r\n", http::head("GET", "/fs/code.py", &board));
    other.write_all(ask.as_bytes()).await.unwrap();
    assert_eq!(status(&mut other).await, "200");
    for guess in guesses {
        guess.abort();
    }
}

#[tokio::test]
async fn a_reload_brings_other_limits() {
    let gateway = Gateway::start_with(
        "[limits]\nconsoles_per_board = 10\nheader_seconds = 200\nupload_bytes = 5000\nfree_guesses = 0",
    )
    .await;
    let board = gateway.plug(SERIAL, &[]).await;
    let kept = [
        Console::open(&gateway, &board).await,
        Console::open(&gateway, &board).await,
    ];
    put(&gateway, &board, "/fs/a.bin", &[0; 5001], 413).await;
    for (from, to) in [
        ("consoles_per_board = 10", "consoles_per_board = 2"),
        ("header_seconds = 200", "header_seconds = 1"),
        ("upload_bytes = 5000", "upload_bytes = 6000"),
        (
            "free_guesses = 0",
            "free_guesses = 50\nrequests_per_board = 1",
        ),
    ] {
        gateway.reconfigure(from, to);
    }
    gateway.reload();
    wait::until("another console is refused", async || {
        Console::try_open(&gateway, &board).await.err()
    })
    .await;
    wait::until("more can be uploaded", async || {
        let call = gateway.call("PUT", "/fs/a.bin").to(&board);
        let reply = call.body(vec![0; 5001]).send().await;
        reply.status.is_success().then_some(())
    })
    .await;
    wait::until("a late head is told", async || {
        let late = patient(gateway.address(), b"GET / HT");
        let late = timeout(Duration::from_secs(5), late).await.ok()?;
        late.starts_with("HTTP/1.1 408 ").then_some(())
    })
    .await;
    let begun = Instant::now();
    for _ in 0..20 {
        let call = gateway.call("GET", "/fs/code.py").board(&board);
        call.password("wrong").expect(401).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{begun:?}");
    let upload = HalfUpload::begin(&gateway, &board, "/fs/b.txt", b"content").await;
    get(&gateway, &board, 503).await;
    assert_eq!(upload.finish().await, "201");
    let call = gateway.call("GET", "/fs/b.txt").board(&board);
    call.password(PASSWORD).expect(200).await;
    drop(kept);
}
