//! The `/fs/` interface from the network to the bytes on the drive, which mtools reads.

use cpy_tests::{Board, Gateway, http};
use hyper::header::HeaderMap;

const SERIAL: &str = "E6614C311B7E6F35";

async fn gateway_with_board() -> (Gateway, Board) {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    (gateway, board)
}

fn listed<'a>(listing: &'a serde_json::Value, name: &str) -> Option<&'a serde_json::Value> {
    listing["files"]
        .as_array()?
        .iter()
        .find(|entry| entry["name"] == name)
}

#[tokio::test]
async fn a_file_is_created_replaced_read_and_deleted() {
    let (gateway, board) = gateway_with_board().await;
    let put = |text: &'static str| gateway.call("PUT", "/fs/new.py").to(&board).body(text);
    put("print(1)\n").expect(201).await;
    assert_eq!(board.image().read("/new.py").unwrap(), b"print(1)\n");
    put("print(2)  # longer\n").expect(204).await;
    assert_eq!(
        board.image().read("/new.py").unwrap(),
        b"print(2)  # longer\n"
    );
    let reply = gateway
        .call("GET", "/fs/new.py")
        .to(&board)
        .expect(200)
        .await;
    assert_eq!(reply.text(), "print(2)  # longer\n");
    assert_eq!(reply.header("content-type"), "text/plain;charset=UTF-8");
    assert_eq!(reply.header("content-length"), "19");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert!(reply.header("cache-control").contains("no-store"));
    gateway
        .call("DELETE", "/fs/new.py")
        .to(&board)
        .expect(204)
        .await;
    assert_eq!(board.image().read("/new.py"), None);
    gateway
        .call("GET", "/fs/new.py")
        .to(&board)
        .expect(404)
        .await;
    gateway
        .call("DELETE", "/fs/new.py")
        .to(&board)
        .expect(404)
        .await;
}

#[tokio::test]
async fn a_listing_says_what_clients_rely_on() {
    let (gateway, board) = gateway_with_board().await;
    let modified = "1700000001234";
    let put = gateway.call("PUT", "/fs/Mixed%20Case.py").to(&board);
    put.header("X-Timestamp", modified)
        .body("12345")
        .expect(201)
        .await;
    for root in ["/fs/", "/fs//"] {
        let get = gateway
            .call("GET", root)
            .to(&board)
            .header("Accept", "application/json");
        let reply = get.expect(200).await;
        assert!(
            reply.header("content-type").starts_with("application/json"),
            "{reply:?}"
        );
        let listing = reply.json();
        let file = listed(&listing, "Mixed Case.py").expect("it is listed in its own case");
        assert_eq!(file["file_size"], 5);
        assert_eq!(file["directory"], false);
        assert_eq!(file["modified_ns"], 1_700_000_000_000_000_000_u64);
        let lib = listed(&listing, "lib").expect("the drive has a lib");
        assert_eq!(
            (&lib["directory"], &lib["file_size"]),
            (&true.into(), &0.into())
        );
        assert!(listed(&listing, ".").is_none() && listed(&listing, "..").is_none());
        assert_eq!(listing["writable"], true);
        assert_eq!(listing["block_size"], 512);
        assert!(
            listing["free"].as_u64() < listing["total"].as_u64(),
            "{listing}"
        );
    }
    gateway.call("GET", "/fs/lib").to(&board).expect(404).await;
    gateway
        .call("GET", "/fs/code.py/")
        .to(&board)
        .header("Accept", "application/json")
        .expect(404)
        .await;
    gateway
        .call("GET", "/fs/CODE.PY")
        .to(&board)
        .expect(200)
        .await;
}

