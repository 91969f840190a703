//! Dialogs over the console, with a host that behaves.

mod support;

use std::io::Read;
use std::time::{Duration, Instant};

use support::{VirtualBoard, bench, eventually};

const BANNER: &str =
    "\r\nAdafruit CircuitPython 10.0.3 on 2025-10-17; Raspberry Pi Pico with rp2040\r\n";
const STATUS: &str = "\x1b[2K\x1b[0GAuto-reload is on. Simply save files over USB to run them \
                      or enter REPL to disable.\r\n";
const PRESS: &str = "\r\nPress any key to enter the REPL. Use CTRL-D to reload.\r\n";

/// The title sequence with this status.
fn title(status: &str) -> String {
    format!("\x1b]0;🐍{status} | 10.0.3\x1b\\")
}

#[test]
fn a_run_says_what_a_board_says_in_its_order() {
    let bench = bench();
    let board = VirtualBoard::plug_in(bench.path(), &[]);
    let mut console = board.console();
    // How much of the first run it saw depends on who was faster.
    let first = console.wait_for("Use CTRL-D to reload.\r\n");
    assert!(first.ends_with(&format!("{STATUS}{PRESS}")), "{first:?}");
    console.type_in("\x04");
    assert_eq!(
        console.wait_for("Use CTRL-D to reload.\r\n"),
        format!(
            "soft reboot\r\n\r\n{STATUS}\x1b[2K\x1b[0Gcode.py output:\r\n{}Hello World!\r\n{}\
             \r\nCode done running.\r\n{PRESS}",
            title("code.py"),
            title("Done"),
        )
    );
    console.type_in("x");
    assert_eq!(
        console.wait_for(">>> "),
        format!("{}{BANNER}>>> ", title("REPL"))
    );
}

#[test]
fn the_repl_evaluates_and_remembers_until_a_soft_reboot() {
    let bench = bench();
    let board = VirtualBoard::plug_in(bench.path(), &[]);
    let mut console = board.console();
    console.enter_repl();
    console.type_in("1+1\r");
    assert_eq!(console.wait_for(">>> "), "1+1\r\n2\r\n>>> ");
    console.type_in("x = 20\r");
    console.wait_for(">>> ");
    console.type_in("for i in range(2):\rprint(x + i)\r\x7f\r");
    let block = console.wait_for(">>> ");
    assert!(block.contains("...     print(x + i)\r\n"), "{block:?}");
    assert!(block.ends_with("20\r\n21\r\n>>> "), "{block:?}");
    console.type_in("nix\r");
    assert_eq!(
        console.wait_for(">>> "),
        "nix\r\nTraceback (most recent call last):\r\n  File \"<stdin>\", line 1, in <module>\r\n\
         NameError: name 'nix' is not defined\r\n>>> "
    );
    console.type_in("abc\x03");
    console.wait_for("abc\r\n>>> ");
    console.type_in("\x04");
    let reboot = console.wait_for("Use CTRL-D to reload.\r\n");
    let begin = format!("\r\n{}soft reboot\r\n\r\n{STATUS}", title("Done"));
    assert!(reboot.starts_with(&begin), "{reboot:?}");
    assert!(reboot.contains("Hello World!\r\n"), "{reboot:?}");
    console.type_in("x");
    console.wait_for(">>> ");
    console.type_in("x\r");
    console.wait_for("NameError: name 'x' is not defined\r\n>>> ");
}

#[test]
fn an_exception_is_told_in_the_boards_form_and_in_the_title() {
    let bench = bench();
    let code = "def f():\n    return 1 / 0\n\nf()\n";
    let board = VirtualBoard::with_code(bench.path(), code);
    let mut console = board.console();
    console.wait_for("Use CTRL-D to reload.\r\n");
    console.type_in("\x04");
    let run = console.wait_for("Code done running.\r\n");
    let (_, ending) = run.split_once(&title("code.py")).expect("a title");
    assert_eq!(
        ending,
        format!(
            "Traceback (most recent call last):\r\n  File \"code.py\", line 4, in <module>\r\n  \
             File \"code.py\", line 2, in f\r\nZeroDivisionError: division by zero\r\n{}\
             \r\nCode done running.\r\n",
            title("2@code.py ZeroDivisionError")
        )
    );
    board.save("code.py", "x = = 1\n");
    console.wait_for("SyntaxError: invalid syntax\r\n");
}

