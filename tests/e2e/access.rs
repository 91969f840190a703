//! Who gets in, and by which name: host names, origins, passwords, methods, in the order of the checks.

use cpy_tests::{Gateway, http};

const SERIAL: &str = "E6614C311B7E6F35";

#[tokio::test]
async fn circuitpython_local_redirects_before_everything_else() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let port = gateway.address().port();
    for method in ["GET", "PUT", "OPTIONS", "DELETE"] {
        let call = gateway
            .call(method, "/fs/a%20b?x=1")
            .host(&format!("circuitpython.local:{port}"));
        let reply = call
            .header("Origin", "https://evil.example")
            .expect(307)
            .await;
        let expected = format!("http://{}.local:{port}/fs/a%20b?x=1", board.hostname());
        assert_eq!(reply.header("location"), expected);
        assert_eq!(reply.header("connection"), "close");
    }
}

#[tokio::test]
async fn names_lead_to_boards_and_strangers_are_misdirected() {
    let gateway = Gateway::start().await;
    let one = gateway.plug(SERIAL, &[]).await;
    let two = gateway.plug("E6614C31AAAAAA01", &[]).await;
    for board in [&one, &two] {
        for host in [
            format!("{}.local", board.hostname()),
            format!("{}.local:8080", board.hostname()),
            format!("{}.LOCAL", board.hostname().to_string().to_uppercase()),
            format!(
                "{}.localhost:{}",
                board.hostname(),
                gateway.address().port()
            ),
        ] {
            let version = gateway
                .call("GET", "/cp/version.json")
                .host(&host)
                .expect(200)
                .await
                .json();
            assert_eq!(version["hostname"], board.hostname().as_str(), "{host}");
            assert_eq!(version["web_api_version"], 4);
            assert_eq!(version["UID"], board.serial().as_str());
            assert_eq!(version["port"], gateway.address().port());
            assert_eq!(version["ip"], "127.0.0.1");
        }
        let devices = gateway
            .call("GET", "/cp/devices.json")
            .board(board)
            .expect(200)
            .await
            .json();
        let other = if board.serial() == one.serial() {
            &two
        } else {
            &one
        };
        assert_eq!(devices["total"], 1);
        assert_eq!(devices["devices"][0]["hostname"], other.hostname().as_str());
        let peers = gateway
            .call("GET", "/peers")
            .board(board)
            .expect(200)
            .await
            .json();
        assert_eq!(peers, devices);
    }
    for stranger in [
        "evil.example",
        "cpy-000000.local",
        "cpy-7e6f35.evil.example",
        "cpy-7e6f35",
    ] {
        let reply = gateway
            .call("GET", "/cp/version.json")
            .host(stranger)
            .expect(421)
            .await;
        assert!(!reply.text().is_empty());
    }
    let overview = gateway
        .call("GET", "/cp/boards.json")
        .host("localhost")
        .expect(200)
        .await
        .json();
    assert_eq!(overview["total"], 2, "{overview}");
}

#[tokio::test]
async fn each_board_has_a_port_of_its_own_and_keeps_it() {
    let gateway = Gateway::start().await;
    let mut boards = vec![
        gateway.plug(SERIAL, &[]).await,
        gateway.plug("E6614C31AAAAAA01", &[]).await,
    ];
    let mut ports = Vec::new();
    for board in &boards {
        let state = gateway
            .call("GET", "/cp/board.json")
            .board(board)
            .expect(200)
            .await
            .json();
        let port = u16::try_from(state["port"].as_u64().expect("a port")).unwrap();
        let address = (gateway.address().ip(), port).into();
        let call = http::Call::new(address, "GET", "/cp/version.json");
        let version = call
            .host(&format!("127.0.0.1:{port}"))
            .expect(200)
            .await
            .json();
        assert_eq!(version["hostname"], board.hostname().as_str());
        assert_eq!(version["port"], port);
        ports.push(port);
    }
    assert_ne!(ports[0], ports[1]);
    boards[0].unplug();
    boards[0].plug();
    gateway.ready(&boards[0]).await;
    let state = gateway
        .call("GET", "/cp/board.json")
        .board(&boards[0])
        .expect(200)
        .await
        .json();
    assert_eq!(state["port"], ports[0]);
}

