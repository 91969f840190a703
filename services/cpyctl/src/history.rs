//! `cpyctl history`: what the files of a board held before they were changed, listed, printed or given back.

use std::io::Write as _;

use anyhow::{Context, Result};
use cpy_board::{Config, RuntimeDir, Serial};
use hyper::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use time::OffsetDateTime;

use crate::daemons::{ask_file_proxy, content, success};
use crate::output::{self, plain};
use crate::survey::Survey;
use crate::table;

/// What a path keeps in a request target.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_');

/// The arguments of `cpyctl history`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The board, as `cpyctl boards` calls it, or its serial number
    board: String,
    /// A file of it, or a directory for all files below
    path: String,
    /// Print what this version holds
    #[arg(long, value_name = "ID", conflicts_with = "restore")]
    print: Option<u64>,
    /// Give this version back to the file
    #[arg(long, value_name = "ID")]
    restore: Option<u64>,
}

/// What file-proxy lists.
#[derive(Deserialize)]
struct Versions {
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    id: u64,
    path: String,
    modified_ns: u64,
    kept_ns: u64,
    file_size: u64,
}

/// Does what the arguments ask, on the gateway with this configuration.
pub(crate) async fn run(arguments: &Arguments, config: &Config) -> Result<()> {
    let serial = Survey::board(config, &arguments.board).await?.serial;
    let target = target(&serial, &arguments.path);
    let ask = async |method, query: &str| {
        let runtime_dir = RuntimeDir::new(&config.runtime_dir);
        let target = format!("{target}?history{query}");
        let reply = success(ask_file_proxy(&runtime_dir, method, &target).await?).await?;
        Ok::<_, anyhow::Error>((reply.status(), content(reply).await?))
    };
    if let Some(id) = arguments.print {
        let (_, content) = ask(Method::GET, &format!("={id}")).await?;
        std::io::stdout().write_all(&content)?;
    } else if let Some(id) = arguments.restore {
        let (status, _) = ask(Method::PUT, &format!("={id}")).await?;
        let done = match status {
            StatusCode::CREATED => "is there again",
            _ => "holds that again; what it held until now is in its history",
        };
        output::print(&plain(&format!("{} {done}.", arguments.path)))?;
    } else {
        let (_, listed) = ask(Method::GET, "").await?;
        let listed: Versions = serde_json::from_slice(&listed)
            .context("file-proxy gives an answer of another version")?;
        output::print(&text(&listed.versions))?;
    }
    Ok(())
}

/// Where file-proxy has a path of a board.
fn target(serial: &Serial, path: &str) -> String {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = utf8_percent_encode(path, ENCODED);
    format!("/boards/{serial}/fs/{path}")
}

/// The versions as a person reads them.
fn text(versions: &[Version]) -> String {
    if versions.is_empty() {
        return "Nothing is kept of it: it has not been changed here, or what it held has made room for what is newer.".into();
    }
    let lines: Vec<Vec<String>> = versions
        .iter()
        .map(|version| {
            vec![
                version.id.to_string(),
                moment(version.modified_ns),
                moment(version.kept_ns),
                version.file_size.to_string(),
                plain(&version.path),
            ]
        })
        .collect();
    let heading = ["ID", "SAVED", "REPLACED", "BYTES", "FILE"];
    table::render(&heading, &lines).trim_end().to_owned()
}

/// A time as people write it, UTC.
fn moment(nanoseconds: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds.into());
    time.map_or_else(
        |_| "?".into(),
        |time| {
            format!(
                "{} {:02}:{:02}:{:02} UTC",
                time.date(),
                time.hour(),
                time.minute(),
                time.second()
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_path_is_one_request_target() {
        let serial = "A1".parse().unwrap();
        for (path, expected) in [
            ("code.py", "/boards/A1/fs/code.py"),
            ("/lib/", "/boards/A1/fs/lib/"),
            ("a b?c%é#", "/boards/A1/fs/a%20b%3Fc%25%C3%A9%23"),
        ] {
            assert_eq!(target(&serial, path), expected);
        }
    }

    #[test]
    fn versions_are_listed_with_times_that_people_read() {
        let version = Version {
            id: 7,
            path: "/code.py".into(),
            modified_ns: 1_760_702_400_000_000_000,
            kept_ns: 1_760_702_461_000_000_000,
            file_size: 12,
        };
        assert_eq!(
            text(&[version]),
            "ID  SAVED                    REPLACED                 BYTES  FILE\n\
             7   2025-10-17 12:00:00 UTC  2025-10-17 12:01:01 UTC  12     /code.py"
        );
    }
}
