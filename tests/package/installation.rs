//! The first installation, also where something is in its way.

use crate::machine::{BOARD, Machine, UNITS};
use crate::{Suite, on_each_suite};

/// What `systemd-analyze security` may say of a unit at most: 0 is the safest, 10 no protection at all.
const EXPOSURE: f64 = 1.5;

on_each_suite!(
    brings_everything_up_and_prints_the_password,
    serves_a_board_at_port_80,
    keeps_daemons_apart_from_the_rest,
    succeeds_where_port_80_is_taken,
    succeeds_where_systemd_has_port_80_for_another_unit,
    says_last_that_the_configuration_is_wrong,
    says_which_daemon_does_not_start,
    succeeds_without_avahi,
    goes_on_with_a_full_var,
);

fn brings_everything_up_and_prints_the_password(suite: Suite) {
    let machine = Machine::boot(suite);
    let printed = machine.install();
    machine.is_up();
    let password = machine.run("cpyctl password");
    let password = password.trim();
    assert!(password.len() >= 8, "{password}");
    assert!(printed.contains(password), "{printed}");
    assert!(
        printed.contains("cpyctl password --set"),
        "where to change it: {printed}"
    );
    let owner = machine.run("stat -c '%a %U %G' /etc/cpy-gateway/password");
    assert_eq!(owner, "640 root _cpy-gateway\n");
    let noise = ["rror", "arning", "ailed", "udev"].map(|word| printed.contains(word));
    assert_eq!(noise, [false; 4], "{printed}");
    machine.run("cpyctl check");
    machine.run("dpkg --verify cpy-gateway");
    for unit in UNITS {
        machine.run(&format!("systemctl --quiet is-enabled {unit}"));
    }
    let overview = machine.page("localhost", 80, "/", "");
    assert_eq!(overview.status, "200", "{}", overview.body);
    assert!(
        !machine
            .container
            .succeeds("systemctl --failed --no-legend | grep .")
    );
}

fn serves_a_board_at_port_80(suite: Suite) {
    let (machine, password) = Machine::with_package(suite);
    machine.plug(BOARD);
    machine.serves(BOARD, &password);
    let stranger = machine.page(BOARD.host, 80, "/fs/code.py", "guessed");
    assert_eq!(stranger.status, "401");
    let listed = machine.run("cpyctl boards");
    assert!(listed.contains("cpy-7e6f35"), "{listed}");
}

fn keeps_daemons_apart_from_the_rest(suite: Suite) {
    let (machine, _) = Machine::with_package(suite);
    for unit in UNITS.iter().filter(|unit| unit.ends_with(".service")) {
        let analysis = machine.run(&format!("systemd-analyze security --no-pager {unit}"));
        let overall = analysis
            .lines()
            .find(|line| line.contains("Overall exposure level"));
        let level = overall.and_then(|line| {
            line.split_whitespace()
                .find_map(|word| word.parse::<f64>().ok())
        });
        assert!(level.is_some_and(|level| level <= EXPOSURE), "{analysis}");
    }
}

fn succeeds_where_port_80_is_taken(suite: Suite) {
    let machine = Machine::boot(suite);
    machine
        .run("systemd-run --quiet --unit=other systemd-socket-activate --listen=80 sleep infinity");
    machine.container.until("the port is taken", || {
        machine.container.connect(80).is_ok()
    });
    let printed = machine.install();
    assert!(printed.contains("Port 80 is taken by"), "{printed}");
    assert!(!printed.contains("systemctl:"), "without noise: {printed}");
    let others = ["systemd-socket", "sleep"];
    assert!(
        others.iter().any(|name| printed.contains(name)),
        "by whom: {printed}"
    );
    let password = machine.run("cpyctl password");
    assert!(printed.contains(password.trim()), "{printed}");
    machine.plug(BOARD);
    machine
        .container
        .until("the board is served at its own port", || {
            machine
                .page("127.0.0.1:8001", 8001, "/fs/code.py", password.trim())
                .status
                == "200"
        });
    let listed = machine.run("cpyctl boards 2>&1");
    assert!(listed.contains("  8001  "), "{listed}");
    // Whoever has it takes the question and says nothing.
    assert!(
        listed.contains("http-gateway runs, and is not reached at 127.0.0.1:80\n"),
        "{listed}"
    );
    assert!(printed.contains("Then: sudo systemctl restart cpy-gateway.target"));
    machine.run("systemctl stop other && systemctl restart cpy-gateway.target");
    machine.is_up();
    machine.serves(BOARD, password.trim());
}

