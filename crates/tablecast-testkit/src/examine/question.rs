//! Questions by chance: filters with values that are there, that are nearly there, and that cannot be.

use tablecast_connector::{
    Column, Direction, Filter, Identity, OPERATORS, Operator, Position, Predicate, Sort, Value,
    Want, real_text,
};

use super::sample::{self, Sample};
use crate::chance::Chance;
use crate::plain::{Values, passes, put_in_order};

/// What is asked of a table.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) table: String,
    pub(super) columns: Vec<String>,
    pub(super) filters: Vec<Filter>,
    pub(super) sort: Option<Sort>,
    pub(super) position: Option<Position>,
    pub(super) limit: Option<u64>,
}

/// Values that are typed beside those that are there.
const ODD: &[&str] = &[
    "0",
    "-1",
    "3.5",
    "1e3",
    "9007199254740993",
    "9223372036854775807",
    "",
    "%",
    "_",
    "a",
    "É",
    "'",
    "null",
    "2020-01-01",
    "[",
    "\u{1f333}",
];

impl Question {
    /// All rows of the table.
    pub(super) fn all(sample: &Sample) -> Self {
        Self {
            table: sample.table.name.clone(),
            columns: sample.names(),
            filters: Vec::new(),
            sort: None,
            position: None,
            limit: None,
        }
    }

    /// Rows under one filter, or two.
    pub(super) fn filtered(sample: &Sample, chance: &mut Chance) -> Self {
        let mut question = Self::all(sample);
        let filters = 1 + usize::from(chance.once_in(4));
        question.filters = (0..filters)
            .filter_map(|_| filter(sample, chance))
            .collect();
        question
    }

    /// The rows wanted.
    pub(super) fn rows_want(&self) -> Want {
        Want::Rows {
            columns: self.columns.clone(),
            sort: self.sort.clone(),
            position: self.position.clone(),
            limit: self.limit,
        }
    }

    /// The filters as the plain executor has them.
    pub(super) fn predicate(&self, sample: &Sample) -> tablecast_connector::Result<Predicate> {
        let predicates = self.filters.iter();
        let predicates = predicates.map(|filter| sample::predicate(sample, filter));
        Ok(Predicate::All(predicates.collect::<Result<_, _>>()?))
    }

    /// The sample's rows that pass, in the order asked for, ties by identity. All of them, whatever the limit.
    pub(super) fn expected(&self, sample: &Sample) -> tablecast_connector::Result<Values> {
        let predicate = self.predicate(sample)?;
        let table = &sample.table;
        let rows = table.rows.iter();
        let mut rows: Values = rows
            .filter(|row| passes(table, row, &predicate))
            .cloned()
            .collect();
        put_in_order(table, &mut rows, &self.order(sample));
        Ok(rows)
    }

    /// The whole order.
    pub(super) fn order(&self, sample: &Sample) -> Vec<Sort> {
        let mut order: Vec<Sort> = self.sort.iter().cloned().collect();
        order.extend(sample.info.identity.order());
        order
    }
}

/// Whether the order of all rows is known.
pub(super) fn has_order(sample: &Sample) -> bool {
    sample.info.identity != Identity::None
}

/// An order by a column.
pub(super) fn sort(sample: &Sample, chance: &mut Chance) -> Option<(usize, Sort)> {
    let (place, column) = sample.column(chance)?;
    let direction = if chance.once_in(2) {
        Direction::Ascending
    } else {
        Direction::Descending
    };
    let column = column.name.clone();
    Some((place, Sort { column, direction }))
}

fn filter(sample: &Sample, chance: &mut Chance) -> Option<Filter> {
    let (place, column) = sample.column(chance)?;
    let (_, operator) = *chance.pick(OPERATORS)?;
    let operator = match operator {
        // A text that looks like a list or a date is read by rules that the plain executor does not have in full.
        Operator::ArrayContains | Operator::ArrayNotContains => Operator::Exact,
        Operator::Date if !column.data_type.is_temporal() => Operator::Not,
        operator => operator,
    };
    Some(Filter::Condition {
        column: column.name.clone(),
        operator,
        value: typed(sample, place, column, operator, chance),
    })
}

fn typed(
    sample: &Sample,
    place: usize,
    column: &Column,
    operator: Operator,
    chance: &mut Chance,
) -> String {
    let one = |chance: &mut Chance| {
        let row = chance.pick(&sample.table.rows);
        let cell = row.and_then(|row| row.get(place)).and_then(text);
        match cell {
            Some(text) if !chance.once_in(4) => text,
            _ => chance.pick(ODD).copied().unwrap_or_default().to_owned(),
        }
    };
    match operator {
        _ if !operator.takes_value() => String::new(),
        Operator::In | Operator::NotIn => {
            let values: Vec<String> = (0..=chance.below(3)).map(|_| one(chance)).collect();
            serde_json::to_string(&values).unwrap_or_default()
        }
        Operator::Contains | Operator::NotContains => part(&one(chance), chance, true, true),
        Operator::StartsWith => part(&one(chance), chance, false, true),
        Operator::EndsWith => part(&one(chance), chance, true, false),
        Operator::Like | Operator::NotLike => {
            format!("%{}_%", part(&one(chance), chance, true, true))
        }
        Operator::Glob => format!("*{}*", part(&one(chance), chance, true, true)),
        Operator::Date => one(chance).chars().take(10).collect(),
        Operator::Exact if column.data_type.is_temporal() => one(chance),
        _ => one(chance),
    }
}

/// A part of a text, cut off in front or behind.
fn part(text: &str, chance: &mut Chance, front: bool, behind: bool) -> String {
    let length = text.chars().count();
    let start = if front { chance.below(length) } else { 0 };
    let left = length - start;
    let keep = if behind { 1 + chance.below(left) } else { left };
    // Long patterns find little, and are hard to read.
    text.chars().skip(start).take(keep.min(40)).collect()
}

/// A cell as a person would type it.
fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null | Value::Blob(_) => return None,
        Value::Integer(integer) => integer.to_string(),
        // Shorter texts than the number's own miss it, which is a good question, too.
        Value::Real(real) if real.fract().to_bits() == 0 => real_text(*real),
        Value::Real(real) => real.to_string(),
        Value::Text(text) => text.chars().take(200).collect(),
    })
}
