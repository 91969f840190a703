//! Boards whose mass storage is the kernel's own: another reading of the standard than the virtual board's.

use cpy_tests::vm::{Gadget, lab};

#[tokio::test]
async fn the_kernels_own_mass_storage_is_served_and_saved_to() {
    let lab = lab().await;
    let visitor = &lab.visitor;
    let gadget = Gadget::new(&lab.machine, &[]).await;
    let name = gadget.name();
    gadget.plug().await;
    visitor.until(&name, "/fs/code.py", 200).await;
    let saved = visitor.save(&name, "code.py", b"print(1)\n").await;
    assert_eq!(saved.status, 204, "{saved:?}");
    gadget.unplug().await;
    let image = gadget.fetch_image().await;
    assert_eq!(image.image().findings(), "");
    assert_eq!(image.image().read("code.py").unwrap(), b"print(1)\n");
    let gone = visitor.until(&name, "/fs/code.py", 503).await;
    assert!(gone.text.contains("not plugged in"), "{gone:?}");
}

#[tokio::test]
async fn four_of_them_at_once_are_served() {
    let lab = lab().await;
    let mut gadgets = Vec::new();
    for _ in 0..4 {
        let gadget = Gadget::new(&lab.machine, &[]).await;
        gadget.plug().await;
        gadgets.push(gadget);
    }
    for gadget in &gadgets {
        let name = gadget.name();
        lab.visitor.until(&name, "/fs/code.py", 200).await;
        let saved = lab
            .visitor
            .save(&name, "code.py", gadget.serial().as_bytes())
            .await;
        assert_eq!(saved.status, 204, "{saved:?}");
    }
    for gadget in &gadgets {
        gadget.unplug().await;
        let image = gadget.fetch_image().await;
        assert_eq!(image.image().findings(), "");
        assert_eq!(
            image.image().read("code.py").unwrap(),
            gadget.serial().as_bytes()
        );
    }
}

#[tokio::test]
async fn the_save_of_one_sector_writes_no_sector_beside_it() {
    let lab = lab().await;
    // A multiple of eight sectors: the kernel's cache would write the whole page.
    let gadget = Gadget::new(&lab.machine, &["--size", "2048"]).await;
    let name = gadget.name();
    gadget.plug().await;
    lab.visitor.until(&name, "/fs/code.py", 200).await;
    let events = "/sys/kernel/tracing/events/scsi/scsi_dispatch_cmd_start/enable";
    lab.machine
        .run(&format!(
            "echo >/sys/kernel/tracing/trace; echo 1 >{events}"
        ))
        .await;
    let saved = lab.visitor.save(&name, "code.py", b"print(1)\n").await;
    let written = lab
        .machine
        .run(&format!(
            "echo 0 >{events}; sed -n 's/.*WRITE_10 \\(lba=[0-9]* txlen=[0-9]*\\).*/\\1/p' /sys/kernel/tracing/trace"
        ))
        .await;
    assert_eq!(saved.status, 204, "{saved:?}");
    assert!(!written.is_empty());
    assert!(
        written.lines().all(|line| line.ends_with("txlen=1")),
        "{written}"
    );
    assert!(!written.contains("lba=0 "), "{written}");
}
