//! HTTP/1.1 as the daemons speak it: a server on any listener, a client over Unix sockets, and the
//! forms that replies have everywhere.

mod answer_first;
mod client;
mod limits;
mod listener;
mod places;
mod reply;
mod server;
mod turned_away;
mod write_deadline;

pub use client::{Client, ClientError};
pub use limits::Limits;
pub use listener::{Accept, Peer, bind_unix};
pub use reply::{Body, empty, holding, json, last_words, sentence, stream};
pub use server::{Handler, Server};
