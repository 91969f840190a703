//! What the daemons cost: memory with 1 and with 32 boards, and work when nothing happens.

use std::time::Duration;

use cpy_tests::gateway::DAEMONS;
use cpy_tests::{Board, Gateway};

const IDLE: Duration = Duration::from_secs(10);
/// Clock ticks in a second, as `/proc/<pid>/stat` counts them (`getconf CLK_TCK`).
const TICKS: u64 = 100;

/// A gateway for each number of boards.
pub(crate) async fn measure() {
    for count in [1_u32, 32] {
        let gateway = Gateway::start().await;
        let options = ["--script", "/dev/null"];
        let mut boards: Vec<Board> = (0..count)
            .map(|n| gateway.plug_unready(&format!("E6614C31BE{n:06X}"), &options))
            .collect();
        for board in &mut boards {
            gateway.ready(board).await;
        }
        println!("\n{count} boards{:>44}{:>12}", "resident", "proportional");
        let mut sum = [0; 2];
        for daemon in DAEMONS {
            let memory = memory(gateway.daemon(daemon).id());
            println!("{daemon:<44}{:>8} KiB{:>8} KiB", memory[0], memory[1]);
            sum = [sum[0] + memory[0], sum[1] + memory[1]];
        }
        println!("{:<44}{:>8} KiB{:>8} KiB", "all daemons", sum[0], sum[1]);
        let before = DAEMONS.map(|daemon| work(gateway.daemon(daemon).id()));
        tokio::time::sleep(IDLE).await;
        for (daemon, before) in DAEMONS.into_iter().zip(before) {
            let after = work(gateway.daemon(daemon).id());
            println!(
                "{daemon:<44}{:>8} ms CPU{:>6} wake-ups in {IDLE:?} idle",
                (after.ticks - before.ticks) * 1000 / TICKS,
                after.switches - before.switches
            );
        }
    }
}

/// KiB resident, and KiB proportional (shared pages divided among those who share them).
fn memory(process: u32) -> [u64; 2] {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap();
    ["Rss:", "Pss:"].map(|field| number_after(&rollup, field))
}

struct Work {
    ticks: u64,
    switches: u64,
}

/// The work that a process has done, over all its threads.
fn work(process: u32) -> Work {
    let mut work = Work {
        ticks: 0,
        switches: 0,
    };
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))
        .unwrap()
        .flatten()
    {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap();
        // Behind the name, which may hold spaces: utime and stime are fields 14 and 15 (proc(5)).
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .collect();
        work.ticks += fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap();
        work.switches += number_after(&status, "\nvoluntary_ctxt_switches:");
    }
    work
}

fn number_after(text: &str, field: &str) -> u64 {
    let rest = text.split_once(field).unwrap().1;
    rest.split_whitespace().next().unwrap().parse().unwrap()
}
