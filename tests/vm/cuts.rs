//! Power is lost, or the plug pulled, in the middle of a save.

use std::collections::BTreeMap;

use cpy_tests::vm::{Board, Fetched, Gadget, lab};

const OLD: &str = "# old\n";

/// Sectors that no save writes.
const ENOUGH: u32 = 256;

/// What is saved: long enough for several transfers, and for every attempt as long.
fn new(attempt: u32) -> String {
    format!("# new {attempt:03}\n").repeat(3000)
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

/// Between two numbers of written sectors, one that every save survives and one that no save needs, the cuts come
/// closer and closer to a save's last write.
#[tokio::test]
async fn a_board_that_loses_power_in_mid_save_has_the_old_file_or_the_new_one() {
    let lab = lab().await;
    let board = Board::new(&lab.machine, &["--bare"]);
    let name = board.name();
    let (mut needed, mut enough) = (0, ENOUGH);
    let mut cuts: BTreeMap<u32, &str> = BTreeMap::new();
    let mut attempted = String::new();
    while enough - needed > 1 {
        board.plug().await;
        lab.visitor.until(&name, "/fs/code.py", 200).await;
        if !cuts.is_empty() {
            let page = lab.visitor.page(&name, "/fs/code.py").await;
            assert_eq!(
                page.text, attempted,
                "a save that was cut is finished: {cuts:?}"
            );
        }
        let saved = lab.visitor.save(&name, "code.py", OLD.as_bytes()).await;
        assert_eq!(saved.status, 204, "{saved:?}");
        board.unplug().await;

        // The beginning of a save is cut too.
        let sectors = [1, 2]
            .into_iter()
            .find(|sectors| !cuts.contains_key(sectors));
        let sectors = sectors.unwrap_or(u32::midpoint(needed, enough));
        let weak = board.again(&["--bare", "--cut-writes", &sectors.to_string()]);
        weak.plug().await;
        lab.visitor.until(&name, "/fs/code.py", 200).await;
        let new = new(sectors);
        let status = lab
            .visitor
            .save(&name, "code.py", new.as_bytes())
            .await
            .status;
        if status == 204 {
            enough = sectors;
            weak.unplug().await;
        } else {
            needed = needed.max(sectors);
            let gone = format!("! systemctl is-active --quiet {}", weak.unit());
            lab.machine.until(&gone).await;
        }
        lab.visitor.until(&name, "/fs/code.py", 503).await;
        let is_new = is_whole(&board.fetch_image().await, status, &new);
        cuts.insert(sectors, if is_new { "new" } else { "old" });
        attempted = new;
    }
    lab.note(&format!(
        "power lost after so many sectors of a save that writes {needed}: {cuts:?}"
    ));
    let content = u32::try_from(new(1).len() / 512).expect("a small file");
    assert!(needed > content, "{needed} sectors are no save: {cuts:?}");
    assert!(enough < ENOUGH, "no save was done: {cuts:?}");
    assert_eq!(cuts.get(&1), Some(&"old"), "{cuts:?}");
    let last = cuts.last_key_value().map(|(_, content)| *content);
    assert_eq!(last, Some("new"), "{cuts:?}");
    // What the cuts have left to nobody is given back at the next plug.
    board.plug().await;
    lab.visitor.until(&name, "/fs/code.py", 200).await;
    let saved = lab.visitor.save(&name, "code.py", OLD.as_bytes()).await;
    assert_eq!(saved.status, 204, "{saved:?}");
    board.unplug().await;
    assert_eq!(board.fetch_image().await.image().findings(), "");
}

#[tokio::test]
async fn so_has_one_whose_plug_is_pulled_and_whose_mass_storage_is_the_kernels_own() {
    let lab = lab().await;
    let gadget = Gadget::new(&lab.machine, &[]).await;
    let name = gadget.name();
    // Some of these come before the save and some after it: when is not in anybody's hand.
    for hundredths in ["05", "15", "25"] {
        gadget.plug().await;
        lab.visitor.until(&name, "/fs/code.py", 200).await;
        let saved = lab.visitor.save(&name, "code.py", OLD.as_bytes()).await;
        assert_eq!(saved.status, 204, "{saved:?}");
        let new = new(hundredths.parse().expect("a number"));
        lab.machine.put("/run/boards/new", new.as_bytes()).await;
        let line = format!(
            "curl --silent --resolve {name}.local:80:127.0.0.1 --user :{} --max-time 60 --write-out '%{{http_code}}' \
             --output /dev/null --upload-file /run/boards/new http://{name}.local/fs/code.py & sleep 0.{hundredths}; \
             /opt/vm/gadget unplug {} >&2; wait $!",
            lab.password(),
            gadget.serial(),
        );
        let status = lab.machine.run(&line).await.trim().parse().unwrap_or(0);
        lab.visitor.until(&name, "/fs/code.py", 503).await;
        is_whole(&gadget.fetch_image().await, status, &new);
    }
}