#[tokio::test]
async fn directories_are_made_with_their_parents_and_deleted_whole() {
    let (gateway, board) = gateway_with_board().await;
    let status = async |method: &str, target: &str| {
        gateway
            .call(method, target)
            .to(&board)
            .send()
            .await
            .status
            .as_u16()
    };
    assert_eq!(status("PUT", "/fs/a/b/c/").await, 201);
    assert_eq!(status("PUT", "/fs/a/b/c/").await, 204);
    assert_eq!(status("PUT", "/fs/").await, 204);
    assert_eq!(status("PUT", "/fs/code.py/").await, 204);
    assert_eq!(status("PUT", "/fs/code.py/below/").await, 404);
    assert_eq!(status("PUT", "/fs/missing/file.py").await, 404);
    assert_eq!(status("PUT", "/fs/code.py/file.py").await, 404);
    assert_eq!(status("PUT", "/fs/a").await, 409);
    assert_eq!(status("PUT", "/fs/a/b/c/deep.py").await, 201);
    assert_eq!(
        board.image().tree("/a"),
        ["/a/b/", "/a/b/c/", "/a/b/c/deep.py"]
    );
    assert_eq!(status("DELETE", "/fs/a").await, 204);
    assert!(board.image().tree("/a").is_empty());
    let root_before = board.image().tree("/");
    assert_eq!(status("DELETE", "/fs/").await, 400);
    assert_eq!(status("MOVE", "/fs/").await, 400);
    assert_eq!(board.image().tree("/"), root_before);
}

#[tokio::test]
async fn a_move_never_overwrites() {
    let (gateway, board) = gateway_with_board().await;
    let move_to = async |from: &str, to: &str| {
        let call = gateway
            .call("MOVE", from)
            .to(&board)
            .header("X-Destination", to);
        call.send().await.status.as_u16()
    };
    gateway
        .call("PUT", "/fs/one.py")
        .to(&board)
        .body("one")
        .expect(201)
        .await;
    gateway
        .call("PUT", "/fs/dir/sub/")
        .to(&board)
        .expect(201)
        .await;
    assert_eq!(move_to("/fs/one.py", "/fs/dir/two%20words.py").await, 201);
    assert_eq!(board.image().read("/dir/two words.py").unwrap(), b"one");
    assert_eq!(
        move_to("/fs/dir/two%20words.py", "/fs/raw space.py").await,
        201
    );
    assert_eq!(move_to("/fs/raw%20space.py", "/fs/RAW Space.py").await, 201);
    assert_eq!(move_to("/fs/raw%20space.py", "/fs/code.py").await, 412);
    assert_eq!(move_to("/fs/raw%20space.py", "/fs/dir/sub").await, 412);
    assert_eq!(move_to("/fs/raw%20space.py", "/fs/missing/x.py").await, 404);
    assert_eq!(move_to("/fs/missing.py", "/fs/x.py").await, 404);
    assert_eq!(move_to("/fs/dir/", "/fs/dir/sub/inside").await, 400);
    assert_eq!(move_to("/fs/dir", "/elsewhere").await, 400);
    assert_eq!(move_to("/fs/dir", "/fs/../x").await, 400);
    assert_eq!(
        gateway
            .call("MOVE", "/fs/dir")
            .to(&board)
            .send()
            .await
            .status,
        400
    );
    assert_eq!(move_to("/fs/dir/", "/fs/moved").await, 201);
    assert_eq!(board.image().tree("/moved"), ["/moved/sub/"]);
    assert!(
        board
            .image()
            .tree("/")
            .contains(&"/RAW Space.py".to_owned())
    );
}

#[tokio::test]
async fn hostile_paths_are_refused_and_change_nothing() {
    let (gateway, board) = gateway_with_board().await;
    let before = board.image().tree("/");
    for path in [
        "..",
        "a/../b",
        "%2e%2e",
        "lib/..%2f..",
        "a%5Cb",
        "a%00b",
        "a%0Ab",
        "%ff",
        "a:b",
        "a*b",
        "a%3fb",
    ] {
        for method in ["PUT", "DELETE", "GET", "MOVE"] {
            let call = gateway.call(method, &format!("/fs/{path}")).to(&board);
            let call = call.header("X-Destination", "/fs/x").body("hostile");
            let reply = call.expect(400).await;
            assert!(!reply.text().is_empty(), "{method} {path}: no sentence");
        }
    }
    assert_eq!(board.image().tree("/"), before);
}

