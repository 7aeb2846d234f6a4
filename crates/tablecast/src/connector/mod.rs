//! `tablecast connector …`: which connectors there are, and whether one keeps its promises on what it opens.
//!
//! The conformance kit does the asking; this room opens what is named, and says what came out.

mod junit;
mod report;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use tablecast_connector::Connector;
use tablecast_engine::complete;
use tablecast_testkit::examine::{Examined, LEVELS, Plan, examine};

use crate::arguments::{ConnectorCommand, TestArguments};
use crate::guests;
use crate::open::{Wanted, open_one, options};
use crate::scaffold;

/// Ends with this where nothing could be tested.
const NOT_TESTED: u8 = 2;

pub(crate) async fn run(
    connectors: Vec<Arc<dyn Connector>>,
    command: ConnectorCommand,
) -> anyhow::Result<ExitCode> {
    match command {
        ConnectorCommand::List(arguments) => {
            for connector in guests::before(connectors, &arguments.guests)? {
                let gathers = if connector.gathers() {
                    "; the files of a folder are the tables of one database"
                } else {
                    ""
                };
                println!("{}\n    {}{gathers}", connector.name(), connector.opens());
            }
            Ok(ExitCode::SUCCESS)
        }
        ConnectorCommand::New(arguments) => {
            scaffold::new(&arguments)?;
            Ok(ExitCode::SUCCESS)
        }
        ConnectorCommand::Test(arguments) => test(connectors, arguments).await.or_else(|error| {
            eprintln!("Error: {error:#}");
            Ok(ExitCode::from(NOT_TESTED))
        }),
    }
}

async fn test(
    connectors: Vec<Arc<dyn Connector>>,
    arguments: TestArguments,
) -> anyhow::Result<ExitCode> {
    let connectors = guests::before(connectors, &arguments.guests)?;
    let wanted = Wanted {
        text: arguments.location.clone(),
        options: options(false, false, &[], 0),
    };
    let opened = open_one(&connectors, wanted).await;
    let source = opened.result.map_err(|error| match error.suggestion() {
        Some(hint) => anyhow!("{error}. {hint}"),
        None => anyhow!("{error}"),
    })?;
    if let Some(table) = &arguments.table {
        source
            .table_info(table)
            .await
            .map_err(|error| anyhow!("--table {table}: {error}"))?;
    }
    // A result that cannot be written is known before an hour of questions.
    if let Some(path) = &arguments.junit {
        std::fs::write(path, "")
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    let plan = plan(&arguments);
    let database = complete(Arc::clone(&source));
    let mut progress = report::Progress::new(arguments.json);
    let asking = tokio::task::spawn_blocking(move || {
        examine(&source, &database, &plan, &mut |tested| {
            progress.tell(tested);
        })
    });
    let examined = asking.await.context("the questions ended too early")?;
    if let Some(path) = &arguments.junit {
        std::fs::write(path, junit::written(&arguments.location, &examined))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    print(&arguments, &examined)?;
    Ok(if examined.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn plan(arguments: &TestArguments) -> Plan {
    Plan {
        levels: if arguments.level.is_empty() {
            LEVELS.to_vec()
        } else {
            arguments.level.clone()
        },
        table: arguments.table.clone(),
        seed: arguments.seed,
        questions: arguments.questions,
        sample_rows: arguments.rows as usize,
        ..Plan::default()
    }
}

fn print(arguments: &TestArguments, examined: &Examined) -> anyhow::Result<()> {
    if arguments.json {
        let mut result = serde_json::to_value(examined)?;
        if let Some(members) = result.as_object_mut() {
            members.insert("location".to_owned(), arguments.location.clone().into());
            members.insert("passed".to_owned(), examined.passed().into());
        }
        println!("{}", serde_json::to_string_pretty(&result)?);
    } else {
        print!("{}", report::written(&arguments.location, examined));
    }
    Ok(())
}
