//! The plug is pulled in the middle of a save.

use std::collections::BTreeMap;

use cpy_tests::vm::{Board, Fetched, Gadget, Lab, lab};

/// How many cuts must fall into a save, and after how many attempts they must have.
const INSIDE: u32 = 4;
const ATTEMPTS: u32 = 30;

const OLD: &str = "# old\n";

fn new(attempt: u32) -> String {
    // Long enough for several transfers.
    format!("# new {attempt}\n").repeat(3000)
}

/// Where a cut came: before the drive was touched, after the save was answered, or in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    Before,
    Inside,
    After,
}

/// Looks for the moments, in milliseconds after the request, at which cuts fall into the save: between the last one
/// that came before it and the first one that came after it.
struct Moments {
    early: u32,
    late: u32,
}

impl Moments {
    fn new() -> Self {
        Self {
            early: 0,
            late: 1000,
        }
    }

    fn next(&self) -> u32 {
        u32::midpoint(self.early, self.late)
    }

    fn learn(&mut self, moment: u32, cut: Cut) {
        match cut {
            Cut::Before => self.early = moment,
            Cut::After => self.late = moment,
            // Another place in it.
            Cut::Inside if moment.is_multiple_of(2) => {
                self.early = u32::midpoint(self.early, moment);
            }
            Cut::Inside => self.late = u32::midpoint(self.late, moment),
        }
        // No request takes the same time twice.
        if self.late < self.early + 20 {
            self.early = self.early.saturating_sub(20);
            self.late += 20;
        }
    }
}

/// Saves, and pulls the plug so many milliseconds later. The status that the save was answered with.
async fn save_and_cut(lab: &Lab, name: &str, content: &str, moment: u32, unplug: &str) -> u16 {
    let url = format!("http://{name}.local/fs/code.py");
    lab.machine.put("/run/boards/new", content.as_bytes()).await;
    let line = format!(
        "curl --silent --resolve {name}.local:80:127.0.0.1 --user :{} --max-time 60 --write-out '%{{http_code}}' \
         --output /dev/null --upload-file /run/boards/new {url} & sleep {}.{:03}; {unplug} >&2; wait $!",
        lab.password(),
        moment / 1000,
        moment % 1000,
    );
    lab.machine.run(&line).await.trim().parse().unwrap_or(0)
}

/// Looks at a drive whose board was unplugged in mid-save: the file is the old one or the new one, a save that was
/// said to be done is, and nothing is amiss but chains that nobody has. Whether the file is the new one.
fn is_whole(drive: &Fetched, status: u16, new: &str) -> bool {
    let content = drive.image().read("code.py").expect("the file is there");
    let is_new = content == new.as_bytes();
    assert!(
        is_new || content == OLD.as_bytes(),
        "{} bytes that nobody saved",
        content.len()
    );
    assert!(
        status != 204 || is_new,
        "a save that was said to be done is not"
    );
    let findings = drive.image().findings();
    let amiss = findings
        .lines()
        .filter(|line| !line.starts_with("Reclaimed "));
    assert_eq!(amiss.count(), 0, "fsck.vfat: {findings}");
    is_new
}

#[tokio::test]
async fn a_board_unplugged_in_mid_save_has_the_old_file_or_the_new_one() {
    let lab = lab().await;
    let board = Board::new(&lab.machine, &["--bare"]);
    let name = board.name();
    let checksum = format!("sha256sum {}", board.image());
    let unplug = format!("systemctl kill --signal KILL {}", board.unit());
    let mut moments = Moments::new();
    let mut cuts: BTreeMap<(Cut, bool), u32> = BTreeMap::new();
    let mut inside = 0;
    for attempt in 0..ATTEMPTS {
        board.plug().await;
        lab.visitor.until(&name, "/fs/code.py", 200).await;
        let saved = lab.visitor.save(&name, "code.py", OLD.as_bytes()).await;
        assert_eq!(saved.status, 204, "{saved:?}");
        let untouched = lab.machine.run(&checksum).await;
        let (moment, new) = (moments.next(), new(attempt));
        let status = save_and_cut(&lab, &name, &new, moment, &unplug).await;
        lab.visitor.until(&name, "/fs/code.py", 503).await;

        let cut = if status == 204 {
            Cut::After
        } else if lab.machine.run(&checksum).await == untouched {
            Cut::Before
        } else {
            Cut::Inside
        };
        let is_new = is_whole(&board.fetch_image().await, status, &new);
        moments.learn(moment, cut);
        *cuts.entry((cut, is_new)).or_default() += 1;
        inside += u32::from(cut == Cut::Inside);
        if inside == INSIDE {
            break;
        }
    }
    lab.note(&format!(
        "plug pulled in mid-save, (where, whether the file is the new one): {cuts:?}"
    ));
    assert_eq!(inside, INSIDE, "cuts fell beside the save: {cuts:?}");
    // What the cuts have left to nobody is given back at the next plug.
    board.plug().await;
    lab.visitor.until(&name, "/fs/code.py", 200).await;
    let saved = lab.visitor.save(&name, "code.py", OLD.as_bytes()).await;
    assert_eq!(saved.status, 204, "{saved:?}");
    board.unplug().await;
    assert_eq!(board.fetch_image().await.image().findings(), "");
}

#[tokio::test]
async fn so_has_one_whose_mass_storage_is_the_kernels_own() {
    let lab = lab().await;
    let gadget = Gadget::new(&lab.machine, &[]).await;
    let name = gadget.name();
    let unplug = format!("/opt/vm/gadget unplug {}", gadget.serial());
    for moment in [50, 150, 250] {
        gadget.plug().await;
        lab.visitor.until(&name, "/fs/code.py", 200).await;
        let saved = lab.visitor.save(&name, "code.py", OLD.as_bytes()).await;
        assert_eq!(saved.status, 204, "{saved:?}");
        let new = new(moment);
        let status = save_and_cut(&lab, &name, &new, moment, &unplug).await;
        lab.visitor.until(&name, "/fs/code.py", 503).await;
        is_whole(&gadget.fetch_image().await, status, &new);
    }
}
