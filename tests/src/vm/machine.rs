//! The machine itself: QEMU's process, and commands that run in it.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::until;
use crate::network::Entrance;

/// No command takes this long.
const PATIENCE: Duration = Duration::from_secs(600);

/// A running machine.
#[derive(Debug)]
pub struct Machine {
    target: PathBuf,
    architecture: String,
    console: PathBuf,
    control: Vec<String>,
    entrance: Entrance,
}

/// What a command in the machine said, and whether it went well.
#[derive(Debug)]
pub struct Said {
    /// Its status was 0.
    pub well: bool,
    /// Both of its outputs.
    pub text: String,
}

impl Machine {
    /// Boots the image of the architecture that `CPY_VM_ARCH` names.
    pub(super) async fn boot() -> Self {
        let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let architecture = std::env::var("CPY_VM_ARCH").unwrap_or_else(|_| "amd64".into());
        let target = tests
            .join("../target")
            .canonicalize()
            .expect("there is one");
        let image = target.join("vm").join(&architecture);
        assert!(
            image.join("inputs").exists(),
            "there is no {}: run `make test-vm`",
            image.display()
        );
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port()
            .to_string();
        let console = image.join("console");
        let _ = std::fs::remove_file(&console);
        let scripts = tests.join("vm");
        let mut command = Command::new(scripts.join("start"));
        command.arg(&image).arg(&port).arg(&console);
        start_for_good(command);
        let enter = scripts.join("enter");
        let control = [enter.as_path(), &image, Path::new(&port)]
            .map(|word| word.display().to_string())
            .to_vec();
        let machine = Self {
            entrance: Entrance::through(control.clone()),
            target,
            architecture,
            console,
            control,
        };
        machine.answers().await;
        for directory in ["vm", "network"] {
            machine.copy_directory(&tests, directory).await;
        }
        machine
    }

    /// The way in.
    pub fn entrance(&self) -> &Entrance {
        &self.entrance
    }

    /// Where the package that it is to get lies on this machine.
    pub fn package(&self) -> PathBuf {
        let end = format!("_{}.deb", self.architecture);
        let found = std::fs::read_dir(self.target.join("deb"))
            .into_iter()
            .flatten();
        let mut packages: Vec<PathBuf> = found
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.to_string_lossy().ends_with(&end))
            .collect();
        packages.sort();
        packages
            .pop()
            .expect("the package is built: run `make deb`")
    }

    /// Runs a line of shell to its end.
    pub async fn try_run(&self, line: &str) -> Said {
        self.feed(line, &[]).await
    }

    /// Runs a line of shell that must succeed, and gives what it printed.
    ///
    /// # Panics
    /// When it fails, with what it said.
    pub async fn run(&self, line: &str) -> String {
        let said = self.try_run(line).await;
        assert!(
            said.well,
            "this failed in the machine: {line}\n{}",
            said.text
        );
        said.text
    }

    /// Whether a line of shell succeeds.
    pub async fn holds(&self, line: &str) -> bool {
        self.try_run(line).await.well
    }

    /// Waits until a line of shell succeeds, and gives what it then printed.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn until(&self, line: &str) -> String {
        until(line, async || {
            let said = self.try_run(line).await;
            said.well.then_some(said.text)
        })
        .await
    }

    /// Puts a file there.
    pub async fn put(&self, path: &str, content: &[u8]) {
        let said = self.feed(&format!("cat >'{path}'"), content).await;
        assert!(said.well, "{path}: {}", said.text);
    }

    /// The bytes of a file there.
    pub async fn get(&self, path: &str) -> Vec<u8> {
        let output = self.output(&format!("cat '{path}'"), &[]).await;
        assert!(output.status.success(), "{path} cannot be read");
        output.stdout
    }

    /// Restarts it in an orderly way, and waits until it is back.
    pub async fn reboot(&self) {
        let before = self.run("cat /proc/sys/kernel/random/boot_id").await;
        self.try_run("systemctl reboot").await;
        until("the machine is back", async || {
            let said = self.try_run("cat /proc/sys/kernel/random/boot_id").await;
            (said.well && said.text != before).then_some(())
        })
        .await;
    }

    /// What would tell why a test failed that began so long ago.
    pub(super) fn evidence(&self, began: Duration) -> String {
        let mut text = String::new();
        let journal = format!(
            "journalctl --boot --no-pager --output short-monotonic --lines 400 --since -{}s",
            began.as_secs() + 5
        );
        for line in [
            journal.as_str(),
            "ls -lR /dev/cpy-gateway; lsusb | grep -v 1d6b; cpyctl boards; systemctl --failed",
        ] {
            let output = self.entrance.command("sh").args(["-c", line]).output();
            if let Ok(output) = output {
                let said = String::from_utf8_lossy(&output.stdout).into_owned();
                let _ = writeln!(text, "---- {line} ----\n{said}");
            }
        }
        let _ = write!(text, "The machine's console: {}", self.console.display());
        text
    }

    /// Where figures go that `make test-vm` prints at its end.
    pub(super) fn figures(&self) -> PathBuf {
        self.target
            .join("vm")
            .join(&self.architecture)
            .join("figures")
    }

    async fn answers(&self) {
        until("the machine answers", async || {
            self.holds("systemctl is-active --quiet multi-user.target")
                .await
                .then_some(())
        })
        .await;
    }

    async fn copy_directory(&self, from: &Path, name: &str) {
        let packed = Command::new("tar")
            .args(["c", "-C"])
            .arg(from)
            .arg(name)
            .output()
            .expect("tar runs");
        let said = self.feed("tar x -C /opt", &packed.stdout).await;
        assert!(said.well, "{}", said.text);
    }

    async fn feed(&self, line: &str, input: &[u8]) -> Said {
        let output = self.output(line, input).await;
        let printed = [output.stdout, output.stderr].concat();
        Said {
            well: output.status.success(),
            text: String::from_utf8_lossy(&printed).trim_end().to_owned(),
        }
    }

    async fn output(&self, line: &str, input: &[u8]) -> Output {
        let mut command = tokio::process::Command::from(self.entrance.command("sh"));
        let mut child = command
            .args(["-c", line])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{:?}: {error}", self.control));
        let mut stdin = child.stdin.take().expect("its input is a pipe");
        // It may end before it has read everything.
        let _ = stdin.write_all(input).await;
        drop(stdin);
        let ended = timeout(PATIENCE, child.wait_with_output()).await;
        ended
            .unwrap_or_else(|_| panic!("this does not end in the machine: {line}"))
            .expect("its end can be waited for")
    }
}

/// Starts the machine from a thread that lasts as long as this program: the machine ends with the thread that
/// started it.
fn start_for_good(mut command: Command) {
    let (started, has_started) = mpsc::channel();
    thread::spawn(move || {
        let child = command.stdin(Stdio::null()).spawn();
        let _ = started.send(child.map(|_| ()));
        loop {
            thread::park();
        }
    });
    has_started
        .recv()
        .expect("the thread lives")
        .expect("QEMU is installed: deploy/install-dependencies test-vm");
}
