//! Which host a request is for: the Host header, or the authority of an absolute target, taken apart.
//! What the names mean is `routing`'s business.

use std::net::{IpAddr, Ipv6Addr};

use hyper::Version;
use hyper::header::HOST;
use hyper::http::request::Parts;

/// The host that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestHost {
    /// As it was sent, with its port; empty where an old client sent none.
    pub(crate) text: String,
    /// Who it is.
    pub(crate) name: HostName,
    /// The port, where one was given.
    pub(crate) port: Option<u16>,
}

/// The name in a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostName {
    /// An address in digits.
    Address(IpAddr),
    /// A name, in lower case and without the root's dot.
    Domain(String),
    /// None: HTTP/1.0 does not ask for one.
    Unnamed,
}

/// Why a request names no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostError {
    #[error("The request has no Host header.")]
    Missing,
    #[error("The request has several Host headers.")]
    Several,
    #[error("The request's Host header is neither a name nor an address.")]
    Garbage,
}

impl RequestHost {
    /// The host of a request. An absolute target overrides the Host header, which must be there all
    /// the same (RFC 9112, section 3.2.2).
    pub(crate) fn of(head: &Parts) -> Result<Self, HostError> {
        let mut headers = head.headers.get_all(HOST).iter();
        let header = headers.next();
        if headers.next().is_some() {
            return Err(HostError::Several);
        }
        if header.is_none() && head.version > Version::HTTP_10 {
            return Err(HostError::Missing);
        }
        if let Some(authority) = head.uri.authority() {
            return Self::parse(authority.as_str());
        }
        match header {
            Some(value) => Self::parse(value.to_str().map_err(|_| HostError::Garbage)?),
            None => Ok(Self {
                text: String::new(),
                name: HostName::Unnamed,
                port: None,
            }),
        }
    }

    /// `name`, `name:port`, `1.2.3.4:port`, `[::1]:port`.
    fn parse(text: &str) -> Result<Self, HostError> {
        let (name, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, after) = rest.split_once(']').ok_or(HostError::Garbage)?;
            // The interface behind a percent sign matters to the client only (RFC 6874).
            let digits = address.split('%').next().unwrap_or_default();
            let address: Ipv6Addr = digits.parse().map_err(|_| HostError::Garbage)?;
            let port = match after {
                "" => "",
                _ => after.strip_prefix(':').ok_or(HostError::Garbage)?,
            };
            (HostName::Address(address.into()), port)
        } else {
            let (name, port) = text.split_once(':').unwrap_or((text, ""));
            (HostName::parse(name)?, port)
        };
        Ok(Self {
            text: text.to_owned(),
            name,
            port: parse_port(port)?,
        })
    }
}

impl HostName {
    fn parse(name: &str) -> Result<Self, HostError> {
        if let Ok(address) = name.parse::<IpAddr>() {
            return Ok(Self::Address(address));
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if name.is_empty() || !name.bytes().all(legal) {
            return Err(HostError::Garbage);
        }
        Ok(Self::Domain(name.to_ascii_lowercase()))
    }
}

/// Nothing, or decimal digits that are a port.
fn parse_port(digits: &str) -> Result<Option<u16>, HostError> {
    if digits.is_empty() {
        return Ok(None);
    }
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(HostError::Garbage);
    }
    digits.parse().map(Some).map_err(|_| HostError::Garbage)
}

#[cfg(test)]
pub(crate) mod tests {
    use hyper::Request;
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn host(text: &str) -> RequestHost {
        RequestHost::parse(text).unwrap()
    }

    fn of(target: &str, version: Version, hosts: &[&str]) -> Result<RequestHost, HostError> {
        let mut request = Request::builder().uri(target).version(version);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        RequestHost::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn names_and_addresses_are_taken_apart() {
        let domain = |name: &str| HostName::Domain(name.to_owned());
        let address = |text: &str| HostName::Address(text.parse().unwrap());
        for (text, name, port) in [
            ("cpy-7e6f35.local", domain("cpy-7e6f35.local"), None),
            ("CPY-7E6F35.Local.:80", domain("cpy-7e6f35.local"), Some(80)),
            ("raspberrypi:", domain("raspberrypi"), None),
            ("192.168.1.7:8001", address("192.168.1.7"), Some(8001)),
            ("[::1]", address("::1"), None),
            ("[fe80::1%25eth0]:81", address("fe80::1"), Some(81)),
        ] {
            assert_eq!(
                RequestHost::parse(text),
                Ok(RequestHost {
                    text: text.to_owned(),
                    name,
                    port
                }),
                "{text}"
            );
        }
    }

    #[test]
    fn garbage_is_refused() {
        for text in [
            "", ".", ":80", "a b", "a/b", "a@b", "a:b", "a:99999", "a:+1", "a:1:2", "[::1", "[a]",
            "[::1]8", "ü.local",
        ] {
            assert_eq!(
                RequestHost::parse(text),
                Err(HostError::Garbage),
                "{text:?}"
            );
        }
    }

    #[test]
    fn one_host_header_is_needed_since_http_1_1() {
        let new = Version::HTTP_11;
        assert_eq!(of("/", new, &[]), Err(HostError::Missing));
        assert_eq!(of("/", new, &["a", "a"]), Err(HostError::Several));
        assert_eq!(of("http://b/", new, &[]), Err(HostError::Missing));
        assert_eq!(of("http://b/", new, &["a"]), Ok(host("b")));
        assert_eq!(
            of("http://u:p@b/", new, &["b"]),
            Err(HostError::Garbage),
            "a name and password before the host"
        );
        assert_eq!(
            of("/", Version::HTTP_10, &[]).map(|host| host.name),
            Ok(HostName::Unnamed)
        );
    }

    proptest! {
        #[test]
        fn whatever_parses_keeps_its_text(text in "\\PC*") {
            if let Ok(host) = RequestHost::parse(&text) {
                prop_assert_eq!(host.text, text);
            }
        }
    }
}
