//! The checks that a request passes, in their order: host, origin, path, password, method.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use cpy_board::http::{Body, Handler, Peer};
use cpy_board::{RuntimeDir, Shutdown};
use hyper::body::{Body as _, Incoming};
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::watch;
use tracing::{Instrument as _, Span};

use crate::auth::Credentials;
use crate::board_state::Observer;
use crate::boards::{Board, Boards};
use crate::exchanges::Exchanges;
use crate::file_proxy::{FileProxy, expects_continue};
use crate::guesses::{Guess, Guesses, Verdict};
use crate::host::RequestHost;
use crate::links::Links;
use crate::mdns_advertiser::MdnsAdvertiser;
use crate::origin::{self, Origin};
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::reply::{close_after, complete, redirect};
use crate::resource::Resource;
use crate::routing::{self, Arrival, OwnNames, Route};
use crate::serial_bridge::{SerialBridge, names_websocket};
use crate::serving;

/// The web-workflow server, whichever listener a request comes from.
#[derive(Debug)]
pub(crate) struct Gateway {
    boards: watch::Receiver<Arc<Boards>>,
    own_names: OwnNames,
    guesses: Guesses,
    observer: Observer,
}

/// One request, as far as the checks need it.
pub(crate) struct Asked<'a> {
    pub(crate) head: Parts,
    /// Until somebody reads it.
    pub(crate) body: Option<Incoming>,
    pub(crate) client: SocketAddr,
    pub(crate) links: Links<'a>,
    pub(crate) boards: &'a Boards,
}

/// A reply, and whether pages from elsewhere may read it.
pub(crate) enum Reply {
    /// Made for this request: it carries the CORS headers.
    Dynamic(Response<Body>),
    /// A page, or what it loads: the same for everybody.
    Fixed(Response<Body>),
}

impl Gateway {
    pub(crate) fn new(
        runtime_dir: &RuntimeDir,
        policy: watch::Receiver<Arc<Policy>>,
        boards: watch::Receiver<Arc<Boards>>,
        shutdown: &Shutdown,
    ) -> Self {
        let system = rustix::system::uname();
        Self {
            boards,
            own_names: OwnNames::new(&system.nodename().to_string_lossy()),
            guesses: Guesses::default(),
            observer: Observer {
                files: FileProxy::new(runtime_dir, shutdown.clone()),
                consoles: SerialBridge::new(runtime_dir, shutdown.clone()),
                names: MdnsAdvertiser::new(runtime_dir, shutdown.clone()),
                exchanges: Exchanges::default(),
                policy,
            },
        }
    }

    /// The checks, in the order that the web workflow has them.
    async fn answer(
        &self,
        head: Parts,
        body: &mut Option<Incoming>,
        client: SocketAddr,
        local: SocketAddr,
    ) -> Response<Body> {
        let page = Origin::of(&head.headers);
        // Host: which board, if any.
        let host = match RequestHost::of(&head) {
            Ok(host) => host,
            Err(error) => return turned_away(&page, &error.into()),
        };
        let boards = self.boards.borrow().clone();
        let path = head.uri.path().to_owned();
        let resource = Resource::of(&path).with(head.uri.query());
        let arrival = Arrival {
            client: client.ip(),
            port: local.port(),
            for_a_board: resource.is_of_a_board(),
        };
        let links = Links {
            host: &host,
            local,
            main_port: boards.main_port(),
        };
        let board = match routing::route(&host, arrival, &boards, &self.own_names) {
            Route::Board(board) => Some(board),
            Route::Overview => None,
            Route::Neutral => return to_some_board(&page, &head, &links, &boards),
            Route::Elsewhere => return turned_away(&page, &Refusal::Elsewhere(host.text.clone())),
        };
        if let Some(board) = &board {
            Span::current().record("board", board.hostname.as_str());
        }
        // Origin: which web pages.
        let public = resource.is_public_document();
        let policy = self.observer.policy();
        if !page.is_allowed(&host.text, &policy.allowed_origins, public) {
            return turned_away(&page, &Refusal::Origin);
        }
        let mut asked = Asked {
            head,
            body: body.take(),
            client,
            links,
            boards: &boards,
        };
        let result = self
            .check_and_serve(&mut asked, resource, board.as_deref())
            .await;
        *body = asked.body;
        match result.unwrap_or_else(|refusal| Reply::Dynamic(refusal.reply())) {
            Reply::Fixed(reply) => reply,
            Reply::Dynamic(mut reply) => {
                page.admit(&mut reply);
                reply
            }
        }
    }

