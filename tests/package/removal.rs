//! What is left of the package when it goes.

use std::collections::BTreeSet;

use crate::machine::{BOARD, Machine, UNITS, newer_deb};
use crate::{Suite, on_each_suite};

on_each_suite!(
    stops_and_withdraws_everything,
    keeps_the_password_for_a_reinstallation,
    leaves_nothing_when_it_is_a_purge,
    leaves_alone_the_units_of_others,
    leaves_nothing_of_an_upgrade_that_was_broken_off
);

fn stops_and_withdraws_everything(suite: Suite) {
    let (machine, password) = Machine::with_package(suite);
    machine.plug(BOARD);
    machine.serves(BOARD, &password);
    let printed = machine.apt("remove cpy-gateway");
    assert!(!printed.contains("rror"), "{printed}");
    for unit in UNITS {
        assert!(!machine.is_active(unit), "{unit}");
    }
    assert!(machine.container.connect(80).is_err(), "port 80 is free");
    assert!(
        machine.container.connect(8001).is_err(),
        "the board's port is free"
    );
    assert!(!machine.container.succeeds(
        "ls -d /run/cpy-gateway /usr/libexec/cpy-gateway /usr/lib/udev/rules.d/*cpy* 2>/dev/null"
    ));
    let alive = "find /proc -maxdepth 1 | xargs stat -c %U 2>/dev/null | grep ^_cpy-";
    assert!(!machine.container.succeeds(alive));
    machine.run("test -f /etc/cpy-gateway/gateway.toml -a -f /etc/cpy-gateway/password -a -d /var/lib/cpy-gateway");
}

fn keeps_the_password_for_a_reinstallation(suite: Suite) {
    let (machine, password) = Machine::with_package(suite);
    machine.apt("remove cpy-gateway");
    let printed = machine.install();
    assert!(!printed.contains(&password), "it is no news: {printed}");
    machine.is_up();
    assert_eq!(machine.run("cpyctl password").trim(), password);
    machine.plug(BOARD);
    machine.serves(BOARD, &password);
    machine.unplug(BOARD);
    machine.apt("purge cpy-gateway");
    let printed = machine.install();
    let another = machine.run("cpyctl password");
    assert_ne!(another.trim(), password);
    assert!(printed.contains(another.trim()), "{printed}");
}

fn leaves_nothing_when_it_is_a_purge(suite: Suite) {
    let machine = Machine::boot(suite);
    let before = machine.inventory();
    machine.install();
    machine.is_up();
    let password = machine.run("cpyctl password");
    machine.plug(BOARD);
    machine.serves(BOARD, password.trim());
    machine.unplug(BOARD);
    machine.run("rm -r /dev/*.img /dev/cpy-gateway");
    machine.apt("purge cpy-gateway");
    same(&before, &machine.inventory());
}

fn leaves_alone_the_units_of_others(suite: Suite) {
    let (machine, _) = Machine::with_package(suite);
    machine.run("systemd-run --quiet --unit=cpy-mine sleep infinity");
    machine.run("systemd-run --quiet --wait --unit=cpy-broken false || true");
    for goodbye in ["remove", "purge"] {
        machine.apt(&format!("{goodbye} cpy-gateway"));
        assert!(machine.is_active("cpy-mine.service"), "{goodbye}");
        let broken = "systemctl --quiet is-failed cpy-broken.service";
        assert!(machine.container.succeeds(broken), "{goodbye}");
    }
}

/// dpkg stops between unpacking and configuration where it asks about a changed configuration and gets no answer.
fn leaves_nothing_of_an_upgrade_that_was_broken_off(suite: Suite) {
    let machine = Machine::boot(suite);
    let before = machine.inventory();
    machine.install();
    machine.is_up();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let newer = machine.put(&newer_deb(directory.path()), "newer.deb");
    machine.run(&format!("dpkg --unpack {newer}"));
    let printed = machine.apt("purge cpy-gateway");
    assert!(!printed.contains("currently used"), "{printed}");
    for unit in UNITS {
        assert!(!machine.is_active(unit), "{unit}");
    }
    same(&before, &machine.inventory());
}

fn same(before: &BTreeSet<String>, after: &BTreeSet<String>) {
    let left: Vec<_> = after.difference(before).collect();
    let missing: Vec<_> = before.difference(after).collect();
    assert!(
        left.is_empty() && missing.is_empty(),
        "left: {left:#?}\nmissing: {missing:#?}"
    );
}
