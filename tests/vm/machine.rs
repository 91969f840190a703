//! The machine itself is not as it should be: a port is taken, a disk full or read-only, a drive somebody else's,
//! and other programs reach for boards.

use cpy_tests::vm::{Board, lab};

#[tokio::test]
async fn a_taken_port_80_is_told_with_its_holder_and_boards_have_their_own_ports() {
    let lab = lab().await;
    let machine = &lab.machine;
    machine
        .run("systemctl stop cpy-gateway.target cpy-http-gateway.socket cpy-http-gateway")
        .await;
    machine
        .run("systemd-run --quiet --collect --unit board-squatter python3 -m http.server 80")
        .await;
    machine
        .until("curl --silent --output /dev/null http://127.0.0.1/")
        .await;
    machine.try_run("systemctl start cpy-gateway.target").await;
    let board = Board::new(machine, &["--bare"]);
    board.plug().await;
    let own = machine
        .until(
            "for port in $(seq 8001 8064); do
                 curl --silent --fail --max-time 9 --output /dev/null http://127.0.0.1:$port/cp/version.json && \
                     echo $port && exit
             done; exit 1",
        )
        .await;
    assert!(own.trim().starts_with("80"), "{own}");
    let doctor = machine.try_run("cpyctl doctor").await;
    assert!(
        !doctor.well && doctor.text.contains("python3"),
        "{doctor:?}"
    );
    machine.run("systemctl stop board-squatter").await;
    let advice = "sudo systemctl restart cpy-gateway.target";
    assert!(doctor.text.contains(advice), "{doctor:?}");
    machine.run(advice.trim_start_matches("sudo ")).await;
    lab.visitor.until(&board.name(), "/fs/code.py", 200).await;
}

#[tokio::test]
async fn a_full_var_refuses_large_uploads_in_words_and_nothing_else() {
    let lab = lab().await;
    let machine = &lab.machine;
    let board = Board::new(machine, &["--bare"]);
    let name = board.name();
    board.plug().await;
    lab.visitor.until(&name, "/fs/code.py", 200).await;
    machine
        .run("dd if=/dev/zero of=/var/full bs=1M status=none || true")
        .await;
    // Small ones stay in memory until they are complete.
    let small = lab.visitor.save(&name, "code.py", b"print(1)\n").await;
    let large = vec![b'#'; 400_000];
    let refused = lab.visitor.save(&name, "code.py", &large).await;
    let read = lab.visitor.page(&name, "/fs/code.py").await;
    let newcomer = Board::new(machine, &["--bare"]);
    newcomer.plug().await;
    lab.visitor
        .until(&newcomer.name(), "/fs/code.py", 200)
        .await;
    let doctor = machine.try_run("cpyctl doctor").await;
    machine.run("rm -f /var/full").await;
    assert_eq!(small.status, 204, "{small:?}");
    assert!((500..600).contains(&refused.status), "{refused:?}");
    assert!(refused.text.contains("room"), "{refused:?}");
    assert_eq!(read.text, "print(1)\n");
    assert!(!doctor.well && doctor.text.contains("full"), "{doctor:?}");
    let saved = lab.visitor.save(&name, "code.py", &large).await;
    assert_eq!(saved.status, 204, "{saved:?}");
}

#[tokio::test]
async fn a_drive_that_somebody_has_mounted_is_told_and_served_when_it_is_let_go() {
    let lab = lab().await;
    let machine = &lab.machine;
    machine.run("systemctl stop cpy-file-proxy").await;
    let board = Board::new(machine, &["--bare"]);
    board.plug().await;
    machine.until("ls /dev/disk/by-label/CIRCUITPY").await;
    machine.run("mount /dev/disk/by-label/CIRCUITPY /mnt").await;
    machine.run("systemctl start cpy-file-proxy").await;
    machine.until("cpyctl boards | grep mounted").await;
    // It may hold a password: nobody is let in before it was read.
    let told = lab.visitor.until(&board.name(), "/fs/code.py", 503).await;
    let doctor = machine.try_run("cpyctl doctor").await;
    machine.run("umount /mnt").await;
    assert!(told.text.contains("not been read yet"), "{told:?}");
    assert!(doctor.text.contains("/mnt"), "{doctor:?}");
    lab.visitor.until(&board.name(), "/fs/code.py", 200).await;
}

#[tokio::test]
async fn a_read_only_root_serves_boards_and_says_what_it_cannot_keep() {
    let mut lab = lab().await;
    lab.machine
        .run("sed -i 's/noatime/noatime,ro/' /etc/fstab")
        .await;
    lab.reboot().await;
    let mounted = lab
        .machine
        .run("findmnt --noheadings --output OPTIONS /")
        .await;
    assert!(mounted.starts_with("ro"), "{mounted}");
    let board = Board::new(&lab.machine, &["--bare"]);
    board.plug().await;
    let served = lab.visitor.until(&board.name(), "/fs/code.py", 200).await;
    let doctor = lab.machine.try_run("cpyctl doctor").await;
    lab.machine
        .run("mount --options remount,rw / && sed -i 's/,ro//' /etc/fstab")
        .await;
    assert_eq!(served.status, 200);
    assert!(doctor.text.contains("read-only"), "{doctor:?}");
    lab.reboot().await;
}

#[tokio::test]
async fn modem_manager_leaves_consoles_alone() {
    let lab = lab().await;
    let machine = &lab.machine;
    machine
        .run("systemctl start ModemManager && mmcli --set-logging=DEBUG")
        .await;
    let board = Board::new(machine, &["--bare"]);
    board.plug().await;
    let decided = machine
        .until("journalctl --boot --output cat --unit ModemManager | grep '(tty/ttyACM.*): port'")
        .await;
    lab.visitor.until(&board.name(), "/fs/code.py", 200).await;
    let doctor = machine.try_run("cpyctl doctor").await;
    machine.run("systemctl stop ModemManager").await;
    assert!(decided.contains("port filtered"), "{decided}");
    assert!(
        doctor.text.contains("leaves the boards alone"),
        "{doctor:?}"
    );
}
