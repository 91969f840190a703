//! What a person is told first: where the demo's boards are, and who else reaches them.

use cpy_board::Hostname;

use super::names::Settled;
use super::reach::Reach;
use super::running::Options;

/// The text.
pub(super) fn introduction(settled: &Settled, options: &Options) -> String {
    let port = options.port;
    let heading = if settled.published {
        "Virtual boards, on this machine and on the network:"
    } else {
        "Virtual boards, as on the network:"
    };
    let mut lines = vec![heading.to_owned(), String::new()];
    lines.extend(settled.names.iter().map(|name| {
        if settled.published {
            format!("  http://{name}.localhost:{port}/   http://{name}.local:{port}/")
        } else {
            format!("  http://{name}.localhost:{port}/")
        }
    }));
    let first = settled.names.first().map_or("NAME", Hostname::as_str);
    lines.extend([
        String::new(),
        format!("  All of them:  http://localhost:{port}/"),
        format!("  Password:     {}   (leave the user name empty)", options.password.reveal()),
        String::new(),
        who_else(options.reach, settled.published).to_owned(),
        format!("In another terminal: cpyctl boards, cpyctl demo unplug {first}, cpyctl demo plug {first}"),
        "Ctrl-C ends the demo.".to_owned(),
    ]);
    lines.join("\n")
}

fn who_else(reach: Reach, published: bool) -> &'static str {
    match reach {
        Reach::Local => {
            "Names on the network: not announced, and only this machine is served (--local)."
        }
        Reach::Alone => {
            "No Avahi runs here, so the names do not resolve on other machines; only this one is served."
        }
        Reach::Network if published => {
            "Other machines reach the boards, with the password; cpyctl demo --local keeps them out."
        }
        Reach::Network => {
            "Avahi has not published the names. Other machines reach the boards by address, with the \
             password; cpyctl demo --local keeps them out."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_where_boards_are_and_in_one_line_who_else_reaches_them() {
        for (reach, published, says) in [
            (Reach::Local, false, "--local"),
            (Reach::Alone, false, "No Avahi runs here"),
            (Reach::Network, true, "Other machines reach the boards, "),
            (Reach::Network, false, "has not published"),
        ] {
            let options = Options {
                boards: 1,
                port: 8090,
                password: "topsecret".to_owned().try_into().unwrap(),
                reach,
            };
            let settled = Settled {
                names: vec!["cpy-abcdef".parse().unwrap()],
                published,
            };
            let text = introduction(&settled, &options);
            let has = |part: &str| text.contains(part);
            assert!(has("  http://cpy-abcdef.localhost:8090/"), "{text}");
            assert_eq!(has("  http://cpy-abcdef.local:8090/"), published, "{text}");
            assert!(has(says) && has("topsecret"), "{text}");
            assert!(has("cpyctl demo unplug cpy-abcdef,"), "{text}");
        }
    }
}
