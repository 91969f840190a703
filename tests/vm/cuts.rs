//! The plug is pulled in the middle of a save.

use std::collections::BTreeMap;

use cpy_tests::vm::{Board, Gadget, Lab, lab};

/// How many different moments the plug is pulled at.
const MOMENTS: u32 = 12;

const OLD: &str = "# old\n";

fn new(moment: u32) -> String {
    // Long enough for several transfers.
    format!("# new {moment}\n").repeat(3000)
}

/// Saves, and pulls the plug so many hundredths of a second later. The moments are looked for, not waited for: some
/// come before the save and some after it.
async fn cut(lab: &Lab, name: &str, moment: u32, unplug: &str) -> u16 {
    let url = format!("http://{name}.local/fs/code.py");
    lab.machine
        .put("/run/boards/new", new(moment).as_bytes())
        .await;
    let line = format!(
        "curl --silent --resolve {name}.local:80:127.0.0.1 --user :{} --max-time 60 --write-out '%{{http_code}}' \
         --output /dev/null --upload-file /run/boards/new {url} & sleep 0.{moment:02}; {unplug} >&2; wait $!",
        lab.password()
    );
    lab.machine.run(&line).await.trim().parse().unwrap_or(0)
}

#[tokio::test]
async fn a_board_unplugged_in_mid_save_has_the_old_file_or_the_new_one() {
    let lab = lab().await;
    let board = Board::new(&lab.machine, &["--bare"]);
    let name = board.name();
    let mut outcomes: BTreeMap<(u16, &str), u32> = BTreeMap::new();
    for moment in 0..MOMENTS {
        board.plug().await;
        lab.visitor.until(&name, "/fs/code.py", 200).await;
        let saved = lab.visitor.save(&name, "code.py", OLD.as_bytes()).await;
        assert_eq!(saved.status, 204, "{saved:?}");
        let unplug = format!("systemctl kill --signal KILL {}", board.unit());
        let status = cut(&lab, &name, moment * 5, &unplug).await;
        lab.visitor.until(&name, "/fs/code.py", 503).await;

        let image = board.fetch_image().await;
        let content = image.image().read("code.py").expect("the file is there");
        let has = match content {
            bytes if bytes == OLD.as_bytes() => "old",
            bytes if bytes == new(moment * 5).as_bytes() => "new",
            bytes => panic!("{} bytes that nobody saved", bytes.len()),
        };
        assert!(
            status != 204 || has == "new",
            "a save that was said to be done is not"
        );
        let findings = image.image().findings();
        assert!(
            findings.is_empty() || findings.contains("Reclaimed") || findings.contains("rphan"),
            "fsck.vfat: {findings}"
        );
        *outcomes.entry((status, has)).or_default() += 1;
    }
    lab.note(&format!(
        "plug pulled in mid-save, (status, file): {outcomes:?}"
    ));
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
    for moment in [5, 15, 25] {
        gadget.plug().await;
        lab.visitor.until(&name, "/fs/code.py", 200).await;
        let saved = lab.visitor.save(&name, "code.py", OLD.as_bytes()).await;
        assert_eq!(saved.status, 204, "{saved:?}");
        let unplug = format!("/opt/vm/gadget unplug {}", gadget.serial());
        let status = cut(&lab, &name, moment, &unplug).await;
        lab.visitor.until(&name, "/fs/code.py", 503).await;
        let content = gadget
            .fetch_image()
            .await
            .image()
            .read("code.py")
            .expect("the file is there");
        let is_new = content == new(moment).as_bytes();
        assert!(
            is_new || content == OLD.as_bytes(),
            "{} bytes",
            content.len()
        );
        assert!(
            status != 204 || is_new,
            "a save that was said to be done is not"
        );
    }
}
