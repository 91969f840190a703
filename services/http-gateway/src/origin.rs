//! Which web pages may use a board: the Origin header judged, and the CORS headers that follow.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HeaderMap, HeaderValue, ORIGIN,
    VARY,
};
use hyper::{Response, StatusCode};

use cpy_board::http::{Body, empty};

/// What a request says about the page that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nothing: not a browser, or a browser within one site.
    None,
    /// A page from here.
    Page(HeaderValue),
    /// Something that no browser sends: several origins.
    Garbled,
}

impl Origin {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Self::None,
            (Some(origin), None) => Self::Page(origin.clone()),
            (Some(_), Some(_)) => Self::Garbled,
        }
    }

    /// Whether a request with this origin is served. `host` is the Host as it was sent; `null`, which
    /// browsers send after a redirect, is good for `public` documents only.
    pub(crate) fn is_allowed(&self, host: &str, listed: &[String], public: bool) -> bool {
        let text = match self {
            Self::None => return true,
            Self::Garbled => return false,
            Self::Page(value) => match value.to_str() {
                Ok(text) => text,
                Err(_) => return false,
            },
        };
        if text == "null" {
            return public;
        }
        let same = |origin: &str| text.eq_ignore_ascii_case(origin);
        if listed.iter().any(|origin| same(origin)) {
            return true;
        }
        let Some(authority) = text
            .split_at_checked(7)
            .and_then(|(scheme, rest)| scheme.eq_ignore_ascii_case("http://").then_some(rest))
        else {
            return false;
        };
        (!host.is_empty() && authority.eq_ignore_ascii_case(host)) || is_this_machine(authority)
    }

    /// Puts the CORS headers on a reply to a request that was let in.
    pub(crate) fn admit<B>(&self, reply: &mut Response<B>) {
        let headers = reply.headers_mut();
        let allowed = match self {
            Self::Page(origin) => origin.clone(),
            Self::None | Self::Garbled => HeaderValue::from_static("*"),
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        vary(reply);
    }

    /// Marks a reply to a request that was turned away: a page's origin is not echoed.
    pub(crate) fn turn_away<B>(&self, reply: &mut Response<B>) {
        match self {
            Self::None => self.admit(reply),
            Self::Page(_) | Self::Garbled => vary(reply),
        }
    }
}

fn vary<B>(reply: &mut Response<B>) {
    reply
        .headers_mut()
        .insert(VARY, HeaderValue::from_static("Origin, Accept, Upgrade"));
}

/// The answer to OPTIONS: what pages from elsewhere may do. The online editor refuses methods that
/// are not listed.
pub(crate) fn options() -> Response<Body> {
    let mut reply = empty(StatusCode::NO_CONTENT);
    let headers = reply.headers_mut();
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, OPTIONS, PUT, DELETE, MOVE"),
    );
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "X-Timestamp, X-Destination, Content-Type, Authorization, If-Match, If-None-Match",
        ),
    );
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Access-Control-Allow-Methods, ETag, X-Save"),
    );
    reply
}

/// `localhost` and `127.0.0.1` with any port: pages that somebody develops.
fn is_this_machine(authority: &str) -> bool {
    let (name, port) = match authority.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (authority, None),
    };
    let is_port =
        |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok();
    (name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1") && port.is_none_or(is_port)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOST: &str = "cpy-7e6f35.local:8080";

    fn page(origin: &str) -> Origin {
        Origin::Page(HeaderValue::from_str(origin).unwrap())
    }

    fn listed() -> Vec<String> {
        vec!["https://code.circuitpython.org".to_owned()]
    }

    #[test]
    fn pages_of_the_board_of_this_machine_and_of_the_list_are_allowed() {
        for origin in [
            "http://cpy-7e6f35.local:8080",
            "http://CPY-7E6F35.local:8080",
            "http://localhost",
            "http://localhost:3000",
            "http://127.0.0.1",
            "http://127.0.0.1:65535",
            "https://code.circuitpython.org",
        ] {
            assert!(page(origin).is_allowed(HOST, &listed(), false), "{origin}");
        }
        assert!(Origin::None.is_allowed(HOST, &listed(), false));
    }

    #[test]
    fn every_other_page_is_refused() {
        for origin in [
            "",
            "null",
            "https://evil",
            "http://evil",
            "https://cpy-7e6f35.local:8080",
            "http://cpy-7e6f35.local",
            "http://cpy-7e6f35.local:80",
            "http://cpy-7e6f35.local:8080/",
            "http://cpy-7e6f35.local:8080.evil",
            "http://localhost.evil",
            "http://localhost:",
            "http://localhost:99999",
            "http://localhost:80@evil",
            "http://127.0.0.1.evil",
            "http://127.0.0.2",
            "https://localhost",
            "https://code.circuitpython.org:444",
            "https://code.circuitpython.org.evil",
            "http://code.circuitpython.org",
            "file://",
        ] {
            assert!(!page(origin).is_allowed(HOST, &listed(), false), "{origin}");
        }
        assert!(!Origin::Garbled.is_allowed(HOST, &listed(), true));
        assert!(
            !page("http://").is_allowed("", &[], true),
            "no host is nobody's origin"
        );
    }

    #[test]
    fn null_may_read_public_documents_only() {
        assert!(page("null").is_allowed(HOST, &[], true));
        assert!(!page("null").is_allowed(HOST, &[], false));
    }

    proptest! {
        #[test]
        fn nothing_but_the_four_kinds_is_allowed(origin in "[ -~]{0,40}") {
            let known = ["http://localhost", "http://127.0.0.1", "http://cpy-7e6f35.local:8080"];
            if page(&origin).is_allowed(HOST, &[], false) {
                let lower = origin.to_ascii_lowercase();
                prop_assert!(known.iter().any(|start| lower.starts_with(start)));
            }
        }
    }
}
