//! `cpyctl history`: what the files of a board held before they were changed, listed, printed or given back.

use std::collections::VecDeque;
use std::io::Write as _;

use anyhow::{Context, Result, ensure};
use cpy_board::http::stream;
use cpy_board::{Config, RuntimeDir, Serial};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::header::IF_NONE_MATCH;
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use time::OffsetDateTime;

use crate::daemons::{SAVE_PATIENCE, ask_file_proxy, content, send_to_file_proxy, success};
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
    /// Give this version back to the file; of a directory all files below it that were kept with this one
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
    change: u64,
    path: String,
    modified_ns: u64,
    kept_ns: u64,
    file_size: u64,
}

/// Does what the arguments ask, on the gateway with this configuration.
pub(crate) async fn run(arguments: &Arguments, config: &Config) -> Result<()> {
    let history = History {
        runtime_dir: RuntimeDir::new(&config.runtime_dir),
        serial: Survey::board(config, &arguments.board).await?.serial,
    };
    let path = &arguments.path;
    if let Some(id) = arguments.print {
        let reply = history.ask(Method::GET, path, &format!("={id}")).await?;
        std::io::stdout().write_all(&content(success(reply).await?).await?)?;
    } else if let Some(id) = arguments.restore {
        let versions = history.list(path).await?;
        match kept_together(&versions, id, path) {
            Some(files) => history.restore_all(&files).await?,
            None => history.restore(path, id).await?,
        }
    } else {
        output::print(&text(&history.list(path).await?))?;
    }
    Ok(())
}

/// What a board's files held before.
struct History {
    runtime_dir: RuntimeDir,
    serial: Serial,
}

impl History {
    async fn list(&self, path: &str) -> Result<Vec<Version>> {
        let reply = self.ask(Method::GET, path, "").await?;
        let listed = content(success(reply).await?).await?;
        let listed: Versions = serde_json::from_slice(&listed)
            .context("file-proxy gives an answer of another version")?;
        Ok(listed.versions)
    }

    async fn restore(&self, path: &str, id: u64) -> Result<()> {
        let reply = self.ask(Method::PUT, path, &format!("={id}")).await?;
        let done = match success(reply).await?.status() {
            StatusCode::CREATED => "is there again",
            _ => "holds that again; what it held until now is in its history",
        };
        Ok(output::print(&plain(&format!("{path} {done}.")))?)
    }

    /// Gives each of these back to its own file. What cannot be given back keeps no other file from it.
    async fn restore_all(&self, files: &[&Version]) -> Result<()> {
        let (mut given, mut replaced) = (0, 0);
        let mut failures = Vec::new();
        // Those that take nobody's place come first: what the others put into the history may push versions out of it.
        let mut waiting: VecDeque<_> = files.iter().map(|file| (*file, true)).collect();
        while let Some((file, only_new)) = waiting.pop_front() {
            let reply = self.put(file, only_new).await?;
            if only_new && reply.status() == StatusCode::PRECONDITION_FAILED {
                waiting.push_back((file, false));
                continue;
            }
            match success(reply).await {
                Ok(reply) => {
                    given += 1;
                    replaced += usize::from(reply.status() != StatusCode::CREATED);
                }
                Err(error) => failures.push(format!("{}: {error}", plain(&file.path))),
            }
        }
        output::print(&given_back(given, replaced))?;
        ensure!(
            failures.is_empty(),
            "these could not be given back:\n{}",
            failures.join("\n")
        );
        Ok(())
    }

    /// Gives a version back to its file, where nothing is there or in any case.
    async fn put(&self, version: &Version, only_new: bool) -> Result<Response<Incoming>> {
        let target = format!(
            "{}?history={}",
            target(&self.serial, &version.path),
            version.id
        );
        let mut request = Request::put(target);
        if only_new {
            request = request.header(IF_NONE_MATCH, "*");
        }
        let request = request.body(stream(Empty::new()))?;
        send_to_file_proxy(&self.runtime_dir, request, SAVE_PATIENCE).await
    }

    async fn ask(&self, method: Method, path: &str, query: &str) -> Result<Response<Incoming>> {
        let target = format!("{}?history{query}", target(&self.serial, path));
        ask_file_proxy(&self.runtime_dir, method, &target).await
    }
}

/// The files that were kept in the same change as this version, if what was asked for is a directory above it. Of each
/// file it is one version.
fn kept_together<'a>(versions: &'a [Version], id: u64, asked: &str) -> Option<Vec<&'a Version>> {
    let depth = |path: &str| path.split('/').filter(|name| !name.is_empty()).count();
    let meant = versions.iter().find(|version| version.id == id)?;
    if depth(&meant.path) == depth(asked) {
        return None;
    }
    let mut files = vec![meant];
    for version in versions {
        let is_new = files.iter().all(|file| file.path != version.path);
        if version.change == meant.change && is_new {
            files.push(version);
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Some(files)
}

/// What was done, as a person reads it.
fn given_back(files: usize, replaced: usize) -> String {
    let noun = if files == 1 { "file" } else { "files" };
    let before = match replaced {
        0 => String::new(),
        1 => " What one of them held until now is in its history.".into(),
        _ => format!(" What {replaced} of them held until now is in their history."),
    };
    format!("Given back: {files} {noun}.{before}")
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
        return "Nothing is kept of it: it has not been changed here, or what it held was too large for the history or has made room for what is newer.".into();
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
            change: 1,
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

    #[test]
    fn what_one_change_took_from_a_directory_belongs_together() {
        let version = |id, change, path: &str| Version {
            id,
            change,
            path: path.into(),
            modified_ns: 0,
            kept_ns: 0,
            file_size: 0,
        };
        let versions = [
            version(9, 4, "/game/b.py"),
            version(8, 4, "/game/a.py"),
            version(7, 4, "/game/levels/1.txt"),
            version(6, 3, "/game/a.py"),
            version(5, 2, "/game"),
        ];
        let ids = |id, asked: &str| {
            let files = kept_together(&versions, id, asked)?;
            Some(files.iter().map(|file| file.id).collect::<Vec<_>>())
        };
        for asked in ["game", "/game", "game/", "/Game/"] {
            assert_eq!(ids(7, asked), Some(vec![8, 9, 7]), "{asked}");
            assert_eq!(ids(6, asked), Some(vec![6]), "{asked}");
            assert_eq!(ids(5, asked), None, "{asked}");
        }
        assert_eq!(ids(8, "game/a.py"), None);
        assert_eq!(ids(4, "game"), None);
    }
}
