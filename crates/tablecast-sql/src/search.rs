//! Texts to search, as `SQLite`'s full-text indexes read them.

/// `text` with each word in quotes, so that none is an operator of the index's query language. What stands in quotes
/// already stays so; a last quote that is missing is added.
pub fn escape_fts(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
        rest = rest.get(start..).unwrap_or_default();
        let (word, behind) = if let Some(inner) = rest.strip_prefix('"') {
            let end = inner.find('"').unwrap_or(inner.len());
            let (word, behind) = inner.split_at_checked(end).unwrap_or((inner, ""));
            (word, behind.strip_prefix('"').unwrap_or(behind))
        } else {
            let end = rest
                .find(|c: char| c.is_whitespace() || c == '"')
                .unwrap_or(rest.len());
            rest.split_at_checked(end).unwrap_or((rest, ""))
        };
        if !word.is_empty() {
            words.push(format!("\"{word}\""));
        }
        rest = behind;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_quoted_once() {
        for (text, escaped) in [
            ("dog", "\"dog\""),
            ("cat, dog", "\"cat,\" \"dog\""),
            ("cat* and", "\"cat*\" \"and\""),
            ("\"a b\" c", "\"a b\" \"c\""),
            ("a \"b", "\"a\" \"b\""),
            ("\"\"", ""),
            ("  ", ""),
        ] {
            assert_eq!(escape_fts(text), escaped, "{text}");
        }
    }
}
