//! A board's settings.toml: settings that say what the file says, or a sentence that gives nothing away.

#![no_main]

use cpy_board::Password;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let settings = match cpy_file_proxy::fuzzing::settings(input) {
        Ok(settings) => settings,
        Err(sentence) => {
            assert!(sentence.starts_with("settings.toml"), "{sentence}");
            assert!(!sentence.contains('\n'), "{sentence:?}");
            assert!(sentence.len() < 500, "{} bytes: {sentence}", sentence.len());
            return;
        }
    };
    assert_ne!(settings.port, Some(0));
    assert_ne!(settings.instance_name.as_deref(), Some(""));
    let mut table = toml::Table::new();
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            table.insert(format!("CIRCUITPY_WEB_{key}"), toml::Value::String(value));
        }
    };
    put("INSTANCE_NAME", settings.instance_name.clone());
    put("API_PORT", settings.port.map(|port| port.to_string()));
    put(
        "API_PASSWORD",
        settings.password.as_ref().map(|password| {
            assert!(!password.reveal().is_empty());
            let another = Password::try_from("another".to_owned()).unwrap();
            assert_eq!(format!("{password:?}"), format!("{another:?}"));
            password.reveal().to_owned()
        }),
    );
    let again = cpy_file_proxy::fuzzing::settings(table.to_string().as_bytes());
    assert_eq!(again, Ok(settings));
});
