//! Values of environment variables in a manifest. They are never shown: not in messages, not in a debug form.

use std::fmt;

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, to be handed to nobody but whom it is meant for.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The value of a variable, or what is wrong with it.
pub(crate) fn variable(name: &str) -> Result<String, String> {
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return Err(format!(
            "names the environment variable {name:?}, which is no name"
        ));
    }
    std::env::var(name).map_err(|cause| match cause {
        std::env::VarError::NotPresent => {
            format!("needs the environment variable {name}, which is not set")
        }
        std::env::VarError::NotUnicode(_) => {
            format!("needs the environment variable {name}, which is not UTF-8")
        }
    })
}

/// `text` with each `${NAME}` replaced by the variable's value.
pub(crate) fn expanded(text: &str) -> Result<Secret, String> {
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        let Some((name, after)) = behind.split_once('}') else {
            return Err("has a `${` without its `}`".to_owned());
        };
        done.push_str(before);
        done.push_str(&variable(name)?);
        rest = after;
    }
    done.push_str(rest);
    Ok(Secret(done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_stand_for_their_values_and_are_not_shown() {
        let path = std::env::var("PATH").unwrap_or_default();
        let found = expanded("a ${PATH} b");
        assert_eq!(found, Ok(Secret::new(format!("a {path} b"))));
        assert_eq!(format!("{found:?}"), "Ok(…)");
    }

    #[test]
    fn a_variable_that_is_wrong_is_named() {
        let cases = [
            (
                "${TABLECAST_UNSET_1}",
                "the environment variable TABLECAST_UNSET_1, which is not set",
            ),
            ("${PATH", "has a `${` without its `}`"),
            ("${A B}", "\"A B\", which is no name"),
            ("${}", "\"\", which is no name"),
        ];
        for (text, wanted) in cases {
            let problem = expanded(text).err().unwrap_or_default();
            assert!(problem.ends_with(wanted), "{text}: {problem}");
        }
    }
}