    /// What is left of the checks when host and origin are right.
    async fn check_and_serve(
        &self,
        asked: &mut Asked<'_>,
        resource: Resource<'_>,
        board: Option<&Board>,
    ) -> Result<Reply, Refusal> {
        // The path.
        match resource {
            Resource::Unknown => return Err(Refusal::Path),
            Resource::UnknownDocument if asked.head.method != Method::OPTIONS => {
                return Err(Refusal::Path);
            }
            _ => {}
        }
        if asked.head.method == Method::OPTIONS && resource.has_options() {
            return Ok(Reply::Dynamic(origin::options()));
        }
        if let Some(board) = board
            && !board.attached
            && resource.needs_the_board()
        {
            return Err(Refusal::NotPluggedIn(board.hostname.clone()));
        }
        // The password, which is a board's.
        if resource.needs_password() {
            let board = board.ok_or_else(|| asked.links.which_board(asked.boards))?;
            self.check_password(asked, board).await?;
        }
        // The method.
        if !resource.allows(&asked.head.method) {
            return Err(Refusal::Method(resource.allow()));
        }
        serving::serve(&self.observer, asked, resource, board).await
    }

    async fn check_password(&self, asked: &Asked<'_>, board: &Board) -> Result<(), Refusal> {
        if board.unread {
            return Err(Refusal::SettingsUnread(board.hostname.clone()));
        }
        let own = board.record.settings.password.as_ref();
        let policy = self.observer.policy();
        let password = policy.password(own)?;
        let credentials = Credentials::of(&asked.head.headers);
        if credentials == Credentials::None {
            return Err(Refusal::PasswordMissing);
        }
        let is_right = || credentials.open(password);
        let by = (Instant::now(), &policy.limits);
        let guess = Guess {
            client: asked.client,
            board: &board.serial,
            credentials: &credentials,
        };
        match self.guesses.judge(&guess, by, is_right) {
            Verdict::Right => Ok(()),
            Verdict::Wrong(delay) => {
                tracing::info!(?delay, "wrong password");
                tokio::time::sleep(delay).await;
                Err(Refusal::PasswordWrong)
            }
            Verdict::NotNow(wait) => {
                tracing::debug!(?wait, "too many wrong passwords");
                Err(Refusal::TooManyGuesses(wait))
            }
        }
    }
}

impl Handler for Gateway {
    async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let Peer::Tcp { remote, local } = peer else {
            return Refusal::Path.reply();
        };
        let (head, body) = request.into_parts();
        let waits = expects_continue(&head);
        let span = tracing::info_span!("request", client = %remote.ip().to_canonical(),
            board = tracing::field::Empty);
        let method = head.method.clone();
        let path = head.uri.path().to_owned();
        async {
            let mut body = Some(body);
            let mut reply = self.answer(head, &mut body, remote, local).await;
            complete(&mut reply);
            // A body that nobody wanted. A client that waits for 100 Continue has not begun to send it.
            match body {
                Some(rest) if waits && !rest.is_end_stream() => close_after(&mut reply),
                Some(rest) => self.observer.files.drain().take(rest),
                None => {}
            }
            tracing::debug!(%method, path, status = reply.status().as_u16(), "answered");
            reply
        }
        .instrument(span)
        .await
    }
}

/// The answer at `circuitpython.local`: the same path at the board that is first by name. Any method,
/// before password, origin and body.
fn to_some_board(
    page: &Origin,
    head: &Parts,
    links: &Links<'_>,
    boards: &Boards,
) -> Response<Body> {
    let Some(board) = boards.attached().next() else {
        return turned_away(page, &Refusal::NoBoard);
    };
    let scheme = if names_websocket(head) { "ws" } else { "http" };
    let target = head
        .uri
        .path_and_query()
        .map(PathAndQuery::as_str)
        .filter(|target| target.starts_with('/'))
        .unwrap_or("/");
    let location = format!("{scheme}://{}{target}", links.authority(&board.hostname));
    let mut reply = redirect(StatusCode::TEMPORARY_REDIRECT, &location);
    close_after(&mut reply);
    page.admit(&mut reply);
    reply
}

fn turned_away(page: &Origin, refusal: &Refusal) -> Response<Body> {
    let mut reply = refusal.reply();
    page.turn_away(&mut reply);
    reply
}