#[tokio::test]
async fn a_file_that_does_not_fit_is_refused_before_and_during_the_upload() {
    let (gateway, board) = gateway_with_board().await;
    let old = board.image().read("/code.py").unwrap();
    let big = vec![b'#'; 3 << 20];
    let reply = gateway
        .call("PUT", "/fs/code.py")
        .to(&board)
        .body(big.clone())
        .send()
        .await;
    assert_eq!(reply.status, 413, "{reply:?}");
    let password = format!("Authorization: Basic {}", basic());
    let asks_first = format!(
        "PUT /fs/code.py HTTP/1.1\r\nHost: {}.local\r\n{password}\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        board.hostname(),
        big.len()
    );
    let answer = http::raw(gateway.address(), asks_first.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 417 "), "{answer}");
    let mut chunked = format!(
        "PUT /fs/code.py HTTP/1.1\r\nHost: {}.local\r\n{password}\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        board.hostname(),
        big.len()
    )
    .into_bytes();
    chunked.extend_from_slice(&big);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    let answer = http::raw(gateway.address(), &chunked).await;
    assert!(answer.is_empty() || answer.contains(" 413 "), "{answer}");
    assert_eq!(board.image().read("/code.py").unwrap(), old);
}

#[tokio::test]
async fn a_body_cut_short_or_chunked_leaves_the_right_file() {
    let (gateway, board) = gateway_with_board().await;
    let old = board.image().read("/code.py").unwrap();
    let head = format!(
        "PUT /fs/code.py HTTP/1.1\r\nHost: {}.local\r\nAuthorization: Basic {}\r\nConnection: close\r\n",
        board.hostname(),
        basic()
    );
    let lying = format!("{head}Content-Length: 1000\r\n\r\nonly this much");
    {
        use tokio::io::AsyncWriteExt;
        let mut stream = tokio::net::TcpStream::connect(gateway.address())
            .await
            .unwrap();
        stream.write_all(lying.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    }
    let cut_chunk = format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n");
    let answer = http::raw(gateway.address(), cut_chunk.as_bytes()).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400 "),
        "{answer}"
    );
    assert_eq!(board.image().read("/code.py").unwrap(), old);
    let chunks =
        format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    let answer = http::raw(gateway.address(), chunks.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    assert_eq!(board.image().read("/code.py").unwrap(), b"hello world");
    let nothing = format!("{head}\r\n");
    let answer = http::raw(gateway.address(), nothing.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    assert_eq!(board.image().read("/code.py").unwrap(), b"");
}

#[tokio::test]
async fn a_megabyte_goes_in_and_comes_out() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &["--size", "16384"]).await;
    let content: Vec<u8> = (0..1_u32 << 20)
        .map(|n| n.to_le_bytes()[(n % 3) as usize])
        .collect();
    gateway
        .call("PUT", "/fs/big.bin")
        .to(&board)
        .body(content.clone())
        .expect(201)
        .await;
    assert_eq!(board.image().read("/big.bin").unwrap(), content);
    let reply = gateway
        .call("GET", "/fs/big.bin")
        .to(&board)
        .expect(200)
        .await;
    assert_eq!(reply.header("content-type"), "application/octet-stream");
    assert!(
        reply.body == content,
        "{} bytes came back",
        reply.body.len()
    );
}

#[tokio::test]
async fn a_form_uploads_as_put_does() {
    let (gateway, board) = gateway_with_board().await;
    let form = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"form one.py\"\r\n\
                Content-Type: text/x-python\r\n\r\nprint('form')\r\n\
                --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"two.py\"\r\n\r\n2\r\n--x--\r\n";
    let post = |target: &str| {
        let call = gateway.call("POST", target).to(&board).body(form);
        call.header("Content-Type", "multipart/form-data; boundary=x")
    };
    post("/fs/lib/").expect(201).await;
    assert_eq!(
        board.image().read("/lib/form one.py").unwrap(),
        b"print('form')"
    );
    assert_eq!(board.image().read("/lib/two.py").unwrap(), b"2");
    post("/fs/missing/").expect(404).await;
    let unknown = gateway.call("POST", "/fs/lib/").board(&board).body(form);
    unknown
        .header("Content-Type", "multipart/form-data; boundary=x")
        .expect(401)
        .await;
}

#[tokio::test]
async fn a_write_protected_drive_can_be_read_and_says_why_it_cannot_be_written() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &["--read-only"]).await;
    gateway
        .call("GET", "/fs/code.py")
        .to(&board)
        .expect(200)
        .await;
    let changes = [
        ("PUT", "/fs/code.py"),
        ("PUT", "/fs/d/"),
        ("DELETE", "/fs/code.py"),
        ("MOVE", "/fs/code.py"),
    ];
    for (method, target) in changes {
        let call = gateway
            .call(method, target)
            .to(&board)
            .header("X-Destination", "/fs/x.py");
        let reply = call.expect(409).await;
        assert!(reply.text().contains("write-protected"), "{reply:?}");
    }
    let listing = gateway
        .call("GET", "/fs/")
        .to(&board)
        .header("Accept", "application/json");
    assert_eq!(listing.expect(200).await.json()["writable"], false);
    let disks = gateway
        .call("GET", "/cp/diskinfo.json")
        .board(&board)
        .expect(200)
        .await
        .json();
    assert_eq!(
        (&disks[0]["root"], &disks[0]["writable"]),
        (&"/".into(), &false.into()),
        "{disks}"
    );
}

