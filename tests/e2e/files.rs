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
    let request = http::head("GET", "/fs/big.bin", &board) + "Connection: close\r\n\r\n";
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
