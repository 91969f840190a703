//! The forms of a reply: nothing, a sentence, JSON, or a stream.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Frame, SizeHint};
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

/// A reply that holds something until it was sent, or given up.
pub fn holding<G>(reply: Response<Body>, guard: G) -> Response<Body>
where
    G: Send + Unpin + 'static,
{
    reply.map(|body| {
        stream(Holding {
            body,
            _guard: guard,
        })
    })
}

struct Holding<G> {
    body: Body,
    _guard: G,
}

impl<G: Unpin> hyper::body::Body for Holding<G> {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The bytes of a whole reply of one sentence, for a connection that ends with it.
pub fn last_words(status: StatusCode, retry_after: Option<Duration>, text: &str) -> Vec<u8> {
    let retry = retry_after.map_or_else(String::new, |wait| {
        format!("Retry-After: {}\r\n", wait.as_secs().max(1))
    });
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: {}\r\n{retry}\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{text}\n",
        text.len() + 1
    )
    .into_bytes()
}

fn with_body(status: StatusCode, body: Body) -> Response<Body> {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_a_whole_reply() {
        let words = last_words(
            StatusCode::SERVICE_UNAVAILABLE,
            Some(Duration::from_millis(10)),
            "Later.",
        );
        let words = String::from_utf8(words).unwrap();
        let (head, body) = words.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
            "{head}"
        );
        assert!(head.contains("\r\nRetry-After: 1\r\n"), "{head}");
        assert!(
            head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())),
            "{head}"
        );
        assert_eq!(body, "Later.\n");
    }

    #[tokio::test]
    async fn a_reply_holds_its_guard_until_it_was_read() {
        let guard = std::sync::Arc::new(());
        let reply = holding(
            sentence(StatusCode::OK, "Held."),
            std::sync::Arc::clone(&guard),
        );
        assert_eq!(std::sync::Arc::strong_count(&guard), 2);
        let body = reply.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "Held.\n");
        assert_eq!(std::sync::Arc::strong_count(&guard), 1);
    }
}
