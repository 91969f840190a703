//! The head of a request, as far as the gateway interprets it. Nobody is led to a board that was not named, no page is
//! let in that has no business here, and no password is made out of nothing.
//!
//! The input: who asks and which port of ours, then the head.

#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::OnceLock;

use cpy_fuzz::script::Script;
use cpy_http_gateway::fuzzing::{Gateway, Understood};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::http::request::Parts;
use hyper::{Request, Version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let who = script.byte();
    let port = script.one_of(&[80, 8001, 8002]);
    let Some(head) = parsed(script.rest()) else {
        return;
    };
    let is_near = who & 1 == 0;
    let client = if is_near {
        Ipv4Addr::LOCALHOST
    } else {
        Ipv4Addr::new(192, 168, 1, 50)
    };
    let client = SocketAddr::from((client, 40_000));
    let local = SocketAddr::from(([192, 168, 1, 7], port));
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    let gateway = GATEWAY.get_or_init(Gateway::default);
    let understood = gateway.understand(&head, client, local);
    host(&head, &understood, is_near, port);
    page(&head, &understood);
    password(&head.headers, &understood);
    path(&head, &understood);
    if let Some(boundary) = &understood.boundary {
        let kind = values(&head.headers, &CONTENT_TYPE).concat();
        assert!(
            kind.to_ascii_lowercase().contains("boundary="),
            "{boundary:?} in {kind:?}"
        );
    }
    if understood.websocket {
        assert!(head.method == "GET" && head.version == Version::HTTP_11);
    }
});

/// A head as hyper hands it over.
fn parsed(bytes: &[u8]) -> Option<Parts> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut fields);
    parsed.parse(bytes).ok()?.is_complete().then_some(())?;
    let mut head = Request::builder()
        .method(parsed.method?)
        .uri(parsed.path?)
        .version(if parsed.version? == 1 {
            Version::HTTP_11
        } else {
            Version::HTTP_10
        });
    for field in parsed.headers.iter() {
        head = head.header(field.name, field.value);
    }
    Some(head.body(()).ok()?.into_parts().0)
}

fn host(head: &Parts, understood: &Understood, is_near: bool, port: u16) {
    let hosts = values(&head.headers, &HOST);
    let Some(host) = &understood.host else {
        assert!(understood.board.is_none(), "a board without a host");
        return;
    };
    assert!(hosts.len() <= 1, "{hosts:?}");
    let Some(board) = &understood.board else {
        return;
    };
    let lower = host.to_ascii_lowercase();
    // An address in brackets has colons of its own.
    let end = lower.rfind(':').filter(|at| !lower[*at..].contains(']'));
    let name = lower[..end.unwrap_or(lower.len())]
        .trim_end_matches('.')
        .to_owned();
    let is_named = name == format!("{board}.local");
    let is_near_named = is_near && name == format!("{board}.localhost");
    let own = ["", "raspberrypi", "raspberrypi.local"].contains(&name.as_str())
        || (is_near && name == "localhost")
        || name.starts_with('[')
        || name.parse::<Ipv4Addr>().is_ok();
    let owner = match port {
        8001 => "cpy-00000a",
        8002 => "cpy-00000b",
        _ => "",
    };
    assert!(
        is_named || is_near_named || (own && board == owner),
        "{host:?} leads to {board}"
    );
}

fn page(head: &Parts, understood: &Understood) {
    let origins = values(&head.headers, &ORIGIN);
    if origins.is_empty() {
        assert!(understood.is_allowed);
        return;
    }
    if !understood.is_allowed {
        return;
    }
    let [origin] = &origins[..] else {
        panic!("several origins are one: {origins:?}");
    };
    let origin = origin.to_ascii_lowercase();
    let is_here = understood.host.as_ref().is_some_and(|host| {
        !host.is_empty() && origin == format!("http://{}", host.to_ascii_lowercase())
    });
    let developed = ["http://localhost", "http://127.0.0.1"]
        .iter()
        .any(|start| {
            let port = origin.strip_prefix(start);
            port.is_some_and(|port| port.is_empty() || port[1..].parse::<u16>().is_ok())
        });
    let is_listed = origin == "https://code.circuitpython.org";
    let is_public = origin == "null" && !understood.needs_password;
    assert!(
        is_here || developed || is_listed || is_public,
        "{origin:?} is let in"
    );
}

fn password(headers: &HeaderMap, understood: &Understood) {
    if let Some(password) = &understood.password {
        let given = values(headers, &AUTHORIZATION);
        assert_eq!(given.len(), 1);
        // Four characters are three bytes, one of which is the colon.
        assert!(password.len() < given[0].len());
        assert!(given[0].to_ascii_lowercase().starts_with("basic "));
    }
}

fn path(head: &Parts, understood: &Understood) {
    let path = head.uri.path();
    let guarded = ["/fs/", "/edit/", "/cp/serial/"];
    assert_eq!(
        understood.needs_password,
        path.starts_with(guarded[0]) || guarded[1..].contains(&path),
        "{path}"
    );
    if let Some(forwarded) = &understood.forwarded {
        let below = forwarded
            .strip_prefix("/boards/")
            .expect("file-proxy's path");
        let (board, target) = below.split_once('/').unwrap();
        assert_eq!(understood.board.as_deref(), Some(&*format!("cpy-{board}")));
        assert_eq!(
            Some(&*format!("/{target}")),
            head.uri.path_and_query().map(|t| t.as_str())
        );
        assert!(target.starts_with("fs/"));
    }
}

fn values(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = headers.get_all(name).iter();
    values
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect()
}
