//! Blocks of Python objects: numpy arrays that `PyTables` pickled whole into one row of a `VLArray`.
//!
//! A block is read and taken apart when one of its columns is asked for. Small ones are kept; of large ones only what
//! is in use is.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder,
};
use arrow_array::{Array, ArrayRef, UInt64Array, new_null_array};
use arrow_schema::DataType;

use super::label::{Scalar, scalar};
use crate::array::arrow;
use crate::error::{Error, Result, damaged, unsupported};
use crate::format::dataset::Dataset;
use crate::format::rows::RowReader;
use crate::format::value::ValueReader;
use crate::number::Places;
use crate::pickle::{Id, Node, Pickle, Plain};

/// Blocks of no more bytes than this are kept.
const KEPT_BYTES_MAX: usize = 1 << 20;
/// Bytes of one pickle.
const PICKLE_BYTES_MAX: usize = 96 << 20;
/// A value that is shown as text.
const PLAIN_VALUES_MAX: usize = 10_000;

/// One column of a block of objects; its cells are found by the number of their row.
#[derive(Debug, Clone)]
pub struct ObjectColumn {
    pub block: Arc<ObjectBlock>,
    pub at: usize,
    pub data_type: DataType,
}

/// A block of objects in a file.
pub struct ObjectBlock {
    dataset: Arc<Dataset>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    strong: Option<Arc<Objects>>,
    weak: Weak<Objects>,
}

/// The columns of a block.
pub struct Objects {
    pub rows: usize,
    pub columns: Vec<ArrayRef>,
}

impl Objects {
    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.rows == 0 || self.columns.is_empty()
    }
}

impl std::fmt::Debug for ObjectBlock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ObjectBlock")
            .finish_non_exhaustive()
    }
}

impl ObjectBlock {
    /// The block in the first row of this dataset; nothing is read yet.
    pub fn new(dataset: Arc<Dataset>) -> Self {
        Self {
            dataset,
            kept: Mutex::default(),
        }
    }

    /// Its columns.
    pub fn objects(&self) -> Result<Arc<Objects>> {
        // Whoever comes second waits for the first: two would need twice the memory.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(objects) = kept.strong.clone().or_else(|| kept.weak.upgrade()) {
            return Ok(objects);
        }
        let objects = Arc::new(self.read()?);
        let bytes: usize = objects
            .columns
            .iter()
            .map(Array::get_array_memory_size)
            .sum();
        kept.strong = (bytes <= KEPT_BYTES_MAX).then(|| Arc::clone(&objects));
        kept.weak = Arc::downgrade(&objects);
        Ok(objects)
    }

    fn read(&self) -> Result<Objects> {
        if self.dataset.rows() != 1 {
            return Err(damaged("a block of objects is not in one row"));
        }
        let mut reader = RowReader::new(&self.dataset)?;
        let (_, stored) = reader.read(0, 1)?;
        let mut values = ValueReader::new(&self.dataset.file, None);
        let Some((count, object)) = values.heap().value(stored)? else {
            return Err(damaged("a block of objects is empty"));
        };
        if count > PICKLE_BYTES_MAX {
            return Err(unsupported("a block of objects has more than 96 MB"));
        }
        let bytes = object
            .as_ref()
            .get(..count)
            .ok_or_else(|| damaged("a block of objects ends too early"))?;
        let pickle = Pickle::of_rows(bytes)?;
        columns_of(&pickle)
    }
}

impl ObjectColumn {
    /// The cells of the rows whose numbers are at these places.
    pub fn array(&self, places: Places<'_>) -> Result<ArrayRef> {
        let objects = self.block.objects()?;
        let column = objects.columns.get(self.at);
        let column = column.ok_or_else(|| damaged("a column of objects is gone"))?;
        let numbers = places.elements().map(crate::format::header::little_endian);
        let numbers: UInt64Array = numbers.collect::<Vec<_>>().into();
        if numbers
            .values()
            .iter()
            .any(|&number| number >= column.len() as u64)
        {
            return Err(damaged("a block of objects has too few rows"));
        }
        arrow_select::take::take(column, &numbers, None).map_err(arrow)
    }
}

/// Takes the array apart that a pickle is: of one dimension, or of rows and columns.
fn columns_of(pickle: &Pickle<'_>) -> Result<Objects> {
    let array = NumpyArray::of(pickle)?;
    let (rows, width) = match array.shape.as_slice() {
        [rows] => (*rows, 1),
        [rows, width] => (*rows, *width),
        _ => {
            return Err(unsupported(
                "a block of objects has more than two dimensions",
            ));
        }
    };
    if rows.checked_mul(width) != Some(array.items.len()) {
        return Err(damaged("a block of objects has another shape than it says"));
    }
    let columns = (0..width).map(|column| {
        let items = (0..rows).map(|row| array.items.get(row * width + column).copied());
        let items = items
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| damaged("a block of objects ends too early"))?;
        cells(pickle, &items)
    });
    Ok(Objects {
        rows,
        columns: columns.collect::<Result<_>>()?,
    })
}

/// A numpy array of objects, as its pickle describes it.
struct NumpyArray<'a> {
    shape: Vec<usize>,
    /// Row by row, whatever order the array had.
    items: &'a [Id],
}

