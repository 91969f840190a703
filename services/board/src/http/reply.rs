//! The forms of a reply: nothing, a sentence, JSON, or a stream.

use std::error::Error;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// A body of any origin. An error in it ends the connection, so that a body that was cut short is
/// never taken for a whole one.
pub type Body = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// A body that passes on another one as it comes.
pub fn stream<B>(body: B) -> Body
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    body.map_err(Into::into).boxed_unsync()
}

/// A reply without a body.
pub fn empty(status: StatusCode) -> Response<Body> {
    with_body(status, stream(Empty::new()))
}

/// A reply of one sentence that a person can act on.
pub fn sentence(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let mut line = text.into();
    line.push('\n');
    let mut reply = with_body(status, stream(Full::new(Bytes::from(line))));
    reply.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain;charset=UTF-8"),
    );
    reply
}

/// A reply of JSON.
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(text) => {
            let mut reply = with_body(status, stream(Full::new(Bytes::from(text))));
            let json = HeaderValue::from_static("application/json;charset=UTF-8");
            reply.headers_mut().insert(CONTENT_TYPE, json);
            reply
        }
        Err(error) => {
            tracing::error!(%error, "a reply cannot be written as JSON");
            sentence(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The reply could not be written as JSON.",
            )
        }
    }
}

fn with_body(status: StatusCode, body: Body) -> Response<Body> {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply
}
