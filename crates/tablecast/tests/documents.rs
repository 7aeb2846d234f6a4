//! Holds the guide against the program: every option, setting, operator and connector stands in it.

#![cfg(test)]

use std::fs;
use std::path::Path;
use std::process::Command;

use tablecast_connector::OPERATORS;
use tablecast_server::SETTINGS;

fn guide() -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let mut text = String::new();
    for entry in fs::read_dir(docs).expect("the guide") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            text.push_str(&fs::read_to_string(path).expect("text"));
        }
    }
    text
}

#[test]
fn every_setting_and_operator_is_documented() {
    let guide = guide();
    for setting in SETTINGS {
        assert!(
            guide.contains(&format!("`{}`", setting.name)),
            "the setting {}",
            setting.name
        );
    }
    for (name, _) in OPERATORS {
        assert!(guide.contains(&format!("`{name}`")), "the operator {name}");
    }
}

#[test]
fn every_option_is_documented() {
    let guide = guide();
    let help = Command::new(env!("CARGO_BIN_EXE_tablecast"))
        .args(["serve", "--help"])
        .output()
        .expect("it runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let options: Vec<&str> = help
        .split(|c: char| c.is_whitespace() || c == ',' || c == '.' || c == ';' || c == ':')
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .collect();
    assert!(options.len() > 20, "{help}");
    for option in options {
        assert!(guide.contains(option), "the option {option}");
    }
}

#[test]
fn every_connector_is_documented() {
    let guide = guide().to_ascii_lowercase();
    for connector in tablecast::connectors() {
        assert!(
            guide.contains(connector.name()),
            "the connector {}",
            connector.name()
        );
    }
}
