//! A grid as a table: its columns, where they are in a row's bytes, and what is said about them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::ArrayRef;
use tablecast_connector::{Array, DimensionKind, Identity, Metadata, TableInfo, is_rowid_name};

use super::decoding::{Said, flags, understand};
use super::rows::{Axis, GridRows, GridVariable};
use super::{Grid, Variable};
use crate::array::array;
use crate::column::{ColumnPlace, Element, element_columns, name_apart};
use crate::element::category::{Category, Values};
use crate::element::cf_time::TimeUnits;
use crate::error::{Result, damaged, unsupported};
use crate::format::cells::{CellReader, Strided};
use crate::format::dataset::{Dataset, Layout};
use crate::format::datatype::{Class, Datatype, Order, Padding};
use crate::format::file::File;
use crate::format::value::ValueReader;
use crate::metadata::attribute_metadata;
use crate::number::Number;
use crate::rows::Rows;
use crate::table::Table;

/// Coordinates of a dimension that are kept; those of a longer one are read with the cells.
const COORDINATES_MAX: u64 = 1 << 17;
/// Bytes of all coordinates of a grid as they are stored.
const COORDINATE_BYTES_MAX: u64 = 16 << 20;
/// Bytes of a row; a grid of more is refused.
const ROW_BYTES_MAX: usize = 1 << 20;
/// Bytes of the number of a cell along one dimension.
const INDEX_BYTES: usize = 8;
/// The number of a cell along one dimension, as it stands in a row.
const INDEX: Number = Number::I64(Order::Little);

/// The table of a grid.
pub fn table(grid: &Grid, file: &Arc<File>, paths: Arc<HashMap<u64, String>>) -> Result<Table> {
    let mut builder = Builder {
        file,
        grid,
        paths: &paths,
        columns: Vec::new(),
        notes: Vec::new(),
        row_bytes: 0,
        variables: Vec::new(),
        bounds: HashMap::new(),
    };
    let axes = builder.axes()?;
    for variable in &grid.variables {
        builder.variable(variable)?;
    }
    let Builder {
        mut columns,
        notes,
        row_bytes,
        variables,
        ..
    } = builder;
    let mut places: Vec<ColumnPlace> = columns.iter().map(|(place, _)| place.clone()).collect();
    name_apart(&mut places);
    for ((column, _), place) in columns.iter_mut().zip(&places) {
        column.name.clone_from(&place.name);
    }
    let identity = if places.iter().any(|place| is_rowid_name(&place.name)) {
        Identity::None
    } else {
        Identity::RowNumber { seekable: true }
    };
    let described = columns.iter().map(|(place, told)| {
        let mut column = place.column();
        column.metadata = told.metadata.clone();
        column.labels.clone_from(&told.labels);
        column.declared_type.clone_from(&told.declared);
        column
    });
    let mut info = TableInfo::new(&grid.name, described.collect(), identity);
    info.metadata = about(grid, &notes);
    let rows = GridRows::new(file, axes, variables, places.clone(), row_bytes)?;
    info.array = rows.lattice().map(|lattice| drawn(lattice.array(), &info));
    Ok(Table {
        info: Arc::new(info),
        columns: places,
        rows: Some(Arc::new(rows)),
        paths,
    })
}

/// The array with what is said about its coordinates.
fn drawn(mut array: Array, info: &TableInfo) -> Array {
    for dimension in &mut array.dimensions {
        let known = info
            .columns
            .iter()
            .find(|column| column.name == dimension.name);
        let (Some(column), DimensionKind::Coordinate) = (known, dimension.kind) else {
            continue;
        };
        dimension.unit.clone_from(&column.metadata.unit);
        let standard = column.metadata.attributes.get("standard_name");
        dimension.kind = match (dimension.unit.as_deref(), standard.map(String::as_str)) {
            _ if !column.affinity.is_numeric() => DimensionKind::Coordinate,
            (
                Some(
                    "degrees_north" | "degree_north" | "degree_N" | "degrees_N" | "degreeN"
                    | "degreesN",
                ),
                _,
            )
            | (_, Some("\"latitude\"")) => DimensionKind::Latitude,
            (
                Some(
                    "degrees_east" | "degree_east" | "degree_E" | "degrees_E" | "degreeE"
                    | "degreesE",
                ),
                _,
            )
            | (_, Some("\"longitude\"")) => DimensionKind::Longitude,
            _ => DimensionKind::Coordinate,
        };
    }
    array
}

/// What is told about a column beside its place.
#[derive(Default)]
struct Told {
    metadata: Metadata,
    labels: Vec<(tablecast_connector::Value, String)>,
    declared: String,
}

struct Builder<'a> {
    file: &'a Arc<File>,
    grid: &'a Grid,
    paths: &'a HashMap<u64, String>,
    columns: Vec<(ColumnPlace, Told)>,
    /// What could not be read, with reasons.
    notes: Vec<(String, String)>,
    row_bytes: usize,
    variables: Vec<GridVariable>,
    /// The units of coordinates, by the name of the variable that holds their bounds.
    bounds: HashMap<String, TimeUnits>,
}

