//! Who is let in: the order of the checks, origins, passwords.

use cpy_board::Record;

use crate::bench::{Bench, FEATHER, PICO, RIGHT, WRONG, password, record};

const NAME: &str = "cpy-7e6f35.local";

fn at(host: &str, request: &str, headers: &str) -> String {
    format!("{request} HTTP/1.1\r\nHost: {host}\r\n{headers}")
}

#[tokio::test]
async fn a_board_answers_by_its_name_in_any_case() {
    let bench = Bench::new().await;
    for host in [
        "cpy-7e6f35.local",
        "CPY-7E6F35.Local.",
        "cpy-7e6f35.localhost:1234",
    ] {
        let answer = bench.ask(&at(host, "GET /cp/version.json", "")).await;
        assert_eq!(answer.json()["hostname"], "cpy-7e6f35");
    }
}

#[tokio::test]
async fn the_neutral_name_leads_to_the_first_board_before_any_other_check() {
    let bench = Bench::new().await;
    bench.plug(FEATHER);
    let feather = at("cpy-5a0a0b.local", "GET /cp/version.json", "");
    bench.until(&feather, |answer| answer.status == 200).await;
    let port = bench.address.port();
    for (request, headers, location) in [
        ("GET /cp/version.json", "", "/cp/version.json"),
        (
            "PUT /fs/a%20b?c",
            "Origin: http://evil\r\nContent-Length: 5\r\nExpect: 100-continue\r\n",
            "/fs/a%20b?c",
        ),
        ("MOVE /fs/x", "", "/fs/x"),
        ("OPTIONS /fs/", "", "/fs/"),
        ("GET /nothing", "", "/nothing"),
    ] {
        let answer = bench
            .ask(&at("CircuitPython.local", request, headers))
            .await;
        let location = format!("http://cpy-5a0a0b.local:{port}{location}");
        answer
            .is(307)
            .has("location", &location)
            .has("connection", "close");
        let origin = if headers.contains("Origin") {
            "http://evil"
        } else {
            "*"
        };
        answer.has("access-control-allow-origin", origin);
        answer.has("access-control-allow-credentials", "true");
        assert!(answer.body.is_empty());
    }
    for connection in ["Connection: Upgrade\r\n", ""] {
        let upgrade = format!("{connection}Upgrade: websocket\r\n");
        let answer = bench
            .ask(&at("circuitpython.local:80", "GET /cp/serial/", &upgrade))
            .await;
        answer
            .is(307)
            .has("location", "ws://cpy-5a0a0b.local/cp/serial/");
    }
}

#[tokio::test]
async fn the_neutral_name_leads_nowhere_without_a_board() {
    let mut bench = Bench::empty().await;
    bench.start().await;
    let answer = bench.ask(&at("circuitpython.local", "GET /", "")).await;
    answer.is(503).says("No board is plugged in");
}

#[tokio::test]
async fn other_names_are_misdirected() {
    let bench = Bench::new().await;
    for host in [
        "evil.example",
        "cpy-000000.local",
        "cpy-7e6f35",
        "cpy-7e6f35.local.evil",
    ] {
        let answer = bench.ask(&at(host, "GET /fs/", RIGHT)).await;
        answer.is(421).says("neither a board nor this gateway");
    }
}

#[tokio::test]
async fn an_absolute_target_counts_for_the_host() {
    let bench = Bench::new().await;
    let target = format!("GET http://{NAME}/cp/version.json");
    bench.ask(&at("evil.example", &target, "")).await.is(200);
    let target = "GET http://evil.example/cp/version.json";
    bench.ask(&at(NAME, target, "")).await.is(421);
}

#[tokio::test]
async fn origin_is_checked_before_path_and_password_and_a_refused_one_is_not_echoed() {
    let bench = Bench::new().await;
    for origin in [
        "http://evil",
        "https://evil",
        "null",
        "http://cpy-7e6f35.local:81",
    ] {
        for path in ["/fs/", "/nothing", "/edit/"] {
            let origin = format!("Origin: {origin}\r\n");
            let answer = bench.ask(&at(NAME, &format!("GET {path}"), &origin)).await;
            answer.is(403).says("origin");
            answer
                .has_no("access-control-allow-origin")
                .has_no("www-authenticate");
            answer.has("vary", "Origin, Accept, Upgrade");
        }
    }
    let twice = "Origin: http://localhost\r\nOrigin: http://localhost\r\n";
    bench.ask(&at(NAME, "GET /fs/", twice)).await.is(403);
}