#[test]
fn ctrl_c_stops_a_busy_loop() {
    let bench = bench();
    let code = "print('busy')\nwhile True:\n    pass\n";
    let board = VirtualBoard::with_code(bench.path(), code);
    let mut console = board.console();
    console.type_in("\x03");
    console.wait_for("Use CTRL-D to reload.\r\n");
    console.type_in("\x04");
    console.wait_for("busy\r\n");
    console.type_in("\x03");
    let seen = console.wait_for("Use CTRL-D to reload.\r\n");
    assert!(seen.contains("KeyboardInterrupt: \r\n"), "{seen:?}");
    assert!(seen.contains("in <module>\r\n"), "{seen:?}");
    console.type_in("x");
    console.wait_for(">>> ");
    console.type_in("while True: pass\r\r");
    console.wait_for("... \r\n");
    console.type_in("\x03");
    console.wait_for("KeyboardInterrupt: \r\n>>> ");
    console.type_in("6*7\r");
    console.wait_for("42\r\n>>> ");
}

#[test]
fn a_flood_stops_at_ctrl_c_however_little_is_read() {
    for (code, arguments) in [
        ("", &["--flood"][..]),
        ("while True:\n    print('flood' * 10)\n", &[]),
    ] {
        let bench = bench();
        let board = match arguments {
            [] => VirtualBoard::with_code(bench.path(), code),
            _ => VirtualBoard::plug_in(bench.path(), arguments),
        };
        let mut console = board.console();
        // Nothing is read until the whole way is full; then Ctrl-C has to get through all the same.
        console.read_some();
        console.type_in("\x03");
        console.wait_for("KeyboardInterrupt: \r\n");
        console.wait_for("Use CTRL-D to reload.\r\n");
        console.type_in("\x04");
        console.wait_for("code.py output:\r\n");
    }
}

#[test]
fn a_host_may_leave_amid_a_flood() {
    let bench = bench();
    let board = VirtualBoard::plug_in(bench.path(), &["--flood"]);
    for _ in 0..20 {
        let mut console = board.console();
        console.wait_for("lazy dog\r\n");
    }
    let mut console = board.console();
    console.type_in("\x03");
    console.wait_for("KeyboardInterrupt: \r\n");
    drop(console);
    assert!(board.unplug().success());
}

#[test]
fn paste_mode_takes_64_kib_in_order() {
    let bench = bench();
    let board = VirtualBoard::plug_in(bench.path(), &[]);
    let mut console = board.console();
    console.enter_repl();
    let (source, answer) = long_program(b'\r');
    console.type_in("\x05");
    console.wait_for("paste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== ");
    console.type_in(&source);
    console.type_in("\x04");
    let echo = console.wait_for(&answer);
    let pasted = String::from_utf8(source).unwrap().replace('\r', "\r\n=== ");
    assert!(echo.starts_with(&pasted), "the echo is not what was pasted");
    console.wait_for(">>> ");
}

#[test]
fn raw_mode_takes_64_kib_in_order_and_tells_errors_apart() {
    let bench = bench();
    let board = VirtualBoard::plug_in(bench.path(), &[]);
    let mut console = board.console();
    console.enter_repl();
    console.type_in("\x01");
    let greeting = format!("\r\n{}raw REPL; CTRL-B to exit\r\n>", title("Done"));
    assert_eq!(console.wait_for("exit\r\n>"), greeting);
    let (source, answer) = long_program(b'\n');
    console.type_in(&source);
    console.type_in("\x04");
    assert_eq!(
        console.wait_for("\x04>"),
        format!("OK{answer}\r\n\x04\x04>")
    );
    console.type_in("print('a')\n1/0\x04");
    let seen = console.wait_for("\x04>");
    assert!(seen.starts_with("OKa\r\n\x04Traceback (most"), "{seen:?}");
    assert!(
        seen.ends_with("ZeroDivisionError: division by zero\r\n\x04>"),
        "{seen:?}"
    );
    // Raw paste, whose 300 bytes need two more windows.
    console.type_in("\x05A\x01");
    console.wait_for("R\x01");
    console.type_in(format!("print({:300})\x04", 7));
    let seen = console.wait_for("\x04>");
    assert!(seen.ends_with("\x01\x01\x047\r\n\x04\x04>"), "{seen:?}");
    console.type_in("\x04");
    let again = "OK\r\nsoft reboot\r\nraw REPL; CTRL-B to exit\r\n>";
    assert_eq!(console.wait_for("exit\r\n>"), again);
    console.type_in("\x02");
    let back = format!("\r\n{}{BANNER}>>> ", title("REPL"));
    assert_eq!(console.wait_for(">>> "), back);
}