#[tokio::test]
async fn a_drive_that_is_damaged_or_no_drive_at_all_is_said_to_be() {
    let gateway = Gateway::start().await;
    let mut board = gateway.plug(SERIAL, &[]).await;
    let other = gateway.plug("E6614C31AAAAAA01", &[]).await;
    let damaged = async |board: &mut Board, change: fn(&mut [u8])| {
        board.unplug();
        gateway.status_becomes(board, "/fs/code.py", 503).await;
        board.damage(|image| change(image));
        board.plug();
        cpy_tests::wait::until("the drive is looked at", async || {
            let reply = gateway.call("GET", "/fs/code.py").to(board).send().await;
            (!reply.text().contains("not plugged in")).then_some(reply)
        })
        .await
    };
    // A table in which every chain is a loop.
    damaged(&mut board, |image| image[1024..4096].fill(0x22)).await;
    let list = gateway.call("GET", "/fs/lib/").to(&board);
    let reply = list.header("Accept", "application/json").expect(500).await;
    assert!(reply.text().contains("damaged"), "{reply:?}");
    // No volume, and then nothing that makes sense.
    let reply = damaged(&mut board, |image| image[512..1024].fill(0)).await;
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.text().contains("no FAT"), "{reply:?}");
    gateway
        .call("GET", "/fs/code.py")
        .to(&other)
        .expect(200)
        .await;
    let reply = damaged(&mut board, |image| image.fill(0xA5)).await;
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.text().len() > 10, "{reply:?}");
    gateway
        .call("GET", "/fs/code.py")
        .to(&other)
        .expect(200)
        .await;
}

