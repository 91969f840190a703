//! Saving and reading files through the gateway.

use std::time::Duration;

use cpy_tests::{Board, Gateway};

use crate::samples::Samples;

const SIZES: [(usize, &str, u32); 2] = [(10 << 10, "10 KiB", 300), (1 << 20, "1 MiB", 60)];

/// PUT and GET in turns, each over a connection of its own, as circup and curl do.
pub(crate) async fn measure(gateway: &Gateway) {
    let board = gateway
        .plug(
            "E6614C31BE0C0001",
            &["--size", "16M", "--script", "/dev/null"],
        )
        .await;
    for (size, name, rounds) in SIZES {
        let mut put = Samples::default();
        let mut get = Samples::default();
        for round in 0..rounds {
            let content = vec![u8::try_from(round % 251).unwrap(); size];
            put.time(save(gateway, &board, content.clone())).await;
            let read = get
                .time(gateway.call("GET", "/fs/bench.bin").to(&board).expect(200))
                .await;
            assert!(read.body == content, "what was read is not what was saved");
        }
        put.print(&format!("PUT {name}"));
        get.print(&format!("GET {name}"));
        println!(
            "{:<44}{:>12}",
            format!("GET {name}, MB/s"),
            rate(size, get.median())
        );
    }
}

async fn save(gateway: &Gateway, board: &Board, content: Vec<u8>) {
    let reply = gateway
        .call("PUT", "/fs/bench.bin")
        .to(board)
        .body(content)
        .send()
        .await;
    assert!(reply.status.is_success(), "{reply:?}");
}

fn rate(bytes: usize, time: Duration) -> u128 {
    bytes as u128 / time.as_micros().max(1)
}
