//! `tablecast inspect`: what files hold, as the JSON that `datasette inspect` prints.

use std::fs;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use serde_json::{Map, Value, json};
use tablecast_connector::{Answer, Ask, Connector, Limits, Want};
use tablecast_server::Configuration;

use crate::arguments::InspectArguments;
use crate::open::{Wanted, named, open_all, options, publish};

pub(crate) async fn inspect(
    connectors: &[Arc<dyn Connector>],
    arguments: &InspectArguments,
) -> anyhow::Result<ExitCode> {
    let wanted = arguments.files.iter().map(|file| Wanted {
        text: file.clone(),
        options: options(true, false, &arguments.load_extension, 0),
    });
    let mut sources = Vec::new();
    for opened in open_all(connectors, wanted.collect()).await {
        let source = opened.result.map_err(|error| match error.suggestion() {
            Some(hint) => anyhow!("{error}. {hint}"),
            None => anyhow!("{error}"),
        })?;
        sources.push((opened.text, source));
    }
    let files = arguments.files.clone();
    let mut report = Map::new();
    let named = named(sources, &Configuration::default()).await?;
    for (published, file) in publish(named).into_iter().zip(files) {
        let details = published.database.details();
        let mut tables = Map::new();
        for table in published.database.table_names().await? {
            let ask = Ask {
                table: table.clone(),
                filters: Vec::new(),
                wants: vec![Want::Count { at_most: None }.into()],
            };
            let answers = published.database.ask(&ask, &Limits::none()).await;
            // A table that cannot be read has no count, and the others have theirs.
            let count = match answers.into_iter().next() {
                Some(Ok(Answer::Count(count))) => count.rows.into(),
                _ => Value::Null,
            };
            tables.insert(table, json!({ "count": count }));
        }
        let item =
            json!({ "hash": details.hash, "size": details.size, "file": file, "tables": tables });
        report.insert(published.name, item);
    }
    let text = serde_json::to_string_pretty(&report)?;
    match &arguments.inspect_file {
        Some(path) => fs::write(path, text)
            .with_context(|| format!("{} cannot be written", path.display()))?,
        None => println!("{text}"),
    }
    Ok(ExitCode::SUCCESS)
}
