//! The columns of a table as a manifest has them: a name, a type, and where in a row the values stand.

use serde_json::Value as Json;
use serde_yaml_ng::Value as Yaml;
use tablecast_connector::{Result, is_rowid_name};

use crate::keys::{Keys, named};
use crate::kind::{KINDS, Kind};
use crate::rows::{COLUMNS_MAX, Row};

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The member of a row that holds the value.
    member: String,
    /// A JSON Pointer within that member; empty for the member itself.
    within: String,
}

impl Column {
    /// The column of a member that has its name.
    pub(crate) fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            member: name.to_owned(),
            within: String::new(),
        }
    }

    /// The column's value in a row, if the row has one.
    pub(crate) fn cell<'a>(&self, row: &'a Row) -> Option<&'a Json> {
        row.get(&self.member)?.pointer(&self.within)
    }

    /// Reads `columns` of a table; `None` where there is no such key.
    pub(crate) fn read_all(keys: &mut Keys<'_>) -> Result<Option<Vec<Self>>> {
        let Some(entries) = keys.entries("columns")? else {
            return Ok(None);
        };
        if entries.is_empty() || entries.len() > COLUMNS_MAX {
            let problem = format!("is to have from 1 to {COLUMNS_MAX} columns");
            return Err(keys.wrong("columns", &problem));
        }
        let one = |(name, value): (&str, &Yaml)| Self::read(keys, name, value);
        entries
            .into_iter()
            .map(one)
            .collect::<Result<_>>()
            .map(Some)
    }

    /// One column: its type alone, or keys of which one says where its values stand.
    fn read(keys: &Keys<'_>, name: &str, value: &Yaml) -> Result<Self> {
        if name.is_empty() {
            return Err(keys.wrong("columns", "has a column without a name"));
        }
        let path = format!("columns.{name}");
        if let Some(word) = value.as_str() {
            let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == word) else {
                let names: Vec<&str> = KINDS.iter().map(|(known, _)| *known).collect();
                let problem = format!("is {word:?}; it can be {}", names.join(", "));
                return Err(keys.wrong(&path, &problem));
            };
            return Ok(Self::new(name, *kind));
        }
        if !value.is_mapping() {
            let problem = format!("is {}, not a type", named(value));
            return Err(keys.wrong(&path, &problem));
        }
        let mut below = keys.below(&path, value)?;
        let kind = below.word("type", KINDS)?;
        let at = below.text("at")?;
        let mut column = Self::new(name, below.needed("type", kind)?);
        if let Some(at) = at {
            let Some(at) = at.strip_prefix('/') else {
                return Err(below.wrong("at", "is to be a JSON Pointer, which starts with `/`"));
            };
            let (member, within) = at.find('/').map_or((at, ""), |slash| at.split_at(slash));
            // As RFC 6901 has it: `~1` stands for a slash within a name, `~0` for a tilde.
            column.member = member.replace("~1", "/").replace("~0", "~");
            within.clone_into(&mut column.within);
        }
        below.finish()?;
        Ok(column)
    }
}

/// Whether a column has a name by which the row number is asked for.
pub(crate) fn hides_row_number(columns: &[Column]) -> bool {
    columns.iter().any(|column| is_rowid_name(&column.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_found_where_the_pointer_leads() {
        let row = json!({"a": 1, "b": {"c": [5, 6]}, "d/e": {"~": 7}, "": 8});
        let Json::Object(row) = row else { return };
        let cases = [
            ("x: integer", "null"),
            ("a: integer", "1"),
            ("x: {type: integer, at: /a}", "1"),
            ("x: {type: integer, at: /b/c/1}", "6"),
            ("x: {type: integer, at: /b/c/2}", "null"),
            ("x: {type: integer, at: /b/d/2}", "null"),
            ("x: {type: integer, at: /d~1e/~0}", "7"),
            ("x: {type: integer, at: /}", "8"),
        ];
        for (written, wanted) in cases {
            let yaml: Yaml =
                serde_yaml_ng::from_str(&format!("columns: {{{written}}}")).unwrap_or(Yaml::Null);
            let columns = Keys::of("m", String::new(), &yaml)
                .and_then(|mut keys| Column::read_all(&mut keys));
            let columns = columns.ok().flatten().unwrap_or_default();
            let found = columns
                .first()
                .map(|column| column.cell(&row).unwrap_or(&Json::Null).to_string());
            assert_eq!(found.as_deref(), Some(wanted), "{written}");
        }
    }
}
