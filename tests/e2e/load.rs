//! Many clients and slow ones, and a gateway that is out of descriptors: other boards are served as before, memory is
//! bounded, and all is well again by itself.

use std::time::{Duration, Instant};

use cpy_tests::gateway::DAEMONS;
use cpy_tests::{Board, Console, Gateway, http, wait};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::sleep;

const SERIAL: &str = "E6614C311B7E6F35";
const OTHER: &str = "E6614C31AAAAAA01";
const IDLE: usize = 1000;
/// Of one daemon, with all that is idle. A Pi Zero 2 has 512 MiB for everything.
const MOST_MEMORY: usize = 64 * 1024 * 1024;
/// Rounds of a measurement. Medians of fewer are noise on a machine that others use.
const ROUNDS: usize = 60;

/// Lets this test, and the daemons that it starts, have as many descriptors as the system allows.
fn allow_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, all).expect("it is allowed");
    assert!(
        limit.maximum.is_none_or(|most| most >= 4096),
        "this test needs more descriptors: {limit:?}"
    );
}

/// The median time of a listing, a download and a save at a board.
async fn pace(gateway: &Gateway, board: &Board) -> Duration {
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let begun = Instant::now();
        let call = gateway.call("GET", "/fs/code.py").to(board);
        call.expect(200).await;
        let call = gateway.call("PUT", "/fs/pace.txt").to(board);
        let reply = call.body(format!("round {round}")).send().await;
        assert!(reply.status.is_success(), "{reply:?}");
        times.push(begun.elapsed());
    }
    times.sort();
    times[ROUNDS / 2]
}

/// A client that takes one byte a second of a file of a board, until it is aborted.
async fn slow_reader(gateway: &Gateway, board: &Board) -> JoinHandle<()> {
    let mut stream = TcpStream::connect(gateway.address())
        .await
        .expect("it connects");
    let ask = http::head("GET", "/fs/big.bin", board) + "\r\n";
    stream.write_all(ask.as_bytes()).await.expect("it is read");
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.expect("it answers");
    assert_eq!(&status, b"HTTP/1.1 200");
    tokio::spawn(async move {
        while stream.read_u8().await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    })
}

/// A thousand idle connections and some slow readers of one board, and what that does to another one, in words.
async fn crowd(limits: &str, most_kept: usize, least_kept: usize) -> String {
    // One crowd at a time: each is measured against the quiet before it.
    static ALONE: Mutex<()> = Mutex::const_new(());
    let _alone = ALONE.lock().await;
    allow_descriptors();
    let gateway = Gateway::start_with(limits).await;
    let board = gateway.plug(SERIAL, &["--size", "8192"]).await;
    let other = gateway.plug(OTHER, &[]).await;
    let big = gateway.call("PUT", "/fs/big.bin").to(&board);
    big.body(vec![7; 3 << 20]).expect(201).await;
    let quiet = pace(&gateway, &other).await;

    let web_server = gateway.daemon("cpy-http-gateway");
    let before = web_server.descriptors();
    let mut slow = Vec::new();
    for _ in 0..8 {
        slow.push(slow_reader(&gateway, &board).await);
    }
    let mut idle = Vec::new();
    for n in 0..IDLE {
        let mut stream = TcpStream::connect(gateway.address())
            .await
            .expect("it connects");
        // Some have asked for something, some are about to, some say nothing.
        let host = board.hostname();
        let sent = match n % 3 {
            0 => "",
            1 => "GET / HTTP/1.1\r\nHos",
            _ => &format!("GET /cp/version.json HTTP/1.1\r\nHost: {host}.local\r\n\r\n"),
        };
        // It may have been let go by then.
        let _ = stream.write_all(sent.as_bytes()).await;
        idle.push(stream);
    }
    wait::until("all have come", async || {
        let now = web_server.descriptors() - before;
        (now >= least_kept).then_some(())
    })
    .await;
    let mut loud = pace(&gateway, &other).await;
    // Others use this machine, too: what counts is whether it can be as fast.
    for _ in 0..4 {
        if loud > 2 * quiet {
            loud = pace(&gateway, &other).await;
        }
    }
    let kept = web_server.descriptors() - before;
    let memory: Vec<(&str, usize)> = DAEMONS
        .map(|name| (name, gateway.daemon(name).resident() / 1024))
        .into();
    let measured =
        format!("{quiet:?} alone, {loud:?} with {kept} descriptors more; KiB {memory:?}");
    assert!(loud <= 2 * quiet, "{measured}");
    assert!(kept <= most_kept, "{kept}");
    for (daemon, kib) in memory {
        assert!(kib * 1024 < MOST_MEMORY, "{daemon}: {kib} KiB");
    }
    Console::open(&gateway, &other)
        .await
        .until("Hello World!")
        .await;
    assert!(slow.iter().all(|reader| !reader.is_finished()));
    slow.iter().for_each(JoinHandle::abort);
    measured
}

