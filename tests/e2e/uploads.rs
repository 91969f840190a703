//! Bodies on their way in: whole, cut, chunked, too large, and as HTML forms.

use cpy_tests::{Gateway, http};

const SERIAL: &str = "E6614C311B7E6F35";

#[tokio::test]
async fn a_file_that_does_not_fit_is_refused_before_and_during_the_upload() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let old = board.image().read("/code.py").unwrap();
    let big = vec![b'#'; 3 << 20];
    let reply = gateway
        .call("PUT", "/fs/code.py")
        .to(&board)
        .body(big.clone())
        .send()
        .await;
    assert_eq!(reply.status, 413, "{reply:?}");
    let head = http::head("PUT", "/fs/code.py", &board);
    let asks_first = format!(
        "{head}Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        big.len()
    );
    let answer = http::raw(gateway.address(), asks_first.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 417 "), "{answer}");
    let mut chunked = format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        big.len()
    )
    .into_bytes();
    chunked.extend_from_slice(&big);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    let answer = http::raw(gateway.address(), &chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(board.image().read("/code.py").unwrap(), old);
}

#[tokio::test]
async fn a_body_cut_short_or_chunked_leaves_the_right_file() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let old = board.image().read("/code.py").unwrap();
    let head = http::head("PUT", "/fs/code.py", &board) + "Connection: close\r\n";
    for broken in [
        "Content-Length: 1000\r\n\r\nonly this much",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let answer = http::raw(gateway.address(), format!("{head}{broken}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{broken:?}: {answer}");
    }
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
async fn a_file_for_which_there_is_room_only_in_its_own_place_is_saved_there() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let list = gateway.call("GET", "/fs/").to(&board);
    let space = list.header("Accept", "application/json").expect(200).await;
    let free =
        space.json()["free"].as_u64().unwrap() * space.json()["block_size"].as_u64().unwrap();
    let size = usize::try_from(free).unwrap() - 2048;
    let save = |content: Vec<u8>| gateway.call("PUT", "/fs/big.bin").to(&board).body(content);
    let reply = save(vec![1; size]).expect(201).await;
    assert_eq!(reply.header("x-save"), "");
    for length in [size, size + 1024, 5000] {
        let content = vec![u8::try_from(length % 251).unwrap(); length];
        let reply = save(content.clone()).expect(204).await;
        assert_eq!(reply.header("x-save"), "in-place", "{length} bytes");
        assert!(
            board.image().read("/big.bin").unwrap() == content,
            "{length} bytes"
        );
    }
    let reply = save(vec![3; 5000]).expect(204).await;
    assert_eq!(reply.header("x-save"), "", "there is room beside it now");
    save(vec![4; size + 8192]).expect(413).await;
    // What does not exist yet has no place of its own.
    save(vec![5; size]).expect(204).await;
    let new = gateway.call("PUT", "/fs/new.bin").to(&board);
    new.body(vec![6; 5000]).expect(413).await;
}

#[tokio::test]
async fn a_form_uploads_as_put_does() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
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
