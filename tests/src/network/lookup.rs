//! What a machine finds by multicast DNS, with the tools that people have.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::host::Host;
use crate::wait;

/// How long one look may take before the next one is made: avahi-resolve itself waits for 5 s.
const LOOK: Duration = Duration::from_millis(900);

/// The service that boards announce.
const SERVICE: &str = "_circuitpython._tcp";

/// A line of `avahi-browse --resolve --parsable`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The interface that it was seen on.
    pub interface: String,
    /// The instance name.
    pub instance: String,
    /// The host name, with `.local`.
    pub host: String,
    /// The address.
    pub address: String,
    /// The port.
    pub port: u16,
}

impl Host {
    /// The IPv4 address of a name, by avahi-resolve; none if it is not found at once.
    pub async fn resolve_ipv4(&self, name: &str) -> Option<String> {
        self.resolve("-4", name).await
    }

    /// The IPv6 address of a name, by avahi-resolve; none if it is not found at once.
    pub async fn resolve_ipv6(&self, name: &str) -> Option<String> {
        self.resolve("-6", name).await
    }

    async fn resolve(&self, family: &str, name: &str) -> Option<String> {
        let arguments = [family, "-n", name];
        let answer = self.run("avahi-resolve", &arguments);
        let line = timeout(LOOK, answer).await.ok()??;
        Some(line.split_whitespace().nth(1)?.to_owned())
    }

    /// Waits until a name leads to these addresses.
    pub async fn finds(&self, name: &str, ipv4: &str, ipv6: &str) {
        let what = format!("{}: {name} is {ipv4} and {ipv6}", self.name());
        wait::until(&what, async || {
            let found = self.resolve_ipv4(name).await? == ipv4;
            (found && self.resolve_ipv6(name).await? == ipv6).then_some(())
        })
        .await;
    }

    /// Waits until a name leads to this IPv4 address.
    pub async fn finds_ipv4(&self, name: &str, address: &str) {
        let what = format!("{}: {name} is {address}", self.name());
        wait::until(&what, async || {
            (self.resolve_ipv4(name).await? == address).then_some(())
        })
        .await;
    }

    /// Waits until nobody answers for a name.
    pub async fn finds_nobody(&self, name: &str) {
        let what = format!("{}: {name} is nobody", self.name());
        wait::until(&what, async || {
            self.resolve_ipv4(name).await.is_none().then_some(())
        })
        .await;
    }

    /// All addresses of a name by the system's own resolver, without the interfaces behind a percent sign.
    pub async fn system_addresses(&self, name: &str) -> Vec<String> {
        let text = self.run("getent", &["ahosts", name]).await;
        let mut addresses: Vec<String> = text
            .unwrap_or_default()
            .lines()
            .filter_map(|line| line.split_whitespace().next()?.split('%').next())
            .map(str::to_owned)
            .collect();
        addresses.sort();
        addresses.dedup();
        addresses
    }

    /// Every board that is announced, by avahi-browse.
    pub async fn browse(&self) -> Vec<Found> {
        let text = self.ok("avahi-browse", &["-rptk", SERVICE]).await;
        let mut found: Vec<Found> = text.lines().filter_map(found).collect();
        found.sort();
        found
    }

    /// The host names of all boards that are announced, each once.
    pub async fn announced_hosts(&self) -> BTreeSet<String> {
        let found = self.browse().await.into_iter();
        found.map(|found| found.host).collect()
    }

    /// The body of a page, by curl and the system's own resolver.
    pub async fn fetch(&self, url: &str) -> Option<String> {
        self.run("curl", &["--silent", "--show-error", "--fail", url])
            .await
    }

    /// What Chromium makes of a page, scripts and all, with the system's own resolver.
    pub async fn rendered(&self, url: &str) -> String {
        let profile = format!(
            "--user-data-dir={}",
            self.directory().join("chromium").display()
        );
        let arguments = [
            // Whatever happens to the test, it ends.
            "60",
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-features=AsyncDns",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--virtual-time-budget=5000",
            &profile,
            "--dump-dom",
            url,
        ];
        self.ok("timeout", &arguments).await
    }

    /// A document, by curl and the system's own resolver.
    pub async fn fetch_json(&self, url: &str) -> Option<Value> {
        serde_json::from_str(&self.fetch(url).await?).ok()
    }
}

/// `=;eth0;IPv4;NAME;TYPE;DOMAIN;HOST;ADDRESS;PORT;TXT`
fn found(line: &str) -> Option<Found> {
    let fields: Vec<&str> = line.split(';').collect();
    let ["=", interface, _, instance, _, _, host, address, port, ..] = fields[..] else {
        return None;
    };
    Some(Found {
        interface: interface.to_owned(),
        instance: unescaped(instance),
        host: host.to_owned(),
        address: address.to_owned(),
        port: port.parse().ok()?,
    })
}

/// Without avahi-browse's `\032` for bytes that are no letters, in decimal.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let number = after.get(..3).and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            digits.parse::<u8>().ok()
        });
        match (first, number) {
            (b'\\', Some(byte)) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            (b'\\', None) => rest = after,
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_avahi_browse_is_understood() {
        let line = r"=;eth0;IPv4;B\195\188cherei\032\.a;_circuitpython._tcp;local;cpy-1.local;10.0.0.1;80;";
        let found = found(line).unwrap();
        assert_eq!(found.instance, "B\u{fc}cherei .a");
        assert_eq!((found.host.as_str(), found.port), ("cpy-1.local", 80));
        assert_eq!(super::found("+;eth0;IPv4;x;y;local"), None);
    }
}