fn succeeds_where_systemd_has_port_80_for_another_unit(suite: Suite) {
    let machine = Machine::boot(suite);
    machine.run(
        "systemd-run --quiet --unit=other --socket-property=ListenStream=80 sleep infinity && \
         systemctl --quiet is-active other.socket",
    );
    let printed = machine.install();
    assert!(
        printed.contains("Port 80 is taken by systemd for the socket of another unit"),
        "{printed}"
    );
    assert!(!printed.contains("systemctl:"), "without noise: {printed}");
    machine
        .run("systemctl stop other.socket other.service && systemctl restart cpy-gateway.target");
    machine.is_up();
}

fn says_last_that_the_configuration_is_wrong(suite: Suite) {
    let machine = Machine::boot(suite);
    machine.run("mkdir /etc/cpy-gateway && echo 'nonsense = 1' >/etc/cpy-gateway/gateway.toml");
    let printed =
        machine.apt("--option Dpkg::Options::=--force-confold install /root/cpy-gateway.deb");
    let lines: Vec<_> = printed
        .lines()
        .skip_while(|line| !line.starts_with("cpy-gateway: "))
        .filter(|line| !line.starts_with("Processing triggers"))
        .collect();
    assert_eq!(lines.len(), 3, "{printed}");
    assert!(lines[0].contains("nonsense"), "{printed}");
    assert!(!printed.contains("systemctl:"), "without noise: {printed}");
    machine.run("rm /etc/cpy-gateway/gateway.toml");
    for (line, advice) in lines[1..].iter().zip([
        "systemctl restart cpy-gateway.target",
        "cpyctl password --new",
    ]) {
        assert!(line.ends_with(&format!(": sudo {advice}")), "{printed}");
        machine.run(advice);
    }
    machine.is_up();
    let password = machine.run("cpyctl password");
    machine.plug(BOARD);
    machine.serves(BOARD, password.trim());
}

fn says_which_daemon_does_not_start(suite: Suite) {
    let machine = Machine::boot(suite);
    let of_it = "/etc/systemd/system/cpy-file-proxy.service.d";
    machine.run(&format!(
        "mkdir {of_it} && printf '[Service]\nExecStart=\nExecStart=false\n' >{of_it}/broken.conf"
    ));
    let printed = machine.install();
    assert!(
        printed.contains("cpy-gateway: file-proxy is not running"),
        "{printed}"
    );
    assert!(!printed.contains("systemctl:"), "without noise: {printed}");
    assert_eq!(printed.matches("is not running").count(), 1, "{printed}");
}

fn succeeds_without_avahi(suite: Suite) {
    let machine = Machine::boot(suite);
    machine.apt("purge avahi-daemon");
    machine.apt("--no-install-recommends install /root/cpy-gateway.deb");
    machine.is_up();
    let password = machine.run("cpyctl password");
    machine.plug(BOARD);
    machine.serves(BOARD, password.trim());
}

fn goes_on_with_a_full_var(suite: Suite) {
    let (machine, password) = Machine::with_package(suite);
    machine.run(
        "mount -t tmpfs -o size=64k none /var/lib && mkdir /var/lib/cpy-gateway; \
         dd if=/dev/zero of=/var/lib/full bs=4k 2>/dev/null; ! echo more >/var/lib/more",
    );
    machine.run("systemctl restart cpy-gateway.target");
    machine.is_up();
    machine.plug(BOARD);
    machine.serves(BOARD, &password);
    let password = machine.run("cpyctl password --new 2>/dev/null");
    machine.serves(BOARD, password.trim());
}
