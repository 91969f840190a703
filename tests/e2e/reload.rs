//! A configuration that changes while the daemons run, and what they do with addresses that cannot be had.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use cpy_tests::gateway::{ADVERTISER, DAEMONS, PASSWORD};
use cpy_tests::http::Call;
use cpy_tests::process::program;
use cpy_tests::{Board, Console, Gateway, Network, http, wait};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixDatagram};
use tokio::time::timeout;

const SERIAL: &str = "E6614C311B7E6F35";
const OTHER: &str = "E6614C31AAAAAA01";

/// Waits until a password opens a board's files.
async fn opens(gateway: &Gateway, board: &Board, password: &str) {
    wait::until("the password is right", async || {
        let call = gateway.call("GET", "/fs/code.py").board(board);
        let reply = call.password(password).try_send().await.ok()?;
        (reply.status == 200).then_some(())
    })
    .await;
}

/// The status that a password gets.
async fn status(gateway: &Gateway, board: &Board, password: &str) -> u16 {
    let call = gateway.call("GET", "/fs/code.py").board(board);
    call.password(password).send().await.status.as_u16()
}

/// Waits until a daemon's log has a line with these words.
async fn says(gateway: &Gateway, daemon: &str, words: &[&str]) {
    wait::until(&format!("{daemon} says {words:?}"), async || {
        let log = gateway.daemon(daemon).output();
        let mut lines = log.lines();
        lines
            .any(|line| words.iter().all(|word| line.contains(word)))
            .then_some(())
    })
    .await;
}

/// Waits until a board is served at a port of its own.
async fn own_port(gateway: &Gateway, board: &Board, is_it: impl Fn(u16) -> bool) -> u16 {
    wait::until("the board's own port", async || {
        let state = gateway.call("GET", "/cp/board.json").board(board);
        let port = state.try_send().await.ok()?.json()["port"].as_u64()?;
        u16::try_from(port).ok().filter(|port| is_it(*port))
    })
    .await
}

