//! What a path is answered with, once its request has passed all checks.

use cpy_board::http::{Body, holding};
use hyper::body::Body as _;
use hyper::{Method, Request, Response, StatusCode};

use crate::accept;
use crate::board_state::Observer;
use crate::boards::Board;
use crate::documents;
use crate::file_proxy::DESTINATION;
use crate::form;
use crate::gateway::{Asked, Reply};
use crate::pages::{self, Page};
use crate::refusal::Refusal;
use crate::reply::redirect;
use crate::resource::Resource;
use crate::serial_bridge::asks_for_websocket;

/// The answer of a board, or of the gateway itself where `board` is none.
pub(crate) async fn serve(
    observer: &Observer,
    asked: &mut Asked<'_>,
    resource: Resource<'_>,
    board: Option<&Board>,
) -> Result<Reply, Refusal> {
    let headers = &asked.head.headers;
    let page = |page: Page| Ok(Reply::Fixed(page.reply(headers)));
    let found = |file: Option<Response<Body>>| file.map(Reply::Fixed).ok_or(Refusal::Path);
    let needed = || board.ok_or_else(|| asked.links.which_board(asked.boards));
    match resource {
        Resource::Home if board.is_none() => page(Page::Overview),
        Resource::Home => page(Page::Welcome),
        Resource::Code => needed().and_then(|_| page(Page::Code)),
        Resource::Edit => page(Page::Edit),
        Resource::Favicon => found(pages::favicon(headers)),
        Resource::Static(name) => found(pages::asset(name, headers)),
        Resource::Slashless(path) => {
            Ok(Reply::Fixed(redirect(StatusCode::TEMPORARY_REDIRECT, path)))
        }
        Resource::Document(document) => {
            let (boards, links) = (asked.boards, &asked.links);
            documents::reply(document, board, boards, links, observer)
                .await
                .map(Reply::Dynamic)
        }
        Resource::Serial if !asks_for_websocket(&asked.head) => page(Page::Serial),
        Resource::Serial => {
            let serial = &needed()?.serial;
            let consoles = &observer.consoles;
            let head = std::mem::replace(&mut asked.head, Request::new(()).into_parts().0);
            consoles.open(serial, head).await.map(Reply::Dynamic)
        }
        Resource::Files { .. } | Resource::Kept(_) => {
            let directory = matches!(resource, Resource::Files { directory: true });
            let board = needed()?;
            let most = observer.policy().limits.requests_per_board;
            let exchange = observer.exchanges.begin(&board.serial, most)?;
            Ok(
                match serve_files(observer, asked, board, directory).await? {
                    Reply::Dynamic(reply) => Reply::Dynamic(holding(reply, exchange)),
                    page @ Reply::Fixed(_) => page,
                },
            )
        }
        Resource::Unknown | Resource::UnknownDocument => Err(Refusal::Path),
    }
}

/// A directory has a page beside what file-proxy says of it.
async fn serve_files(
    observer: &Observer,
    asked: &mut Asked<'_>,
    board: &Board,
    directory: bool,
) -> Result<Reply, Refusal> {
    let files = &observer.files;
    let Asked { head, body, .. } = asked;
    let reads = head.method == Method::GET || head.method == Method::HEAD;
    if directory && reads && !accept::names_type(&head.headers, "application/json") {
        return Ok(match files.directory(&board.serial, head).await? {
            Ok(()) => Reply::Fixed(Page::Files.reply(&head.headers)),
            Err(answer) => Reply::Dynamic(answer),
        });
    }
    if head.headers.get_all(DESTINATION).iter().nth(1).is_some() {
        return Err(Refusal::TwoDestinations);
    }
    // Whoever reads the body asks the client for it: all that can be known before is looked at before.
    let boundary = match head.method {
        Method::POST => {
            let boundary = form::Boundary::of(head)?;
            let length = body.as_ref().and_then(|body| body.size_hint().exact());
            if let Err(answer) = form::admit(files, &board.serial, head, length).await? {
                return Ok(Reply::Dynamic(answer));
            }
            Some(boundary)
        }
        _ => None,
    };
    let body = body
        .take()
        .expect("nobody else reads the body of a request");
    let answer = match boundary {
        Some(boundary) => form::upload(files, &board.serial, head, boundary, body).await,
        None => files.forward(&board.serial, head, body).await,
    };
    answer.map(Reply::Dynamic)
}
