//! Holds the guide against the program: every option, setting, operator and connector stands in it.

#![cfg(test)]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
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
    let commands: [&[&str]; 3] = [&["serve"], &["inspect"], &["connector", "test"]];
    for (command, least) in commands.iter().zip([20, 2, 7]) {
        let help = Command::new(env!("CARGO_BIN_EXE_tablecast"))
            .args(*command)
            .arg("--help")
            .output()
            .expect("it runs");
        let help = String::from_utf8(help.stdout).expect("text");
        let options: Vec<&str> = help
            .split(|c: char| c.is_whitespace() || c == ',' || c == '.' || c == ';' || c == ':')
            .filter(|word| word.starts_with("--") && word.len() > 2)
            .collect();
        assert!(options.len() > least, "{help}");
        for option in options {
            assert!(guide.contains(option), "the option {option}");
        }
    }
}

/// The program's own description names every address and every argument that it serves.
#[test]
fn every_address_argument_and_extra_is_documented() {
    let guide = guide();
    let described = Command::new(env!("CARGO_BIN_EXE_tablecast"))
        .args(["serve", "--get", "/-/openapi.json"])
        .output()
        .expect("it runs");
    let described: Value = serde_json::from_slice(&described.stdout).expect("JSON");
    let paths = described["paths"].as_object().expect("addresses");
    assert!(paths.len() > 40, "{}", paths.len());
    for (path, methods) in paths {
        if let Some((_, page)) = path.rsplit_once("/-/") {
            let page = page.split('.').next().unwrap_or_default();
            assert!(guide.contains(&format!("/-/{page}")), "the address {path}");
        }
        for parameter in methods["get"]["parameters"].as_array().expect("parameters") {
            if parameter["in"] != "query" || parameter["name"] == "filters" {
                continue;
            }
            let name = parameter["name"].as_str().expect("a name");
            let stands = ["`", "?", "&"]
                .iter()
                .any(|mark| guide.contains(&format!("{mark}{name}")));
            assert!(stands, "the argument {name}");
            let extras = parameter["schema"]["items"]["enum"].as_array();
            for extra in extras.into_iter().flatten().filter_map(Value::as_str) {
                assert!(guide.contains(&format!("`{extra}`")), "the extra {extra}");
            }
        }
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
