//! What a test of a connector came to, in the XML that `JUnit` writes and every service for continuous integration reads.

use std::fmt::Write;

use tablecast_testkit::examine::Examined;

/// One suite, one case for each test of each table.
pub(super) fn written(location: &str, examined: &Examined) -> String {
    let tests = &examined.tests;
    let failures = tests
        .iter()
        .filter(|test| !test.findings.is_empty())
        .count();
    let skipped = tests.iter().filter(|test| test.skipped.is_some()).count();
    let milliseconds: u64 = tests.iter().map(|test| test.milliseconds).sum();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" \
         errors=\"0\" skipped=\"{skipped}\" time=\"{}\">\n",
        escaped(&format!("tablecast connector test {location}")),
        tests.len(),
        seconds(milliseconds),
    );
    for test in tests {
        // A write into a string does not fail.
        let _ = write!(
            xml,
            "  <testcase classname=\"{}.{}\" name=\"{}\" time=\"{}\"",
            escaped(&examined.connector),
            test.level,
            escaped(&format!("{} ({})", test.name, test.table)),
            seconds(test.milliseconds),
        );
        if let Some(reason) = &test.skipped {
            let _ = writeln!(
                xml,
                "><skipped message=\"{}\"/></testcase>",
                escaped(reason)
            );
            continue;
        }
        let Some(first) = test.findings.first() else {
            xml.push_str("/>\n");
            continue;
        };
        let _ = write!(
            xml,
            ">\n    <failure message=\"{}\">",
            escaped(&first.request)
        );
        for finding in &test.findings {
            let _ = write!(
                xml,
                "request: {}\nexpected: {}\ngot: {}\n",
                escaped(&finding.request),
                escaped(&finding.expected),
                escaped(&finding.got)
            );
        }
        xml.push_str("</failure>\n  </testcase>\n");
    }
    xml.push_str("</testsuite>\n");
    xml
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

/// The text as XML has it; characters that XML cannot have are replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
