//! The distinct values of a column with their counts, in memory within bounds. A value that was met before costs no
//! allocation.

use std::hash::Hash;

use datafusion::common::HashMap;

use tablecast_connector::{Cell, Error, FacetKind, Result, Value, compare_values, day, number};

/// Bytes that the values of one facet may take, in each task and together. While a table of values grows it takes up to
/// three times as much for a moment, and two tasks may do so at a time.
const BYTES_MAX: usize = 64 << 20;

/// What an entry costs beside its text.
const ENTRY_BYTES: usize = 48;

/// Values with the number of rows that have them.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    integers: HashMap<i128, u64>,
    /// By their bits; never NaN or the negative zero.
    reals: HashMap<u64, u64>,
    texts: HashMap<Box<str>, u64>,
    blobs: HashMap<Box<[u8]>, u64>,
    bytes: usize,
}

impl Groups {
    /// Counts one row. `TooLarge` if there are too many distinct values.
    pub(crate) fn add(&mut self, cell: &Cell<'_>, kind: FacetKind) -> Result<()> {
        match kind {
            FacetKind::Column => self.add_cell(cell),
            FacetKind::Array => self.add_elements(cell),
            FacetKind::Date => match date(cell) {
                Some(date) => self.add_value(&Value::Text(date), 1),
                None => Ok(()),
            },
        }
    }

    fn add_cell(&mut self, cell: &Cell<'_>) -> Result<()> {
        match cell {
            cell if cell.is_null() => Ok(()),
            Cell::Integer(integer) => self.add_integer(i128::from(*integer), 1),
            Cell::Unsigned(integer) => self.add_integer(i128::from(*integer), 1),
            Cell::Real(real) => self.add_real(*real, 1),
            Cell::Text(text) => self.add_text(text, 1),
            Cell::Bytes(bytes) => self.add_blob(bytes, 1),
            other => self.add_value(&other.to_value(), 1),
        }
    }

    fn add_value(&mut self, value: &Value, rows: u64) -> Result<()> {
        match value {
            Value::Null => Ok(()),
            Value::Integer(integer) => self.add_integer(*integer, rows),
            Value::Real(real) => self.add_real(*real, rows),
            Value::Text(text) => self.add_text(text, rows),
            Value::Blob(bytes) => self.add_blob(bytes, rows),
        }
    }

    /// Counts rows that have this whole number.
    pub(crate) fn add_integer(&mut self, integer: i128, rows: u64) -> Result<()> {
        count(
            &mut self.integers,
            &integer,
            rows,
            || integer,
            &mut self.bytes,
            0,
        )
    }

    fn add_real(&mut self, real: f64, rows: u64) -> Result<()> {
        // The negative zero plus zero is zero.
        let bits = (real + 0.0).to_bits();
        count(&mut self.reals, &bits, rows, || bits, &mut self.bytes, 0)
    }

    /// Counts rows that have this text.
    pub(crate) fn add_text(&mut self, text: &str, rows: u64) -> Result<()> {
        let owned = || text.into();
        count(
            &mut self.texts,
            text,
            rows,
            owned,
            &mut self.bytes,
            text.len(),
        )
    }

    fn add_blob(&mut self, blob: &[u8], rows: u64) -> Result<()> {
        let owned = || blob.into();
        count(
            &mut self.blobs,
            blob,
            rows,
            owned,
            &mut self.bytes,
            blob.len(),
        )
    }

    /// Each distinct element of a list, or of a JSON array in a text, counts once.
    fn add_elements(&mut self, cell: &Cell<'_>) -> Result<()> {
        let mut elements: Vec<Value> = match cell {
            Cell::List(list) => list.iter().map(|element| element.to_value()).collect(),
            Cell::Text(text) if !text.is_empty() => json_elements(text)?,
            _ => return Ok(()),
        };
        elements.sort_by(compare_values);
        elements.dedup_by(|a, b| compare_values(a, b).is_eq());
        elements
            .iter()
            .try_for_each(|element| self.add_value(element, 1))
    }

    /// Adds what another task has counted.
    pub(crate) fn merge(&mut self, other: Self) -> Result<()> {
        for (integer, rows) in other.integers {
            self.add_integer(integer, rows)?;
        }
        for (bits, rows) in other.reals {
            self.add_real(f64::from_bits(bits), rows)?;
        }
        for (text, rows) in other.texts {
            self.add_text(&text, rows)?;
        }
        for (blob, rows) in other.blobs {
            self.add_blob(&blob, rows)?;
        }
        Ok(())
    }