#[tokio::test]
async fn a_broken_settings_file_keeps_the_last_good_password() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &["--password", "its own"]).await;
    let call = |method, target| {
        gateway
            .call(method, target)
            .board(&board)
            .password("its own")
    };
    call("GET", "/fs/code.py").expect(200).await;
    call("PUT", "/fs/settings.toml")
        .body("CIRCUITPY_WEB_API_PASSWORD = \"half")
        .expect(204)
        .await;
    let status = cpy_tests::wait::until("the problem is reported", async || {
        let status = gateway
            .call("GET", "/cp/board.json")
            .board(&board)
            .send()
            .await
            .json();
        status["problems"]
            .to_string()
            .contains("settings.toml")
            .then_some(status)
    })
    .await;
    assert!(
        status["problems"].to_string().contains("line 1"),
        "{status}"
    );
    call("GET", "/fs/code.py").expect(200).await;
    let new = "CIRCUITPY_WEB_API_PASSWORD = \"other\"\n";
    call("PUT", "/fs/settings.toml").body(new).expect(204).await;
    cpy_tests::wait::until("the new password holds", async || {
        let get = gateway
            .call("GET", "/fs/code.py")
            .board(&board)
            .password("other");
        (get.send().await.status == 200).then_some(())
    })
    .await;
    call("GET", "/fs/code.py").expect(401).await;
}

#[tokio::test]
async fn two_boards_never_mix() {
    let gateway = Gateway::start().await;
    let boards = [
        gateway.plug(SERIAL, &[]).await,
        gateway.plug("E6614C31AAAAAA01", &["--size", "8192"]).await,
    ];
    let saves = (0..40).map(|n| {
        let board = &boards[n % 2];
        let content = format!("{} {n}", board.hostname());
        gateway
            .call("PUT", &format!("/fs/f{}.py", n / 2))
            .to(board)
            .body(content)
            .expect(201)
    });
    futures_util::future::join_all(saves).await;
    for n in 0..40 {
        let board = &boards[n % 2];
        let expected = format!("{} {n}", board.hostname());
        let file = format!("/f{}.py", n / 2);
        assert_eq!(board.image().read(&file).unwrap(), expected.as_bytes());
        let reply = gateway
            .call("GET", &format!("/fs{file}"))
            .to(board)
            .expect(200)
            .await;
        assert_eq!(reply.text(), expected);
    }
}

#[tokio::test]
async fn a_file_that_changes_in_mid_download_breaks_the_download_off() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &["--size", "32768"]).await;
    let size = 6 << 20;
    let fill = |byte: u8| vec![byte; size];
    gateway
        .call("PUT", "/fs/big.bin")
        .to(&board)
        .body(fill(b'a'))
        .expect(201)
        .await;
    let mut stream = tokio::net::TcpStream::connect(gateway.address())
        .await
        .unwrap();
    let request = format!(
        "GET /fs/big.bin HTTP/1.1\r\nHost: {}.local\r\nAuthorization: Basic {}\r\nConnection: close\r\n\r\n",
        board.hostname(),
        basic()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut first = vec![0; 4096];
    stream.read_exact(&mut first).await.unwrap();
    gateway
        .call("PUT", "/fs/big.bin")
        .to(&board)
        .body(fill(b'b'))
        .expect(204)
        .await;
    let mut rest = Vec::new();
    // The connection may be reset instead of closed.
    let _ = stream.read_to_end(&mut rest).await;
    let body = rest.len() + first.len();
    assert!(
        body < size,
        "{body} bytes came although the file was changed"
    );
    assert!(
        !rest.contains(&b'b'),
        "the old and the new content were mixed"
    );
}

/// The credentials of the tests' password.
fn basic() -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(format!(":{}", cpy_tests::gateway::PASSWORD))
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let (gateway, board) = gateway_with_board().await;
    for target in ["/fs/code.py", "/fs/", "/cp/version.json", "/"] {
        let without_length = |mut headers: HeaderMap| {
            headers.remove("date");
            headers
        };
        let json = |method| {
            gateway
                .call(method, target)
                .to(&board)
                .header("Accept", "application/json")
        };
        let get = json("GET").expect(200).await;
        let head = json("HEAD").expect(200).await;
        assert!(head.body.is_empty(), "{target}");
        assert_eq!(
            without_length(get.headers),
            without_length(head.headers),
            "{target}"
        );
    }
}
