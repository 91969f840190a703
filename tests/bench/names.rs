//! How long a board that is plugged in takes to be found by its name on another machine.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use cpy_board::{Hostname, Serial};
use cpy_tests::{Gateway, Host, Network};

use crate::samples::Samples;

/// Boards that are plugged in one after the other, and all at once.
const BOARDS: u32 = 30;

/// Each board is a drive that appears: there is nothing to wait for before its files can be read.
pub(crate) async fn measure() {
    let network = Network::new();
    let [pi, laptop] = network.hosts(["pi", "laptop"]).await;
    let gateway = Gateway::start_on(&pi).await;
    let image = gateway.directory().join("drive.img");
    let maker = gateway
        .plug("E6614C31BEFFFFFF", &["--script", "/dev/null"])
        .await;
    fs::copy(maker.image().path(), &image).unwrap();
    drop(maker);
    println!();
    let mut single = Samples::default();
    for number in 0..BOARDS {
        single.time(found(&gateway, &laptop, &image, number)).await;
    }
    single.print("plugged in to found elsewhere, one by one");
    let mut together = Samples::default();
    let begun = Instant::now();
    let numbers = BOARDS..2 * BOARDS;
    let all = numbers.map(|number| found(&gateway, &laptop, &image, number));
    for took in futures_util::future::join_all(all).await {
        together.add(took);
    }
    together.print(&format!("plugged in to found elsewhere, {BOARDS} at once"));
    println!("{:<44}{:>12.1?}", "the last of them", begun.elapsed());
}

/// Plugs a board in and waits until the other machine has its address.
async fn found(gateway: &Gateway, laptop: &Host, image: &Path, number: u32) -> Duration {
    let serial: Serial = format!("E6614C31BE{number:06X}").parse().unwrap();
    let name = format!("{}.local", Hostname::plain(&serial));
    // It asks, and hears the answer as soon as there is one.
    let asked = ["-4", "-n", &name];
    let answer = laptop.run("avahi-resolve", &asked);
    let begun = Instant::now();
    let board = gateway.boards_dir().join(serial.as_str());
    fs::create_dir_all(&board).unwrap();
    let own = image.with_file_name(format!("{serial}.img"));
    fs::copy(image, &own).unwrap();
    symlink(&own, board.join("drive")).unwrap();
    assert!(answer.await.is_some(), "{name} was not found");
    begun.elapsed()
}
