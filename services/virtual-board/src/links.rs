//! The board's directory: it stands as long as the guard lives.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// `<boards_dir>/<serial>/` and the links in it. Dropping it is the unplugging.
pub(crate) struct Links {
    directory: PathBuf,
    links: Vec<(PathBuf, PathBuf)>,
}

impl Links {
    pub(crate) fn new(directory: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        Ok(Self {
            directory,
            links: Vec::new(),
        })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes the link `name`, in one step, in place of one that a killed board left behind.
    pub(crate) fn add(&mut self, name: &str, target: &Path) -> io::Result<()> {
        let link = self.directory.join(name);
        let fresh = self.directory.join(format!(".{name}.new"));
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        symlink(target, &fresh)?;
        fs::rename(&fresh, &link)?;
        self.links.push((link, target.to_owned()));
        Ok(())
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        for (link, target) in &self.links {
            // Another board may have taken the name over meanwhile: its link is not ours.
            if fs::read_link(link).is_ok_and(|now| now == *target) {
                let _ = fs::remove_file(link);
            }
        }
        // Fails where something else is in there, as it should.
        let _ = fs::remove_dir(&self.directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_the_links_leaves_nothing_behind() {
        let boards = tempfile::tempdir().unwrap();
        let directory = boards.path().join("S1");
        let mut links = Links::new(directory.clone()).unwrap();
        links.add("drive", Path::new("/a")).unwrap();
        links.add("drive", Path::new("/b")).unwrap();
        assert_eq!(
            fs::read_link(directory.join("drive")).unwrap(),
            Path::new("/b")
        );
        drop(links);
        assert!(!directory.exists());
    }

    #[test]
    fn the_links_of_another_board_stay() {
        let boards = tempfile::tempdir().unwrap();
        let directory = boards.path().join("S1");
        let mut first = Links::new(directory.clone()).unwrap();
        first.add("drive", Path::new("/a")).unwrap();
        let mut second = Links::new(directory.clone()).unwrap();
        second.add("drive", Path::new("/b")).unwrap();
        drop(first);
        assert!(directory.join("drive").is_symlink());
    }
}
