//! The port at which all boards are served: moved to another one, and held for a daemon that may not run.

use crate::machine::{BOARD, Board, Machine};
use crate::{Suite, on_each_suite};

on_each_suite!(
    is_another_one_where_that_is_wanted,
    is_not_said_to_be_taken_where_the_service_is_masked
);

const CONFIG: &str = "/etc/cpy-gateway/gateway.toml";

fn is_another_one_where_that_is_wanted(suite: Suite) {
    let (machine, password) = Machine::with_package(suite);
    // Without a network, the doctor complains of names that are not published.
    machine.run(&format!(
        "sed -i 's/^#enabled = true/enabled = false/' {CONFIG}"
    ));
    machine.run("systemctl reload cpy-mdns-advertiser");
    machine.plug(BOARD);
    machine.serves(BOARD, &password);

    // What `systemctl edit` does.
    let edited = "/etc/systemd/system/cpy-http-gateway.socket.d";
    let lines = "[Socket]\nListenStream=\nListenStream=8088\n";
    machine.run(&format!(
        "mkdir {edited} && printf '{lines}' >{edited}/override.conf && systemctl daemon-reload"
    ));
    machine.run(&format!(
        "sed -i 's/^#listen = .*/listen = [\"[::]:8088\"]/' {CONFIG}"
    ));
    machine.run("systemctl restart cpy-gateway.target");
    is_served_at(&machine, BOARD, 8088, &password);
    assert!(machine.container.connect(80).is_err(), "port 80 is free");

    machine.run("systemctl revert cpy-http-gateway.socket");
    machine.run(&format!("sed -i '/^listen = /d' {CONFIG}"));
    machine.run("systemctl restart cpy-gateway.target");
    is_served_at(&machine, BOARD, 80, &password);
    assert!(
        machine.container.connect(8088).is_err(),
        "port 8088 is free"
    );
}

/// All of it runs, the board is served at this port, and the doctor is content.
fn is_served_at(machine: &Machine, board: Board, port: u16, password: &str) {
    machine.is_up();
    let host = format!("{}:{port}", board.host);
    let is_served = || machine.page(&host, port, "/fs/code.py", password).status == "200";
    machine
        .container
        .until(&format!("{board} is served at port {port}"), is_served);
    let says = format!("http-gateway answers on 127.0.0.1:{port}.");
    let is_content = || {
        machine.container.succeeds(&format!(
            "cpyctl doctor | grep -F '{says}' && cpyctl doctor"
        ))
    };
    machine.container.until("the doctor is content", is_content);
}

fn is_not_said_to_be_taken_where_the_service_is_masked(suite: Suite) {
    let (machine, _) = Machine::with_package(suite);
    machine.run("systemctl --quiet mask --now cpy-http-gateway.service");
    assert!(machine.is_active("cpy-http-gateway.socket"));
    // The first question makes systemd give the port up.
    for _ in 0..2 {
        let said = machine.run("cpyctl doctor || true");
        assert!(said.contains("masked"), "{said}");
        assert!(
            !said.contains("another program") && !said.contains("taken"),
            "{said}"
        );
    }
}
