//! Trouble that comes again and again, for instance a disk that is full: said when it comes and when it goes.

use std::fmt::Display;

/// What is the matter now, if anything is.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Option<String>);

impl Trouble {
    /// It is this. Returns whether that is news.
    pub(crate) fn is_news(&mut self, reason: &impl Display) -> bool {
        let reason = Some(reason.to_string());
        let news = self.0 != reason;
        self.0 = reason;
        news
    }

    /// What is the matter.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// All is well. Returns whether that is news.
    pub(crate) fn is_over(&mut self) -> bool {
        self.0.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_is_news_once() {
        let mut trouble = Trouble::default();
        assert!(!trouble.is_over());
        assert!(trouble.is_news(&"full"));
        assert!(!trouble.is_news(&"full"));
        assert!(trouble.is_news(&"read-only"));
        assert!(trouble.is_over());
        assert!(!trouble.is_over());
        assert!(trouble.is_news(&"read-only"));
    }
}