impl Builder<'_> {
    /// The dimensions, each with a column in front.
    fn axes(&mut self) -> Result<Vec<Axis>> {
        let mut axes = Vec::new();
        let mut left = COORDINATE_BYTES_MAX;
        let mut long = Vec::new();
        for (place, dimension) in self.grid.dimensions.iter().enumerate() {
            let at = self.columns.len();
            let mut dimension_axis = Axis {
                length: dimension.length,
                column: Some(at),
                offset: self.row_bytes,
                sorted: Some(Vec::new()),
            };
            let mut column = index_column(&dimension.name, self.row_bytes);
            let mut told = Told {
                declared: "int64".into(),
                ..Told::default()
            };
            if let Some(address) = dimension.coordinates {
                match self.coordinates(address, dimension.length, &mut left) {
                    Ok(Some((values, dataset, declared))) => {
                        dimension_axis.sorted = sorted(&values);
                        let values = Values::new(&values)
                            .ok_or_else(|| damaged("coordinates of an odd kind"))?;
                        column.element = Element::Category(Category {
                            number: INDEX,
                            values: Arc::new(values),
                        });
                        let said = Said::of(&dataset);
                        let mut metadata = attribute_metadata(&dataset, self.paths);
                        // A date has no unit; the attribute still tells it.
                        metadata.unit = metadata.unit.filter(|_| said.time().is_none());
                        told = Told {
                            metadata,
                            labels: Vec::new(),
                            declared,
                        };
                        self.note_bounds(&said);
                    }
                    // Too many to be kept: they are a variable like others.
                    Ok(None) => {
                        dimension_axis.column = None;
                        long.push(Variable {
                            name: dimension.name.clone(),
                            address,
                            axes: vec![place],
                        });
                    }
                    Err(error) => self.notes.push((dimension.name.clone(), error.to_string())),
                }
            }
            if dimension_axis.column.is_some() {
                self.columns.push((column, told));
                self.row_bytes += INDEX_BYTES;
            }
            axes.push(dimension_axis);
        }
        for variable in &long {
            self.variable(variable)?;
        }
        Ok(axes)
    }

    /// The coordinates of a dimension; `None` if there are too many to be kept.
    fn coordinates(
        &self,
        address: u64,
        length: u64,
        left: &mut u64,
    ) -> Result<Option<(ArrayRef, Arc<Dataset>, String)>> {
        let dataset = Arc::new(Dataset::read(self.file, address)?);
        // A second dimension is that of the letters of texts.
        let chars = match dataset.dims() {
            [_] => None,
            [_, chars] if dataset.datatype.size == 1 => Some(*chars),
            _ => return Err(damaged("its coordinates are not those of one dimension")),
        };
        let text = Datatype {
            size: chars.unwrap_or(0).min(COORDINATE_BYTES_MAX) as usize,
            class: Class::Text(Padding::Null),
        };
        let datatype = if chars.is_some() {
            &text
        } else {
            &dataset.datatype
        };
        let (mut columns, _) = element_columns("", datatype);
        let [column] = columns.as_mut_slice() else {
            return Err(unsupported("its coordinates are compounds"));
        };
        if let Some(reason) = dataset.unreadable_reason() {
            return Err(unsupported(reason));
        }
        understand(column, &Said::of(&dataset), self.grid.is_netcdf, None);
        let size = datatype.size;
        let bytes = length.saturating_mul(size as u64);
        if length > COORDINATES_MAX || bytes > *left {
            return Ok(None);
        }
        *left -= bytes;
        let mut block = vec![0; bytes as usize];
        let mut cells = CellReader::new(&dataset)?;
        if chars.is_some() {
            for (at, text) in block.chunks_exact_mut(size.max(1)).enumerate() {
                let mut out = Strided {
                    bytes: text,
                    stride: 1,
                };
                cells.run(&[at as u64, 0], size, &mut out)?;
            }
        } else {
            let mut out = Strided {
                bytes: &mut block,
                stride: size,
            };
            cells.run(&[0], length as usize, &mut out)?;
        }
        let mut values = ValueReader::new(self.file, Some(self.paths));
        let read = array(column, &block, length as usize, size, &mut values)?;
        if Values::new(&read).is_none() {
            return Err(unsupported("its coordinates are neither numbers nor texts"));
        }
        let declared = declared_as(column);
        Ok(Some((read, dataset, declared)))
    }

    fn note_bounds(&mut self, said: &Said<'_>) {
        if let (Some(name), Some(time)) = (said.text("bounds"), said.time()) {
            self.bounds.insert(name, time);
        }
    }

    /// Adds the columns of a variable.
    fn variable(&mut self, variable: &Variable) -> Result<()> {
        match self.readable(variable) {
            Ok((dataset, chars)) => self.columns_of(variable, dataset, chars),
            Err(error) => {
                self.notes.push((variable.name.clone(), error.to_string()));
                Ok(())
            }
        }
    }

    /// The dataset of a variable, and how many characters make a text of it.
    fn readable(&self, variable: &Variable) -> Result<(Arc<Dataset>, Option<usize>)> {
        let dataset = Arc::new(Dataset::read(self.file, variable.address)?);
        let rank = dataset.shape.as_ref().map_or(0, Vec::len);
        if let Some(reason) = dataset.unreadable_reason() {
            return Err(unsupported(reason));
        }
        if !matches!(
            dataset.layout,
            Layout::Compact(_)
                | Layout::Contiguous(_)
                | Layout::Records { .. }
                | Layout::Chunked(_)
        ) {
            return Err(unsupported("its elements do not lie in this dataset"));
        }
        let chars = match rank.checked_sub(variable.axes.len()) {
            Some(0) => None,
            Some(1) => dataset
                .shape
                .as_ref()
                .and_then(|shape| shape.last().copied()),
            _ => return Err(damaged("its dimensions do not fit its scales")),
        };
        Ok((dataset, chars.map(|chars| chars as usize)))
    }

    fn columns_of(
        &mut self,
        variable: &Variable,
        dataset: Arc<Dataset>,
        chars: Option<usize>,
    ) -> Result<()> {
        let bytes = dataset.datatype.size.saturating_mul(chars.unwrap_or(1));
        let offset = self.row_bytes;
        self.row_bytes = offset.saturating_add(bytes);
        if self.row_bytes > ROW_BYTES_MAX {
            return Err(unsupported(format!(
                "its rows are larger than {} MB each",
                ROW_BYTES_MAX >> 20
            )));
        }
        let text = Datatype {
            size: bytes,
            class: Class::Text(Padding::Null),
        };
        let datatype = if chars.is_some() {
            &text
        } else {
            &dataset.datatype
        };
        let (columns, odd) = element_columns(&variable.name, datatype);
        self.notes.extend(odd);
        let said = Said::of(&dataset);
        let inherited = self.bounds.get(&variable.name).copied();
        let metadata = attribute_metadata(&dataset, self.paths);
        let flags = flags(&said);
        let first = self.columns.len();
        for mut column in columns {
            let labels = column.column().labels;
            understand(&mut column, &said, self.grid.is_netcdf, inherited);
            column.offset += offset;
            let mut metadata = metadata.clone();
            if matches!(&column.element, Element::Packed(packed) if packed.time.is_some()) {
                metadata.unit = None;
            }
            let told = Told {
                metadata,
                labels: if labels.is_empty() {
                    flags.clone()
                } else {
                    labels
                },
                declared: declared_as(&column),
            };
            self.columns.push((column, told));
        }
        self.variables.push(GridVariable {
            dataset,
            axes: variable.axes.clone(),
            chars,
            offset,
            columns: first..self.columns.len(),
        });
        Ok(())
    }
}

