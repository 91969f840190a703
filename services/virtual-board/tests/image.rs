//! The drive's image, as other people's tools see it.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use clap::Parser;
use cpy_virtual_board::{Image, Options};

fn image(path: &Path, arguments: &[&str]) {
    let options = Options::parse_from([&["cpy-virtual-board"], arguments].concat());
    Image::new(&options)
        .ensure(path, options.read_only)
        .expect("an image");
}

/// What fsck says of the volume, and whether it would change anything: but for the label, which
/// a real board too has in its root directory only.
fn fsck(image: &Path) -> (String, bool) {
    let volume = image.with_extension("volume");
    let mut bytes = fs::read(image).expect("an image").split_off(512);
    assert_eq!(&bytes[43..54], b"NO NAME    ");
    bytes[43..54].copy_from_slice(b"CIRCUITPY  ");
    fs::write(&volume, bytes).expect("a copy");
    let output = Command::new("fsck.vfat")
        .arg("-nv")
        .arg(&volume)
        .output()
        .expect("dosfstools are installed");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    (words, output.status.success())
}

fn mtools(command: &str, image: &Path, arguments: &[&str]) -> String {
    let output = Command::new(command)
        .arg("-i")
        .arg(format!("{}@@512", image.display()))
        .args(arguments)
        .output()
        .expect("mtools are installed");
    assert!(output.status.success(), "{command}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_fresh_image_has_the_shape_of_a_picos_drive() {
    let bench = support::bench();
    let path = bench.path().join("pico.img");
    image(&path, &[]);
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 2049 * 512);
    assert_eq!(bytes[450], 0x01, "partition type");
    assert_eq!(bytes[454..458], 1_u32.to_le_bytes(), "first sector");
    assert_eq!(bytes[458..462], 2048_u32.to_le_bytes(), "sectors");
    let (words, clean) = fsck(&path);
    assert!(clean, "{words}");
    for fact in [
        "512 bytes per cluster",
        "1 FATs, 12 bit entries",
        "2048 sectors total",
    ] {
        assert!(words.contains(fact), "{fact:?} in {words}");
    }
    assert!(mtools("mlabel", &path, &["-s", "::"]).contains("CIRCUITPY"));
    let listed = mtools("mdir", &path, &["-b", "-a", "-/", "::"]);
    let mut listed: Vec<&str> = listed.lines().collect();
    listed.sort_unstable();
    assert_eq!(
        listed,
        [
            "::/.Trash-1000",
            "::/.Trashes",
            "::/.fseventsd/",
            "::/.fseventsd/no_log",
            "::/.metadata_never_index",
            "::/boot_out.txt",
            "::/code.py",
            "::/lib/",
            "::/sd/",
            "::/sd/placeholder.txt",
            "::/settings.toml",
        ]
    );
}

#[test]
fn every_size_passes_fsck() {
    let bench = support::bench();
    for (sectors, cluster, bits) in [
        ("129", "512", "12 bit"),
        ("4100", "512", "12 bit"),
        ("4166", "512", "16 bit"),
        ("16385", "4096", "12 bit"),
        ("32769", "512", "16 bit"),
    ] {
        let path = bench.path().join(sectors);
        image(&path, &["--size", sectors, "--cluster-size", cluster]);
        let (words, clean) = fsck(&path);
        assert!(clean && words.contains(bits), "{sectors}: {words}");
        assert!(!words.contains("FATs differ"), "{sectors}: {words}");
    }
}

#[test]
fn what_is_no_fat12_or_fat16_is_refused() {
    let bench = support::bench();
    for arguments in [
        ["--size", "20"],
        ["--cluster-size", "700"],
        ["--size", "140000"],
    ] {
        let options = Options::parse_from([&["cpy-virtual-board"][..], &arguments].concat());
        let refused = Image::new(&options).ensure(&bench.path().join("no.img"), false);
        assert!(refused.is_err(), "{arguments:?}");
    }
    assert_eq!(fs::read_dir(bench.path()).unwrap().count(), 0);
}

#[test]
fn boot_out_and_settings_say_what_was_asked_for() {
    let bench = support::bench();
    let path = bench.path().join("named.img");
    let arguments = [
        "--password",
        "pass\"word",
        "--port",
        "81",
        "--instance-name",
        "Küche",
    ];
    image(&path, &arguments);
    assert_eq!(
        mtools("mtype", &path, &["::boot_out.txt"]),
        "Adafruit CircuitPython 10.0.3 on 2025-10-17; Raspberry Pi Pico with rp2040\r\n\
         Board ID:raspberry_pi_pico\r\nUID:E6614C311B7E6F35\r\n"
    );
    assert_eq!(
        mtools("mtype", &path, &["::settings.toml"]),
        "CIRCUITPY_WEB_API_PASSWORD = \"pass\\\"word\"\n\
         CIRCUITPY_WEB_API_PORT = 81\nCIRCUITPY_WEB_INSTANCE_NAME = \"Küche\"\n"
    );
}

#[test]
fn an_image_that_exists_is_left_alone_but_for_its_mode() {
    let bench = support::bench();
    let path = bench.path().join("old.img");
    fs::write(&path, "precious").unwrap();
    for (arguments, mode) in [(&["--read-only"][..], 0o444), (&[], 0o644)] {
        image(&path, arguments);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        let now = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(now & 0o777, mode);
    }
}
