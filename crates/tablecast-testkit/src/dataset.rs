//! The data set that every connector's test stores in a container of its kind. The same rows each time.

use arrow_schema::DataType;
use tablecast_connector::{Column, Value};

/// A table as plain rows.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with a value for each column.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// The position of a column.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|known| known.name == column)
    }
}

/// Rows of `trees`.
const TREES: i64 = 250;

const KINDS: &[&str] = &[
    "Ash", "beech", "Birch", "elm", "ÉRABLE", "fir 10%", "a_b", "",
];

/// `trees`: whole numbers with repetitions, 64-bit extremes, reals with NaN, texts that try patterns; and `empty`: the
/// same columns without a row. No nulls: not every container has them. A real NaN counts as null.
pub fn tables() -> Vec<Table> {
    let columns = vec![
        Column::new("number", DataType::Int64),
        Column::new("station", DataType::Int64),
        Column::new("big", DataType::Int64),
        Column::new("height", DataType::Float64),
        Column::new("kind", DataType::Utf8),
    ];
    let rows = (0..TREES).map(tree).collect();
    vec![
        Table {
            name: "trees".to_owned(),
            columns: columns.clone(),
            rows,
        },
        Table {
            name: "empty".to_owned(),
            columns,
            rows: Vec::new(),
        },
    ]
}

fn tree(number: i64) -> Vec<Value> {
    let big = match number % 10 {
        0 => i64::MAX,
        1 => i64::MIN,
        // Neighbours that are the same as 64-bit reals.
        2 => (1 << 53) + 1,
        3 => 1 << 53,
        rest => rest,
    };
    let height = if number % 7 == 3 {
        f64::NAN
    } else {
        (number * 37 % 100) as f64 / 4.0
    };
    let kind = KINDS
        .get(number as usize * 3 % KINDS.len())
        .copied()
        .unwrap_or_default();
    vec![
        Value::from(number),
        Value::from(number * 13 % 9 - 4),
        Value::from(big),
        Value::Real(height),
        Value::from(kind),
    ]
}