#[tokio::test]
async fn an_allowed_origin_is_echoed_on_every_dynamic_reply() {
    let bench = Bench::new().await;
    for origin in [
        "http://cpy-7e6f35.local",
        "http://localhost:3000",
        "http://127.0.0.1",
        "https://code.circuitpython.org",
    ] {
        for (request, status) in [
            ("GET /cp/version.json", 200),
            ("GET /cp/nothing.json", 404),
            ("GET /fs/code.py", 401),
            ("POST /cp/version.json", 405),
            ("OPTIONS /fs/code.py", 204),
            ("GET /nothing", 404),
        ] {
            let answer = bench
                .ask(&at(NAME, request, &format!("Origin: {origin}\r\n")))
                .await;
            answer.is(status);
            answer.has("access-control-allow-origin", origin);
            answer.has("access-control-allow-credentials", "true");
            answer.has("vary", "Origin, Accept, Upgrade");
        }
    }
    let answer = bench.ask(&at(NAME, "GET /cp/version.json", "")).await;
    answer.has("access-control-allow-origin", "*");
}

#[tokio::test]
async fn a_page_that_came_by_a_redirect_reads_public_documents_only() {
    let bench = Bench::new().await;
    let null = "Origin: null\r\n";
    for path in [
        "/cp/version.json",
        "/cp/devices.json",
        "/cp/diskinfo.json",
        "/peers",
    ] {
        let answer = bench.ask(&at(NAME, &format!("GET {path}"), null)).await;
        answer.is(200).has("access-control-allow-origin", "null");
    }
    let with_password = format!("{null}{RIGHT}");
    bench
        .ask(&at(NAME, "GET /fs/code.py", &with_password))
        .await
        .is(403);
}

#[tokio::test]
async fn options_needs_no_password_and_tells_what_is_possible() {
    let bench = Bench::new().await;
    for path in [
        "/fs/",
        "/fs/code.py",
        "/cp/version.json",
        "/cp/serial/",
        "/cp/anything",
    ] {
        let answer = bench.request("OPTIONS", path, "").await;
        answer.is(204);
        answer.has(
            "access-control-allow-methods",
            "GET, OPTIONS, PUT, DELETE, MOVE",
        );
        answer.has(
            "access-control-allow-headers",
            "X-Timestamp, X-Destination, Content-Type, Authorization, If-Match, If-None-Match",
        );
        answer.has(
            "access-control-expose-headers",
            "Access-Control-Allow-Methods, ETag, X-Save",
        );
        answer.has("access-control-allow-origin", "*");
    }
    assert!(bench.files.seen.all().is_empty());
}

#[tokio::test]
async fn the_path_comes_before_the_password_and_the_method_after_it() {
    let bench = Bench::new().await;
    bench.get("/nothing", "").await.is(404).says("nothing");
    bench.request("PATCH", "/nothing", "").await.is(404);
    bench.request("PATCH", "/fs/code.py", "").await.is(401);
    let allow = "GET, HEAD, OPTIONS, PUT, DELETE, MOVE";
    let answer = bench.request("PATCH", "/fs/code.py", RIGHT).await;
    answer.is(405).has("allow", allow);
    bench
        .request("PUT", "/edit/", RIGHT)
        .await
        .is(405)
        .has("allow", "GET, HEAD");
    bench.request("POST", "/fs/code.py", RIGHT).await.is(405);
    for path in ["/", "/code/", "/favicon.ico", "/static/shared/page.css"] {
        bench
            .request("PUT", path, "")
            .await
            .is(405)
            .has("allow", "GET, HEAD");
    }
    let answer = bench.request("PUT", "/cp/version.json", "").await;
    answer.is(405).has("allow", "GET, HEAD, OPTIONS");
}

#[tokio::test]
async fn files_editor_and_console_need_the_password() {
    let bench = Bench::new().await;
    let websocket = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    for (request, headers) in [
        ("GET /fs/", ""),
        ("GET /fs/code.py", ""),
        ("PUT /fs/code.py", ""),
        ("DELETE /fs/code.py", ""),
        ("GET /edit/", ""),
        ("GET /cp/serial/", ""),
        ("GET /cp/serial/", websocket),
        ("GET /fs/", WRONG),
    ] {
        let answer = bench.ask(&at(NAME, request, headers)).await;
        answer.is(401).says("password");
        answer.has("www-authenticate", "Basic realm=\"CircuitPython\"");
    }
    assert!(bench.files.seen.all().is_empty() && bench.console.seen.all().is_empty());
    for path in ["/fs/", "/fs/code.py", "/edit/", "/cp/serial/"] {
        bench.get(path, RIGHT).await.is(200);
    }
}

