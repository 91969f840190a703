//! `ModemManager`, which types modem commands into every serial port that it is not told to leave alone.

use super::boards::Board;
use super::finding::{Examination, Finding, Kind};
use super::machine::Machine;
use super::processes;
use super::usb::noted;

/// Whether all consoles are safe from `ModemManager`.
pub(super) fn examine(machine: &Machine, boards: &[Board<'_>]) -> Examination {
    if !processes::runs(machine, "ModemManager") {
        return Examination::new("ModemManager", "is not running.");
    }
    let mut examination = Examination::new("ModemManager", "leaves the boards alone.");
    for board in boards {
        let Some(usb) = board.usb else { continue };
        let of_device = usb
            .number
            .as_ref()
            .is_some_and(|number| is_told(machine, number));
        let in_reach = |number: &str| !of_device && !is_told(machine, number);
        if usb.consoles.iter().any(|console| in_reach(&console.number)) {
            let sentence = format!(
                "ModemManager is not told to leave the console of {} alone, and types into it.",
                board.name()
            );
            examination.findings.push(
                Finding::new(Kind::ModemManagerProbes, sentence)
                    .of(board.serial())
                    .advise("Let udev tell it: sudo udevadm control --reload && sudo udevadm trigger --action=add --settle")
                    .advise("Or, if this machine has no modem: sudo systemctl disable --now ModemManager"),
            );
        }
    }
    examination
}

/// Whether udev has noted, of a port or of the whole device, that it is no modem (`ModemManager`'s
/// "Common udev tags").
fn is_told(machine: &Machine, number: &str) -> bool {
    ["ID_MM_DEVICE_IGNORE", "ID_MM_PORT_IGNORE"]
        .iter()
        .any(|key| noted(machine, 'c', number, key).is_some_and(|value| value == "1"))
}

#[cfg(test)]
mod tests {
    use super::super::boards::sample::Case;
    use super::*;

    #[test]
    fn modem_manager_must_have_been_told_to_leave_consoles_alone() {
        let examined = |case: &Case| {
            case.examined(|machine, boards, _, _| examine(machine, boards))
                .kinds()
        };
        for noted in ["c166:1", "c189:1"] {
            let case = Case::new();
            assert_eq!(examined(&case), []);
            case.fake.file("/proc/9/comm", "ModemManager\n");
            assert_eq!(examined(&case), [Kind::ModemManagerProbes]);
            case.fake.file(
                &format!("/run/udev/data/{noted}"),
                "E:ID_MM_DEVICE_IGNORE=1\n",
            );
            assert_eq!(examined(&case), []);
        }
    }
}
