//! Frames in `table` format: the rows of a `PyTables` table, with the columns taken out of its blocks.

use std::sync::Arc;

use super::columns::{Texts, periods, typed};
use super::group::{Group, of_dataset, text};
use super::label::name;
use super::rows::values;
use super::{Frame, Indexes};
use crate::column::{ColumnPlace, Element, members};
use crate::element::category::{Category, Values};
use crate::error::{Result, damaged, unsupported};
use crate::format::dataset::Dataset;
use crate::pickle::Plain;
use crate::rows::{DatasetRows, Rows};

/// Categories have no categories.
const DEPTH_MAX: usize = 2;

/// The frame that the group describes.
pub fn frame(group: &Group) -> Result<Frame> {
    let described = Described::read(group, 0)?;
    let columns = described.columns()?;
    let indexes = group.address("_i_table").map(|group| Indexes {
        dataset: Arc::clone(&described.table),
        names: columns
            .iter()
            .map(|column| described.stored(column))
            .collect(),
        group,
    });
    Ok(Frame {
        columns,
        indexes,
        rows: Arc::new(DatasetRows(Arc::clone(&described.table))),
        sources: vec!["table".to_owned()],
    })
}

/// What a group says about the table in it.
struct Described<'a> {
    group: &'a Group,
    table: Arc<Dataset>,
    /// The table's own columns, by their names in it.
    places: Vec<(String, ColumnPlace)>,
    info: Plain,
    texts: Texts,
    /// Names of index levels that are columns of the table.
    levels: Vec<Plain>,
    depth: usize,
}

impl<'a> Described<'a> {
    fn read(group: &'a Group, depth: usize) -> Result<Self> {
        let table = group.dataset("table")?;
        let places = members(&table);
        if let Some((name, reason)) = places.1.into_iter().next() {
            return Err(unsupported(format!("its column {name}: {reason}")));
        }
        let mark = group.text("nan_rep").unwrap_or_else(|| "nan".to_owned());
        let (encoding, errors) = (group.text("encoding"), group.text("errors"));
        let levels = match group.attribute("levels")? {
            Some(Plain::List(levels) | Plain::Tuple(levels)) => levels,
            _ => Vec::new(),
        };
        Ok(Self {
            texts: Texts::new(encoding.as_deref(), errors.as_deref(), Some(mark))?,
            places: places
                .0
                .into_iter()
                .map(|place| (place.name.clone(), place))
                .collect(),
            info: group.attribute("info")?.unwrap_or(Plain::None),
            levels,
            group,
            table,
            depth,
        })
    }

    fn attribute(&self, column: &str, what: &str) -> Result<Option<Plain>> {
        of_dataset(&self.table, &format!("{column}_{what}"))
    }

    /// What a column of the frame is called in the table; empty if it is a part of a block, which has no index.
    fn stored(&self, column: &ColumnPlace) -> String {
        let is_it =
            |place: &&(String, ColumnPlace)| place.1.offset == column.offset && place.1.is_scalar();
        let found = self.places.iter().find(is_it);
        found.map_or_else(String::new, |(name, _)| name.clone())
    }

    fn place(&self, column: &str) -> Result<ColumnPlace> {
        let found = self.places.iter().find(|(name, _)| name == column);
        let found =
            found.ok_or_else(|| damaged(format!("the frame's table has no column {column}")))?;
        Ok(found.1.clone())
    }

    fn columns(&self) -> Result<Vec<ColumnPlace>> {
        let mut left = self.values()?;
        let mut take = |label: &Plain| {
            let at = left.iter().position(|(known, _)| known == label);
            at.map(|at| left.remove(at).1)
                .ok_or_else(|| damaged(format!("the frame's column {} is nowhere", name(label))))
        };
        let mut columns = Vec::new();
        for level in &self.levels {
            columns.push(take(level)?);
        }
        let order = self.order()?;
        let is_level = |label: &&Plain| !self.levels.contains(label);
        match &order {
            Some(order) => {
                for label in order.iter().filter(is_level) {
                    columns.push(take(label)?);
                }
            }
            None => columns.extend(left.into_iter().map(|(_, place)| place)),
        }
        if self.levels.is_empty() {
            let index = self.index(columns.iter().any(|column| column.name == "index"))?;
            columns.insert(0, index);
        }
        Ok(columns)
    }

    /// The labels of the columns, in the frame's own order; none if the group does not say.
    fn order(&self) -> Result<Option<Vec<Plain>>> {
        let axes = self.group.list("non_index_axes")?;
        match axes.as_slice() {
            [] => Ok(None),
            [only] => match only.items() {
                Some([Plain::Integer(1), labels]) => Ok(labels.items().map(<[Plain]>::to_vec)),
                _ => Err(unsupported(
                    "it is stored with its columns as rows, which is not decoded",
                )),
            },
            _ => Err(unsupported(
                "it has more than two dimensions, and is not decoded",
            )),
        }
    }

