//! Copies of what the files of a drive hold, in the state directory, for the day on which the drive is wiped, and what
//! was lost when it was: [`Copies`].

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::PathBuf;

use crate::history::History;
use crate::stock::is_stock;
use crate::store::{Content, Draft, Kept, Store, room};

/// How many copies there are of a drive's files at most, however small they are.
const MOST: usize = 4096;

/// The copies of one drive's files.
#[derive(Debug)]
pub(crate) struct Copies {
    current: Store,
    lost: Store,
    /// How many bytes they may have in all.
    bytes: u64,
}

/// Who has changed a file of which there is a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// This gateway, which has seen to the history.
    Gateway,
    /// The board, or another computer: what the file held before is nowhere but in the copy.
    Others,
}

impl Copies {
    /// The copies in one directory, and what was lost in another.
    pub(crate) fn new(current: PathBuf, lost: PathBuf, bytes: u64) -> Self {
        Self {
            current: Store::new(current),
            lost: Store::new(lost),
            bytes,
        }
    }

    /// The copy of the file at this path, the newest where a crash has left two.
    pub(crate) fn of(&mut self, path: &str) -> io::Result<Option<(u64, Kept)>> {
        let mut known = self.current.known()?.iter().rev();
        let found = known.find(|(_, kept)| kept.is_at(path));
        Ok(found.map(|(number, kept)| (*number, kept.clone())))
    }

    /// The copies of files below this directory.
    pub(crate) fn below(&mut self, directory: &str) -> io::Result<Vec<Kept>> {
        let known = self.current.known()?.values();
        let below = known.filter(|kept| kept.path_below(directory).is_some());
        Ok(below.cloned().collect())
    }

    /// Begins a copy; none where it would take too much room.
    pub(crate) fn begin(&mut self, kept: Kept) -> io::Result<Option<Draft>> {
        let old = self.of(&kept.path)?;
        let others = self.current.known()?.len() - usize::from(old.is_some());
        let bytes = self.current.bytes()? - old.map_or(0, |(_, old)| room(old.size));
        if bytes + room(kept.size) > self.bytes || others >= MOST {
            return Ok(None);
        }
        self.current.begin(kept).map(Some)
    }

    /// Keeps a copy that is whole in the place of the one before.
    pub(crate) fn finish(&mut self, draft: Draft, by: By, history: &mut History) -> io::Result<()> {
        let old = numbers(self.current.known()?, |kept| kept.is_at(&draft.kept().path));
        self.current.finish(draft)?;
        old.into_iter()
            .try_for_each(|number| self.drop_number(number, by, history))
    }

    /// Keeps the copy of the file at this path no longer.
    pub(crate) fn drop_copy(
        &mut self,
        path: &str,
        by: By,
        history: &mut History,
    ) -> io::Result<()> {
        let copies = numbers(self.current.known()?, |kept| kept.is_at(path));
        copies
            .into_iter()
            .try_for_each(|number| self.drop_number(number, by, history))
    }

    fn drop_number(&mut self, number: u64, by: By, history: &mut History) -> io::Result<()> {
        match by {
            By::Gateway => self.current.remove(number),
            By::Others => history.adopt(&mut self.current, &[number]),
        }
    }

    /// The files of which there are copies and that are somebody's work.
    pub(crate) fn work(&mut self) -> io::Result<Vec<Kept>> {
        let mut work = Vec::new();
        for (number, kept) in self.current.known()?.clone() {
            let read = || read_all(&mut self.current, number);
            if !is_stock(&kept.path, kept.size, read)? {
                work.push(kept);
            }
        }
        Ok(work)
    }

    /// These files were wiped off the drive: their copies are what was lost. What was lost before is so no longer where
    /// something newer was lost of the same name, or where there is no room for it, and is in the history then.
    pub(crate) fn lose(&mut self, gone: &[Kept], history: &mut History) -> io::Result<()> {
        let is_gone = |lost: &Kept| gone.iter().any(|gone| gone.is_at(&lost.path));
        let before = numbers(self.lost.known()?, is_gone);
        history.adopt(&mut self.lost, &before)?;
        let newly = numbers(self.current.known()?, |kept| gone.contains(kept));
        let mut lost = Vec::new();
        for &number in &newly {
            lost.extend(self.lost.copy(&mut self.current, number, 0)?);
        }
        self.lost.sync(&lost)?;
        for number in newly {
            self.current.remove(number)?;
        }
        let mut excess = self.lost.bytes()?.saturating_sub(self.bytes);
        let oldest = numbers(self.lost.known()?, |kept| {
            let is_in_excess = excess > 0;
            excess = excess.saturating_sub(room(kept.size));
            is_in_excess
        });
        history.adopt(&mut self.lost, &oldest)
    }

    /// Reads again what is kept when it is needed next.
    pub(crate) fn reread(&mut self) {
        self.current.reread();
        self.lost.reread();
    }

    /// What was lost, by its number.
    pub(crate) fn lost(&mut self) -> io::Result<&BTreeMap<u64, Kept>> {
        self.lost.known()
    }

    /// A content that was lost.
    pub(crate) fn open_lost(&mut self, number: u64) -> io::Result<Option<Content>> {
        self.lost.open(number)
    }

