//! Drives that are not in order: what is said of them, and their repair, which somebody has to ask for.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use cpy_board::{Daemon, RuntimeDir};
use cpy_tests::{Bench, wait};
use tokio::process::Command;

const SERIAL: &str = "E6614C311B7E6F35";

/// Where the volume of a board's drive begins.
const VOLUME: usize = 512;
/// Where its boot sector says that it was not put away properly (`fatgen103`, `BS_Reserved1` as Linux uses it).
const STATE: usize = VOLUME + 0x25;
/// Where a directory entry has its first cluster.
const FIRST_CLUSTER: usize = 26;

/// A board on whose drive, as it is plugged in, this was done.
async fn damaged(damage: impl FnOnce(&mut Vec<u8>)) -> Bench {
    let mut bench = Bench::new(SERIAL).await;
    bench.elsewhere(|board| board.damage(damage)).await;
    bench
}

/// What the overview says against the drive; empty if nothing.
async fn problem(bench: &Bench) -> String {
    let call = bench.gateway.call("GET", "/cp/boards.json");
    let listed = call.host("localhost").expect(200).await.json();
    let board = &listed["boards"][0];
    assert_eq!(board["serial"], SERIAL, "{listed}");
    let reason = board["drive"]["reason"].as_str().unwrap_or_default();
    let problems = board["problems"].as_array().expect("a list");
    assert!(
        reason.is_empty() || problems.contains(&reason.into()),
        "{listed}"
    );
    reason.to_owned()
}

async fn problem_with(bench: &Bench, words: &[&str]) {
    wait::until(&format!("the overview says {words:?}"), async || {
        let problem = problem(bench).await;
        let has_all = words.iter().all(|word| problem.contains(word));
        has_all.then_some(())
    })
    .await;
}

async fn no_problem(bench: &Bench) {
    wait::until("the overview has no complaint", async || {
        problem(bench).await.is_empty().then_some(())
    })
    .await;
}

/// The sectors of the drive's volume.
fn volume(bench: &Bench) -> Vec<u8> {
    fs::read(bench.board.image().path()).expect("the image is there")[VOLUME..].to_vec()
}

fn kept(bench: &Bench) -> PathBuf {
    bench.gateway.directory().join("kept.img")
}

/// Asks file-proxy about the image of the drive.
async fn ask_for_image(bench: &Bench, arguments: &[&str], status: u16) -> Output {
    let runtime_dir = RuntimeDir::new(bench.gateway.directory().join("run"));
    let socket = runtime_dir.socket(Daemon::FileProxy);
    let output = Command::new("curl")
        .args(["--silent", "--write-out", "%{stderr}%{http_code}"])
        .arg("--unix-socket")
        .arg(socket)
        .args(arguments)
        .arg(format!("http://file-proxy/boards/{SERIAL}/image"))
        .output()
        .await
        .expect("curl is installed");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(text, status.to_string(), "{output:?}");
    output
}

/// Where the entry of this short name is in the root directory.
fn entry(image: &[u8], short: &[u8; 11]) -> usize {
    let entries = (0..image.len()).step_by(32);
    let mut found = entries.filter(|&at| image[at..at + 11] == *short);
    found.next().expect("it is in the root directory")
}

/// Gives two files one chain.
fn cross_link(image: &mut [u8]) {
    let from = entry(image, b"BOOT_OUTTXT") + FIRST_CLUSTER;
    let to = entry(image, b"CODE    PY ") + FIRST_CLUSTER;
    image.copy_within(from..from + 2, to);
}

#[tokio::test]
async fn a_damaged_drive_is_said_to_be_one_and_repaired_when_somebody_asks() {
    let bench = damaged(|image| cross_link(image)).await;
    let repair = format!("`sudo cpyctl drive repair {SERIAL}`");
    problem_with(&bench, &["is damaged", "shares cluster", &repair]).await;
    let damaged = volume(&bench);
    let name = bench.board.hostname().to_string();
    let said = bench.gateway.cpyctl_fails(&["drive", "check", &name]).await;
    assert!(said.contains("is damaged"), "{said}");
    assert!(said.contains("shares cluster"), "{said}");
    assert!(volume(&bench) == damaged, "a check changes nothing");

    let kept = kept(&bench);
    let kept_text = kept.to_str().unwrap();
    let repair = ["drive", "repair", &name, "--image", kept_text];
    let said = bench.gateway.cpyctl(&repair).await.expect("it is repaired");
    assert!(said.contains("is in order"), "{said}");
    assert!(said.contains(kept_text), "{said}");
    assert!(fs::read(&kept).unwrap() == damaged, "as it was");
    assert_eq!(bench.board.image().findings(), "");
    no_problem(&bench).await;
    let checked = bench.gateway.cpyctl(&["drive", "check", SERIAL]).await;
    assert!(checked.expect("it is in order").contains("is in order"));
    // Of the two one has kept its content.
    bench.call("GET", "/fs/boot_out.txt").expect(200).await;
    let repaired = volume(&bench);
    let again = bench.gateway.cpyctl(&repair).await.expect("nothing to do");
    assert!(again.contains("is in order"), "{again}");
    assert!(volume(&bench) == repaired);
}

