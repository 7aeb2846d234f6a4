//! Rows of JSON: one value to a line, one behind the other, or in an array. An object is a row of its members; any other
//! value is a row of one column, `value`. Arrays and objects within are JSON as text, as SQLite keeps them.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::column::{Builder, Class};
use super::records::Cut;

/// Columns of more names are refused: each would be kept for every row.
pub(crate) const COLUMNS_MAX: usize = 2000;

/// The column of rows that are no objects.
const VALUE: &str = "value";

/// How values follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Each in a line of its own.
    Lines,
    /// One behind the other, over as many lines as it likes.
    Values,
    /// In an array, whose bracket stands so many bytes behind the start.
    Array(usize),
    /// Features of `GeoJSON` in such an array, that of a collection.
    Features(usize),
    /// Features of `GeoJSON`, each in a line of its own.
    FeatureLines,
}

impl Layout {
    /// The layout of a text that starts with `start`.
    pub(crate) fn of(start: &[u8]) -> Self {
        let first = start.iter().position(|byte| !byte.is_ascii_whitespace());
        if let Some(at) = first
            && start.get(at) == Some(&b'[')
            && !is_line_of_arrays(start)
        {
            return Self::Array(at);
        }
        if let Some(at) = super::feature::features_at(start) {
            return Self::Features(at);
        }
        let rest = start.get(first.unwrap_or(0)..).unwrap_or_default();
        match memchr::memchr(b'\n', rest) {
            Some(end) if is_value(rest.get(..end).unwrap_or_default()) => {
                Self::of_lines(rest.get(..end).unwrap_or_default())
            }
            Some(_) => Self::Values,
            None => Self::of_lines(rest),
        }
    }

    fn of_lines(line: &[u8]) -> Self {
        if super::feature::is_feature(line) {
            Self::FeatureLines
        } else {
            Self::Lines
        }
    }

    /// Where the bracket of an array stands, if the rows are in one.
    pub(crate) fn array_at(self) -> Option<usize> {
        match self {
            Self::Array(at) | Self::Features(at) => Some(at),
            Self::Lines | Self::Values | Self::FeatureLines => None,
        }
    }

    /// Whether rows are features, whose properties are the columns.
    pub(crate) fn is_of_features(self) -> bool {
        matches!(self, Self::Features(_) | Self::FeatureLines)
    }

    fn is_of_lines(self) -> bool {
        matches!(self, Self::Lines | Self::FeatureLines)
    }
}

/// Whether the first line is an array and another line follows it: rows that are arrays, one to a line.
fn is_line_of_arrays(start: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'\n', start) else {
        return false;
    };
    let (line, rest) = start.split_at(end);
    is_value(line) && rest.iter().any(|byte| !byte.is_ascii_whitespace())
}

fn is_value(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Cuts a text into values.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    layout: Layout,
    /// How far the first value has been looked at, and in what state.
    at: usize,
    depth: usize,
    is_text: bool,
    is_escaped: bool,
    has_begun: bool,
}

impl Values {
    pub(crate) fn new(layout: Layout) -> Self {
        Self {
            layout,
            at: 0,
            depth: 0,
            is_text: false,
            is_escaped: false,
            has_begun: false,
        }
    }

    /// Whether the value ends in front of this byte, or (`Some(true)`) with it.
    fn ends(&mut self, byte: u8) -> Option<bool> {
        if self.is_text {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => {
                    self.is_text = false;
                    return (self.depth == 0 && self.layout == Layout::Values).then_some(true);
                }
                _ => {}
            }
            return None;
        }
        match byte {
            b'"' => self.is_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                return (self.depth == 0 && self.layout == Layout::Values).then_some(true);
            }
            // Behind each element stands a comma, behind the last a bracket.
            b',' | b']' if self.depth == 0 && self.layout != Layout::Values => return Some(true),
            _ if byte.is_ascii_whitespace() => {
                let is_behind = self.has_begun && self.depth == 0;
                return (is_behind && self.layout == Layout::Values).then_some(true);
            }
            _ => {}
        }
        self.has_begun = true;
        None
    }

    fn begin(&mut self) {
        *self = Self::new(self.layout);
    }
}

impl Cut for Values {
    fn end(&mut self, bytes: &[u8], seen: usize, is_last: bool) -> Option<usize> {
        if self.layout.is_of_lines() {
            let line = bytes.get(seen..)?;
            return Some(seen + memchr::memchr(b'\n', line)? + 1);
        }
        if seen == 0 {
            self.begin();
        }
        while let Some(byte) = bytes.get(self.at) {
            self.at += 1;
            if self.ends(*byte).is_some() {
                let end = self.at;
                self.begin();
                return Some(end);
            }
        }
        if is_last {
            self.begin();
        }
        None
    }
}

