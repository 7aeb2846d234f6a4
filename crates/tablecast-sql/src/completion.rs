//! Statements that find a few rows by what a person types of their key or label.

use tablecast_connector::{Statement, Value};

use crate::dialect::Syntax;

/// What rows are looked for by.
#[derive(Clone, Copy)]
pub struct Completion<'a> {
    /// How the dialect writes names.
    pub syntax: &'a dyn Syntax,
    /// The table.
    pub table: &'a str,
    /// The columns of the key, at least one.
    pub keys: &'a [String],
    /// The column that stands for a row.
    pub label: Option<&'a str>,
    /// The most rows.
    pub rows_max: u64,
}

impl Completion<'_> {
    /// The last rows, by the first column of the key.
    pub fn first_rows(&self) -> Statement {
        let (first, others) = self.quoted_keys();
        let order: Vec<String> = std::iter::once(format!("{first} desc"))
            .chain(others)
            .collect();
        self.statement("", &order.join(", "), Vec::new())
    }

    /// Rows with `typed` in a column of the key or in the label: the one with this key first, then those whose label
    /// holds it, short labels before long ones.
    pub fn anywhere(&self, typed: &str) -> Statement {
        let matches = |column: &String| format!("{column} like :like escape '\\'");
        let (first, others) = self.quoted_keys();
        let label = self.label.map(|label| self.syntax.quote(label));
        let mut columns: Vec<String> = std::iter::once(first.clone()).chain(others).collect();
        let mut order = Vec::new();
        if self.keys.len() == 1 {
            order.push(format!(
                "case when cast({first} as text) = :q then 0 else 1 end"
            ));
        }
        match &label {
            Some(label) => {
                let holds = matches(label);
                order.push(format!("case when {holds} then 0 else 1 end"));
                order.push(format!(
                    "case when {holds} then length(cast({label} as text)) end"
                ));
            }
            None => order.push(format!("length(cast({first} as text))")),
        }
        order.extend(columns.iter().cloned());
        columns.extend(label.filter(|label| !columns.contains(label)));
        let condition: Vec<String> = columns.iter().map(matches).collect();
        let parameters = vec![
            ("like".to_owned(), format!("%{}%", escaped(typed)).into()),
            ("q".to_owned(), typed.into()),
        ];
        self.statement(
            &format!("where {}", condition.join(" or ")),
            &order.join(", "),
            parameters,
        )
    }

    /// Rows whose first column of the key starts with `typed`: an index finds them.
    pub fn key_starts_with(&self, typed: &str) -> Statement {
        let (first, others) = self.quoted_keys();
        let mut parameters = vec![
            ("like".to_owned(), format!("{}%", escaped(typed)).into()),
            ("q".to_owned(), typed.into()),
        ];
        let mut condition = format!("where {first} like :like escape '\\' and {first} >= :q");
        if let Some(end) = behind_prefix(typed) {
            condition = format!("{condition} and {first} < :end");
            parameters.push(("end".to_owned(), end.into()));
        }
        let order: Vec<String> = std::iter::once(first).chain(others).collect();
        self.statement(&condition, &order.join(", "), parameters)
    }

    fn quoted_keys(&self) -> (String, Vec<String>) {
        let mut keys = self.keys.iter().map(|key| self.syntax.quote(key));
        (keys.next().unwrap_or_default(), keys.collect())
    }

    fn statement(
        &self,
        condition: &str,
        order: &str,
        parameters: Vec<(String, Value)>,
    ) -> Statement {
        let (first, mut columns) = self.quoted_keys();
        columns.insert(0, first);
        let label = self.label.map(|label| self.syntax.quote(label));
        columns.extend(label.filter(|label| !columns.contains(label)));
        Statement {
            sql: format!(
                "select {} from {} {condition} order by {order} limit {}",
                columns.join(", "),
                self.syntax.quote(self.table),
                self.rows_max
            ),
            parameters,
        }
    }
}

/// A text as a pattern of `like` that means nothing but itself, with backslashes to escape.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}

/// The first text behind all that start with `prefix`; `None` if there is no such text.
fn behind_prefix(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use tablecast_connector::Dialect;

    use super::*;
    use crate::syntax_of;

    #[test]
    fn what_is_typed_is_no_pattern() {
        let keys = ["id".to_owned()];
        let completion = Completion {
            syntax: syntax_of(&Dialect::sqlite()).expect("known"),
            table: "t",
            keys: &keys,
            label: Some("name"),
            rows_max: 10,
        };
        let statement = completion.anywhere("100%_\\");
        assert_eq!(statement.parameters[0].1, "%100\\%\\_\\\\%".into());
        assert!(
            statement
                .sql
                .starts_with("select id, name from t where id like :like escape")
        );
    }

    #[test]
    fn a_prefix_ends_before_the_next_character() {
        assert_eq!(behind_prefix("ab").as_deref(), Some("ac"));
        assert_eq!(behind_prefix("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(behind_prefix("\u{D7FF}").as_deref(), Some("\u{E000}"));
        assert_eq!(behind_prefix(""), None);
    }
}
