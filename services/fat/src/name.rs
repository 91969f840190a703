//! What a file may be called: [`Name`], one component of a path, and when two names are the same one.
//!
//! The rules are those of Microsoft's FAT specification (long names, section 7): up to 255 UTF-16 units,
//! no control characters, none of `"*/:<>?\|`. Trailing dots and spaces, which other systems strip
//! silently, are refused, and so are `.` and `..`. How names lie on the medium is [`crate::long_name`]'s
//! and [`crate::short_name`]'s business.

use std::fmt;
use std::str::FromStr;

/// The longest name, in UTF-16 units.
pub(crate) const LONGEST: usize = 255;

/// A valid FAT file name, in the case in which it was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name(String);

/// Why a string is no name on a FAT volume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no file name: {problem}")]
pub struct InvalidName {
    /// The string.
    pub name: String,
    /// What is wrong with it.
    pub problem: NameProblem,
}

/// What is wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It does not fit a directory.
    #[error("it is longer than 255 characters")]
    TooLong,
    /// FAT has a use of its own for a character.
    #[error("a FAT drive cannot store {0:?} in a name")]
    Character(char),
    /// `.` and `..` are not names of files.
    #[error("it means the directory itself, or the one above")]
    Dots,
    /// Other systems would strip it.
    #[error("it ends with a dot or a space")]
    TrailingDotOrSpace,
}

impl Name {
    /// The name in its own case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a FAT directory takes both for the same name.
    pub fn is_same_as(&self, other: &Self) -> bool {
        same_name(&self.0, &other.0)
    }

    /// What names that are the same have in common.
    pub(crate) fn folded(&self) -> String {
        self.0.chars().map(fold).collect()
    }
}

/// Compares names, or paths of them, as VFAT does: without regard to case.
pub fn same_name(left: &str, right: &str) -> bool {
    if left.is_ascii() && right.is_ascii() {
        return left.eq_ignore_ascii_case(right);
    }
    left.chars().map(fold).eq(right.chars().map(fold))
}

/// The simple upper-case mapping of Unicode's `UnicodeData.txt` (as the standard library carries it) within
/// the basic multilingual plane. Like the tables of Windows and `FatFs` it never makes an ASCII letter out of
/// another one (`ı`, `ſ`), and leaves alone what grows when upper-cased (`ß`).
fn fold(letter: char) -> char {
    let mut upper = letter.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None)
            if u32::from(single) <= 0xFFFF && single.is_ascii() == letter.is_ascii() =>
        {
            single
        }
        _ => letter,
    }
}

fn problem_of(name: &str) -> Option<NameProblem> {
    if name.is_empty() {
        return Some(NameProblem::Empty);
    }
    if name == "." || name == ".." {
        return Some(NameProblem::Dots);
    }
    let illegal = |letter: &char| letter.is_control() || "\"*/:<>?\\|".contains(*letter);
    if let Some(letter) = name.chars().find(illegal) {
        return Some(NameProblem::Character(letter));
    }
    if name.ends_with(['.', ' ']) {
        return Some(NameProblem::TrailingDotOrSpace);
    }
    (name.encode_utf16().count() > LONGEST).then_some(NameProblem::TooLong)
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        match problem_of(name) {
            None => Ok(Self(name.to_owned())),
            Some(problem) => Err(InvalidName {
                name: name.to_owned(),
                problem,
            }),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn problem(name: &str) -> NameProblem {
        name.parse::<Name>().unwrap_err().problem
    }

    #[test]
    fn what_fat_cannot_store_is_refused() {
        assert_eq!(problem(""), NameProblem::Empty);
        assert_eq!(problem("."), NameProblem::Dots);
        assert_eq!(problem(".."), NameProblem::Dots);
        for letter in "\"*/:<>?\\|\0\n\u{7F}".chars() {
            assert_eq!(
                problem(&format!("a{letter}b")),
                NameProblem::Character(letter)
            );
        }
        assert_eq!(problem("name."), NameProblem::TrailingDotOrSpace);
        assert_eq!(problem("name "), NameProblem::TrailingDotOrSpace);
        assert_eq!(problem("..."), NameProblem::TrailingDotOrSpace);
        assert_eq!(problem(&"x".repeat(256)), NameProblem::TooLong);
        assert_eq!(problem(&"𝄞".repeat(128)), NameProblem::TooLong);
    }

    #[test]
    fn ordinary_names_are_taken() {
        for name in [
            "code.py",
            ".fseventsd",
            " leading",
            "a b.c.d",
            "Größe.txt",
            "名前",
            "𝄞",
            "+,;=[]",
        ] {
            assert_eq!(name.parse::<Name>().unwrap().as_str(), name);
        }
        assert!("x".repeat(255).parse::<Name>().is_ok());
    }

    #[test]
    fn case_does_not_tell_names_apart() {
        assert!(same_name("Code.PY", "cODE.py"));
        assert!(same_name("größe", "GRÖßE"));
        assert!(same_name("жук", "ЖУК"));
        assert!(!same_name("code.py", "code.p"));
        assert!(!same_name("k\u{131}m", "kim"));
        assert!(!same_name("\u{17F}et", "set"));
    }

    proptest! {
        #[test]
        fn any_string_is_a_name_or_refused(text in "\\PC*") {
            if let Ok(name) = text.parse::<Name>() {
                prop_assert_eq!(name.as_str(), text.as_str());
                prop_assert!(name.is_same_as(&name));
            }
        }
    }
}
