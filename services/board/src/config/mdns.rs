//! The part of the configuration that is about names on the network.

use serde::{Deserialize, Serialize};

use super::ValueError;

/// The `[mdns]` table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mdns {
    /// Whether boards are announced on the network at all.
    pub enabled: bool,
    /// The network interfaces to announce them on, by name. None named: all but loopback and the bridges of
    /// containers.
    pub interfaces: Vec<String>,
}

impl Default for Mdns {
    fn default() -> Self {
        Self {
            enabled: true,
            interfaces: Vec::new(),
        }
    }
}

/// The longest name that an interface can have: IFNAMSIZ without its end (linux/if.h).
const LONGEST: usize = 15;

impl Mdns {
    pub(super) fn validate(&self) -> Result<(), ValueError> {
        let possible = |name: &String| {
            (1..=LONGEST).contains(&name.len())
                && !name.contains(|c: char| c.is_whitespace() || c == '/')
        };
        match self.interfaces.iter().position(|name| !possible(name)) {
            Some(at) => Err(ValueError::Interface(at + 1)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::load;

    #[test]
    fn interfaces_are_named_as_the_system_can_name_them() {
        let load = |name: &str| load(&format!("[mdns]\ninterfaces = [\"eth0\", \"{name}\"]"));
        for right in ["wlan0", "enp0s31f6", "eth0.7", "br-lan"] {
            assert!(load(right).is_ok(), "{right}");
        }
        for wrong in ["", "eth0 ", "a/b", "sixteen-letters-"] {
            let error = load(wrong).unwrap_err();
            assert!(
                error.starts_with("mdns.interfaces: number 2 "),
                "{wrong}: {error}"
            );
        }
    }
}
