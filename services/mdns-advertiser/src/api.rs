//! The HTTP interface on the Unix socket: how the names do, and which other devices there are.

use std::sync::Arc;

use cpy_board::http::{Body, Handler, Peer, json, sentence};
use cpy_board::status::Peers;
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::watch;

use crate::announcement::Announcements;
use crate::network_state::NetworkState;

/// Answers requests from what is known: nobody is asked for it.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) announcements: watch::Receiver<Arc<Announcements>>,
    pub(crate) state: NetworkState,
    pub(crate) peers: watch::Receiver<Arc<Peers>>,
}

impl Handler for Api {
    async fn handle(&self, request: Request<Incoming>, _: Peer) -> Response<Body> {
        let reply = match request.uri().path() {
            "/boards" => {
                let announcements = self.announcements.borrow().clone();
                json(StatusCode::OK, &self.state.status(&announcements))
            }
            "/peers" => json(StatusCode::OK, &**self.peers.borrow()),
            _ => return sentence(StatusCode::NOT_FOUND, "There is nothing at this path."),
        };
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return reply;
        }
        let mut reply = sentence(StatusCode::METHOD_NOT_ALLOWED, "This can only be read.");
        let methods = HeaderValue::from_static("GET, HEAD");
        reply.headers_mut().insert(ALLOW, methods);
        reply
    }
}