impl<'a> NumpyArray<'a> {
    fn of(pickle: &'a Pickle<'_>) -> Result<Self> {
        let odd = || unsupported("a block of objects is not a numpy array of objects");
        if let Some(items) = pickle.items(pickle.root()) {
            return Ok(Self {
                shape: vec![items.len()],
                items,
            });
        }
        let Node::Made {
            of,
            state: Some(state),
            ..
        } = pickle.node(pickle.root())
        else {
            return Err(odd());
        };
        if pickle
            .global(*of)
            .is_none_or(|(_, name)| name != "_reconstruct")
        {
            return Err(odd());
        }
        // Version, shape, type, order, items.
        let Some(&[_, shape, _, _, items]) = pickle.items(*state) else {
            return Err(odd());
        };
        let length = |id: &Id| match pickle.node(*id) {
            Node::Integer(length) => usize::try_from(*length).ok(),
            _ => None,
        };
        let shape = pickle
            .items(shape)
            .and_then(|shape| shape.iter().map(length).collect());
        Ok(Self {
            shape: shape.ok_or_else(odd)?,
            items: pickle.items(items).ok_or_else(odd)?,
        })
    }
}

/// The kinds of cells that a column may have.
const TEXTS: u8 = 1;
const BOOLEANS: u8 = 2;
const INTEGERS: u8 = 4;
const REALS: u8 = 8;
const NUMBERS: u8 = INTEGERS | REALS;
const BYTES: u8 = 16;
const OTHERS: u8 = 32;

/// The cells of a column: of one type if all of them are, and else as texts.
fn cells(pickle: &Pickle<'_>, items: &[Id]) -> Result<ArrayRef> {
    let mut kinds = 0;
    for &item in items {
        kinds |= match pickle.node(item) {
            Node::None => 0,
            Node::Text(_) | Node::OwnedText(_) => TEXTS,
            Node::Boolean(_) => BOOLEANS,
            Node::Integer(_) => INTEGERS,
            Node::Real(real) if real.is_nan() => 0,
            Node::Real(_) => REALS,
            Node::Bytes(_) | Node::OwnedBytes(_) => BYTES,
            _ => match scalar_of(pickle, item)? {
                Scalar::Null => 0,
                Scalar::Text(_) => TEXTS,
                Scalar::Boolean(_) => BOOLEANS,
                Scalar::Integer(_) => INTEGERS,
                Scalar::Real(_) => REALS,
                Scalar::Bytes(_) => BYTES,
                Scalar::Other(_) => OTHERS,
            },
        };
    }
    let scalars = items.iter().map(|&item| scalar_of(pickle, item));
    match kinds {
        BOOLEANS => build(
            scalars,
            BooleanBuilder::new(),
            |builder, cell| {
                builder.append_option(if let Scalar::Boolean(cell) = cell {
                    Some(cell)
                } else {
                    None
                });
            },
            |mut builder| Arc::new(builder.finish()),
        ),
        REALS | NUMBERS => build(
            scalars,
            Float64Builder::new(),
            |builder, cell| {
                builder.append_option(match cell {
                    Scalar::Real(cell) => Some(cell),
                    Scalar::Integer(cell) => Some(cell as f64),
                    _ => None,
                });
            },
            |mut builder| Arc::new(builder.finish()),
        ),
        INTEGERS => build(
            scalars,
            Int64Builder::new(),
            |builder, cell| {
                builder.append_option(if let Scalar::Integer(cell) = cell {
                    Some(cell)
                } else {
                    None
                });
            },
            |mut builder| Arc::new(builder.finish()),
        ),
        BYTES => build(
            scalars,
            BinaryBuilder::new(),
            |builder, cell| {
                builder.append_option(if let Scalar::Bytes(cell) = cell {
                    Some(cell)
                } else {
                    None
                });
            },
            |mut builder| Arc::new(builder.finish()),
        ),
        0 => Ok(new_null_array(&DataType::Utf8, items.len())),
        TEXTS => {
            let mut builder = StringBuilder::with_capacity(items.len(), items.len() * 8);
            for &item in items {
                match pickle.text(item) {
                    Some(text) => builder.append_value(text),
                    None => match scalar_of(pickle, item)? {
                        Scalar::Text(text) => builder.append_value(text),
                        _ => builder.append_null(),
                    },
                }
            }
            Ok(Arc::new(builder.finish()))
        }
        // Cells of different kinds, each as the text that says what it is.
        _ => texts(scalars),
    }
}

fn build<B>(
    cells: impl Iterator<Item = Result<Scalar>>,
    mut builder: B,
    append: impl Fn(&mut B, Scalar),
    finish: impl Fn(B) -> ArrayRef,
) -> Result<ArrayRef> {
    for cell in cells {
        append(&mut builder, cell?);
    }
    Ok(finish(builder))
}

fn texts(cells: impl Iterator<Item = Result<Scalar>>) -> Result<ArrayRef> {
    build(
        cells,
        StringBuilder::new(),
        |builder, cell| match cell {
            Scalar::Null => builder.append_null(),
            Scalar::Boolean(boolean) => {
                builder.append_value(if boolean { "True" } else { "False" });
            }
            Scalar::Integer(number) => builder.append_value(number.to_string()),
            Scalar::Real(real) => builder.append_value(format!("{real:?}")),
            Scalar::Text(text) | Scalar::Other(text) => builder.append_value(text),
            Scalar::Bytes(bytes) => builder.append_value(String::from_utf8_lossy(&bytes)),
        },
        |mut builder| Arc::new(builder.finish()),
    )
}

fn scalar_of(pickle: &Pickle<'_>, item: Id) -> Result<Scalar> {
    let plain =
        Plain::of(pickle, item, PLAIN_VALUES_MAX).map_err(|error: Error| error.within("a cell"))?;
    Ok(scalar(&plain))
}
