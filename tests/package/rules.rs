//! What udev itself says of the rules. Its checker is in trixie; bookworm's udev applies them in the virtual machine.

use crate::Suite;
use crate::machine::Machine;

#[test]
fn udev_finds_nothing_wrong_with_the_rules() {
    let (machine, _) = Machine::with_package(Suite::Trixie);
    let rules = machine.run("dpkg --listfiles cpy-gateway | grep '/udev/rules.d/.*[.]rules$'");
    for file in rules.lines() {
        machine.run(&format!("udevadm verify --resolve-names=early {file}"));
    }
    assert_eq!(rules.lines().count(), 1, "{rules}");
}