    fn index(&self, is_taken: bool) -> Result<ColumnPlace> {
        let columns = self.group.list("index_cols")?;
        let [column] = columns.as_slice() else {
            return Err(unsupported(
                "it has more than two dimensions, and is not decoded",
            ));
        };
        let Some([Plain::Integer(0), Plain::Text(column)]) = column.items() else {
            return Err(unsupported(
                "it is stored with its columns as rows, which is not decoded",
            ));
        };
        let place = self.place(column)?;
        let info = self.info.at(column);
        let said = |what: &str| {
            info.and_then(|info| info.at(what))
                .filter(|value| **value != Plain::None)
        };
        let kind = text(self.attribute(column, "kind")?).unwrap_or_default();
        let is_category = text(self.attribute(column, "meta")?).as_deref() == Some("category")
            || self.categories_group(column).is_some();
        let mut place = if is_category {
            self.category(column, place)?
        } else {
            let mut texts = self.texts.clone();
            texts.mark = self.mark_of_index(column)?;
            match said("freq") {
                Some(freq) if kind == "integer" => periods(place, freq)?,
                _ => typed(place, &kind, said("tz"), &texts)?,
            }
        };
        place.name = match said("index_name") {
            Some(label) => name(label),
            None if is_taken => "level_0".to_owned(),
            None => "index".to_owned(),
        };
        Ok(place)
    }

    /// An index tells its own mark, if it was written by a pandas that does; an empty one is none.
    fn mark_of_index(&self, column: &str) -> Result<Option<String>> {
        if self.table.attribute(&format!("{column}_nan_rep")).is_none() {
            return Ok(Some("nan".to_owned()));
        }
        Ok(text(self.attribute(column, "nan_rep")?).filter(|mark| !mark.is_empty()))
    }

    /// The columns of all blocks, with their labels.
    fn values(&self) -> Result<Vec<(Plain, ColumnPlace)>> {
        let mut values = Vec::new();
        for block in self.group.list("values_cols")? {
            let Plain::Text(block) = block else {
                return Err(damaged("a block of the frame has no name"));
            };
            let labels = match self.attribute(&block, "kind")? {
                Some(Plain::List(labels) | Plain::Tuple(labels)) => labels,
                _ => vec![Plain::Text(block.clone())],
            };
            let place = self.block(&block)?;
            let count = match place.shape.as_slice() {
                [] => 1,
                [count] => *count,
                _ => {
                    return Err(unsupported(format!(
                        "its block {block} has more than two dimensions"
                    )));
                }
            };
            if count != labels.len() {
                return Err(damaged(format!(
                    "its block {block} has {count} columns and {} labels",
                    labels.len()
                )));
            }
            for (at, label) in labels.into_iter().enumerate() {
                let column = ColumnPlace {
                    name: name(&label),
                    offset: place.offset + at * place.bytes,
                    shape: Vec::new(),
                    datatype: element_type(&place),
                    ..place.clone()
                };
                values.push((label, column));
            }
        }
        Ok(values)
    }

    /// One block, with its elements as what they mean.
    fn block(&self, block: &str) -> Result<ColumnPlace> {
        let place = self.place(block)?;
        if text(self.attribute(block, "meta")?).as_deref() == Some("category") {
            return self.category(block, place);
        }
        let tz = self.info.at(block).and_then(|info| info.at("tz"));
        let dtype = text(self.attribute(block, "dtype")?).unwrap_or_default();
        let mut texts = self.texts.clone();
        let is_level = self.levels.iter().any(|level| level.text() == Some(block));
        let has = |mark: &str| {
            matches!(
                self.group.attribute(mark),
                Ok(Some(Plain::Boolean(true) | Plain::Integer(1)))
            )
        };
        // Newer files have a mark for each column, if one is needed.
        if has("data_col_nan_rep") || (is_level && has("mi_level_nan_rep")) {
            texts.mark = text(self.attribute(block, "nan_rep")?);
        }
        typed(place, &dtype, tz, &texts)
    }

    fn categories_group(&self, column: &str) -> Option<Group> {
        let group = self.group.group("meta")?.group(column)?.group("meta")?;
        group.has("table").then_some(group)
    }

    fn category(&self, column: &str, mut place: ColumnPlace) -> Result<ColumnPlace> {
        if self.depth >= DEPTH_MAX {
            return Err(damaged("categories of categories of categories"));
        }
        let Element::Number(number) = place.element else {
            return Err(damaged(format!(
                "the categories of {column} are not numbered"
            )));
        };
        let read = || {
            let Some(group) = self.categories_group(column) else {
                // Without a category there is nothing to write.
                return Ok(Values::none());
            };
            let described = Described::read(&group, self.depth + 1)?;
            let columns = described.columns()?;
            let last = columns.last().ok_or_else(|| damaged("there are none"))?;
            values(
                last,
                &DatasetRows(Arc::clone(&described.table)) as &dyn Rows,
            )
        };
        let values = read().map_err(|error| error.within(format!("the categories of {column}")))?;
        place.element = Element::Category(Category {
            number,
            values: Arc::new(values),
        });
        Ok(place)
    }
}

/// The type of one element of a block.
fn element_type(place: &ColumnPlace) -> crate::format::datatype::Datatype {
    let mut datatype = &place.datatype;
    while let crate::format::datatype::Class::Array { element, .. } = &datatype.class {
        datatype = element;
    }
    datatype.clone()
}
