//! `make bench`: the real daemons, optimized, with virtual boards on one machine.
//!
//! Absolute times mean little on a machine that others share, so what is compared is measured in turns
//! within one run, and medians are printed beside the 99th percentile.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run ends")]

use cpy_tests::Gateway;

mod console;
mod files;
mod footprint;
mod names;
mod samples;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let gateway = Gateway::start().await;
    println!("{:<44}{:>12}{:>12}", "", "median", "99 %");
    files::measure(&gateway).await;
    console::measure(&gateway).await;
    drop(gateway);
    names::measure().await;
    footprint::measure().await;
}
