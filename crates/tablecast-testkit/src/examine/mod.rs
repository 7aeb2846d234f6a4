//! Examines any opened container, whatever it holds: its rows are read by its own scan, and then random questions about
//! them are asked, whose answers are held against the plain executor's.
//!
//! Nothing is known beforehand of what the container holds, so what its scan gives without filters is taken to be true;
//! the [checks](crate::check) over the kit's own data set say whether it is.

mod asking;
mod facet;
mod filter;
mod misbehave;
mod page;
mod question;
mod read;
mod sample;
mod sort;
mod sql;
mod stream;
mod support;
mod tell;
mod wait;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tablecast_connector::{Database, Source};

use crate::chance::Chance;
use asking::Asking;
use sample::Sample;

pub use support::Supported;

/// What is examined, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Tables, columns, scans: what is promised about reading comes.
    Read,
    /// Filters and counts.
    Filter,
    /// Orders.
    Sort,
    /// Pages, one after the other, and single rows.
    Page,
    /// The commonest values.
    Facet,
    /// SQL that a person writes.
    Sql,
    /// Rows on their way: batches, limits, cancelling, scans side by side.
    Stream,
    /// Requests that cannot be right.
    Misbehave,
}

/// All levels, in their order.
pub const LEVELS: &[Level] = &[
    Level::Read,
    Level::Filter,
    Level::Sort,
    Level::Page,
    Level::Facet,
    Level::Sql,
    Level::Stream,
    Level::Misbehave,
];

impl Level {
    /// The name, one lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Filter => "filter",
            Self::Sort => "sort",
            Self::Page => "page",
            Self::Facet => "facet",
            Self::Sql => "sql",
            Self::Stream => "stream",
            Self::Misbehave => "misbehave",
        }
    }

    fn tests(self) -> &'static [Test] {
        match self {
            Self::Read => read::TESTS,
            Self::Filter => filter::TESTS,
            Self::Sort => sort::TESTS,
            Self::Page => page::TESTS,
            Self::Facet => facet::TESTS,
            Self::Sql => sql::TESTS,
            Self::Stream => stream::TESTS,
            Self::Misbehave => misbehave::TESTS,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = LEVELS.iter().find(|level| level.name() == name);
        found.copied().ok_or_else(|| {
            let known: Vec<&str> = LEVELS.iter().map(|level| level.name()).collect();
            format!("there is no level {name:?}; there are {}", known.join(", "))
        })
    }
}

/// What to examine, and how much.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The levels.
    pub levels: Vec<Level>,
    /// The only table, if not all but the hidden ones.
    pub table: Option<String>,
    /// Another seed asks other questions.
    pub seed: u64,
    /// How many questions each test asks of each table.
    pub questions: u32,
    /// The most rows of a table that are read for comparison. Of a larger table fewer things can be told.
    pub sample_rows: usize,
    /// The most tables.
    pub tables: usize,
    /// How long one question, and all of one test of one table, may take.
    pub patience: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            levels: LEVELS.to_vec(),
            table: None,
            seed: 1,
            questions: 20,
            sample_rows: 10_000,
            tables: 50,
            patience: Duration::from_secs(20),
        }
    }
}

/// As much patience is there with a table that is too large to be read whole: it may take longer, which is no fault.
const LARGE: Duration = Duration::from_secs(3);

/// What came out.
#[derive(Clone, Debug, Serialize)]
pub struct Examined {
    /// The connector's name.
    pub connector: String,
    /// The seed of the questions.
    pub seed: u64,
    /// What was read.
    pub tables: Vec<Sampled>,
    /// How many more tables there are.
    pub tables_left_out: usize,
    /// Each test of each table.
    pub tests: Vec<Tested>,
    /// What the connector does itself.
    pub support: Vec<Supported>,
}

impl Examined {
    /// Whether nothing was found wrong.
    pub fn passed(&self) -> bool {
        self.tests.iter().all(|test| test.findings.is_empty())
    }
}

/// A table that was read for comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Sampled {
    /// Its name.
    pub name: String,
    /// How many rows were read.
    pub rows: usize,
    /// Whether these are all.
    pub is_whole: bool,
    /// Why the table was not examined, or not whole.
    pub note: Option<String>,
}

/// What came out of one test of one table.
#[derive(Clone, Debug, Serialize)]
pub struct Tested {
    /// Its level.
    pub level: Level,
    /// What is true of a good source.
    pub name: &'static str,
    /// The table.
    pub table: String,
    /// How many questions were asked.
    pub asked: u32,
    /// How long it took.
    pub milliseconds: u64,
    /// Why nothing was asked.
    pub skipped: Option<String>,
    /// What is wrong: the first few.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The request, as its address behind the database's, or in words.
    pub request: String,
    /// What belongs there.
    pub expected: String,
    /// What came.
    pub got: String,
}

/// One test, which is run on each table.
struct Test {
    /// What is true of a good source.
    name: &'static str,
    run: fn(&mut Asking<'_>),
}

/// Examines `database`, which completes `source`. Blocks; calls `told` when a test has been run.
///
/// A table whose rows cannot be read, or a list of tables that does not come, is a finding of level read.
pub fn examine(
    source: &Arc<dyn Source>,
    database: &Arc<dyn Database>,
    plan: &Plan,
    told: &mut dyn FnMut(&Tested),
) -> Examined {
    let mut examined = Examined {
        connector: source.details().connector,
        seed: plan.seed,
        tables: Vec::new(),
        tables_left_out: 0,
        tests: Vec::new(),
        support: Vec::new(),
    };
    let (samples, opening) = sample::take(source, database, plan, &mut examined);
    for tested in opening {
        told(&tested);
        examined.tests.push(tested);
    }
    for level in LEVELS.iter().filter(|level| plan.levels.contains(level)) {
        for sample in &samples {
            for test in level.tests() {
                let tested = run(source, database, plan, sample, *level, test);
                told(&tested);
                examined.tests.push(tested);
            }
        }
    }
    examined.support = support::table(source, &samples, plan.patience);
    examined
}

fn run(
    source: &Arc<dyn Source>,
    database: &Arc<dyn Database>,
    plan: &Plan,
    sample: &Sample,
    level: Level,
    test: &Test,
) -> Tested {
    let started = Instant::now();
    let mut asking = Asking {
        source,
        database: database.as_ref(),
        sample,
        chance: Chance::new(plan.seed, &[&sample.table.name, test.name]),
        questions: plan.questions,
        patience: if sample.is_whole {
            plan.patience
        } else {
            plan.patience.min(LARGE)
        },
        started,
        asked: 0,
        skipped: None,
        findings: Vec::new(),
    };
    (test.run)(&mut asking);
    Tested {
        level,
        name: test.name,
        table: sample.table.name.clone(),
        asked: asking.asked,
        milliseconds: started.elapsed().as_millis() as u64,
        skipped: asking.skipped,
        findings: asking.findings,
    }
}
