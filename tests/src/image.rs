//! A board's drive as others see it: read by mtools, judged by fsck.vfat.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where CircuitPython's partition begins.
const PARTITION: usize = 512;

/// The image file of a virtual board's drive.
#[derive(Clone, Debug)]
pub struct Image(PathBuf);

impl Image {
    /// The image at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file's bytes, by `mcopy`; none if mtools does not find it.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        let output = self.mtools("mcopy", &["-n", &format!("::{path}"), "-"]);
        output.status.success().then_some(output.stdout)
    }

    /// Every file and directory below `path`, by `mdir -b`: full paths, directories with a slash.
    pub fn tree(&self, path: &str) -> Vec<String> {
        let output = self.mtools("mdir", &["-/", "-b", "-a", &format!("::{path}")]);
        let text = String::from_utf8(output.stdout).expect("mtools prints UTF-8");
        let mut lines: Vec<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix("::").map(str::to_owned))
            .collect();
        lines.sort();
        lines
    }

    /// Writes a file as another computer would, with `mcopy`.
    pub fn write(&self, path: &str, content: &[u8]) {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), content).expect("a temporary file");
        let from = file.path().to_str().expect("a plain path");
        let output = self.mtools("mcopy", &["-o", from, &format!("::{path}")]);
        assert!(output.status.success(), "mcopy: {output:?}");
    }

    /// Deletes a file as another computer would, with `mdel`.
    pub fn delete(&self, path: &str) {
        let output = self.mtools("mdel", &[&format!("::{path}")]);
        assert!(output.status.success(), "mdel: {output:?}");
    }

    /// Renames a file as another computer would, with `mren`.
    pub fn rename(&self, path: &str, new: &str) {
        let names = [path, new].map(|name| format!("::{name}"));
        let output = self.mtools("mren", &[&names[0], &names[1]]);
        assert!(output.status.success(), "mren: {output:?}");
    }

    /// What `fsck.vfat -n` finds; empty when all is well. That CircuitPython leaves the label out of the
    /// boot sector is no finding.
    pub fn findings(&self) -> String {
        let bytes = std::fs::read(&self.0).expect("the image can be read");
        let volume = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(volume.path(), &bytes[PARTITION..]).expect("a temporary file");
        let path = volume.path().to_str().expect("a plain path");
        let output = Command::new("fsck.vfat")
            .args(["-n", path])
            .output()
            .expect("fsck.vfat is installed (package dosfstools)");
        let printed = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        let text = String::from_utf8_lossy(&printed);
        let no_finding = [
            "fsck.fat ",
            "There is no label in boot sector",
            "  Auto-copying volume label from root directory to boot sector",
            "Leaving filesystem unchanged",
            path, // the summary: how many files, how many clusters
        ];
        let findings = text.lines().filter(|line| {
            !line.is_empty() && !no_finding.iter().any(|known| line.starts_with(known))
        });
        findings.collect::<Vec<_>>().join("\n")
    }

    fn mtools(&self, tool: &str, arguments: &[&str]) -> Output {
        Command::new(tool)
            .env("MTOOLS_SKIP_CHECK", "1")
            .args(["-i", &format!("{}@@{PARTITION}", self.0.display())])
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("{tool} is not installed (package mtools): {error}"))
    }
}
