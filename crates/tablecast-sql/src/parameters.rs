//! Named parameters: those found in SQL that a person wrote, and those that the renderer gives out.

use tablecast_connector::Value;

use crate::tokens::{Token, tokens};

/// The names of the `:name` parameters in `sql`, in order and as often as they stand there. Strings, quoted names and
/// comments are passed over.
pub fn named_parameters(sql: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut behind_colon = false;
    for token in tokens(sql) {
        if let Token::Word(word) = token
            && behind_colon
        {
            names.push(word.to_owned());
        }
        behind_colon = token == Token::Other(':');
    }
    names
}

/// Values by name, in the order in which a rendered statement mentions them first.
///
/// Values without a name of their own are `p0`, `p1` and so on: the number is how many parameters there are before.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    named: Vec<(String, Value)>,
    taken: Vec<String>,
    searches: usize,
}

impl Parameters {
    /// No parameters; `taken` are names that a person's conditions use, so that none of ours is the same.
    pub fn avoiding(taken: Vec<String>) -> Self {
        Self {
            taken,
            ..Self::default()
        }
    }

    /// Adds a value and gives the name by which to mention it, without colon.
    pub fn add(&mut self, value: Value) -> String {
        let mut number = self.named.len();
        let mut name = format!("p{number}");
        while self.is_taken(&name) {
            number += 1;
            name = format!("p{number}");
        }
        self.named.push((name.clone(), value));
        name
    }

    /// Adds the text of a search: `search` for one over all columns, `search_0` and so on for one over a column.
    pub fn add_search(&mut self, column: Option<&str>, text: &str) -> String {
        let mut name = match column {
            None => "search".to_owned(),
            Some(_) => format!("search_{}", self.searches),
        };
        self.searches += 1;
        while self.is_taken(&name) {
            name.push('_');
        }
        self.named.push((name.clone(), text.into()));
        name
    }

    /// Adds a value under a name that a person gave; the first of two wins.
    pub fn add_named(&mut self, name: &str, value: Value) {
        if !self.named.iter().any(|(known, _)| known == name) {
            self.named.push((name.to_owned(), value));
        }
    }

    /// The values by name.
    pub fn into_named(self) -> Vec<(String, Value)> {
        self.named
    }

    fn is_taken(&self, name: &str) -> bool {
        self.taken.iter().any(|taken| taken == name)
            || self.named.iter().any(|(known, _)| known == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_in_strings_and_comments_are_none() {
        for (sql, names) in [
            ("select :a, ':b', \":c\", [:d], `:e`", vec!["a"]),
            ("select 1 -- :a\n, :b /* :c */", vec!["b"]),
            ("select ':a'':b', :c", vec!["c"]),
            ("select :a where x = :a and y=:b_2", vec!["a", "a", "b_2"]),
            ("select '--', :a", vec!["a"]),
            ("select : a, x::int", vec!["int"]),
            ("select /* unclosed :a", vec![]),
        ] {
            assert_eq!(named_parameters(sql), names, "{sql}");
        }
    }

    #[test]
    fn numbered_names_step_over_those_a_person_uses() {
        let mut parameters = Parameters::avoiding(vec!["p1".to_owned()]);
        assert_eq!(parameters.add(Value::Null), "p0");
        assert_eq!(parameters.add(Value::Null), "p2");
        assert_eq!(parameters.add(Value::Null), "p3");
    }
}