/// Who serves `/cp/version.json` at an address, if anybody does.
async fn served_at(address: SocketAddr, host: &str) -> Option<String> {
    let call = Call::new(address, "GET", "/cp/version.json").host(host);
    let version = call.try_send().await.ok()?.json();
    version["hostname"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_new_password_holds_at_once_and_a_wrong_file_changes_nothing() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    gateway.reconfigure(PASSWORD, "second secret");
    gateway.reload();
    opens(&gateway, &board, "second secret").await;
    assert_eq!(status(&gateway, &board, PASSWORD).await, 401);

    gateway.reconfigure("password = \"second", "pasword = \"third");
    gateway.reload();
    for daemon in DAEMONS {
        says(&gateway, daemon, &["pasword", "line"]).await;
        let log = gateway.daemon(daemon).output();
        assert!(!log.contains("secret"), "{log}");
    }
    assert_eq!(status(&gateway, &board, "second secret").await, 200);
    assert_eq!(status(&gateway, &board, "third secret").await, 401);
}

#[tokio::test]
async fn the_password_file_is_read_again() {
    let mut gateway = Gateway::stopped("");
    let file = gateway.directory().join("password");
    let line = format!("password = \"{PASSWORD}\"");
    gateway.reconfigure(&line, &format!("password_file = \"{}\"", file.display()));
    for daemon in DAEMONS {
        gateway.start_daemon(daemon);
    }
    gateway.answers().await;
    let board = gateway.plug(SERIAL, &[]).await;
    assert_eq!(status(&gateway, &board, "first").await, 403);

    std::fs::write(&file, "first\n").unwrap();
    gateway.reload();
    opens(&gateway, &board, "first").await;

    for (wrong, word) in [("two\nlines\n", "one line"), ("\n", "empty")] {
        std::fs::write(&file, wrong).unwrap();
        gateway.reload();
        says(&gateway, "cpy-http-gateway", &["password", word]).await;
        wait::until("nobody is let in", async || {
            (status(&gateway, &board, "first").await == 403).then_some(())
        })
        .await;
        let call = gateway.call("GET", "/fs/code.py").board(&board);
        let told = call.password("first").send().await.text();
        assert!(told.starts_with("A password is set, "), "{told}");
        wait::until("the overview says why", async || {
            let list = gateway.call("GET", "/cp/boards.json").host("localhost");
            let list = list.expect(200).await.json();
            let problem = list["problems"][0].as_str()?;
            (problem.contains("password") && problem.contains(word)).then_some(())
        })
        .await;
        for guess in ["", "two", "lines", "two\nlines\n", "two\nlines"] {
            assert_eq!(status(&gateway, &board, guess).await, 403, "{guess:?}");
        }
    }
    std::fs::write(&file, "fourth").unwrap();
    gateway.reload();
    opens(&gateway, &board, "fourth").await;
    let log = gateway.daemon("cpy-http-gateway").output();
    for secret in ["first", "fourth", "lines\\n"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test]
async fn consoles_and_uploads_go_on_through_a_reload() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let mut console = Console::open(&gateway, &board).await;
    let mut upload = TcpStream::connect(gateway.address()).await.unwrap();
    let head = http::head("PUT", "/fs/new.txt", &board) + "Content-Length: 10\r\n\r\n";
    upload.write_all(head.as_bytes()).await.unwrap();
    upload.write_all(b"01234").await.unwrap();

    gateway.reconfigure(PASSWORD, "second secret");
    gateway.reconfigure(
        "listen",
        "allowed_origins = [\"http://new.example\"]\nlisten",
    );
    gateway.reload();
    opens(&gateway, &board, "second secret").await;
    for daemon in DAEMONS {
        says(&gateway, daemon, &["configuration read again"]).await;
    }

    upload.write_all(b"56789").await.unwrap();
    let mut answer = [0; 12];
    upload.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 201");
    assert_eq!(board.image().read("/new.txt").unwrap(), b"0123456789");
    // A save makes the board reload.
    console.until("soft reboot").await;
    console.until("Press any key to enter the REPL").await;
    console.send("\r").await;
    console.until(">>> ").await;
    console.send("print(6 * 7)\r").await;
    console.until("\n42").await;

    let call = gateway.call("GET", "/cp/version.json").board(&board);
    let reply = call
        .header("Origin", "http://new.example")
        .expect(200)
        .await;
    let allowed = reply.header("access-control-allow-origin");
    assert_eq!(allowed, "http://new.example");
}

#[tokio::test]
async fn addresses_open_and_close_and_a_taken_one_is_no_end() {
    let mut gateway = Gateway::stopped("");
    let first = gateway.address();
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = holder.local_addr().unwrap();
    let listen = format!("listen = [\"{taken}\", \"{first}\"]");
    gateway.reconfigure(&format!("listen = [\"{first}\"]"), &listen);
    for daemon in DAEMONS {
        gateway.start_daemon(daemon);
    }
    gateway.answers().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let host = format!("{}.local", board.hostname());
    says(
        &gateway,
        "cpy-http-gateway",
        &["cannot listen", &taken.to_string()],
    )
    .await;
    let own = SocketAddr::from((
        Ipv4Addr::LOCALHOST,
        own_port(&gateway, &board, |_| true).await,
    ));
    assert_eq!(
        served_at(own, "127.0.0.1").await.unwrap(),
        board.hostname().as_str()
    );

    // Free again, it is had at the next reload.
    drop(holder);
    gateway.reload();
    wait::until("the address is served", async || {
        served_at(taken, &host).await
    })
    .await;
    assert!(served_at(first, &host).await.is_some());

    // One that is not named any more is closed.
    gateway.reconfigure(&listen, &format!("listen = [\"{first}\"]"));
    gateway.reload();
    wait::until("the address is closed", async || {
        TcpStream::connect(taken).await.is_err().then_some(())
    })
    .await;
    assert!(served_at(first, &host).await.is_some());
}

#[tokio::test]
async fn without_a_main_port_boards_are_served_and_announced_at_their_own() {
    let mut gateway = Gateway::stopped("");
    let address = gateway.address();
    let holder = TcpListener::bind(address).unwrap();
    for daemon in DAEMONS {
        gateway.start_daemon(daemon);
    }
    let board = gateway.plug_unready(SERIAL, &[]);
    let other = gateway.plug_unready(OTHER, &[]);
    let file = gateway.directory().join("run/http-gateway/ports.toml");
    let ports: toml::Table = wait::until("ports of both boards", async || {
        let ports: toml::Table = std::fs::read_to_string(&file).ok()?.parse().ok()?;
        (ports.get("boards")?.as_table()?.len() == 2).then_some(ports)
    })
    .await;
    assert!(!ports.contains_key("main"), "{ports}");
    for board in [&board, &other] {
        let port = ports["boards"][board.serial().as_str()]
            .as_integer()
            .unwrap();
        let own = SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(port).unwrap()));
        let host = format!("{}.local:{port}", board.hostname());
        assert_eq!(
            served_at(own, &host).await.unwrap(),
            board.hostname().as_str()
        );
        let list = Call::new(own, "GET", "/cp/devices.json").host(&host);
        let devices = list.expect(200).await.json();
        let listed = &devices["devices"][0];
        let serial = if board.serial().as_str() == SERIAL {
            OTHER
        } else {
            SERIAL
        };
        assert_eq!(
            listed["port"],
            ports["boards"][serial].as_integer().unwrap()
        );
    }
    drop(holder);
    gateway.reload();
    gateway.answers().await;
    wait::until("the main port is announced", async || {
        let ports: toml::Table = std::fs::read_to_string(&file).ok()?.parse().ok()?;
        let main = ports.get("main")?.as_integer()?;
        let boards = ports.get("boards").and_then(toml::Value::as_table);
        (main == i64::from(address.port()) && boards.is_none_or(toml::Table::is_empty))
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn boards_move_to_another_range_of_ports() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let before = own_port(&gateway, &board, |_| true).await;
    let text = std::fs::read_to_string(gateway.config_file()).unwrap();
    let range = text.lines().find(|line| line.starts_with("board_ports"));
    // Ephemeral ones: nobody else's range.
    gateway.reconfigure(range.unwrap(), "board_ports = \"40001-40040\"");
    gateway.reload();
    let after = own_port(&gateway, &board, |port| port != before).await;
    assert!((40_001..=40_040).contains(&after), "{after}");
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let hostname = board.hostname();
    wait::until("the new port leads to the board", async || {
        (served_at(at(after), "127.0.0.1").await? == hostname.as_str()).then_some(())
    })
    .await;
    wait::until("the old port is closed", async || {
        TcpStream::connect(at(before)).await.is_err().then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_takes_a_restart_is_said_and_left_as_it_is() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    gateway.reconfigure("/run\"", "/elsewhere\"");
    gateway.reload();
    for daemon in DAEMONS {
        says(&gateway, daemon, &["runtime_dir", "after a restart"]).await;
        assert!(!gateway.daemon(daemon).output().contains("boards_dir"));
    }
    assert_eq!(status(&gateway, &board, PASSWORD).await, 200);
    Console::open(&gateway, &board).await;
}

#[tokio::test]
async fn names_are_withdrawn_and_published_again() {
    const NAME: &str = "cpy-7e6f35.local";
    let network = Network::new();
    let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let mut gateway = Gateway::stopped_on(&pi, "mdns = { enabled = true }");
    gateway.start_all().await;
    let _board = gateway.plug_unready(SERIAL, &[]);
    laptop.finds(NAME, &pi.ipv4(), &pi.ipv6()).await;

    gateway.reconfigure("enabled = true", "enabled = false");
    gateway.reload();
    laptop.finds_nobody(NAME).await;
    let state = async || Some(gateway.network().await?["avahi"].as_str()?.to_owned());
    assert_eq!(state().await.as_deref(), Some("disabled"));

    gateway.reconfigure("enabled = false", "enabled = true, interfaces = [\"lo\"]");
    gateway.reload();
    wait::until("Avahi runs", async || {
        (state().await? == "running").then_some(())
    })
    .await;
    gateway.reconfigure(", interfaces = [\"lo\"]", "");
    gateway.reload();
    laptop.finds(NAME, &pi.ipv4(), &pi.ipv6()).await;
}

#[tokio::test]
async fn systemd_is_told_when_a_daemon_is_ready_alive_reloading_and_ending() {
    let gateway = Gateway::stopped("");
    for name in DAEMONS.into_iter().chain([ADVERTISER]) {
        let path = gateway.directory().join(format!("{name}.notify"));
        let socket = UnixDatagram::bind(&path).unwrap();
        let mut daemon = tokio::process::Command::new(program(name))
            .arg("--config")
            .arg(gateway.config_file())
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "200000")
            .env("RUST_LOG", "off")
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let id = i32::try_from(daemon.id().unwrap()).unwrap();
        let signal = |signal| kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
        let told = async |words: &str| {
            let mut all = String::new();
            let tells = async {
                let mut message = [0; 4096];
                while !all.contains(words) {
                    let size = socket.recv(&mut message).await.unwrap();
                    all.push_str(std::str::from_utf8(&message[..size]).unwrap());
                }
            };
            let in_time = timeout(wait::DEADLINE, tells).await;
            assert!(in_time.is_ok(), "{name}: no {words:?} in {all:?}");
            all
        };
        told("READY=1").await;
        told("WATCHDOG=1").await;
        told("WATCHDOG=1").await;
        signal(Signal::HUP);
        assert!(told("RELOADING=1").await.contains("MONOTONIC_USEC="));
        told("READY=1").await;
        signal(Signal::TERM);
        told("STOPPING=1").await;
        assert!(daemon.wait().await.unwrap().success());
    }
}
