//! The gateway over real TCP, with stand-ins for the daemons behind it. Each test is a line of the web workflow.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod advertiser;
mod bench;
mod boards;
mod connections;
mod console;
mod documents;
mod files;
mod forms;
mod names;
mod pages;
mod stand_in;
mod wire;