fn index_column(name: &str, offset: usize) -> ColumnPlace {
    ColumnPlace {
        name: name.to_owned(),
        offset,
        shape: Vec::new(),
        bytes: INDEX_BYTES,
        element: Element::Number(INDEX),
        datatype: Datatype {
            size: INDEX_BYTES,
            class: Class::Integer {
                is_signed: true,
                order: Order::Little,
                shift: 0,
                bits: 64,
            },
        },
    }
}

/// The type of a column as people of NetCDF write it, decoded.
fn declared_as(column: &ColumnPlace) -> String {
    use arrow_schema::DataType;
    match (&column.element, column.data_type()) {
        (Element::Packed(packed), _) if packed.time.is_some() => "time".into(),
        (Element::Packed(_), DataType::Float32) => "float32".into(),
        (Element::Packed(_), DataType::Float64) => "float64".into(),
        (Element::Packed(_), DataType::UInt64) => "uint64".into(),
        (Element::Packed(_), _) => "int64".into(),
        _ => column.column().declared_type,
    }
}

/// The numbers of cells along a dimension by ascending coordinates, nulls first; `None` if some are the same.
fn sorted(values: &ArrayRef) -> Option<Vec<u32>> {
    let values = Values::new(values)?;
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_by(|a, b| values.compare(*a as usize, *b as usize));
    let is_strict = order.windows(2).all(|pair| match pair {
        [a, b] => values.compare(*a as usize, *b as usize).is_lt(),
        _ => true,
    });
    is_strict.then_some(order)
}

fn about(grid: &Grid, notes: &[(String, String)]) -> Metadata {
    let names: Vec<&str> = grid.dimensions.iter().map(|it| it.name.as_str()).collect();
    let mut metadata = Metadata {
        description: Some(format!(
            "One row for each cell of {}, with decoded values",
            names.join(" × ")
        )),
        ..Metadata::default()
    };
    if !notes.is_empty() {
        let notes: serde_json::Map<_, _> = notes
            .iter()
            .map(|(name, reason)| (name.clone(), reason.clone().into()))
            .collect();
        let notes = serde_json::Value::Object(notes).to_string();
        metadata
            .attributes
            .insert("unreadable_columns".into(), notes);
    }
    metadata
}