#[tokio::test]
async fn a_thousand_idle_connections_that_have_places_slow_nobody() {
    let limits = "connections = 1500\nconnections_per_address = 1500\nheader_seconds = 300";
    let limits = format!("[limits]\n{limits}\nidle_seconds = 600");
    println!("{}", crowd(&limits, 1500, IDLE).await);
}

#[tokio::test]
async fn a_thousand_idle_connections_that_have_no_places_slow_nobody() {
    println!("{}", crowd("", 300, 200).await);
}

#[tokio::test]
async fn without_descriptors_nothing_is_lost_and_idle_connections_make_room() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let mut console = Console::open(&gateway, &board).await;
    console.until("Hello World!").await;
    let mut upload = TcpStream::connect(gateway.address()).await.unwrap();
    let lines = "Content-Length: 10\r\nExpect: 100-continue\r\n\r\n";
    let head = http::head("PUT", "/fs/kept.txt", &board) + lines;
    upload.write_all(head.as_bytes()).await.unwrap();
    let mut asked = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    upload.read_exact(&mut asked).await.unwrap();
    upload.write_all(b"01234").await.unwrap();

    let web_server = gateway.daemon("cpy-http-gateway");
    web_server.leave_descriptors(8);
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(TcpStream::connect(gateway.address()).await.unwrap());
    }
    wait::until("the log says what is the matter", async || {
        let log = web_server.output();
        log.contains("cannot accept a connection").then_some(())
    })
    .await;
    wait::until("a file is read all the same", async || {
        let call = gateway.call("GET", "/fs/code.py").to(&board);
        let reply = call.try_send().await.ok()?;
        (reply.status == 200).then_some(())
    })
    .await;
    upload.write_all(b"56789").await.unwrap();
    let mut answer = [0; 12];
    upload.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 201");
    assert_eq!(board.image().read("/kept.txt").unwrap(), b"0123456789");
    console.until("soft reboot").await;

    drop(idle);
    web_server.leave_descriptors(1000);
    for _ in 0..20 {
        let call = gateway.call("GET", "/fs/code.py").to(&board);
        call.expect(200).await;
    }
    Console::open(&gateway, &board).await;
}

#[tokio::test]
async fn services_without_descriptors_come_back_by_themselves() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let old = board.image().read("/code.py").unwrap();
    for name in ["cpy-file-proxy", "cpy-serial-bridge"] {
        let service = gateway.daemon(name);
        service.leave_descriptors(0);
        wait::until("its log says what is the matter", async || {
            // Some descriptor may have been free again: all of these need one.
            let asked = [(); 8].map(|()| {
                let page = gateway.call("GET", "/cp/board.json").board(&board);
                tokio::spawn(page.try_send())
            });
            for page in asked {
                assert_eq!(page.await.unwrap().unwrap().status, 200);
            }
            let log = service.output();
            log.contains("cannot accept a connection").then_some(())
        })
        .await;
        let save = gateway.call("PUT", "/fs/code.py").to(&board);
        let save = tokio::spawn(save.body("print('new')").try_send());
        service.leave_descriptors(1000);
        let saved = save.await.unwrap().unwrap();
        assert!(saved.status.is_success(), "{name}: {saved:?}");
        let now = board.image().read("/code.py").unwrap();
        assert_eq!(now, b"print('new')");
        assert_ne!(now, old);
        Console::open(&gateway, &board).await;
    }
}

/// What a board's console prints a second: ten times what USB at full speed carries.
const FLOOD: u32 = 10_000_000;

#[tokio::test]
async fn a_flooded_console_with_a_stuck_client_slows_nobody() {
    let gateway = Gateway::start().await;
    let other = gateway.plug(OTHER, &[]).await;
    let quiet = pace(&gateway, &other).await;
    let rate = FLOOD.to_string();
    let board = gateway
        .plug(SERIAL, &["--flood", "--flood-rate", &rate])
        .await;
    let _stuck = Console::open(&gateway, &board).await;
    let mut reader = Console::open(&gateway, &board).await;
    let reads = tokio::spawn(async move {
        let (begun, mut bytes) = (Instant::now(), 0_u32);
        while begun.elapsed() < Duration::from_secs(2) {
            match reader.next().await {
                Some(message) => bytes += u32::try_from(message.len()).expect("a frame"),
                None => panic!("its console was closed"),
            }
        }
        f64::from(bytes) / begun.elapsed().as_secs_f64()
    });
    let rate = reads.await.expect("it reads");
    let mut loud = pace(&gateway, &other).await;
    for _ in 0..4 {
        if loud > 2 * quiet {
            loud = pace(&gateway, &other).await;
        }
    }
    let memory = DAEMONS.map(|name| (name, gateway.daemon(name).resident() / 1024));
    let measured = format!(
        "{quiet:?} alone, {loud:?} beside a flood of which one client reads {rate:.0} bytes a second and one nothing; \
         KiB {memory:?}"
    );
    println!("{measured}");
    assert!(rate > 100_000.0, "{measured}");
    assert!(loud <= 2 * quiet, "{measured}");
    for (_, kib) in memory {
        assert!(kib * 1024 < MOST_MEMORY, "{measured}");
    }
}
