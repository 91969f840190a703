//! The forms of a reply that only the gateway has: a redirect, a daemon's answer passed back, and what
//! every reply carries.

use bytes::Bytes;
use cpy_board::http::{Body, empty, stream};
use hyper::header::{CACHE_CONTROL, CONNECTION, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};

use crate::hop_by_hop;

/// A redirect to an address that was made of a request's target or a name.
pub(crate) fn redirect(status: StatusCode, location: &str) -> Response<Body> {
    let mut reply = empty(status);
    if let Ok(location) = HeaderValue::from_bytes(location.as_bytes()) {
        reply.headers_mut().insert(LOCATION, location);
    }
    reply
}

/// A daemon's answer as the client's.
pub(crate) fn passed_back<B>(answer: Response<B>) -> Response<Body>
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (head, body) = answer.into_parts();
    let mut reply = empty(head.status).map(|_| stream(body));
    *reply.headers_mut() = head.headers;
    hop_by_hop::remove(reply.headers_mut());
    reply
}

/// Tells the client that its connection ends with this reply.
pub(crate) fn close_after(reply: &mut Response<Body>) {
    let close = HeaderValue::from_static("close");
    reply.headers_mut().insert(CONNECTION, close);
}

/// What every reply carries: it is not kept, unless it says otherwise, and never taken for another type
/// than it says.
pub(crate) fn complete(reply: &mut Response<Body>) {
    let headers = reply.headers_mut();
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
