//! Where a file is: [`Path`], the names from the root down.

use std::fmt;
use std::str::FromStr;

use crate::name::{InvalidName, Name};

/// A place on a volume. The root is the path without names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Path(Vec<Name>);

impl Path {
    /// The volume's root directory.
    pub fn root() -> Self {
        Self::default()
    }

    /// The names from the root down.
    pub fn names(&self) -> &[Name] {
        &self.0
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The directory that holds this, and its name there; `None` for the root.
    pub fn split(&self) -> Option<(Self, &Name)> {
        let (name, parent) = self.0.split_last()?;
        Some((Self(parent.to_vec()), name))
    }

    /// Whether this is `above` or lies below it.
    pub(crate) fn is_within(&self, above: &Self) -> bool {
        let pairs = self.0.iter().zip(&above.0);
        self.0.len() >= above.0.len() && pairs.into_iter().all(|(own, other)| own.is_same_as(other))
    }

    /// The path of something in this directory.
    #[must_use]
    pub fn join(&self, name: Name) -> Self {
        let mut names = self.0.clone();
        names.push(name);
        Self(names)
    }
}

/// Names between slashes; slashes at both ends and repeated ones do not count.
impl FromStr for Path {
    type Err = InvalidName;

    fn from_str(path: &str) -> Result<Self, InvalidName> {
        path.split('/')
            .filter(|name| !name.is_empty())
            .map(Name::from_str)
            .collect()
    }
}

impl FromIterator<Name> for Path {
    fn from_iter<I: IntoIterator<Item = Name>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return formatter.write_str("/");
        }
        self.0
            .iter()
            .try_for_each(|name| write!(formatter, "/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_collapse_and_dots_are_refused() {
        let path: Path = "//lib/a b//c.py/".parse().unwrap();
        assert_eq!(path.to_string(), "/lib/a b/c.py");
        assert!("/".parse::<Path>().unwrap().is_root());
        assert!("/lib/../code.py".parse::<Path>().is_err());
    }

    #[test]
    fn a_path_splits_into_parent_and_name() {
        let path: Path = "/lib/x.py".parse().unwrap();
        let (parent, name) = path.split().unwrap();
        assert_eq!(
            (parent.to_string().as_str(), name.as_str()),
            ("/lib", "x.py")
        );
        assert!(Path::root().split().is_none());
    }
}
