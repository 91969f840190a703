//! The clients that people have: circup and curl, as they are.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cpy_tests::{Board, Gateway};

const SERIAL: &str = "E6614C311B7E6F35";
const PASSWORD: &str = "passw0rd";

/// circup in the environment that `make test` makes.
fn circup() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/circup/bin/circup");
    assert!(
        path.exists(),
        "{} is missing: `make test` installs it",
        path.display()
    );
    path
}

fn run(mut command: Command) -> (Output, String) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (output, String::from_utf8_lossy(&text).into_owned())
}

/// Runs a client beside the test, which must go on answering meanwhile.
async fn ok(command: Command) -> String {
    let what = format!("{command:?}");
    let (output, text) = tokio::task::spawn_blocking(|| run(command)).await.unwrap();
    assert!(output.status.success(), "{what}: {text}");
    text
}

fn circup_for(gateway: &Gateway, board: &Board, arguments: &[&str]) -> Command {
    let mut command = Command::new(circup());
    let host = format!("{}.localhost", board.hostname());
    let port = gateway.address().port().to_string();
    command
        .args(["--host", &host, "--port", &port, "--password", PASSWORD])
        .args(arguments);
    // circup keeps its bundles and its log below the home directory.
    command.env("HOME", gateway.directory());
    command
}

#[tokio::test]
async fn circup_installs_lists_and_uninstalls_by_path() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &["--password", PASSWORD]).await;
    let module = gateway.directory().join("blinker.py");
    std::fs::write(
        &module,
        "__version__ = \"1.2.3\"\n__repo__ = \"https://example.invalid\"\n",
    )
    .unwrap();
    let package = gateway.directory().join("parcel");
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.join("__init__.py"), "__version__ = \"4.5.6\"\n").unwrap();
    std::fs::write(package.join("inner.py"), "x = 1\n").unwrap();
    ok(circup_for(
        &gateway,
        &board,
        &["install", "--auto-file", "none", module.to_str().unwrap()],
    ))
    .await;
    ok(circup_for(
        &gateway,
        &board,
        &["install", package.to_str().unwrap()],
    ))
    .await;
    assert_eq!(
        board.image().tree("/lib"),
        [
            "/lib/blinker.py",
            "/lib/parcel/",
            "/lib/parcel/__init__.py",
            "/lib/parcel/inner.py"
        ]
    );
    let list = ok(circup_for(&gateway, &board, &["freeze"])).await;
    assert!(
        list.contains("blinker==1.2.3") && list.contains("parcel==4.5.6"),
        "{list}"
    );
    ok(circup_for(&gateway, &board, &["uninstall", "parcel"])).await;
    assert_eq!(board.image().tree("/lib"), ["/lib/blinker.py"]);
}

#[tokio::test]
async fn curl_uploads_downloads_moves_and_deletes() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &["--password", PASSWORD]).await;
    let base = format!(
        "http://{}.localhost:{}/fs",
        board.hostname(),
        gateway.address().port()
    );
    let curl = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--fail", "--user", ":passw0rd"])
            .args(arguments);
        command
    };
    let file = gateway.directory().join("upload.bin");
    std::fs::write(&file, vec![7; 100_000]).unwrap();
    let target = format!("{base}/sub%20dir/upload.bin");
    ok(curl(&["-X", "PUT", &format!("{base}/sub%20dir/")])).await;
    ok(curl(&["-T", file.to_str().unwrap(), &target])).await;
    ok(curl(&[
        "-T",
        file.to_str().unwrap(),
        "-H",
        "Expect: 100-continue",
        &target,
    ]))
    .await;
    assert_eq!(
        board.image().read("/sub dir/upload.bin").unwrap(),
        vec![7; 100_000]
    );
    let back = gateway.directory().join("back.bin");
    ok(curl(&["-o", back.to_str().unwrap(), &target])).await;
    assert_eq!(std::fs::read(&back).unwrap(), vec![7; 100_000]);
    ok(curl(&[
        "-X",
        "MOVE",
        "-H",
        "X-Destination: /fs/moved.bin",
        &target,
    ]))
    .await;
    ok(curl(&["-X", "DELETE", &format!("{base}/moved.bin")])).await;
    let listing = ok(curl(&[
        "-H",
        "Accept: application/json",
        &format!("{base}/"),
    ]))
    .await;
    assert!(
        listing.contains("\"sub dir\"") && !listing.contains("moved"),
        "{listing}"
    );
}