/// What is wrong with a record.
#[derive(Debug)]
pub(crate) enum ValueFault {
    /// It is not JSON.
    Json(serde_json::Error),
    /// Neither a comma nor the array's end follows it.
    NoEnd,
    /// It is no feature of `GeoJSON`.
    Feature(serde_json::Error),
    /// It has names beyond [`COLUMNS_MAX`].
    Columns,
}

/// The value within a record; `None` if there is none, as behind the last.
pub(crate) fn value(record: &[u8], layout: Layout) -> Result<Option<&[u8]>, ValueFault> {
    let trimmed = record.trim_ascii();
    if trimmed.is_empty() {
        return Ok(None);
    }
    if layout.array_at().is_none() {
        return Ok(Some(trimmed));
    }
    match trimmed.split_last() {
        Some((b',', rest)) => Ok(Some(rest.trim_ascii())),
        Some((b']', rest)) => Ok(Some(rest.trim_ascii()).filter(|rest| !rest.is_empty())),
        _ => Err(ValueFault::NoEnd),
    }
}

/// Whether a record ends its array.
pub(crate) fn is_end(record: &[u8]) -> bool {
    record.trim_ascii().ends_with(b"]")
}

/// Names of columns with their places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub(crate) names: Vec<String>,
    places: HashMap<String, usize>,
}

impl Names {
    pub(crate) fn new(names: Vec<String>) -> Self {
        let places = names.iter().cloned().zip(0..).collect();
        Self { names, places }
    }

    /// The place of a name, which is likely to be `guess`.
    fn place(&self, name: &str, guess: usize) -> Option<usize> {
        match self.names.get(guess) {
            Some(guessed) if guessed == name => Some(guess),
            _ => self.places.get(name).copied(),
        }
    }

    fn add(&mut self, name: &str) -> usize {
        let place = self.names.len();
        self.names.push(name.to_owned());
        self.places.insert(name.to_owned(), place);
        place
    }
}

/// Takes the members of rows.
pub(crate) trait TakeRow {
    /// Takes a cell of a column; `false` if there is no place for the column.
    fn take(&mut self, name: &str, guess: usize, cell: Cell<'_>) -> bool;

    /// Whether the cell of a column is wanted at all.
    fn wants(&self, name: &str, guess: usize) -> bool;
}

/// A cell of JSON.
#[derive(Debug)]
pub(crate) enum Cell<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    Real(f64),
    Text(&'a str),
    /// An array or object.
    Json(String),
}

/// Gives the members of the object `text` to `row`; another value as its only member, `value`. Of a feature, its properties,
/// its geometry and its identifier.
pub(crate) fn read_row(
    text: &[u8],
    layout: Layout,
    row: &mut impl TakeRow,
) -> Result<(), ValueFault> {
    let mut has_place = true;
    if layout.is_of_features() {
        super::feature::read(text, row, &mut has_place)?;
        return if has_place {
            Ok(())
        } else {
            Err(ValueFault::Columns)
        };
    }
    let mut json = serde_json::Deserializer::from_slice(text);
    let read = RowSeed {
        row,
        has_place: &mut has_place,
    }
    .deserialize(&mut json);
    read.and_then(|()| json.end()).map_err(ValueFault::Json)?;
    if has_place {
        Ok(())
    } else {
        Err(ValueFault::Columns)
    }
}

struct RowSeed<'r, R> {
    row: &'r mut R,
    has_place: &'r mut bool,
}

impl<'de, R: TakeRow> DeserializeSeed<'de> for RowSeed<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

macro_rules! only_value {
    ($($method:ident($type:ty) => $cell:expr;)*) => {$(
        fn $method<E: serde::de::Error>(self, value: $type) -> Result<(), E> {
            let cell: fn($type) -> Cell<'static> = $cell;
            *self.has_place &= self.row.take(VALUE, 0, cell(value));
            Ok(())
        }
    )*};
}

impl<'de, R: TakeRow> Visitor<'de> for RowSeed<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    only_value! {
        visit_bool(bool) => Cell::Boolean;
        visit_i64(i64) => Cell::Integer;
        visit_u64(u64) => unsigned;
        visit_f64(f64) => Cell::Real;
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        *self.has_place &= self.row.take(VALUE, 0, Cell::Text(text));
        Ok(())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        *self.has_place &= self.row.take(VALUE, 0, Cell::Null);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        let json = Value::deserialize(SeqAccessDeserializer::new(items))?;
        *self.has_place &= self.row.take(VALUE, 0, Cell::Json(json.to_string()));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut guess = 0;
        while let Some(name) = members.next_key_seed(NameSeed)? {
            if self.row.wants(&name, guess) {
                members.next_value_seed(CellSeed {
                    row: &mut *self.row,
                    has_place: &mut *self.has_place,
                    name: &name,
                    guess,
                })?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
            guess += 1;
        }
        Ok(())
    }
}

fn unsigned(value: u64) -> Cell<'static> {
    i64::try_from(value).map_or(Cell::Unsigned(value), Cell::Integer)
}