/// A program of 64 KiB whose answer shows that every line of it came, once and in order.
fn long_program(line_end: u8) -> (Vec<u8>, String) {
    let mut source = b"n = 0".to_vec();
    let mut answer = 0_u64;
    let mut line = 0_u64;
    while source.len() < 64 * 1024 {
        source.push(line_end);
        source.extend(format!("n = (n * 31 + {line}) % 1000003").bytes());
        answer = (answer * 31 + line) % 1_000_003;
        line += 1;
    }
    source.push(line_end);
    source.extend(b"print('answer', n)");
    (source, format!("answer {answer}"))
}

#[test]
fn a_change_reloads_three_quarters_of_a_second_after_the_last_write() {
    let bench = bench();
    let code = "import time\nwhile True:\n    print('running')\n    time.sleep(0.01)\n";
    let board = VirtualBoard::with_code(bench.path(), code);
    let mut console = board.console();
    console.wait_for("running");
    board.save("code.py", "print('first')\n");
    let stopped = console.wait_for("Code stopped by auto-reload. Reloading soon.\r\n");
    assert!(stopped.contains(&title("Done")), "{stopped:?}");
    board.save("lib/extra.py", "name = 'second'\n");
    board.save("code.py", "import extra\nprint(extra.name)\n");
    let last_write = Instant::now();
    let seen = console.wait_for("code.py output:\r\n");
    let waited = last_write.elapsed();
    assert!(!seen.contains("Press any key"), "{seen:?}");
    // The last write was a little before the clock was read.
    assert!(waited > Duration::from_millis(700), "{waited:?}");
    assert!(waited < Duration::from_millis(1500), "{waited:?}");
    let run = console.wait_for("Use CTRL-D to reload.\r\n");
    assert!(
        run.contains("second\r\n") && !run.contains("first"),
        "{run:?}"
    );
}

#[test]
fn a_repl_is_left_alone_by_a_change_and_reloads_when_it_is_left() {
    let bench = bench();
    let board = VirtualBoard::plug_in(bench.path(), &[]);
    let mut console = board.console();
    console.enter_repl();
    board.save("code.py", "print('changed')\n");
    // More than the delay passes on the console before the REPL is asked again.
    console.type_in("import time; time.sleep(1)\r");
    console.wait_for("sleep(1)\r\n>>> ");
    console.type_in("2+2\r");
    assert_eq!(console.wait_for(">>> "), "2+2\r\n4\r\n>>> ");
    console.type_in("\x04");
    console.wait_for("changed\r\n");
}

#[test]
fn reading_the_image_does_not_reload() {
    let bench = bench();
    let board = VirtualBoard::plug_in(bench.path(), &[]);
    let mut console = board.console();
    console.wait_for("Use CTRL-D to reload.\r\n");
    std::fs::read(&board.image).unwrap();
    console.type_in("x");
    console.wait_for(">>> ");
    console.type_in("import time; time.sleep(1)\r");
    console.wait_for(">>> ");
    console.type_in("\x04");
    // A reload that was due would come before the program's output, as a second soft reboot.
    let seen = console.wait_for("Hello World!\r\n");
    assert_eq!(seen.matches("soft reboot").count(), 1, "{seen:?}");
}

#[test]
fn input_reads_lines_and_bytes_from_the_console() {
    let bench = bench();
    let code = "import sys\nprint('Hi', input('name? '))\nprint(repr(sys.stdin.read(3)))\n\
                try:\n    input()\nexcept EOFError:\n    print('eof')\n";
    let board = VirtualBoard::with_code(bench.path(), code);
    let mut console = board.console();
    console.type_in("Bo\x08ob\r");
    let seen = console.wait_for("Hi Bob\r\n");
    assert!(seen.contains("ob\r\n"), "{seen:?}");
    console.type_in("a\tb");
    console.wait_for("'a\\tb'\r\n");
    console.type_in("\x04");
    console.wait_for("eof\r\n");
}

