//! The pages and what they load: files of `web/`, packed into the binary by the build script.

use cpy_board::http::{Body, empty, stream};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderValue, IF_NONE_MATCH, REFERRER_POLICY, VARY,
};
use hyper::{Response, StatusCode};

use crate::accept;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A page may use what the gateway serves, and nothing else; nobody may put it into a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A file of `web/`.
struct Asset {
    /// Below `web/`.
    path: &'static str,
    content_type: &'static str,
    /// A hash of the content.
    tag: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
}

/// The pages by what they show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Welcome,
    Overview,
    Files,
    Edit,
    Serial,
    Code,
}

impl Page {
    fn path(self) -> &'static str {
        match self {
            Self::Welcome => "welcome/index.html",
            Self::Overview => "overview/index.html",
            Self::Files => "files/index.html",
            Self::Edit => "edit/index.html",
            Self::Serial => "serial/index.html",
            Self::Code => "code/index.html",
        }
    }

    /// The page, as the request's headers want it.
    pub(crate) fn reply(self, headers: &HeaderMap) -> Response<Body> {
        let page = find(self.path()).expect("a test looks for every page");
        page.reply(headers)
    }
}

/// The icon that browsers ask for.
pub(crate) fn favicon(headers: &HeaderMap) -> Option<Response<Body>> {
    find("favicon.svg").map(|asset| asset.reply(headers))
}

/// What a page loads. Pages themselves have addresses of their own.
pub(crate) fn asset(name: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    find(name)
        .filter(|asset| !asset.is_page())
        .map(|asset| asset.reply(headers))
}

fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

impl Asset {
    fn is_page(&self) -> bool {
        self.content_type.starts_with("text/html")
    }

    fn reply(&self, asked: &HeaderMap) -> Response<Body> {
        let gzip = accept::gzip(asked);
        // The two forms differ in their bytes, so in their tags (RFC 9110, section 8.8.3.3).
        let tag = format!("\"{}{}\"", self.tag, if gzip { "-gzip" } else { "" });
        let known = is_known(asked, &tag);
        let mut reply = if known {
            empty(StatusCode::NOT_MODIFIED)
        } else {
            let bytes = if gzip { self.gzip } else { self.plain };
            Response::new(stream(Full::new(Bytes::from_static(bytes))))
        };
        let headers = reply.headers_mut();
        let fixed = HeaderValue::from_static;
        if !known {
            headers.insert(CONTENT_TYPE, fixed(self.content_type));
            if gzip {
                headers.insert(CONTENT_ENCODING, fixed("gzip"));
            }
        }
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(ETAG, tag);
        }
        headers.insert(CACHE_CONTROL, fixed("no-cache"));
        headers.insert(VARY, fixed("Accept, Accept-Encoding, Upgrade"));
        if self.is_page() {
            headers.insert(CONTENT_SECURITY_POLICY, fixed(POLICY));
            headers.insert(REFERRER_POLICY, fixed("no-referrer"));
        }
        reply
    }
}

/// Whether the client has this very form already (RFC 9110, section 13.1.2).
fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    accept::items(asked, &IF_NONE_MATCH)
        .any(|item| item == "*" || item.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn every_page_is_there() {
        for page in [
            Page::Welcome,
            Page::Overview,
            Page::Files,
            Page::Edit,
            Page::Serial,
            Page::Code,
        ] {
            assert!(find(page.path()).is_some_and(Asset::is_page), "{page:?}");
        }
        assert!(favicon(&HeaderMap::new()).is_some());
    }

    #[test]
    fn what_is_packed_is_what_was_written() {
        for asset in ASSETS {
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(asset.gzip)
                .read_to_end(&mut unpacked)
                .unwrap();
            assert_eq!(unpacked, asset.plain, "{}", asset.path);
        }
    }

    #[test]
    fn all_that_pages_refer_to_is_served() {
        for asset in ASSETS.iter().filter(|asset| asset.is_page()) {
            let text = std::str::from_utf8(asset.plain).unwrap();
            for (at, _) in text.match_indices("\"/static/") {
                let name = text[at + 9..].split('"').next().unwrap();
                assert!(find(name).is_some(), "{} wants {name}", asset.path);
            }
        }
    }

    #[test]
    fn pages_are_not_among_the_assets() {
        assert!(asset("edit/index.html", &HeaderMap::new()).is_none());
        assert!(asset("../Cargo.toml", &HeaderMap::new()).is_none());
    }
}
