//! What the fuzz targets share: how an input is taken apart, drives that are damaged and what they journal, and a
//! runtime on which nobody waits.

pub mod drive;
pub mod formatted;
pub mod journal;
pub mod pieces;
pub mod runtime;
pub mod script;
