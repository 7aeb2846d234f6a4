//! What a test of a connector came to, for people: what was read, what was asked, what is wrong, who does what.

use std::fmt::Write;

use tablecast_testkit::examine::{Examined, LEVELS, Level, Tested};

/// Says on standard error which level is asked, so that nobody takes a long test for a standstill.
pub(super) struct Progress {
    last: Option<Level>,
    is_quiet: bool,
}

impl Progress {
    /// Says nothing if the result is for a program.
    pub(super) fn new(is_quiet: bool) -> Self {
        Self {
            last: None,
            is_quiet,
        }
    }

    pub(super) fn tell(&mut self, tested: &Tested) {
        if self.last != Some(tested.level) && !self.is_quiet {
            eprintln!("Asking: {} …", tested.level);
        }
        self.last = Some(tested.level);
    }
}

/// The whole report.
pub(super) fn written(location: &str, examined: &Examined) -> String {
    let mut text = format!(
        "{location}, opened by the connector {}\n",
        examined.connector
    );
    tables(&mut text, examined);
    levels(&mut text, examined);
    findings(&mut text, examined);
    support(&mut text, examined);
    let asked: u32 = examined.tests.iter().map(|test| test.asked).sum();
    let failed = failed(&examined.tests).count();
    let verdict = if failed == 0 {
        format!("Passed: {asked} questions")
    } else {
        format!(
            "Failed: {failed} of {} tests, {asked} questions",
            examined.tests.len()
        )
    };
    // A write into a string does not fail.
    let _ = writeln!(text, "\n{verdict}, seed {}", examined.seed);
    text
}

fn failed(tests: &[Tested]) -> impl Iterator<Item = &Tested> {
    tests.iter().filter(|test| !test.findings.is_empty())
}

fn tables(text: &mut String, examined: &Examined) {
    text.push_str("\nTables\n");
    for table in &examined.tables {
        let note = table.note.as_deref();
        let note = note.map_or_else(String::new, |note| format!("  ({note})"));
        let _ = writeln!(text, "  {}: {} rows{note}", table.name, table.rows);
    }
    if examined.tables_left_out > 0 {
        let left = examined.tables_left_out;
        let _ = writeln!(text, "  {left} more are not tested; name one with --table");
    }
}

fn levels(text: &mut String, examined: &Examined) {
    text.push_str("\nLevels\n");
    for level in LEVELS {
        let tests: Vec<&Tested> = examined
            .tests
            .iter()
            .filter(|test| test.level == *level)
            .collect();
        if tests.is_empty() {
            continue;
        }
        let asked: u32 = tests.iter().map(|test| test.asked).sum();
        let skipped = tests.iter().filter(|test| test.skipped.is_some()).count();
        let failed = tests
            .iter()
            .filter(|test| !test.findings.is_empty())
            .count();
        let verdict = if failed > 0 {
            format!("{failed} tests FAILED")
        } else {
            "passed".to_owned()
        };
        let _ = write!(text, "  {level:<10}{asked:>6} questions  {verdict}");
        let _ = match skipped {
            0 => writeln!(text),
            skipped => writeln!(text, "  ({skipped} of {} tests left out)", tests.len()),
        };
    }
    let mut reasons: Vec<&str> = examined
        .tests
        .iter()
        .filter_map(|test| test.skipped.as_deref())
        .collect();
    reasons.sort_unstable();
    reasons.dedup();
    for reason in reasons {
        let _ = writeln!(text, "  Left out where {reason}");
    }
}

fn findings(text: &mut String, examined: &Examined) {
    for test in failed(&examined.tests) {
        let _ = writeln!(
            text,
            "\nFAILED  {}: {} ({})",
            test.level, test.name, test.table
        );
        for finding in &test.findings {
            let _ = writeln!(text, "    request   {}", finding.request);
            let _ = writeln!(text, "    expected  {}", finding.expected);
            let _ = writeln!(text, "    got       {}", finding.got);
        }
    }
}

fn support(text: &mut String, examined: &Examined) {
    if examined.support.is_empty() {
        return;
    }
    text.push_str("\nWho does what\n");
    for item in &examined.support {
        let (kind, name, connector) = (item.kind, &item.name, item.connector);
        let engine = match connector {
            "itself" => "",
            _ => item.engine,
        };
        let line = format!("  {kind:<7} {name:<20} {connector:<17} {engine}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
}