#[tokio::test]
async fn a_board_without_a_password_has_the_gateways_and_with_neither_nobody_gets_in() {
    let mut bench = Bench::empty().await;
    bench.files.start();
    bench.write_record(PICO, &Record::default());
    bench.plug_unread(PICO);
    bench.start().await;
    let answer = bench.get("/fs/code.py", RIGHT).await;
    answer.is(403).says("CIRCUITPY_WEB_API_PASSWORD");
    bench.config.http.password = Some(password("passw0rd"));
    bench.start().await;
    bench.get("/fs/code.py", RIGHT).await.is(200);
    let mut own = record(PICO);
    own.settings.password = Some(password("its own"));
    bench.write_record(PICO, &own);
    let head = at(NAME, "GET /fs/code.py", RIGHT);
    bench.until(&head, |answer| answer.status == 401).await;
    bench
        .get("/fs/code.py", "Authorization: Basic Oml0cyBvd24=\r\n")
        .await
        .is(200);
}

#[tokio::test]
async fn nobody_gets_in_before_the_boards_own_password_is_known() {
    let mut bench = Bench::empty().await;
    bench.files.start();
    bench.config.http.password = Some(password("passw0rd"));
    bench.plug_unread(PICO);
    bench.start().await;
    for path in ["/fs/code.py", "/cp/serial/"] {
        let answer = bench.get(path, RIGHT).await;
        answer.is(503).says("have not been read yet");
    }
    bench.write_record(PICO, &Record::default());
    let head = at(NAME, "GET /fs/code.py", RIGHT);
    bench.until(&head, |answer| answer.status == 200).await;
}

#[tokio::test]
async fn a_board_stays_behind_its_password_while_its_record_is_missing() {
    let mut bench = Bench::new().await;
    bench.config.http.password = Some(password("wrong"));
    bench.start().await;
    bench.unplug(PICO);
    bench.remove_record(PICO);
    let head = at(NAME, "GET /fs/code.py", RIGHT);
    bench.until(&head, |answer| answer.status == 503).await;
    bench.plug_unread(PICO);
    bench.until(&head, |answer| answer.status == 200).await;
    bench.get("/fs/code.py", WRONG).await.is(401);
    bench.write_record(PICO, &Record::default());
    bench.until(&head, |answer| answer.status == 401).await;
}

/// A wrong password that is like no other: one that comes again is no guess.
fn guess(number: u32) -> String {
    format!("Authorization: Basic Ondyb25n{number:04}\r\n")
}

#[tokio::test]
async fn guessing_takes_longer_and_longer_but_a_right_password_does_not_wait() {
    let bench = Bench::new().await;
    let start = std::time::Instant::now();
    for number in 0..3 {
        bench.get("/fs/code.py", &guess(number)).await.is(401);
    }
    assert!(start.elapsed().as_millis() >= 125 + 250 + 500);
    let start = std::time::Instant::now();
    bench.get("/fs/code.py", RIGHT).await.is(200);
    bench.get("/fs/code.py", "").await.is(401);
    assert!(start.elapsed().as_millis() < 900);
}

#[tokio::test]
async fn many_connections_do_not_guess_faster_than_one() {
    let bench = Bench::new().await;
    let mut wires = Vec::new();
    for number in 0..40 {
        let mut wire = bench.connect().await;
        let head = at(NAME, "GET /fs/code.py", &guess(number));
        wire.send(&format!("{head}\r\n")).await;
        wires.push(wire);
    }
    // All but a few are told at once to come later, and the others wait.
    let start = std::time::Instant::now();
    let mut later = 0;
    for wire in &mut wires {
        if !wire.is_silent().await {
            let answer = wire.answer().await;
            if answer.status == 429 {
                answer.says("Too many wrong passwords");
                assert!(
                    answer
                        .header("retry-after")
                        .unwrap()
                        .parse::<u32>()
                        .unwrap()
                        > 0
                );
                later += 1;
            }
        }
    }
    assert!(later >= 30, "{later} after {:?}", start.elapsed());
}
