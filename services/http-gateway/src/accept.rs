//! What a client takes: the headers that are lists of types or encodings.

use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName};

/// Whether gzip is among the encodings that the client takes (RFC 9110, section 12.5.3).
pub(crate) fn gzip(headers: &HeaderMap) -> bool {
    let mut any = false;
    for item in items(headers, &ACCEPT_ENCODING) {
        let (coding, wanted) = weighed(item);
        if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
            return wanted;
        }
        any |= coding == "*" && wanted;
    }
    any
}

/// Whether the client names this type among those that it takes.
pub(crate) fn names_type(headers: &HeaderMap, wanted: &str) -> bool {
    items(headers, &ACCEPT)
        .map(weighed)
        .any(|(name, taken)| taken && name.eq_ignore_ascii_case(wanted))
}

/// The items of a header that is a list.
pub(crate) fn items<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> + use<'a> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// An item without its parameters, and whether its weight is more than nothing.
fn weighed(item: &str) -> (&str, bool) {
    let mut parts = item.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| {
        let (key, weight) = part.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case("q")
            .then(|| weight.trim().parse::<f32>().unwrap_or(0.0))
    });
    (name, weight.is_none_or(|weight| weight > 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn gzip_is_used_where_it_is_taken() {
        for (value, taken) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("*", true),
            ("br, *;q=0.1", true),
            ("x-gzip", true),
            ("", false),
            ("br", false),
            ("identity", false),
            ("gzip;q=0", false),
            ("gzip; q=0.000, *", false),
            ("*;q=0", false),
            ("gzip;q=nonsense", false),
        ] {
            assert_eq!(gzip(&with(ACCEPT_ENCODING, value)), taken, "{value:?}");
        }
        assert!(!gzip(&HeaderMap::new()));
    }

    #[test]
    fn json_is_given_only_to_who_names_it() {
        for (value, named) in [
            ("application/json", true),
            ("text/html, Application/JSON;q=0.9", true),
            ("*/*", false),
            ("application/*", false),
            ("text/html", false),
            ("application/jsonp", false),
            ("application/json;q=0", false),
        ] {
            let headers = with(ACCEPT, value);
            assert_eq!(names_type(&headers, "application/json"), named, "{value}");
        }
    }
}
