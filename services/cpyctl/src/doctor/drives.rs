//! The boards' drives: whether they can be read and written, and who else has them.

use std::fs;
use std::io::ErrorKind::{NotADirectory, NotFound};
use std::path::Path;

use cpy_board::Daemon;
use cpy_board::status::{DriveHealth, DriveState, DriveStatus};

use super::boards::Board;
use super::finding::{Examination, Finding, Kind};
use super::machine::Machine;
use super::processes;
use super::usb::{Node, noted};

/// Whether all drives are this gateway's to read and write. Where file-proxy does not tell (`are_told`), that is
/// said elsewhere, and of the drives only what can be seen without it.
pub(super) fn examine(
    machine: &Machine,
    boards: &[Board<'_>],
    state_dir: &Path,
    are_told: bool,
) -> Examination {
    let fine = if boards.is_empty() {
        "there are none."
    } else {
        "all can be read and written."
    };
    let mut examination = Examination::new("Drives", fine);
    if !are_told {
        examination.fine = None;
    }
    let desktop = processes::runs(machine, "udisksd");
    for board in boards {
        let findings = &mut examination.findings;
        let mounted = mounted(machine, board);
        findings.extend(mounted.clone().or_else(|| match &board.listed.drive {
            Some(drive) => unusable(machine, board, state_dir, drive),
            None if are_told && board.listed.has_drive => Some(silent(board)),
            None => None,
        }));
        if desktop && mounted.is_none() {
            findings.extend(in_reach_of_desktop(machine, board));
        }
    }
    examination
}

fn unusable(
    machine: &Machine,
    board: &Board<'_>,
    state_dir: &Path,
    drive: &DriveStatus,
) -> Option<Finding> {
    let (name, serial) = (board.name(), board.serial());
    let sentence = format!("{name}: {}", drive.reason);
    let finding = |kind| Finding::new(kind, sentence.clone()).of(serial);
    let finding = match drive.state {
        DriveState::Ready if !drive.writable => finding(Kind::DriveWriteProtected)
            .advise("If its boot.py has storage.remount(), take that out, and reset the board; else:")
            .advise("Unplug the board and plug it in again: some hubs make it start without write access."),
        DriveState::Ready if drive.reason.is_empty() => return None,
        DriveState::Ready => match drive.health {
            DriveHealth::Damaged => finding(Kind::DriveDamaged)
                .advise("Save its files elsewhere, as far as they can be read.")
                .advise(repair(board))
                .advise(last_resort(machine, board, state_dir)),
            DriveHealth::Disordered => finding(Kind::DriveDisordered).advise(repair(board)),
            DriveHealth::Sound => finding(Kind::DriveNotice)
                .advise("If it is said still when that is seen to, unplug the board and plug it in again: it is looked at anew then."),
        },
        DriveState::Unreadable => {
            let users = users(machine, board);
            if users.is_empty() {
                finding(Kind::DriveUnreadable)
                    .advise("Unplug the board and plug it in again, in case it was only interrupted.")
                    .advise(last_resort(machine, board, state_dir))
            } else {
                users.iter().fold(finding(Kind::DriveUnreadable), |finding, user| {
                    finding.advise(format!("{user} has the drive open. {}", user.how_to_end()))
                })
            }
        }
    };
    Some(finding)
}

/// The drive is there, and file-proxy says nothing of it: it is still at work on it.
fn silent(board: &Board<'_>) -> Finding {
    let sentence = format!("The drive of {} does not answer in time.", board.name());
    Finding::new(Kind::DriveSilent, sentence)
        .of(board.serial())
        .advise("If it was plugged in a moment ago, wait 10 seconds and ask again.")
        .advise("Unplug the board and plug it in again; then try another cable, and another port.")
}

fn repair(board: &Board<'_>) -> String {
    let name = &board.listed.hostname;
    format!(
        "Have it repaired: `sudo cpyctl drive check {name}` says all that is wrong, and `sudo cpyctl drive repair {name}` \
         keeps an image of it and repairs it."
    )
}

/// To make the file system anew, unless the gateway's journal has, or may have, what would be lost with it.
fn last_resort(machine: &Machine, board: &Board<'_>, state_dir: &Path) -> String {
    let journals = state_dir.join(Daemon::FileProxy.name()).join("journals");
    let journal = journals.join(board.serial().as_str());
    let said = match fs::metadata(machine.path(&journal)) {
        Ok(journal) if journal.len() == 0 => return erase(board),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return erase(board),
        Ok(_) => {
            "holds a change that was cut off, and with it perhaps the only copy of what a file held"
                .to_owned()
        }
        Err(error) => {
            format!("cannot be looked at ({error}), and may hold the only copy of what a file held")
        }
    };
    let (journal, name) = (journal.display(), &board.listed.hostname);
    format!(
        "Do not make the file system of {name} anew: the gateway's journal of it, {journal}, {said}."
    )
}

fn erase(board: &Board<'_>) -> String {
    format!(
        "If its file system is broken, make it anew, which ERASES ALL FILES: in the console of {}, press Ctrl-C and \
         type `import storage; storage.erase_filesystem()`.",
        board.listed.hostname
    )
}

/// The drive is mounted, so that it is not this gateway's.
fn mounted(machine: &Machine, board: &Board<'_>) -> Option<Finding> {
    let mounts = machine.text("/proc/self/mountinfo")?;
    let numbers: Vec<&str> = nodes(board).map(|node| node.number.as_str()).collect();
    let place = mounts
        .lines()
        .find_map(|line| mount_point(line, &numbers))?;
    let sentence = format!(
        "The drive of {} is mounted at {place}, so the gateway keeps away from it.",
        board.name()
    );
    Some(
        Finding::new(Kind::DriveMounted, sentence)
            .of(board.serial())
            .advise(format!("Unmount it: sudo umount '{place}'"))
            .advise("If a desktop mounts it again and again, its udev rules are not in effect: sudo udevadm trigger --action=add"),
    )
}

/// Where one of these devices is mounted, if this line of mountinfo says so (proc(5)).
fn mount_point(line: &str, numbers: &[&str]) -> Option<String> {
    let fields: Vec<&str> = line.split(' ').collect();
    numbers.contains(fields.get(2)?).then(|| {
        let place = fields.get(4).copied().unwrap_or_default();
        // White space and backslashes are octal there.
        [
            ("\\040", " "),
            ("\\011", "\t"),
            ("\\012", "\n"),
            ("\\134", "\\"),
        ]
        .iter()
        .fold(place.to_owned(), |place, (code, letter)| {
            place.replace(code, letter)
        })
    })
}

/// A desktop that runs and was not told to leave the drive alone.
fn in_reach_of_desktop(machine: &Machine, board: &Board<'_>) -> Option<Finding> {
    let is_left_alone = |node: &Node| {
        noted(machine, 'b', &node.number, "UDISKS_IGNORE").is_some_and(|value| value == "1")
    };
    nodes(board).any(|node| !is_left_alone(node)).then(|| {
        let sentence = format!("The desktop on this machine may mount the drive of {}.", board.name());
        Finding::new(Kind::DesktopMounts, sentence)
            .of(board.serial())
            .advise("udev does not tell it to leave the drive alone: sudo udevadm control --reload && sudo udevadm trigger --action=add --settle")
    })
}

/// Who has the drive open, beside the daemon whose work that is.
fn users(machine: &Machine, board: &Board<'_>) -> Vec<processes::Process> {
    let paths: Vec<String> = nodes(board)
        .map(|node| format!("/dev/{}", node.name))
        .collect();
    if paths.is_empty() {
        return Vec::new();
    }
    let mut users = processes::holding(machine, |file| {
        paths.iter().any(|path| Path::new(path) == file)
    });
    users.retain(|user| !user.is("cpy-file-proxy"));
    users
}

fn nodes<'a>(board: &'a Board<'_>) -> impl Iterator<Item = &'a Node> {
    board.usb.iter().flat_map(|usb| usb.disks.iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::super::boards::sample::Case;
    use super::*;

    const STATE_DIR: &str = "/var/lib/cpy-gateway";

    fn examined(case: &Case) -> Examination {
        case.examined(|machine, boards, _, _| examine(machine, boards, Path::new(STATE_DIR), true))
    }

    fn drive(state: DriveState, writable: bool, reason: &str) -> DriveStatus {
        DriveStatus {
            state,
            writable,
            health: DriveHealth::Sound,
            reason: reason.into(),
            free: 0,
            total: 0,
            block_size: 0,
        }
    }

    #[test]
    fn what_file_proxy_says_against_a_drive_is_told_with_advice() {
        let mut case = Case::new();
        for (state, writable, health, reason, kinds) in [
            (DriveState::Ready, true, DriveHealth::Sound, "", &[][..]),
            (
                DriveState::Ready,
                false,
                DriveHealth::Sound,
                "It is write-protected.",
                &[Kind::DriveWriteProtected],
            ),
            (
                DriveState::Ready,
                true,
                DriveHealth::Damaged,
                "A chain is lost.",
                &[Kind::DriveDamaged],
            ),
            (
                DriveState::Ready,
                true,
                DriveHealth::Disordered,
                "It was not put away properly.",
                &[Kind::DriveDisordered],
            ),
            (
                DriveState::Ready,
                true,
                DriveHealth::Sound,
                "Something else has written to it.",
                &[Kind::DriveNotice],
            ),
            (
                DriveState::Unreadable,
                false,
                DriveHealth::Sound,
                "There is no FAT.",
                &[Kind::DriveUnreadable],
            ),
        ] {
            case.listed[0].drive = Some(DriveStatus {
                health,
                ..drive(state, writable, reason)
            });
            let examination = examined(&case);
            assert_eq!(examination.kinds(), kinds);
            for finding in &examination.findings {
                assert_eq!(finding.problem(), format!("cpy-000001: {reason}"));
                assert!(!finding.advice().is_empty());
            }
        }
    }

    #[test]
    fn a_drive_of_which_nothing_is_said_is_not_said_to_be_fine() {
        let mut case = Case::new();
        assert_eq!(examined(&case).kinds(), [Kind::DriveSilent]);
        let untold = case.examined(|machine, boards, _, _| {
            examine(machine, boards, Path::new(STATE_DIR), false)
        });
        assert_eq!((untold.kinds(), untold.fine), (vec![], None));
        case.listed[0].has_drive = false;
        assert_eq!(examined(&case).kinds(), []);
    }

    #[test]
    fn a_mounted_drive_is_told_with_its_place_instead_of_what_follows_from_it() {
        let mut case = Case::new();
        case.listed[0].drive = Some(drive(
            DriveState::Unreadable,
            false,
            "another program uses the drive",
        ));
        let mounts = "24 1 8:2 / / rw - ext4 /dev/sda2 rw\n\
                      99 24 8:17 / /media/pi/MY\\040DRIVE rw,nosuid shared:5 - vfat /dev/sdb1 rw\n";
        case.fake.file("/proc/self/mountinfo", mounts);
        let mounted = examined(&case);
        assert_eq!(mounted.kinds(), [Kind::DriveMounted]);
        let finding = &mounted.findings[0];
        assert!(
            finding.problem().contains("mounted at /media/pi/MY DRIVE,"),
            "{finding:?}"
        );
        assert!(
            finding.advice()[0].contains("umount '/media/pi/MY DRIVE'"),
            "{finding:?}"
        );
    }

    #[test]
    fn whoever_has_an_unreadable_drive_open_is_named() {
        let mut case = Case::new();
        case.listed[0].drive = Some(drive(DriveState::Unreadable, false, "It is in use."));
        case.fake
            .file("/proc/6/comm", "dd\n")
            .link("/proc/6/fd/1", "/dev/sdb");
        let advice = examined(&case).findings[0].advice().to_vec();
        assert_eq!(
            advice,
            ["dd (process 6) has the drive open. End it: sudo kill 6"]
        );
    }

    #[test]
    fn nobody_is_told_to_erase_what_the_journal_may_still_mend() {
        let mut case = Case::new();
        let serial = case.listed[0].serial.clone();
        let journal = format!("{STATE_DIR}/file-proxy/journals/{serial}");
        let damaged = DriveStatus {
            health: DriveHealth::Damaged,
            ..drive(DriveState::Ready, true, "A chain is lost.")
        };
        for status in [damaged, drive(DriveState::Unreadable, false, "It fails.")] {
            case.listed[0].drive = Some(status);
            for (content, may_erase) in [("", true), ("a record", false)] {
                case.fake.file(&journal, content);
                let advice = examined(&case).findings[0].advice().join(" ");
                assert_eq!(advice.contains("ERASES"), may_erase, "{advice}");
                assert_eq!(advice.contains("Do not make"), !may_erase, "{advice}");
            }
            // It cannot be looked at.
            let path = case.fake.machine.path(&journal);
            fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink(&path, &path).unwrap();
            let advice = examined(&case).findings[0].advice().join(" ");
            assert!(!advice.contains("ERASES"), "{advice}");
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_desktop_must_have_been_told_to_leave_drives_alone() {
        let mut case = Case::new();
        case.listed[0].drive = Some(drive(DriveState::Ready, true, ""));
        case.fake.file("/proc/8/comm", "udisksd\n");
        case.fake
            .file("/run/udev/data/b8:16", "E:UDISKS_IGNORE=1\n");
        assert_eq!(examined(&case).kinds(), [Kind::DesktopMounts]);
        case.fake
            .file("/run/udev/data/b8:17", "E:UDISKS_IGNORE=1\n");
        assert_eq!(examined(&case).kinds(), []);
    }
}
