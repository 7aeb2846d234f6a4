//! `tablecast connector new`: a folder with a connector that works, a file that it reads, and its test.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::arguments::{Language, NewArguments};

/// The files of each language. `@name@` in a path or text is the connector's name, `@Name@` the same as a type is written,
/// `@checkout@` where the crates of Tablecast lie.
const PYTHON: &[(&str, &str)] = &[
    ("@name@.py", include_str!("python/connector.py")),
    ("test_@name@.py", include_str!("python/test.py")),
    ("example.@name@", include_str!("example.txt")),
];
const NODE: &[(&str, &str)] = &[
    ("@name@.mjs", include_str!("node/connector.mjs")),
    ("@name@.test.mjs", include_str!("node/test.mjs")),
    (
        "tablecast.mjs",
        include_str!("../../../../sdk/node/tablecast.mjs"),
    ),
    ("example.@name@", include_str!("example.txt")),
];
const RUST: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("rust/Cargo.toml.txt")),
    ("src/main.rs", include_str!("rust/main.rs.txt")),
    ("tests/@name@.rs", include_str!("rust/test.rs.txt")),
    ("example.@name@", include_str!("example.txt")),
];

/// Writes the folder, and says what to do with it. Nothing that is there already is written over.
pub(crate) fn new(arguments: &NewArguments) -> anyhow::Result<()> {
    let name = &arguments.name;
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.len() <= 40;
    if !is_name {
        bail!(
            "{name:?} is no name of a connector: small letters, digits and _, a letter first, at most 40"
        );
    }
    if name == "tablecast" || name == "test" {
        bail!("{name:?} stands for something else already");
    }
    let folder = PathBuf::from(name);
    if folder.exists() {
        bail!("{name} is there already; nothing was written");
    }
    let checkout = match (arguments.language, &arguments.checkout) {
        (Language::Rust, None) => bail!(
            "a connector in Rust is built with the crates of Tablecast, which are not published yet: say where they lie with --checkout PATH"
        ),
        (Language::Rust, Some(path)) => Some(checked(path)?),
        (_, _) => None,
    };
    let files = match arguments.language {
        Language::Python => PYTHON,
        Language::Node => NODE,
        Language::Rust => RUST,
    };
    let filled = |text: &str| {
        let place = checkout
            .as_ref()
            .map_or_else(String::new, |path| path.display().to_string());
        text.replace("@checkout@", &place)
            .replace("@name@", name)
            .replace("@Name@", &type_name(name))
    };
    for (path, text) in files {
        let path = folder.join(filled(path));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        std::fs::write(&path, filled(text)).with_context(|| path.display().to_string())?;
        println!("{}", path.display());
    }
    if let Some(checkout) = &checkout {
        // The same versions of everything, so that what is built there already is used.
        std::fs::copy(checkout.join("Cargo.lock"), folder.join("Cargo.lock"))
            .context("Cargo.lock")?;
    }
    println!(
        "\nServe its example:\n    {}",
        filled(arguments.language.serving())
    );
    println!("Test it:\n    {}", filled(arguments.language.testing()));
    Ok(())
}

fn checked(path: &Path) -> anyhow::Result<PathBuf> {
    let path = path
        .canonicalize()
        .with_context(|| format!("--checkout {}", path.display()))?;
    if !path.join("crates/tablecast-connector/Cargo.toml").is_file() {
        bail!(
            "--checkout {}: the crates of Tablecast are not there",
            path.display()
        );
    }
    Ok(path)
}

/// `my_format` as `MyFormat`.
fn type_name(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

impl Language {
    fn serving(self) -> &'static str {
        match self {
            Self::Python => "cd @name@ && tablecast serve example.@name@ --connector @name@.py",
            Self::Node => "cd @name@ && tablecast serve example.@name@ --connector @name@.mjs",
            Self::Rust => "cd @name@ && cargo run -- serve example.@name@",
        }
    }

    fn testing(self) -> &'static str {
        match self {
            Self::Python => "cd @name@ && python3 -m unittest",
            Self::Node => "cd @name@ && node --test",
            Self::Rust => "cd @name@ && cargo test",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_the_name_of_a_type() {
        assert_eq!(type_name("my_format2"), "MyFormat2");
    }
}
