//! The daemon's HTTP interface: which resource a path names.
//!
//! | path | what |
//! |---|---|
//! | `/boards` | [`DriveStatuses`] as JSON |
//! | `/boards/<serial>/drive` | [`DriveStatus`](cpy_board::status::DriveStatus) as JSON |
//! | `/boards/<serial>/check` | a [`DriveReport`](cpy_board::status::DriveReport) as JSON |
//! | `/boards/<serial>/image` | the sectors of the drive's volume, and a PUT to repair it |
//! | `/boards/<serial>/fs/<path>` | the `/fs/` interface of the board's drive |

use std::sync::Arc;

use cpy_board::Serial;
use cpy_board::http::{Body, Handler, Peer, json};
use cpy_board::status::DriveStatuses;
use futures_util::future::join_all;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};

use crate::drives::Drives;
use crate::files;
use crate::image;
use crate::refusal::Refusal;
use crate::upload::Spool;

/// Answers requests to the daemon.
#[derive(Debug)]
pub(crate) struct Api {
    /// The drives to be served.
    pub(crate) drives: Arc<Drives>,
    /// Where uploads wait.
    pub(crate) spool: Spool,
    /// Where repaired images wait, which no client sends.
    pub(crate) images: Spool,
}

impl Handler for Api {
    async fn handle(&self, request: Request<Incoming>, _: Peer) -> Response<Body> {
        self.answer(request).await.unwrap_or_else(|refusal| {
            tracing::debug!(%refusal, "request refused");
            files::refuse(&refusal)
        })
    }
}

impl Api {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let path = request.uri().path().to_owned();
        if path == "/boards" {
            only_get(&request)?;
            return Ok(json(StatusCode::OK, &self.statuses().await));
        }
        let below = path
            .strip_prefix("/boards/")
            .and_then(|rest| rest.split_once('/'));
        let (serial, resource) = below.ok_or(Refusal::NoSuchResource)?;
        let serial: Serial = serial.parse().map_err(|_| Refusal::NoSuchResource)?;
        let worker = self.drives.worker(&serial)?;
        match resource {
            "drive" => {
                only_get(&request)?;
                return Ok(json(StatusCode::OK, &worker.status().await?));
            }
            "check" => {
                only_get(&request)?;
                return Ok(json(StatusCode::OK, &image::check(&worker).await?));
            }
            "image" => return image::answer(worker, self.images.of(&serial), request).await,
            _ => {}
        }
        let raw_path = resource
            .strip_prefix("fs")
            .filter(|rest| rest.starts_with('/'));
        let raw_path = raw_path.ok_or(Refusal::NoSuchResource)?;
        files::answer(worker, self.spool.of(&serial), raw_path, request).await
    }

    async fn statuses(&self) -> DriveStatuses {
        let asked = self
            .drives
            .workers()
            .into_iter()
            .map(async |(serial, worker)| Some((serial, worker.status().await.ok()?)));
        join_all(asked).await.into_iter().flatten().collect()
    }
}

fn only_get<B>(request: &Request<B>) -> Result<(), Refusal> {
    match *request.method() {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(Refusal::Method),
    }
}
