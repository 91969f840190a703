//! Random operations on a drive and on a model of it, which is nothing but a map.

use std::io::Cursor;

use cpy_fat::{Error, Kind, Made, Saved, SectorDevice, Timestamp, Volume};

use super::tree::{Node, Tree};
use super::{bytes, noon, path};

/// Numbers that are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn one_of<'s>(&mut self, choices: &[&'s str]) -> &'s str {
        choices[self.below(choices.len())]
    }

    /// A path of one to three names; few enough that they meet again.
    pub(crate) fn path(&mut self) -> String {
        let mut path = String::new();
        for _ in 0..=self.below(3) {
            path.push('/');
            path.push_str(self.one_of(&[
                "lib",
                "LIB",
                "code.py",
                "UPPER.TXT",
                "a longer name with spaces.text",
                "größe",
                ".hidden",
                "a longer name with spaces, and much more of it than would be needed to fill several slots.text",
            ]));
        }
        path
    }
}

/// What the model expects of an operation.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    Unchanged,
    NotFound,
    Exists,
    NotADirectory,
    IsADirectory,
    IntoItself,
    NoRoom,
    /// The device failed.
    Cut,
}

fn outcome<T>(result: Result<T, Error>, done: impl FnOnce(T) -> Outcome) -> Outcome {
    match result {
        Ok(value) => done(value),
        Err(Error::NotFound { .. }) => Outcome::NotFound,
        Err(Error::Exists { .. }) => Outcome::Exists,
        Err(Error::NotADirectory { .. }) => Outcome::NotADirectory,
        Err(Error::IsADirectory { .. }) => Outcome::IsADirectory,
        Err(Error::IntoItself { .. }) => Outcome::IntoItself,
        Err(Error::NoSpace { .. } | Error::DirectoryFull { .. }) => Outcome::NoRoom,
        Err(Error::Device(_)) => Outcome::Cut,
        Err(other) => panic!("{other}"),
    }
}

/// The map, with the rules of a file system.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) tree: Tree,
    /// How many operations there were: each is two seconds after the one before.
    steps: u64,
}