    /// The `limit` commonest values, by count descending, then value ascending; and whether there are more.
    pub(crate) fn commonest(self, limit: u64) -> (Vec<(Value, u64)>, bool) {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut values: Vec<(Value, u64)> = Vec::new();
        let integers = self.integers.into_iter();
        values.extend(integers.map(|(integer, rows)| (Value::Integer(integer), rows)));
        let reals = self.reals.into_iter();
        values.extend(reals.map(|(bits, rows)| (Value::Real(f64::from_bits(bits)), rows)));
        let texts = self.texts.into_iter();
        values.extend(texts.map(|(text, rows)| (Value::Text(text.into()), rows)));
        let blobs = self.blobs.into_iter();
        values.extend(blobs.map(|(blob, rows)| (Value::Blob(blob.into()), rows)));
        let order = |(a, m): &(Value, u64), (b, n): &(Value, u64)| {
            n.cmp(m).then_with(|| compare_values(a, b))
        };
        let more = values.len() > limit;
        if more && limit > 0 {
            // Only the commonest are put in order: a column of unique values has millions.
            values.select_nth_unstable_by(limit - 1, order);
        }
        values.truncate(limit);
        values.sort_by(order);
        (values, more)
    }
}

fn count<K, Q>(
    counts: &mut HashMap<K, u64>,
    key: &Q,
    rows: u64,
    owned: impl FnOnce() -> K,
    bytes: &mut usize,
    key_bytes: usize,
) -> Result<()>
where
    K: Hash + Eq + std::borrow::Borrow<Q>,
    Q: Hash + Eq + ?Sized,
{
    if let Some(count) = counts.get_mut(key) {
        *count += rows;
        return Ok(());
    }
    *bytes += ENTRY_BYTES + key_bytes;
    if *bytes > BYTES_MAX {
        return Err(
            Error::too_large("The column has too many different values for a facet")
                .hint("Filter the rows first"),
        );
    }
    counts.insert(owned(), rows);
    Ok(())
}

fn json_elements(text: &str) -> Result<Vec<Value>> {
    use serde_json::Value as Json;
    let json: Json = serde_json::from_str(text)
        .map_err(|cause| Error::invalid("malformed JSON").caused_by(cause))?;
    let Json::Array(elements) = json else {
        return Ok(Vec::new());
    };
    Ok(elements
        .into_iter()
        .map(|element| match element {
            Json::Null => Value::Null,
            Json::Bool(boolean) => Value::Integer(i128::from(boolean)),
            Json::Number(digits) => number(&digits.to_string()).unwrap_or(Value::Null),
            Json::String(text) => Value::Text(text),
            nested => Value::Text(nested.to_string()),
        })
        .collect())
}

/// The day of a date, a moment, or a text that starts with an ISO date.
fn date(cell: &Cell<'_>) -> Option<String> {
    let text = match cell {
        Cell::Date(_) | Cell::Timestamp(_) => cell.iso()?,
        Cell::Text(text) => (*text).to_owned(),
        _ => return None,
    };
    let date = day(&text)?;
    let is_in = |range: std::ops::Range<usize>, most: u8| {
        date.get(range)
            .and_then(|digits| digits.parse::<u8>().ok())
            .is_some_and(|number| (1..=most).contains(&number))
    };
    let is_day = is_in(5..7, 12) && is_in(8..10, 31);
    is_day.then(|| date.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commonest_come_first_and_equal_counts_by_value() {
        let mut groups = Groups::default();
        for text in ["b", "a", "c", "a", "b", "d"] {
            groups.add(&Cell::Text(text), FacetKind::Column).unwrap();
        }
        groups
            .add(&Cell::Real(f64::NAN), FacetKind::Column)
            .unwrap();
        let (values, more) = groups.commonest(3);
        assert_eq!(
            values,
            vec![("a".into(), 2), ("b".into(), 2), ("c".into(), 1)]
        );
        assert!(more);
    }

    #[test]
    fn a_row_counts_once_for_each_element() {
        let mut groups = Groups::default();
        for text in ["[\"x\", \"x\", 1, null]", "", "{\"a\": 1}", "[1]"] {
            groups.add(&Cell::Text(text), FacetKind::Array).unwrap();
        }
        let (values, more) = groups.commonest(9);
        assert_eq!(values, vec![(1_i64.into(), 2), ("x".into(), 1)]);
        assert!(!more);
    }

    #[test]
    fn a_date_is_the_start_of_a_moment() {
        for (text, expected) in [
            ("2020-02-03", Some("2020-02-03")),
            ("2020-02-03T10:00", Some("2020-02-03")),
            ("2020-02-03 10:00", Some("2020-02-03")),
            ("2020-13-03", None),
            ("2020-02-031", None),
            ("nonsense", None),
        ] {
            assert_eq!(date(&Cell::Text(text)).as_deref(), expected, "{text}");
        }
    }
}
