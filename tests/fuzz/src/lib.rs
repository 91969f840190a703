//! What the fuzz targets share: how an input is taken apart, and the drives that are damaged.

pub mod drive;
pub mod formatted;
pub mod pieces;
pub mod script;
