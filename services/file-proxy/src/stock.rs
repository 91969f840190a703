//! What CircuitPython itself puts on a drive that it has made (`supervisor/shared/filesystem.c`): nobody misses it.

/// Files that are the board's, whatever they hold.
const OF_THE_BOARD: [&str; 6] = [
    "/boot_out.txt",
    "/.fseventsd/no_log",
    "/.metadata_never_index",
    "/.Trashes",
    "/.Trash-1000",
    "/sd/placeholder.txt",
];

/// Files that are somebody's as soon as they hold anything else.
const TO_BEGIN_WITH: [(&str, &[u8]); 2] = [
    ("/code.py", b"print(\"Hello World!\")\n"),
    ("/settings.toml", b""),
];

/// Whether a file of this path and size is nobody's work. Its content is read only if it may be.
pub(crate) fn is_stock<E>(
    path: &str,
    size: u64,
    read: impl FnOnce() -> Result<Vec<u8>, E>,
) -> Result<bool, E> {
    let is_path = |other: &&str| path.eq_ignore_ascii_case(other);
    if OF_THE_BOARD.iter().any(is_path) {
        return Ok(true);
    }
    let stock = TO_BEGIN_WITH.iter().find(|(known, _)| is_path(known));
    match stock {
        Some((_, content)) if content.len() as u64 == size => Ok(*content == read()?),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_told_from_what_a_board_begins_with() {
        let is_stock = |path, content: &[u8]| {
            let size = content.len() as u64;
            is_stock(path, size, || Ok::<_, ()>(content.to_vec())).unwrap()
        };
        assert!(is_stock("/boot_out.txt", b"anything"));
        assert!(is_stock("/Code.py", b"print(\"Hello World!\")\n"));
        assert!(is_stock("/settings.toml", b""));
        assert!(!is_stock("/code.py", b"print(\"Hello Class!\")\n"));
        assert!(!is_stock("/code.py", b"import board\n"));
        assert!(!is_stock("/settings.toml", b"A = 1\n"));
        assert!(!is_stock("/lib/code.py", b"print(\"Hello World!\")\n"));
        assert!(!is_stock("/main.py", b""));
    }
}
