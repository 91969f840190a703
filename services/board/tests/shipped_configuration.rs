//! The configuration that the package installs: all that can be configured, and nothing changed by it.

use cpy_board::Config;
use toml::Table;

const SHIPPED: &str = include_str!("../../../deploy/gateway.toml");

/// The shipped file with every key in force: keys follow their `#` at once, sentences after a space.
fn in_force() -> String {
    let is_key = |text: &str| text.starts_with(|c: char| c.is_ascii_lowercase());
    let lines = SHIPPED.lines().map(|line| match line.strip_prefix('#') {
        Some(key) if is_key(key) => key,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The keys that a table of the configuration can have, as it says itself when it meets another one.
fn possible(table: &str) -> Vec<String> {
    let stranger = if table.is_empty() {
        "stranger = 1".to_owned()
    } else {
        format!("[{table}]\nstranger = 1")
    };
    let error = toml::from_str::<Config>(&stranger).unwrap_err().to_string();
    let (_, expected) = error
        .split_once("expected")
        .expect("it names what it knows");
    let keys = expected.split('`').skip(1).step_by(2);
    keys.map(ToOwned::to_owned).collect()
}

#[test]
fn as_it_is_shipped_everything_has_its_default() {
    assert_eq!(
        toml::from_str::<Config>(SHIPPED).unwrap(),
        Config::default()
    );
}

#[test]
fn it_says_the_defaults_truly() {
    let mut said: Config = toml::from_str(&in_force()).unwrap();
    assert!(
        said.http.password.take().is_some(),
        "no default, an example"
    );
    assert_eq!(said, Config::default());
}

#[test]
fn it_has_every_key() {
    let shipped: Table = in_force().parse().unwrap();
    let tables = possible("");
    assert!(tables.len() > 3, "{tables:?}");
    for name in tables {
        let Some(table) = shipped
            .get(&name)
            .unwrap_or_else(|| panic!("{name} is missing"))
            .as_table()
        else {
            continue;
        };
        for key in possible(&name) {
            assert!(table.contains_key(&key), "{name}.{key} is missing");
        }
    }
}
