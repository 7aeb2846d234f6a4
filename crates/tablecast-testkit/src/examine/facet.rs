//! Level facet: the commonest values with their counts.

use tablecast_connector::{Answer, FacetKind, Value, Want, compare_values};

use super::asking::Asking;
use super::question::Question;
use super::{Test, tell};
use crate::plain::counted;

pub(super) const TESTS: &[Test] = &[Test {
    name: "facets_count_values",
    run: facets_count_values,
}];

fn facets_count_values(asking: &mut Asking<'_>) {
    let sample = asking.sample;
    if !sample.is_whole || sample.comparable.is_empty() {
        return asking.skip("not all rows of the table are read, or there is no column to count");
    }
    while asking.goes_on() {
        let question = if asking.chance.once_in(2) {
            Question::filtered(sample, &mut asking.chance)
        } else {
            Question::all(sample)
        };
        let Some((place, column)) = sample.column(&mut asking.chance) else {
            return;
        };
        let limit = 1 + asking.chance.below(30);
        let address = tell::address(&question);
        let mark = if address.contains('?') { '&' } else { '?' };
        let request = format!("{address}{mark}_facet={}&_facet_size={limit}", column.name);
        let Ok(rows) = question.expected(sample) else {
            continue;
        };
        let mut expected = counted(&rows, place);
        let more = expected.len() > limit;
        expected.truncate(limit);
        let want = Want::Facet {
            column: column.name.clone(),
            kind: FacetKind::Column,
            limit: limit as u64,
            sample: None,
        };
        let told = |values: &[(Value, u64)], more: bool| {
            let mut shown: Vec<String> = values
                .iter()
                .take(5)
                .map(|(value, rows)| format!("{}: {rows}", tell::value(value)))
                .collect();
            shown.push(format!("({} values, more: {more})", values.len()));
            shown.join(", ")
        };
        match asking.answer(&question, want) {
            Err(error) => asking.wrong(request, told(&expected, more), tell::error(&error)),
            Ok(Answer::Facet {
                values,
                more: found,
            }) => {
                let same = values.len() == expected.len()
                    && values
                        .iter()
                        .zip(&expected)
                        .all(|((a, m), (b, n))| m == n && compare_values(a, b).is_eq());
                if !same || found != more {
                    asking.wrong(request, told(&expected, more), told(&values, found));
                }
            }
            Ok(other) => asking.wrong(request, told(&expected, more), format!("{other:?}")),
        }
    }
}