#[tokio::test]
async fn an_image_that_is_there_already_is_not_written_over() {
    let bench = damaged(|image| cross_link(image)).await;
    let damaged = volume(&bench);
    fs::write(kept(&bench), "mine").unwrap();
    let kept = kept(&bench);
    let repair = ["drive", "repair", SERIAL, "--image", kept.to_str().unwrap()];
    let said = bench.gateway.cpyctl_fails(&repair).await;
    assert!(said.contains("exists already"), "{said}");
    assert_eq!(fs::read_to_string(kept).unwrap(), "mine");
    assert!(volume(&bench) == damaged);
}

#[tokio::test]
async fn a_drive_that_was_not_put_away_properly_is_used_and_said_to_be_so() {
    let bench = damaged(|image| image[STATE] |= 1).await;
    problem_with(&bench, &["files are whole", "not properly closed"]).await;
    let put = bench.call("PUT", "/fs/new.txt");
    put.body("text").expect(201).await;
    let kept = kept(&bench);
    let repair = ["drive", "repair", SERIAL, "--image", kept.to_str().unwrap()];
    let said = bench.gateway.cpyctl(&repair).await.expect("it is repaired");
    assert!(said.contains("is in order"), "{said}");
    no_problem(&bench).await;
    assert_eq!(bench.holds("new.txt").unwrap(), "text");
}

#[tokio::test]
async fn a_repair_is_refused_of_a_drive_that_is_not_what_was_repaired() {
    let bench = damaged(|_| {}).await;
    let before = volume(&bench);
    let image = kept(&bench);
    assert!(ask_for_image(&bench, &[], 200).await.stdout == before);
    let mut repaired = before.clone();
    repaired[STATE - VOLUME] |= 1;
    fs::write(&image, &repaired).unwrap();
    let upload = ["--upload-file", image.to_str().unwrap()];
    let stale = format!("If-Match: \"{}\"", "0".repeat(64));
    let conditional = [&upload[..], &["--header", &stale]].concat();
    ask_for_image(&bench, &upload, 428).await;
    ask_for_image(&bench, &conditional, 412).await;
    ask_for_image(&bench, &["--request", "DELETE"], 405).await;
    fs::write(&image, &repaired[512..]).unwrap();
    ask_for_image(&bench, &conditional, 400).await;
    assert!(volume(&bench) == before);
}

/// Gives a directory an entry that leads back to it.
fn loop_back(image: &mut [u8]) {
    let entry = entry(image, b"LIB        ");
    let first = usize::from(image[entry + FIRST_CLUSTER]);
    let mut back = image[entry..entry + 32].to_vec();
    back[..11].copy_from_slice(b"LOOP       ");
    // After `.` and `..`; the data begins behind the boot sector, the table and the root directory.
    let field =
        |at: usize| usize::from(image[VOLUME + at]) + usize::from(image[VOLUME + at + 1]) * 256;
    let data = field(14) + field(22) + field(17) * 32 / 512;
    let cluster = usize::from(image[VOLUME + 13]);
    let directory = VOLUME + (data + (first - 2) * cluster) * 512;
    image[directory + 64..directory + 96].copy_from_slice(&back);
}

#[tokio::test]
async fn a_directory_that_leads_back_to_itself_ends_nothing_but_itself() {
    let mut bench = damaged(|image| loop_back(image)).await;
    problem_with(&bench, &["is damaged", "/lib"]).await;
    bench.call("DELETE", "/fs/lib/").expect(204).await;
    bench.call("GET", "/fs/code.py").expect(200).await;
    // Nothing is copied of a damaged drive.
    let copies = bench.gateway.directory().join("state/file-proxy/copies");
    assert!(!copies.join(SERIAL).exists());
    // Nor is anything freed, until it is looked at anew and found in order.
    bench.elsewhere(|_| {}).await;
    no_problem(&bench).await;
    assert_eq!(bench.board.image().findings(), "");
}
