//! What strangers on the network announce: a bounded part of it is kept, and the devices that are listed are others',
//! can be reached, and have names that a page can show and a link can lead to.
//!
//! The input: Avahi's signals, one behind the other. Names are short and lie behind each.

#![no_main]

use cpy_fuzz::script::Script;
use cpy_mdns_advertiser::fuzzing::{Network, instance_name};
use libfuzzer_sys::fuzz_target;

const HOSTS: [&str; 6] = [
    "cpy-000001.local",
    "CPY-00000A.local.",
    "cpy-00000a.local",
    "raspberrypi.local",
    "evil.example",
    "a.b.local",
];
const ADDRESSES: [&str; 8] = [
    "10.0.0.1",
    "10.0.0.2",
    "fd00::1",
    "fe80::1",
    "127.0.0.1",
    "::ffff:127.0.0.1",
    "0.0.0.0",
    "ff02::fb",
];

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let network = Network::default();
    while !script.is_over() {
        let signal = script.byte();
        let (link, protocol) = (i32::from(signal >> 6), i32::from(signal >> 5 & 1));
        let resolver = script.byte() % 8;
        let length = usize::from(script.byte() % 16);
        let text = String::from_utf8_lossy(script.bytes(length)).into_owned();
        match signal % 8 {
            0 | 1 => network.came(link, protocol, &text, signal & 16 > 0),
            2 => network.went(link, protocol, &text),
            3 => network.not_own(&text),
            4 => network.resolved_by(resolver, link, protocol, &text),
            5 => network.found(
                resolver,
                script.one_of(&HOSTS),
                script.one_of(&ADDRESSES),
                script.u16(),
            ),
            6 => network.found(resolver, &format!("{text}.local"), &text, script.u16()),
            _ => {
                network.failed(resolver);
                network.forget_resolver(resolver, link, protocol, &text);
            }
        }
        name(&text, script.byte());
    }
    assert!(network.kept() <= 2048);
    let peers = network.peers();
    assert_eq!(peers, network.peers());
    for peer in &peers {
        assert_ne!(peer.hostname, "cpy-00000a", "a board of ours is another's");
        assert!(!peer.hostname.is_empty() && peer.port > 0, "{peer:?}");
        assert!(
            peer.hostname
                .chars()
                .all(|c| c.is_alphanumeric() || "-_.".contains(c)),
            "{peer:?}"
        );
        let ip = peer.ip.to_canonical();
        assert!(
            !ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast(),
            "{peer:?}"
        );
    }
});

/// Whatever an owner calls a board, what is announced fits a label.
fn name(text: &str, round: u8) {
    let hostname = "cpy-00000a".parse().unwrap();
    if let Some(name) = instance_name(&text.repeat(5), &hostname, round.into()) {
        assert!(
            (1..=63).contains(&name.len()) && !name.contains(char::is_control),
            "{name:?}"
        );
    }
}
