//! `--inspect-file`: counts that `tablecast inspect` made before, so that large files need not be counted again. They
//! hold for immutable files alone; of others they would soon be wrong.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, anyhow};
use serde_json::Value;

/// Counts by database and table.
#[derive(Debug, Default)]
pub(crate) struct Counts(BTreeMap<String, BTreeMap<String, u64>>);

impl Counts {
    /// The counts of a file as `inspect` writes it. Tables without a count are left out.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{shown} cannot be read"))?;
        let all: BTreeMap<String, Value> = serde_json::from_str(&text)
            .with_context(|| format!("{shown} is not what inspect writes"))?;
        let mut counts = BTreeMap::new();
        for (database, item) in all {
            let tables = item.get("tables").and_then(Value::as_object);
            let tables = tables.ok_or_else(|| anyhow!("{shown}: {database} has no tables"))?;
            let mut of_tables = BTreeMap::new();
            for (table, item) in tables {
                match item.get("count") {
                    Some(Value::Null) => {}
                    Some(count) if count.is_u64() => {
                        of_tables.extend(count.as_u64().map(|count| (table.clone(), count)));
                    }
                    _ => return Err(anyhow!("{shown}: {database}.{table} has no count of rows")),
                }
            }
            counts.insert(database, of_tables);
        }
        Ok(Self(counts))
    }

    /// Those of one database.
    pub(crate) fn of(&self, database: &str) -> BTreeMap<String, u64> {
        self.0.get(database).cloned().unwrap_or_default()
    }
}
