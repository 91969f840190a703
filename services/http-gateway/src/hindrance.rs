//! What keeps a board's name from the network, in sentences for one name or several.

use cpy_board::Hostname;

use crate::refusal::Refusal;

/// What keeps a name, or what belongs to it, from the network.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Hindrance<'a> {
    /// The daemon that knows does not answer.
    Silence(&'a Refusal),
    NoAvahi,
    NoNetwork,
    /// Avahi does not publish it, and says why.
    Refused(&'a str),
    /// Others have it.
    Taken,
    /// It can be found; Avahi does not publish the service at it, and says why.
    ServiceRefused(&'a str),
}

/// The names that a sentence is about.
#[derive(Debug)]
pub(crate) struct Names {
    called: String,
    several: bool,
}

impl Names {
    /// These of `total` boards. None at all are those of all boards, whoever will come.
    pub(crate) fn new(names: &[&Hostname], total: usize) -> Self {
        let local: Vec<String> = names.iter().map(|name| format!("{name}.local")).collect();
        let called = match &local[..] {
            [only] => format!("the name {only}"),
            [others @ .., last] if local.len() < total => {
                format!("the names {} and {last}", others.join(", "))
            }
            _ => "the boards' names".to_owned(),
        };
        Self {
            called,
            several: names.len() != 1,
        }
    }

    fn either<'a>(&self, one: &'a str, several: &'a str) -> &'a str {
        if self.several { several } else { one }
    }
}

impl Hindrance<'_> {
    /// What is wrong with these names.
    pub(crate) fn sentence(&self, names: &Names) -> String {
        let (called, they) = (&names.called, names.either("it", "they"));
        let port = names.either(
            "The board's own port at the gateway's address works without a name.",
            "Each board's own port at the gateway's address works without a name.",
        );
        match self {
            Self::Silence(refusal) => {
                format!("{refusal} So {called} may not be found on the network.")
            }
            Self::NoAvahi => format!(
                "Avahi is not running on the gateway, so {called} cannot be found on the network. {port}"
            ),
            Self::NoNetwork => format!(
                "The gateway is on no network where it could announce {called}, so {they} cannot be found. {port}"
            ),
            Self::Refused(reason) => format!(
                "Avahi on the gateway refuses {called}{}, so {they} cannot be found on the network. {port}",
                aside(reason)
            ),
            Self::Taken => format!(
                "Others on the network have {called}, as they had the names before: {} in a moment. {port}",
                names.either(
                    "the board tries its next one",
                    "the boards try their next ones"
                )
            ),
            Self::ServiceRefused(reason) => format!(
                "Avahi on the gateway refuses the {} at {called}{}: {they} can be found, but no list of the \
                 network's devices has {}.",
                names.either("service", "services"),
                aside(reason),
                names.either("the board", "the boards")
            ),
        }
    }
}

/// Avahi's words, which may be a sentence of their own or none.
fn aside(reason: &str) -> String {
    match reason.trim_end_matches('.') {
        "" => String::new(),
        reason => format!(" ({reason})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(hindrance: &Hindrance<'_>, names: usize, total: usize) -> String {
        let all = ["cpy-00000a", "cpy-00000b", "cpy-00000c"].map(|name| name.parse().unwrap());
        let names: Vec<&Hostname> = all.iter().take(names).collect();
        hindrance.sentence(&Names::new(&names, total))
    }

    #[test]
    fn a_sentence_is_about_one_name_or_some_or_all() {
        let offline = Hindrance::NoNetwork;
        assert_eq!(
            said(&offline, 1, 1),
            "The gateway is on no network where it could announce the name cpy-00000a.local, so it cannot be found. \
             The board's own port at the gateway's address works without a name."
        );
        for (names, total, called) in [
            (2, 3, "the names cpy-00000a.local and cpy-00000b.local"),
            (
                3,
                4,
                "the names cpy-00000a.local, cpy-00000b.local and cpy-00000c.local",
            ),
            (3, 3, "the boards' names"),
            (0, 0, "the boards' names"),
        ] {
            assert_eq!(
                said(&offline, names, total),
                format!(
                    "The gateway is on no network where it could announce {called}, so they cannot be found. \
                     Each board's own port at the gateway's address works without a name."
                )
            );
        }
    }

    #[test]
    fn avahis_words_stand_aside_however_they_end() {
        for reason in ["Invalid host name", "Invalid host name."] {
            let refused = said(&Hindrance::Refused(reason), 1, 2);
            assert!(
                refused.starts_with(
                    "Avahi on the gateway refuses the name cpy-00000a.local (Invalid host name), so it cannot be found"
                ),
                "{refused}"
            );
        }
        let refused = said(&Hindrance::Refused(""), 2, 2);
        assert!(
            refused.contains("refuses the boards' names, so they cannot be found"),
            "{refused}"
        );
        assert_eq!(
            said(&Hindrance::ServiceRefused("Too many entries"), 1, 1),
            "Avahi on the gateway refuses the service at the name cpy-00000a.local (Too many entries): it can be \
             found, but no list of the network's devices has the board."
        );
    }

    #[test]
    fn a_taken_name_is_others() {
        assert_eq!(
            said(&Hindrance::Taken, 1, 1),
            "Others on the network have the name cpy-00000a.local, as they had the names before: the board tries its \
             next one in a moment. The board's own port at the gateway's address works without a name."
        );
    }
}