    /// A content is lost no longer, or nobody wants it.
    pub(crate) fn forget_lost(&mut self, number: u64) -> io::Result<()> {
        self.lost.remove(number)
    }
}

/// The numbers of those that are meant.
fn numbers(all: &BTreeMap<u64, Kept>, mut is_meant: impl FnMut(&Kept) -> bool) -> Vec<u64> {
    let meant = all.iter().filter(|(_, kept)| is_meant(kept));
    meant.map(|(number, _)| *number).collect()
}

fn read_all(store: &mut Store, number: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut content) = store.open(number)? {
        content.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use cpy_board::config::History as Bounds;

    use super::*;

    struct Bench {
        copies: Copies,
        history: History,
        directory: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            Self {
                copies: copies(&directory),
                history: History::new(directory.path().join("history"), Bounds::default()),
                directory,
            }
        }

        fn copy(&mut self, path: &str, content: &str, by: By) -> bool {
            let kept = Kept {
                path: path.into(),
                modified: 1,
                since: 2,
                change: 0,
                size: content.len() as u64,
                version: content.into(),
            };
            let Some(mut draft) = self.copies.begin(kept).unwrap() else {
                return false;
            };
            draft.write(content.as_bytes()).unwrap();
            self.copies.finish(draft, by, &mut self.history).unwrap();
            true
        }

        fn wipe(&mut self) {
            let work = self.copies.work().unwrap();
            self.copies.lose(&work, &mut self.history).unwrap();
        }

        fn lost(&mut self) -> Vec<(String, String)> {
            let lost = self.copies.lost().unwrap().clone();
            let content = |(number, kept): (u64, Kept)| {
                let bytes = read_all(&mut self.copies.lost, number).unwrap();
                (kept.path, String::from_utf8(bytes).unwrap())
            };
            lost.into_iter().map(content).collect()
        }
    }

    fn copies(directory: &tempfile::TempDir) -> Copies {
        let [current, lost] = ["current", "lost"].map(|name| directory.path().join(name));
        Copies::new(current, lost, 10 * 4096)
    }

    #[test]
    fn a_copy_takes_the_place_of_the_one_before_which_nobody_else_may_have() {
        let mut bench = Bench::new();
        assert!(bench.copy("/code.py", "one", By::Gateway));
        assert!(bench.copy("/code.py", "two", By::Gateway));
        assert!(bench.history.list("/").unwrap().is_empty());
        // FAT has one file of both names.
        assert!(bench.copy("/CODE.py", "three", By::Others));
        let kept = bench.history.list("/code.py").unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].1.version, "two");
        assert_eq!(
            bench.copies.of("/code.py").unwrap().unwrap().1.version,
            "three"
        );
    }

    #[test]
    fn copies_are_bounded() {
        let mut bench = Bench::new();
        let blocks = |count: usize| "x".repeat(count * 4096 - 512);
        assert!(bench.copy("/a", &blocks(6), By::Gateway));
        assert!(!bench.copy("/b", &blocks(5), By::Gateway));
        assert!(bench.copy("/b", &blocks(4), By::Gateway));
        assert!(
            !bench.copy("/c", "", By::Gateway),
            "the smallest takes a block"
        );
        assert!(bench.copy("/a", &blocks(5), By::Gateway));
        assert!(bench.copy("/c", "", By::Gateway));
        assert_eq!(bench.copies.below("/").unwrap().len(), 3);
    }

    #[test]
    fn work_is_lost_when_a_drive_is_wiped_and_stays_so_over_a_restart() {
        let mut bench = Bench::new();
        for (path, content) in [
            ("/boot_out.txt", "Adafruit"),
            ("/code.py", "import a\n"),
            ("/lib/a.py", "# 1\n"),
        ] {
            bench.copy(path, content, By::Others);
        }
        bench.wipe();
        let entry = |path: &str, content: &str| (path.to_owned(), content.to_owned());
        let both = [entry("/code.py", "import a\n"), entry("/lib/a.py", "# 1\n")];
        assert_eq!(bench.lost(), both);
        // Wiped again before anybody has asked for it.
        bench.copy("/code.py", "print(\"Hello World!\")\n", By::Others);
        bench.wipe();
        bench.copy("/lib/a.py", "# 2\n", By::Others);
        bench.wipe();
        bench.copies = copies(&bench.directory);
        let both = [entry("/code.py", "import a\n"), entry("/lib/a.py", "# 2\n")];
        assert_eq!(bench.lost(), both);
        let before = bench.history.list("/lib/a.py").unwrap();
        assert_eq!(before[0].1.version, "# 1\n");
        bench.copies.forget_lost(1).unwrap();
        assert_eq!(bench.lost(), [entry("/lib/a.py", "# 2\n")]);
    }

    #[test]
    fn what_was_lost_is_bounded_and_goes_into_the_history() {
        let mut bench = Bench::new();
        for name in ["/a", "/b", "/c"] {
            bench.copy(name, &name.repeat(8 * 2048 - 512), By::Others);
            bench.wipe();
        }
        assert_eq!(
            bench.lost(),
            [("/c".to_owned(), "/c".repeat(8 * 2048 - 512))]
        );
        assert_eq!(bench.history.list("/").unwrap().len(), 2);
    }
}
