//! A board without USB: a PTY and the drive's image, and the links that lead to them.

use std::future::pending;
use std::io;
use std::path::Path;

use crate::cable::CableEvent;
use crate::console::Console;
use crate::links::Links;
use crate::pty::Pty;
use crate::watch::Watch;
use crate::{BoardError, Options};

pub(crate) struct LinkedFiles {
    pty: Pty,
    watch: Option<Watch>,
    // Last: the links go when everything behind them is gone.
    links: Links,
}

impl LinkedFiles {
    pub(crate) fn new(options: &Options, image: Option<&Path>) -> Result<Self, BoardError> {
        let directory = options.boards_dir.join(options.serial.as_directory()?);
        let pty = Pty::new().map_err(BoardError::Console)?;
        let watch = image.map(Watch::for_writes).transpose();
        let slave = (!options.no_console).then(|| pty.slave());
        let links = link(&directory, slave, image)
            .map_err(|source| BoardError::Links { directory, source })?;
        Ok(Self {
            pty,
            watch: watch.map_err(BoardError::Watch)?,
            links,
        })
    }

    /// The board's directory with its links.
    pub(crate) fn directory(&self) -> &Path {
        self.links.directory()
    }

    pub(crate) async fn event(&mut self, console: &mut Console) -> Result<CableEvent, BoardError> {
        tokio::select! {
            event = self.pty.event(console) => event.map_err(BoardError::Console),
            changed = next_change(self.watch.as_ref()) => {
                changed.map_err(BoardError::Watch)?;
                Ok(CableEvent::DriveChanged)
            }
        }
    }
}

async fn next_change(watch: Option<&Watch>) -> io::Result<()> {
    match watch {
        Some(watch) => watch.next().await,
        None => pending().await,
    }
}

fn link(directory: &Path, console: Option<&Path>, drive: Option<&Path>) -> io::Result<Links> {
    let mut links = Links::new(directory.to_owned())?;
    for (name, target) in [("console", console), ("drive", drive)] {
        if let Some(target) = target {
            links.add(name, target)?;
        }
    }
    Ok(links)
}
