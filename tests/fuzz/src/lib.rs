//! What the fuzz targets share: how an input is taken apart, and drives that are damaged and what they journal.

pub mod drive;
pub mod formatted;
pub mod journal;
pub mod pieces;
pub mod script;
