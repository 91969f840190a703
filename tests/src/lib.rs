//! What the end-to-end tests share: real daemons as processes, virtual boards, and real clients.
//!
//! A test makes a [`Gateway`], plugs [`Board`]s in, and talks to them as the network would. The
//! programs are those that `cargo build` has left beside the test; `make test` builds them first.

#![expect(
    clippy::print_stderr,
    reason = "a failing test shows the logs of its daemons"
)]

mod advertiser;
pub mod bench;
pub mod board;
pub mod console;
mod cpyctl;
mod curl;
pub mod gateway;
pub mod http;
pub mod image;
pub mod network;
pub mod process;
pub mod vm;
pub mod wait;

pub use bench::Bench;
pub use board::Board;
pub use console::Console;
pub use gateway::Gateway;
pub use http::Reply;
pub use image::Image;
pub use network::{Host, Network, Stranger};
