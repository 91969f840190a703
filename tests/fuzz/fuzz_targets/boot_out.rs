//! A board's boot_out.txt: what it says can be printed as CircuitPython does and is read again; each thing is a line's
//! part.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(said) = cpy_file_proxy::fuzzing::boot_out(input) else {
        return;
    };
    let parts = [
        &said.version,
        &said.build_date,
        &said.board_name,
        &said.mcu_name,
        &said.board_id,
        &said.uid,
    ];
    for part in parts {
        assert!(!part.contains('\n'), "{part:?}");
        // What is no text takes three bytes for one.
        assert!(part.len() <= 3 * input.len());
    }
    let printed = format!(
        "Adafruit CircuitPython {} on {}; {} with {}\r\nBoard ID:{}\r\nUID:{}\r\n",
        said.version, said.build_date, said.board_name, said.mcu_name, said.board_id, said.uid
    );
    let again = cpy_file_proxy::fuzzing::boot_out(printed.as_bytes());
    assert_eq!(again, Some(said));
});
