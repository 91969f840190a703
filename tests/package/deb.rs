//! The packages that `make deb` has left.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that is tested: that of the whole workspace.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where the build leaves packages, and these tests their machines.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")
}

/// A script beside these tests.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("package")
        .join(name)
}

/// The package for an architecture.
///
/// # Panics
/// When it is not there: the tests are not to pass without it.
pub(crate) fn deb(architecture: &str) -> PathBuf {
    let deb = target().join(format!("deb/cpy-gateway_{VERSION}_{architecture}.deb"));
    assert!(
        deb.exists(),
        "{} is missing: make deb ARCH={architecture}",
        deb.display()
    );
    deb
}

/// What dpkg calls the architecture of this machine.
pub(crate) fn native() -> String {
    output(Command::new("dpkg").arg("--print-architecture"))
        .trim()
        .to_owned()
}

/// What a program prints, which must succeed.
pub(crate) fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{out}{err}",
        output.status
    );
    out.into_owned()
}