#[test]
fn a_host_that_comes_back_finds_nothing_of_what_was_left_unread() {
    let bench = bench();
    let board = VirtualBoard::with_code(bench.path(), "print('unread' * 2000)\n");
    let mut console = board.console();
    console.wait_for("Use CTRL-D to reload.\r\n");
    console.type_in("\x04");
    console.wait_for("code.py output:\r\n");
    drop(console);
    eventually("the next host is told what it can do", || {
        let mut console = board.console();
        if (0..3).all(|_| console.read_some() == 0) {
            return false;
        }
        let seen = console.wait_for(PRESS);
        // Who comes at the very moment when another goes is taken for the same host.
        let noticed = seen.contains(STATUS);
        assert!(!noticed || !seen.contains("unreadunread"), "{seen:?}");
        noticed
    });
}

#[test]
fn a_host_that_echoes_leaves_a_board_that_still_answers() {
    let bench = bench();
    let board = VirtualBoard::plug_in(bench.path(), &[]);
    // A fresh port echoes: without raw mode the board reads its own words as typed.
    let mut echoing = std::fs::File::open(board.directory.join("console")).unwrap();
    echoing
        .read_exact(&mut vec![0; 20_000])
        .expect("the board talks to itself");
    drop(echoing);
    let mut console = board.console();
    console.type_in("\x03\x03");
    console.wait_for(">>> ");
    assert!(board.unplug().success());
}

#[test]
fn every_host_is_told_what_it_can_do() {
    let bench = bench();
    let board = VirtualBoard::plug_in(bench.path(), &[]);
    for _ in 0..3 {
        // A host that comes at the very moment when another goes is taken for the same one.
        eventually("the host is told", || {
            let mut console = board.console();
            (0..3).any(|_| console.read_some() > 0)
                && console
                    .wait_for("Use CTRL-D to reload.\r\n")
                    .ends_with(&format!("{STATUS}{PRESS}"))
        });
    }
}

#[test]
fn a_light_board_answers_without_python() {
    let bench = bench();
    let script = bench.path().join("script.txt");
    std::fs::write(&script, "one\ntwo\nthree").unwrap();
    let script = script.to_str().unwrap();
    let arguments = ["--script", script, "--python", "/does/not/exist"];
    let board = VirtualBoard::plug_in(bench.path(), &arguments);
    let mut console = board.console();
    console.wait_for("Use CTRL-D to reload.\r\n");
    console.type_in("\x04");
    let run = console.wait_for("Code done running.\r\n");
    assert!(run.contains("one\r\ntwo\r\nthree\r\n"), "{run:?}");
    console.enter_repl();
    console.type_in("echo\r");
    assert_eq!(console.wait_for(">>> "), "echo\r\necho\r\n>>> ");
    console.type_in("\x01print(1)\x04");
    console.wait_for("OKprint(1)\r\n\x04\x04>");
}

#[test]
fn a_board_without_its_python_says_so_and_goes_on() {
    let bench = bench();
    let board = VirtualBoard::plug_in(bench.path(), &["--python", "/does/not/exist"]);
    let mut console = board.console();
    console.enter_repl();
    console.type_in("1\r");
    let seen = console.wait_for(">>> ");
    assert!(seen.contains("cannot start /does/not/exist"), "{seen:?}");
}

#[test]
fn an_idle_board_uses_no_processor_time() {
    let bench = bench();
    let board = VirtualBoard::plug_in(bench.path(), &[]);
    let mut console = board.console();
    console.enter_repl();
    let wakes = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", board.process.id()));
        let status = status.expect("the board runs");
        let line = status
            .lines()
            .find(|line| line.starts_with("voluntary_ctxt"));
        line.expect("a count").to_owned()
    };
    // Every quiet read takes a tenth of a second. Before the first quiet spell there may be
    // leftovers: the program's process is reaped.
    eventually("the board sleeps", || {
        let before = wakes();
        (0..5).for_each(|_| assert_eq!(console.read_some(), 0));
        wakes() == before
    });
}
