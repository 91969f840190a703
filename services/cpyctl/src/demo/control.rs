//! How `cpyctl demo unplug` reaches the demo that runs: a request on its control socket.

use anyhow::{Result, bail};
use cpy_board::http::{Body, Client, Handler, Peer, sentence, stream};
use cpy_board::{Hostname, Serial, Shutdown};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{mpsc, oneshot};

use super::place::Place;

/// What a user asks of a board of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Plug,
    Unplug,
}

/// One wish, and where its outcome goes: a sentence in both cases.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) action: Action,
    /// A host name or a serial.
    pub(super) board: String,
    pub(super) outcome: oneshot::Sender<Result<String, String>>,
}

/// Takes requests `POST /boards/<name>/<action>` and hands them to the demo.
#[derive(Debug)]
pub(super) struct Control(mpsc::Sender<Order>);

impl Control {
    pub(super) fn new(orders: mpsc::Sender<Order>) -> Self {
        Self(orders)
    }

    async fn obey(&self, request: &Request<Incoming>) -> Result<String, String> {
        let nonsense = || "This is nothing that a demo can do.".to_owned();
        let path = request
            .uri()
            .path()
            .strip_prefix("/boards/")
            .ok_or_else(nonsense)?;
        let (board, action) = path.split_once('/').ok_or_else(nonsense)?;
        let action = match (request.method(), action) {
            (&Method::POST, "plug") => Action::Plug,
            (&Method::POST, "unplug") => Action::Unplug,
            _ => return Err(nonsense()),
        };
        let (outcome, done) = oneshot::channel();
        let order = Order {
            action,
            board: board.to_owned(),
            outcome,
        };
        let ending = || "The demo is ending.".to_owned();
        self.0.send(order).await.map_err(|_| ending())?;
        done.await.map_err(|_| ending())?
    }
}

impl Handler for Control {
    async fn handle(&self, request: Request<Incoming>, _: Peer) -> Response<Body> {
        match self.obey(&request).await {
            Ok(done) => sentence(StatusCode::OK, done),
            Err(refused) => sentence(StatusCode::BAD_REQUEST, refused),
        }
    }
}

/// Tells the demo of this user to plug or unplug a board, and prints what comes of it.
pub(super) async fn tell(place: &Place, board: &str, action: Action) -> Result<()> {
    // What is neither a host name nor a serial cannot stand in a path, and names no board.
    if board.parse::<Hostname>().is_err() && board.parse::<Serial>().is_err() {
        bail!("a board is called by its name, such as cpy-7e6f35, not {board:?}");
    }
    if !place.is_in_use() {
        bail!("no demo is running; start one with `cpyctl demo`");
    }
    let word = match action {
        Action::Plug => "plug",
        Action::Unplug => "unplug",
    };
    let request = Request::post(format!("/boards/{board}/{word}"))
        .header(HOST, "demo")
        .body(stream(Empty::new()))?;
    let reply = Client::new(place.control_socket(), Shutdown::new())
        .send(request)
        .await?;
    let status = reply.status();
    let body = reply.into_body().collect().await?.to_bytes();
    let sentence = String::from_utf8_lossy(&body).trim_end().to_owned();
    if !status.is_success() {
        bail!("{sentence}");
    }
    println!("{sentence}");
    Ok(())
}
