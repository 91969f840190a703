//! How much a save writes to a board's flash, beside the kernel's own vfat for the same save.

use std::fmt;

use cpy_tests::vm::{Board, Lab, lab};

/// What the kernel has sent to a disk (Documentation/block/stat.rst).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Writes {
    sectors: u64,
    commands: u64,
}

impl Writes {
    async fn to(lab: &Lab, board: &Board<'_>) -> Self {
        let line = format!(
            "awk '{{ print $7, $5 }}' /sys/block/$(basename $(readlink -f /dev/cpy-gateway/{}/drive))/stat",
            board.serial()
        );
        let text = lab.machine.run(&line).await;
        let mut numbers = text.split_whitespace().map(str::parse);
        let mut next = || numbers.next().expect("two of them").expect("a number");
        Self {
            sectors: next(),
            commands: next(),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            sectors: self.sectors - before.sectors,
            commands: self.commands - before.commands,
        }
    }
}

impl fmt::Display for Writes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sectors in {} commands", self.sectors, self.commands)
    }
}

/// A file of 10 KiB: 20 sectors.
const CONTENT: u64 = 20;

fn content(letter: u8) -> Vec<u8> {
    vec![letter; 10 * 1024]
}

/// What a new file and a save over it write here.
async fn of_the_gateway(lab: &Lab) -> [Writes; 2] {
    let board = Board::new(&lab.machine, &["--bare"]);
    let name = board.name();
    board.plug().await;
    lab.visitor.until(&name, "/fs/code.py", 200).await;
    let mut all = Vec::new();
    for (letter, status) in [(b'a', 201), (b'b', 204)] {
        let before = Writes::to(lab, &board).await;
        let saved = lab.visitor.save(&name, "new.txt", &content(letter)).await;
        assert_eq!(saved.status, status, "{saved:?}");
        all.push(Writes::to(lab, &board).await.since(before));
    }
    board.unplug().await;
    lab.visitor.until(&name, "/fs/code.py", 503).await;
    all.try_into().expect("two")
}

/// What they write on a drive that the kernel has mounted with this option, until all is on it.
async fn of_the_kernel(lab: &Lab, option: &str) -> [Writes; 2] {
    let board = Board::new(&lab.machine, &["--bare"]);
    board.plug().await;
    let link = format!("/dev/cpy-gateway/{}/drive", board.serial());
    lab.machine.until(&format!("test -e {link}")).await;
    lab.machine
        .run(&format!(
            "udevadm settle; mount -t vfat -o {option} $(readlink -f {link})1 /mnt; sync -f /mnt"
        ))
        .await;
    let mut all = Vec::new();
    for letter in *b"ab" {
        lab.machine.put("/run/boards/save", &content(letter)).await;
        let before = Writes::to(lab, &board).await;
        lab.machine
            .run("cat /run/boards/save > /mnt/new.txt; sync -f /mnt")
            .await;
        all.push(Writes::to(lab, &board).await.since(before));
    }
    lab.machine.run("umount /mnt").await;
    board.unplug().await;
    all.try_into().expect("two")
}

#[tokio::test]
async fn a_save_writes_little_beside_the_kernels() {
    let lab = lab().await;
    let ours = of_the_gateway(&lab).await;
    lab.machine.run("systemctl stop cpy-file-proxy").await;
    let sync = of_the_kernel(&lab, "sync").await;
    let flush = of_the_kernel(&lab, "flush").await;
    lab.machine.run("systemctl start cpy-file-proxy").await;
    for (number, what) in ["a new file", "a save over it"].iter().enumerate() {
        lab.note(&format!(
            "{what} of 10 KiB writes {}; the kernel's vfat with sync {}, with flush {}",
            ours[number], sync[number], flush[number]
        ));
        for writes in [ours[number], sync[number], flush[number]] {
            assert!(writes.sectors >= CONTENT, "{what}: {writes} are no save");
        }
        assert!(ours[number].sectors < sync[number].sectors, "{what}");
    }
}
