//! What is said in the end: what is fine, a line each; what is wrong, numbered, with advice; or all of it as JSON.

use serde::Serialize;

use super::finding::{Examination, Finding};
use crate::output::plain;

/// All examinations of a machine.
#[derive(Debug)]
pub(super) struct Report(Vec<Examination>);

/// As `--json` prints it.
#[derive(Serialize)]
struct Document<'a> {
    well: bool,
    fine: Vec<Fine<'a>>,
    findings: Vec<&'a Finding>,
    unknown: Vec<&'a String>,
}

#[derive(Serialize)]
struct Fine<'a> {
    about: &'a str,
    says: &'a str,
}

impl Report {
    pub(super) fn new(examinations: Vec<Examination>) -> Self {
        Self(examinations)
    }

    /// Whether nothing wrong was found.
    pub(super) fn is_well(&self) -> bool {
        self.findings().next().is_none()
    }

    pub(super) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&Document {
            well: self.is_well(),
            fine: self.fine().collect(),
            findings: self.findings().collect(),
            unknown: self.unknown().collect(),
        })
    }

    /// For a person. Of what root would see too, one who is not root is told.
    pub(super) fn text(&self, is_seen_by_root: bool) -> String {
        let widest = self.fine().map(|fine| fine.about.len()).max().unwrap_or(0);
        let mut lines: Vec<String> = self
            .fine()
            .map(|fine| format!("{:widest$}  {}", fine.about, fine.says))
            .collect();
        lines.extend(
            self.unknown()
                .map(|sentence| format!("Not known: {sentence}")),
        );
        lines.push(String::new());
        let count = self.findings().count();
        lines.push(match count {
            0 if self.unknown().next().is_none() => "All is well.".into(),
            0 if is_seen_by_root => "Nothing wrong was found, as far as can be seen.".into(),
            0 => "Nothing wrong was found, as far as can be seen; `sudo cpyctl doctor` sees more."
                .into(),
            1 => "One thing is wrong:".into(),
            _ => format!("{count} things are wrong:"),
        });
        for (number, finding) in (1..).zip(self.findings()) {
            lines.push(String::new());
            lines.push(format!("{number}. {}", finding.problem()));
            lines.extend(finding.advice().iter().map(|step| format!("   - {step}")));
        }
        // What boards and programs say of themselves is among it.
        let plain: Vec<String> = lines.iter().map(|line| plain(line)).collect();
        plain.join("\n")
    }

    fn fine(&self) -> impl Iterator<Item = Fine<'_>> {
        let well = self
            .0
            .iter()
            .filter(|examination| examination.findings.is_empty());
        well.filter_map(|examination| {
            Some(Fine {
                about: examination.about,
                says: examination.fine.as_deref()?,
            })
        })
    }

    fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter().flat_map(|examination| &examination.findings)
    }

    fn unknown(&self) -> impl Iterator<Item = &String> {
        self.0.iter().flat_map(|examination| &examination.unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Kind;
    use super::*;

    fn report() -> Report {
        let mut boards = Examination::new("Boards", "not said");
        let finding = Finding::new(Kind::NoBoard, "No board is plugged in.");
        boards.findings.push(finding.advise("Plug one in."));
        let mut fine = Examination::new("Password", "There is one.");
        fine.unknown.push("something.".into());
        Report::new(vec![boards, fine])
    }

    #[test]
    fn what_is_fine_comes_first_and_what_is_wrong_has_numbered_advice() {
        assert_eq!(
            report().text(true),
            "Password  There is one.\nNot known: something.\n\nOne thing is wrong:\n\n\
             1. No board is plugged in.\n   - Plug one in."
        );
        let well = Report::new(vec![Examination::new("Boards", "2")]);
        assert!(well.is_well() && well.text(false).ends_with("\n\nAll is well."));
    }

    #[test]
    fn what_a_board_calls_itself_does_nothing_to_a_terminal() {
        let mut boards = Examination::new("Boards", "not said");
        let finding = Finding::new(Kind::NoBoard, "The \x1b]0;x\x07Pico\n2. is odd.");
        boards.findings.push(finding.advise("End \x1b[2J."));
        let text = Report::new(vec![boards]).text(true);
        assert_eq!(text.lines().count(), 5, "{text}");
        assert!(text.contains("]0;x\u{fffd}Pico\u{fffd}2. is odd.") && !text.contains('\x1b'));
    }

    #[test]
    fn what_was_not_seen_is_not_said_to_be_well() {
        let mut names = Examination::new("Names", "not said");
        names.fine = None;
        names.unknown.push("something.".into());
        let report = Report::new(vec![names]);
        let (user, root) = (report.text(false), report.text(true));
        let found = "\nNothing wrong was found, as far as can be seen";
        assert!(user.ends_with(&format!("{found}; `sudo cpyctl doctor` sees more.")));
        assert!(root.ends_with(&format!("{found}.")) && report.is_well());
    }

    #[test]
    fn programs_know_findings_by_their_names() {
        let json: serde_json::Value = serde_json::from_str(&report().json().unwrap()).unwrap();
        assert_eq!(json["well"], false);
        assert_eq!(json["findings"][0]["id"], "no-board");
        assert_eq!(json["findings"][0]["advice"][0], "Plug one in.");
        assert_eq!(json["fine"][0]["about"], "Password");
        assert_eq!(json["unknown"][0], "something.");
    }
}
