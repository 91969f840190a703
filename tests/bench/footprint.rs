//! What the daemons cost: memory with 1 and with 32 boards on a network, and work when nothing happens.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use cpy_tests::gateway::{ADVERTISER, DAEMONS};
use cpy_tests::{Board, Gateway, Network};

const IDLE: Duration = Duration::from_secs(10);
/// Clock ticks in a second, as `/proc/<pid>/stat` counts them (`getconf CLK_TCK`).
const TICKS: u64 = 100;

/// A gateway for each number of boards.
pub(crate) async fn measure() {
    for count in [1_u32, 32] {
        let network = Network::new();
        let [pi] = network.hosts(["pi"]).await;
        let gateway = Gateway::start_on(&pi).await;
        let options = ["--script", "/dev/null"];
        let mut boards: Vec<Board> = (0..count)
            .map(|n| gateway.plug_unready(&format!("E6614C31BE{n:06X}"), &options))
            .collect();
        for board in &mut boards {
            gateway.ready(board).await;
        }
        println!(
            "\n{:<44}{:>12}{:>12}",
            format!("{count} boards"),
            "resident",
            "in shares"
        );
        let mut sum = [0; 2];
        for daemon in all() {
            let memory = memory(gateway.daemon(daemon).id());
            println!("{daemon:<44}{:>8} KiB{:>8} KiB", memory[0], memory[1]);
            sum = [sum[0] + memory[0], sum[1] + memory[1]];
        }
        println!("{:<44}{:>8} KiB{:>8} KiB", "all daemons", sum[0], sum[1]);
        let before: Vec<Threads> = all().map(|d| work(gateway.daemon(d).id())).collect();
        tokio::time::sleep(IDLE).await;
        for (daemon, before) in all().zip(before) {
            let after = work(gateway.daemon(daemon).id());
            let ticks = since(&after, &before, |work| work.ticks);
            let wake_ups = since(&after, &before, |work| work.switches);
            println!(
                "{daemon:<44}{:>8} ms CPU{wake_ups:>6} wake-ups in {IDLE:?} idle",
                ticks * 1000 / TICKS,
            );
        }
    }
}

fn all() -> impl Iterator<Item = &'static str> {
    DAEMONS.into_iter().chain([ADVERTISER])
}

/// KiB resident, and KiB proportional (shared pages divided among those who share them).
fn memory(process: u32) -> [u64; 2] {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap();
    ["Rss:", "Pss:"].map(|field| number_after(&rollup, field))
}

/// What a thread has done since it began.
struct Work {
    ticks: u64,
    switches: u64,
}

/// The work of each thread of a process, by its id.
type Threads = BTreeMap<OsString, Work>;

fn work(process: u32) -> Threads {
    let threads = std::fs::read_dir(format!("/proc/{process}/task"))
        .unwrap()
        .flatten();
    threads
        .map(|thread| (thread.file_name(), Work::of(&thread.path())))
        .collect()
}

/// What was done between two looks. A thread that ended meanwhile has only waited for that.
fn since(after: &Threads, before: &Threads, field: fn(&Work) -> u64) -> u64 {
    let done = after
        .iter()
        .map(|(id, work)| field(work) - before.get(id).map_or(0, field));
    done.sum()
}

impl Work {
    fn of(thread: &Path) -> Self {
        let stat = std::fs::read_to_string(thread.join("stat")).unwrap();
        // Behind the name, which may hold spaces: utime and stime are fields 14 and 15 (proc(5)).
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .collect();
        let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        let status = std::fs::read_to_string(thread.join("status")).unwrap();
        Self {
            ticks,
            switches: number_after(&status, "\nvoluntary_ctxt_switches:"),
        }
    }
}

fn number_after(text: &str, field: &str) -> u64 {
    let rest = text.split_once(field).unwrap().1;
    rest.split_whitespace().next().unwrap().parse().unwrap()
}
