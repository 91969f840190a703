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
        .args([
            "--offline",
            "--host",
            &host,
            "--port",
            &port,
            "--password",
            PASSWORD,
        ])
        .args(arguments);
    // circup keeps its bundles and its log below the home directory.
    command
        .env("HOME", gateway.directory())
        .current_dir(gateway.directory());
    command
}

/// A bundle of libraries where circup keeps those that it has downloaded, because there is no internet
/// here: one module and one package.
fn make_bundle(home: &Path) {
    const TAG: &str = "20260101";
    let data = home.join(".local/share/circup");
    let bundle = data.join(format!("example/test-bundle-py/test-bundle-py-{TAG}"));
    let parcel = bundle.join("lib/parcel");
    std::fs::create_dir_all(&parcel).unwrap();
    std::fs::create_dir_all(bundle.join("requirements/parcel")).unwrap();
    std::fs::write(
        bundle.join("requirements/parcel/requirements.txt"),
        "blinker\n",
    )
    .unwrap();
    let module = "__version__ = \"1.2.3\"\n__repo__ = \"https://example.invalid/blinker.git\"\n";
    std::fs::write(bundle.join("lib/blinker.py"), module).unwrap();
    let init = "__version__ = \"4.5.6\"\n__repo__ = \"https://example.invalid/parcel.git\"\n";
    std::fs::write(parcel.join("__init__.py"), init).unwrap();
    std::fs::write(parcel.join("inner.py"), "x = 1\n").unwrap();
    let config = r#"{"test": "example/Test_Bundle"}"#;
    std::fs::write(data.join("bundle_config.json"), config).unwrap();
    let tags = format!(r#"{{"example/Test_Bundle": ["{TAG}"]}}"#);
    std::fs::write(data.join("circup.json"), tags).unwrap();
}

#[tokio::test]
async fn circup_installs_lists_and_uninstalls() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &["--password", PASSWORD]).await;
    make_bundle(gateway.directory());
    let circup = async |arguments: &[&str]| ok(circup_for(&gateway, &board, arguments)).await;
    circup(&["install", "parcel"]).await;
    assert_eq!(
        board.image().tree("/lib"),
        [
            "/lib/blinker.py",
            "/lib/parcel/",
            "/lib/parcel/__init__.py",
            "/lib/parcel/inner.py"
        ]
    );
    // circup changes the letters of paths to lower case: a short one below the directory it runs in.
    std::fs::write(
        gateway.directory().join("mine.py"),
        "__version__ = \"0.0.1\"\n",
    )
    .unwrap();
    circup(&["install", "./mine.py"]).await;
    assert_eq!(
        board.image().read("/lib/mine.py").unwrap(),
        b"__version__ = \"0.0.1\"\n"
    );
    let frozen = circup(&["freeze"]).await;
    for line in ["blinker==1.2.3", "parcel==4.5.6"] {
        assert!(frozen.contains(line), "{line} is missing: {frozen}");
    }
    let listed = circup(&["list"]).await;
    assert!(listed.contains("up to date"), "{listed}");
    circup(&["uninstall", "parcel"]).await;
    assert_eq!(
        board.image().tree("/lib"),
        ["/lib/blinker.py", "/lib/mine.py"]
    );
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