/// A name, borrowed where it is written without escapes.
pub(super) struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = std::borrow::Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = std::borrow::Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(name.into())
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(name.to_owned().into())
    }
}

pub(super) struct CellSeed<'r, R> {
    pub(super) row: &'r mut R,
    pub(super) has_place: &'r mut bool,
    pub(super) name: &'r str,
    pub(super) guess: usize,
}

impl<R: TakeRow> CellSeed<'_, R> {
    fn give(self, cell: Cell<'_>) {
        *self.has_place &= self.row.take(self.name, self.guess, cell);
    }
}

impl<'de, R: TakeRow> DeserializeSeed<'de> for CellSeed<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, R: TakeRow> Visitor<'de> for CellSeed<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.give(Cell::Boolean(value));
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.give(Cell::Integer(value));
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.give(unsigned(value));
        Ok(())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.give(Cell::Real(value));
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.give(Cell::Text(text));
        Ok(())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.give(Cell::Null);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        let json = Value::deserialize(SeqAccessDeserializer::new(items))?;
        self.give(Cell::Json(json.to_string()));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        let json = Value::deserialize(MapAccessDeserializer::new(members))?;
        self.give(Cell::Json(json.to_string()));
        Ok(())
    }
}

/// Finds the names and classes of columns.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    pub(crate) names: Names,
    pub(crate) classes: Vec<Class>,
}

impl TakeRow for Classes {
    fn take(&mut self, name: &str, guess: usize, cell: Cell<'_>) -> bool {
        let class = match cell {
            Cell::Null => Class::Nothing,
            Cell::Boolean(_) => Class::Boolean,
            Cell::Integer(number) if number.unsigned_abs() <= 1 << 53 => Class::SmallInteger,
            Cell::Integer(_) => Class::Integer,
            Cell::Real(_) => Class::Real,
            Cell::Unsigned(_) | Cell::Text(_) | Cell::Json(_) => Class::Text,
        };
        let place = match self.names.place(name, guess) {
            Some(place) => place,
            None if self.classes.len() == COLUMNS_MAX => return false,
            None => {
                self.classes.push(Class::Nothing);
                self.names.add(name)
            }
        };
        if let Some(known) = self.classes.get_mut(place) {
            *known = known.with(class);
        }
        true
    }

    fn wants(&self, _: &str, _: usize) -> bool {
        true
    }
}

/// Builds the columns that are wanted.
pub(crate) struct Columns<'a> {
    pub(crate) names: &'a Names,
    /// For each column of the table, the place of its builder.
    pub(crate) builders_of: &'a [Option<usize>],
    pub(crate) builders: &'a mut [Builder],
    /// For each builder, how many rows it has.
    pub(crate) filled: &'a mut [usize],
    /// The row that is being read.
    pub(crate) row: usize,
    /// The column with a cell that does not fit.
    pub(crate) misfit: Option<usize>,
}

impl Columns<'_> {
    fn builder(&self, name: &str, guess: usize) -> Option<(usize, usize)> {
        let place = self.names.place(name, guess)?;
        Some((place, (*self.builders_of.get(place)?)?))
    }
}

impl TakeRow for Columns<'_> {
    fn take(&mut self, name: &str, guess: usize, cell: Cell<'_>) -> bool {
        let Some((place, at)) = self.builder(name, guess) else {
            return true;
        };
        let (Some(builder), Some(filled)) = (self.builders.get_mut(at), self.filled.get_mut(at))
        else {
            return true;
        };
        // Of a name that is there twice the first counts.
        if *filled > self.row {
            return true;
        }
        *filled += 1;
        if !push(builder, cell) {
            builder.push_null();
            self.misfit = Some(place);
        }
        true
    }

    fn wants(&self, name: &str, guess: usize) -> bool {
        self.builder(name, guess).is_some()
    }
}

/// Puts a cell down; whether it fits.
fn push(builder: &mut Builder, cell: Cell<'_>) -> bool {
    match (builder, cell) {
        (builder, Cell::Null) => builder.push_null(),
        (Builder::Boolean(builder), Cell::Boolean(value)) => builder.append_value(value),
        (Builder::Integer(builder), Cell::Integer(value)) => builder.append_value(value),
        (Builder::Real(builder), Cell::Integer(value)) => builder.append_value(value as f64),
        (Builder::Real(builder), Cell::Real(value)) => builder.append_value(value),
        (Builder::Text(builder), Cell::Text(value)) => builder.append_value(value),
        (Builder::Text(builder), Cell::Json(value)) => builder.append_value(value),
        (Builder::Text(builder), Cell::Boolean(value)) => builder.append_value(value.to_string()),
        (Builder::Text(builder), Cell::Integer(value)) => builder.append_value(value.to_string()),
        (Builder::Text(builder), Cell::Unsigned(value)) => builder.append_value(value.to_string()),
        (Builder::Text(builder), Cell::Real(value)) => {
            builder.append_value(Value::from(value).to_string());
        }
        _ => return false,
    }
    true
}