impl Model {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(noon().unix_seconds() + 2 * self.steps)
    }

    /// The path with the case in which it is stored, as far as it exists.
    fn stored(&self, wanted: &str) -> String {
        let mut known = String::new();
        for name in wanted.split('/').skip(1) {
            let next = format!("{known}/{name}");
            let same = self
                .tree
                .keys()
                .find(|key| key.to_lowercase() == next.to_lowercase());
            known = same.cloned().unwrap_or(next);
        }
        known
    }

    /// Why nothing can be at `at`: what its parent is.
    fn parent_trouble(&self, at: &str) -> Option<Outcome> {
        let parents = at.match_indices('/').skip(1).map(|(end, _)| &at[..end]);
        for parent in parents {
            match self.tree.get(parent) {
                None => return Some(Outcome::NotFound),
                Some(Node::File { .. }) => return Some(Outcome::NotADirectory),
                Some(Node::Directory) => {}
            }
        }
        None
    }

    fn save(&mut self, at: &str, content: Vec<u8>) -> Outcome {
        let at = self.stored(at);
        if let Some(trouble) = self.parent_trouble(&at) {
            return trouble;
        }
        let file = Node::File {
            content,
            modified: self.now().unix_seconds(),
        };
        match self.tree.get(&at) {
            Some(Node::Directory) => Outcome::IsADirectory,
            Some(Node::File { .. }) => {
                self.tree.insert(at, file);
                Outcome::Unchanged
            }
            None => {
                self.tree.insert(at, file);
                Outcome::Done
            }
        }
    }

    fn make_directory(&mut self, at: &str) -> Outcome {
        let at = self.stored(at);
        if self.tree.contains_key(&at) {
            return Outcome::Unchanged;
        }
        if self.parent_trouble(&at) == Some(Outcome::NotADirectory) {
            return Outcome::NotADirectory;
        }
        let parents = at
            .match_indices('/')
            .skip(1)
            .map(|(end, _)| at[..end].to_owned());
        let all: Vec<_> = parents.chain([at.clone()]).collect();
        self.tree.extend(
            all.into_iter()
                .map(|directory| (directory, Node::Directory)),
        );
        Outcome::Done
    }

    fn delete(&mut self, at: &str) -> Outcome {
        let at = self.stored(at);
        if let Some(trouble) = self.parent_trouble(&at) {
            return trouble;
        }
        let below = format!("{at}/");
        let before = self.tree.len();
        self.tree
            .retain(|path, _| *path != at && !path.starts_with(&below));
        if self.tree.len() == before {
            Outcome::NotFound
        } else {
            Outcome::Done
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> Outcome {
        let from = self.stored(from);
        if let Some(trouble) = self.parent_trouble(&from) {
            return trouble;
        }
        let stored = self.stored(to);
        let below = format!("{from}/");
        match self.tree.get(&from) {
            None => return Outcome::NotFound,
            Some(Node::Directory) if stored.starts_with(&below) => return Outcome::IntoItself,
            Some(_) => {}
        }
        if let Some(trouble) = self.parent_trouble(&stored) {
            return trouble;
        }
        if stored != from && self.tree.contains_key(&stored) {
            return Outcome::Exists;
        }
        let parent = &stored[..stored.rfind('/').unwrap()];
        let to = format!("{parent}{}", &to[to.rfind('/').unwrap()..]);
        let moved: Vec<_> = self
            .tree
            .keys()
            .filter(|path| **path == from || path.starts_with(&below))
            .cloned()
            .collect();
        for path in moved {
            let node = self.tree.remove(&path).unwrap();
            self.tree
                .insert(format!("{to}{}", &path[from.len()..]), node);
        }
        Outcome::Done
    }
}

/// One random operation on both; what it was, and whether the device failed in its midst. The model is then as if it had
/// not.
pub(crate) fn step<D: SectorDevice>(
    dice: &mut Dice,
    drive: &mut Volume<D>,
    model: &mut Model,
    largest: usize,
) -> (String, bool) {
    let (at, to) = (dice.path(), dice.path());
    model.steps += 1;
    let now = model.now();
    let before = model.tree.clone();
    let (what, expected, seen) = match dice.below(10) {
        0..=4 => {
            let length = if dice.below(6) == 0 {
                0
            } else {
                dice.below(largest)
            };
            let content = bytes(dice.0, length);
            let saved = drive.save(
                &path(&at),
                length.try_into().unwrap(),
                &mut Cursor::new(&content),
                now,
            );
            let seen = outcome(saved, |saved| match saved {
                Saved::Created => Outcome::Done,
                Saved::Replaced | Saved::ReplacedInPlace => Outcome::Unchanged,
            });
            (
                format!("save {length} bytes as {at}"),
                model.save(&at, content),
                seen,
            )
        }
        5 => {
            let made = drive.make_directory(&path(&at), now);
            let seen = outcome(made, |made| match made {
                Made::Created => Outcome::Done,
                Made::Existed(Kind::File | Kind::Directory) => Outcome::Unchanged,
            });
            (format!("make {at}"), model.make_directory(&at), seen)
        }
        6 | 7 => {
            let seen = outcome(drive.delete(&path(&at)), |()| Outcome::Done);
            (format!("delete {at}"), model.delete(&at), seen)
        }
        _ => {
            let seen = outcome(drive.rename(&path(&at), &path(&to)), |()| Outcome::Done);
            (format!("move {at} to {to}"), model.rename(&at, &to), seen)
        }
    };
    match seen {
        Outcome::NoRoom => model.tree = before,
        Outcome::Cut => return (what, true),
        _ => assert_eq!(seen, expected, "{what}"),
    }
    (what, false)
}
