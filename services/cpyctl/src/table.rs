//! A table of text, as wide as its contents.

/// Lines of cells under a heading, columns two spaces apart, no space at the ends of lines.
pub(crate) fn render(heading: &[&str], lines: &[Vec<String>]) -> String {
    let heading: Vec<String> = heading.iter().map(ToString::to_string).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&heading).chain(lines).collect();
    let width = |column: usize| {
        all.iter()
            .filter_map(|line| line.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let mut text = String::new();
    for line in &all {
        let padded = line.iter().enumerate().map(|(column, cell)| {
            let width = width(column).unwrap_or(0);
            format!("{cell:width$}")
        });
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let lines = vec![
            vec!["a".into(), "bä".into()],
            vec!["long".into(), "x".into()],
        ];
        assert_eq!(
            render(&["N", "BOARD"], &lines),
            "N     BOARD\na     bä\nlong  x\n"
        );
    }
}