#[tokio::test]
async fn a_board_that_asks_for_a_port_is_served_there() {
    let gateway = Gateway::start().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let board = gateway.plug(SERIAL, &["--port", &port.to_string()]).await;
    let address = (gateway.address().ip(), port).into();
    cpy_tests::wait::until("the port is open", async || {
        let call = http::Call::new(address, "GET", "/cp/version.json").host("127.0.0.1");
        let version = call.try_send().await.ok()?.json();
        (version["hostname"] == board.hostname().as_str()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn passwords_are_asked_for_and_compared() {
    let gateway = Gateway::start().await;
    let plain = gateway.plug(SERIAL, &[]).await;
    let own = gateway
        .plug("E6614C31AAAAAA01", &["--password", "a:b ü"])
        .await;
    let get = |board, target| gateway.call("GET", target).board(board);
    for target in ["/fs/", "/fs/code.py", "/edit/", "/cp/serial/"] {
        let reply = get(&plain, target).expect(401).await;
        assert_eq!(
            reply.header("www-authenticate"),
            "Basic realm=\"CircuitPython\""
        );
        get(&plain, target).password("wrong").expect(401).await;
        get(&plain, target)
            .password(cpy_tests::gateway::PASSWORD)
            .expect(200)
            .await;
        get(&own, target).password("a:b ü").expect(200).await;
    }
    get(&own, "/fs/")
        .password(cpy_tests::gateway::PASSWORD)
        .expect(401)
        .await;
    // "user:" with the right password, and a scheme in another case.
    let named = get(&own, "/fs/").header("Authorization", format!("Basic {}", encoded("me:a:b ü")));
    named.expect(401).await;
    let shouting =
        get(&own, "/fs/").header("Authorization", format!("BASIC {}", encoded(":a:b ü")));
    shouting.expect(200).await;
    for public in [
        "/",
        "/code/",
        "/favicon.ico",
        "/cp/version.json",
        "/cp/diskinfo.json",
    ] {
        get(&plain, public).expect(200).await;
    }
}

#[tokio::test]
async fn without_any_password_nobody_gets_in() {
    let mut gateway = Gateway::stopped("");
    let config = std::fs::read_to_string(gateway.config_file()).unwrap();
    let without = config.lines().filter(|line| !line.starts_with("password"));
    let text = without.collect::<Vec<_>>().join("\n");
    std::fs::write(gateway.config_file(), text).unwrap();
    for daemon in cpy_tests::gateway::DAEMONS {
        gateway.start_daemon(daemon);
    }
    gateway.answers().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let reply = gateway.call("GET", "/fs/").to(&board).expect(403).await;
    assert!(reply.text().contains("password"), "{reply:?}");
    gateway
        .call("GET", "/cp/version.json")
        .board(&board)
        .expect(200)
        .await;
}

#[tokio::test]
async fn origins_are_checked_and_answered() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let host = format!("{}.local:8080", board.hostname());
    let get = |target: &str, origin: &str| {
        let call = gateway
            .call("GET", target)
            .host(&host)
            .password(cpy_tests::gateway::PASSWORD);
        call.header("Origin", origin)
    };
    let own = format!("http://{host}");
    for origin in [
        own.as_str(),
        "http://localhost:3000",
        "http://127.0.0.1",
        "https://code.circuitpython.org",
    ] {
        let reply = get("/fs/code.py", origin).expect(200).await;
        assert_eq!(reply.header("access-control-allow-origin"), origin);
        assert_eq!(reply.header("access-control-allow-credentials"), "true");
        assert_eq!(reply.header("vary"), "Origin, Accept, Upgrade");
    }
    for origin in [
        "https://evil",
        "http://cpy-7e6f35.local",
        "https://localhost",
        "null",
    ] {
        let reply = get("/fs/code.py", origin).expect(403).await;
        assert!(
            !reply.header("access-control-allow-origin").contains("evil"),
            "{reply:?}"
        );
    }
    get("/cp/version.json", "null").expect(200).await;
    let reply = gateway
        .call("GET", "/cp/version.json")
        .board(&board)
        .expect(200)
        .await;
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    let options = gateway
        .call("OPTIONS", "/fs/code.py")
        .host(&host)
        .header("Origin", "http://localhost");
    let reply = options.expect(204).await;
    for method in ["GET", "OPTIONS", "PUT", "DELETE", "MOVE"] {
        assert!(
            reply
                .header("access-control-allow-methods")
                .contains(method),
            "{reply:?}"
        );
    }
    for header in [
        "X-Timestamp",
        "X-Destination",
        "Content-Type",
        "Authorization",
    ] {
        assert!(
            reply
                .header("access-control-allow-headers")
                .contains(header),
            "{reply:?}"
        );
    }
}

#[tokio::test]
async fn unknown_paths_methods_and_heads_are_refused() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    gateway
        .call("GET", "/cp/nothing.json")
        .board(&board)
        .expect(404)
        .await;
    gateway
        .call("GET", "/nothing")
        .board(&board)
        .expect(404)
        .await;
    gateway
        .call("PUT", "/cp/version.json")
        .board(&board)
        .expect(405)
        .await;
    gateway
        .call("PATCH", "/fs/code.py")
        .to(&board)
        .expect(405)
        .await;
    gateway
        .call("DELETE", "/edit/")
        .to(&board)
        .expect(405)
        .await;
    let host = format!("Host: {}.local\r\n", board.hostname());
    for head in [
        format!("{host}{host}"),
        String::new(),
        format!("{host}Content-Length: 3\r\nContent-Length: 4\r\n"),
        format!("{host}Content-Length: x\r\n"),
        format!("{host}X-A: \x01\r\n"),
    ] {
        let request = format!("PUT /fs/code.py HTTP/1.1\r\n{head}\r\nabcd");
        let answer = http::raw(gateway.address(), request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?}: {answer}");
    }
    let long = format!(
        "GET / HTTP/1.1\r\n{host}X-Long: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    let answer = http::raw(gateway.address(), long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn pipelined_and_old_requests_are_answered() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let host = format!("Host: {}.local\r\n", board.hostname());
    let three = format!(
        "GET /cp/version.json HTTP/1.1\r\n{host}\r\nGET /cp/nothing HTTP/1.1\r\n{host}\r\n\
         GET /cp/diskinfo.json HTTP/1.1\r\n{host}Connection: close\r\n\r\n"
    );
    let answer = http::raw(gateway.address(), three.as_bytes()).await;
    let order: Vec<usize> = ["web_api_version", " 404 ", "block_size"]
        .map(|part| {
            answer
                .find(part)
                .unwrap_or_else(|| panic!("{part} is missing: {answer}"))
        })
        .to_vec();
    assert!(order.is_sorted(), "{answer}");
    let old = format!("GET /cp/version.json HTTP/1.0\r\n{host}\r\n");
    let answer = http::raw(gateway.address(), old.as_bytes()).await;
    assert!(
        answer.contains(" 200 ") && answer.contains("web_api_version"),
        "{answer}"
    );
}

fn encoded(text: &str) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(text)
}
