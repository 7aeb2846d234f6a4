//! Frames and series in `fixed` format: an index, and blocks of columns of one type each, in datasets of their own.

use std::sync::Arc;

use arrow_array::Array;

use super::Frame;
use super::columns::{Texts, periods, typed};
use super::group::{Group, of_dataset, text};
use super::label::name;
use super::objects::{ObjectBlock, ObjectColumn};
use super::rows::{JoinedRows, cells, values};
use crate::column::{ColumnPlace, Element, columns};
use crate::element::category::{Category, Values};
use crate::error::{Result, damaged, unsupported};
use crate::format::dataset::Dataset;
use crate::format::datatype::{Class, Datatype};
use crate::number::Number;
use crate::pickle::Plain;
use crate::rows::DatasetRows;

/// The frame or series that the group describes.
pub fn frame(group: &Group) -> Result<Frame> {
    let reader = Fixed::new(group)?;
    let is_series = group.text("pandas_type").as_deref() == Some("series");
    if !is_series
        && group
            .number("ndim")
            .is_some_and(|dimensions| dimensions != 2)
    {
        return Err(unsupported(
            "it has more than two dimensions, and is not decoded",
        ));
    }
    let index = reader.axis(if is_series { "index" } else { "axis1" })?;
    let mut joined = JoinedRows::new(Arc::clone(&group.file), index.rows);
    let mut found = index.columns;
    let own = if is_series {
        let label = group
            .attribute("name")?
            .unwrap_or(Plain::Text("values".into()));
        let cells = reader.block("values", 1)?;
        vec![(name(&label), cells.at(0)?)]
    } else {
        reader.columns()?
    };
    let has_index = own.iter().any(|(name, _)| name == "index");
    for (name, _) in &mut found {
        if name.is_empty() {
            if has_index { "level_0" } else { "index" }.clone_into(name);
        }
    }
    found.extend(own);
    let mut places = Vec::with_capacity(found.len());
    let mut sources = index.sources;
    sources.extend(reader.sources(is_series));
    for (name, cells) in found {
        places.push(cells.placed(name, &mut joined)?);
    }
    let rows = joined.with_columns(&places);
    Ok(Frame {
        columns: places,
        rows: Arc::new(rows),
        sources,
        indexes: None,
    })
}

/// Reads the parts of one group.
struct Fixed<'a> {
    group: &'a Group,
    texts: Texts,
}

/// The rows' own labels.
struct Axis {
    rows: u64,
    /// An empty name is none.
    columns: Vec<(String, Cells)>,
    sources: Vec<String>,
}

/// Where the cells of a column are.
#[derive(Clone)]
enum Cells {
    /// In the rows of a dataset, at a place.
    Stored(Arc<Dataset>, ColumnPlace),
    /// In a block of objects.
    Objects(ObjectColumn),
    /// Nowhere: there are none.
    Empty(ColumnPlace),
}

/// One stored array: rows of one or more cells.
enum Block {
    Stored(Arc<Dataset>, ColumnPlace),
    Objects(Arc<ObjectBlock>),
    Empty(ColumnPlace),
}

impl Cells {
    fn placed(self, name: String, joined: &mut JoinedRows) -> Result<ColumnPlace> {
        Ok(match self {
            Self::Stored(dataset, place) => ColumnPlace {
                offset: joined.add(&dataset)? + place.offset,
                name,
                ..place
            },
            Self::Objects(column) => ColumnPlace {
                offset: joined.add_numbers(column.block.objects()?.rows as u64)?,
                name,
                shape: Vec::new(),
                bytes: 8,
                element: Element::Object(column),
                datatype: Datatype {
                    size: 8,
                    class: Class::VariableText,
                },
            },
            Self::Empty(place) => {
                joined.check(0)?;
                ColumnPlace { name, ..place }
            }
        })
    }
}

impl Block {
    /// The cells of one column of it.
    fn at(&self, column: usize) -> Result<Cells> {
        let one = |place: &ColumnPlace| {
            let count = place.elements();
            if column >= count {
                return Err(damaged(format!(
                    "a block of {count} columns has a label for number {column}"
                )));
            }
            Ok(ColumnPlace {
                offset: place.offset + column * place.bytes,
                shape: Vec::new(),
                ..place.clone()
            })
        };
        Ok(match self {
            Self::Stored(dataset, place) => Cells::Stored(Arc::clone(dataset), one(place)?),
            Self::Objects(block) => {
                let objects = block.objects()?;
                let found = objects.columns.get(column);
                let found =
                    found.ok_or_else(|| damaged("a block of objects has too few columns"))?;
                Cells::Objects(ObjectColumn {
                    block: Arc::clone(block),
                    at: column,
                    data_type: found.data_type().clone(),
                })
            }
            Self::Empty(place) => Cells::Empty(ColumnPlace {
                shape: Vec::new(),
                ..place.clone()
            }),
        })
    }
}

impl<'a> Fixed<'a> {
    fn new(group: &'a Group) -> Result<Self> {
        let (encoding, errors) = (group.text("encoding"), group.text("errors"));
        let texts = Texts::new(
            encoding.as_deref(),
            errors.as_deref(),
            Some("nan".to_owned()),
        )?;
        Ok(Self { group, texts })
    }

    /// The columns of all blocks, in the order of the frame.
    fn columns(&self) -> Result<Vec<(String, Cells)>> {
        let labels = self.labels("axis0")?;
        let mut found: Vec<Option<Cells>> = vec![None; labels.len()];
        let blocks = self
            .group
            .number("nblocks")
            .unwrap_or(0)
            .clamp(0, super::COLUMNS_MAX as i64);
        for at in 0..blocks {
            let items = self.labels(&format!("block{at}_items"))?;
            let block = self.block(&format!("block{at}_values"), items.len())?;
            for (column, item) in items.iter().enumerate() {
                let place = labels
                    .iter()
                    .position(|label| label == item)
                    .and_then(|at| found.get_mut(at));
                let place = place.ok_or_else(|| {
                    damaged(format!(
                        "its block {at} has a column {item}, and the frame has none"
                    ))
                })?;
                *place = Some(block.at(column)?);
            }
        }
        let named = labels.into_iter().zip(found);
        let all = named.map(|(name, cells)| {
            let cells =
                cells.ok_or_else(|| damaged(format!("its column {name} is in no block")))?;
            Ok((name, cells))
        });
        all.collect()
    }

    /// The names of columns that an axis holds.
    fn labels(&self, key: &str) -> Result<Vec<String>> {
        let axis = self.axis(key)?;
        if axis.rows > super::COLUMNS_MAX as u64 {
            return Err(unsupported(format!(
                "it has {} columns, and more than {} are not decoded",
                axis.rows,
                super::COLUMNS_MAX
            )));
        }
        let mut names = vec![String::new(); axis.rows as usize];
        for (level, (_, cells)) in axis.columns.into_iter().enumerate() {
            for (name, label) in names.iter_mut().zip(all(cells, axis.rows)?) {
                if level > 0 {
                    name.push('/');
                }
                *name += &label;
            }
        }
        Ok(names)
    }

    /// An axis: one column of labels, or one for each level.
    fn axis(&self, key: &str) -> Result<Axis> {
        match self.group.text(&format!("{key}_variety")).as_deref() {
            Some("multi") => self.levels(key),
            Some("regular") | None => {
                let (index, name) = self.index(key)?;
                let rows = index.rows()?;
                Ok(Axis {
                    rows,
                    columns: vec![(
                        name.map_or_else(String::new, |label| super::label::name(&label)),
                        index.at(0)?,
                    )],
                    sources: vec![key.to_owned()],
                })
            }
            Some(other) => {
                let other: String = other.chars().take(50).collect();
                Err(unsupported(format!(
                    "its {key} is an index of the kind {other}, which is not decoded"
                )))
            }
        }
    }

    fn levels(&self, key: &str) -> Result<Axis> {
        let count = self.group.number(&format!("{key}_nlevels")).unwrap_or(0);
        if !(1..=64).contains(&count) {
            return Err(damaged(format!("its {key} has {count} levels")));
        }
        let (mut columns, mut sources, mut rows) = (Vec::new(), Vec::new(), None);
        for level in 0..count {
            let (level_key, label_key) =
                (format!("{key}_level{level}"), format!("{key}_label{level}"));
            let codes = self.block(&label_key, 1)?;
            let known = *rows.get_or_insert(codes.rows()?);
            if known != codes.rows()? {
                return Err(damaged(format!(
                    "the levels of its {key} have different numbers of rows"
                )));
            }
            let (index, name) = self.index(&level_key)?;
            let name = name.map_or_else(
                || format!("level_{level}"),
                |label| super::label::name(&label),
            );
            let values = index.values().map_err(|error| error.within(&level_key))?;
            columns.push((name, coded(codes.at(0)?, values)?));
            sources.extend([level_key, label_key]);
        }
        Ok(Axis {
            rows: rows.unwrap_or(0),
            columns,
            sources,
        })
    }

    /// An index that is one array, and its name.
    fn index(&self, key: &str) -> Result<(Block, Option<Plain>)> {
        let dataset = self.group.dataset(key)?;
        let said = |what: &str| of_dataset(&dataset, what);
        let kind = text(said("kind")?).unwrap_or_default();
        let label = said("name")?;
        if kind == "category" {
            let codes = self.block(key, 1)?;
            let categories = self.index(&format!("{key}_categories"))?.0.values()?;
            return Ok((Block::of(coded(codes.at(0)?, categories)?), label));
        }
        let mut texts = self.texts.clone();
        if dataset.attribute("nan_rep").is_some() {
            texts.mark = text(said("nan_rep")?).filter(|mark| !mark.is_empty());
        }
        let (freq, tz) = (said("freq")?, said("tz")?);
        let is_period = text(said("index_class")?).as_deref() == Some("period");
        let block = match (self.block(key, 1)?, freq) {
            (Block::Stored(dataset, place), Some(freq)) if is_period => {
                Block::Stored(dataset, periods(place, &freq)?)
            }
            // A frequency without a class: of time differences in files of any age.
            (Block::Stored(dataset, place), Some(Plain::Made { .. })) if kind == "integer" => {
                Block::Stored(dataset, typed(place, "timedelta64[ns]", None, &texts)?)
            }
            (Block::Stored(dataset, place), _) => {
                Block::Stored(dataset, typed(place, &kind, tz.as_ref(), &texts)?)
            }
            (other, _) => other,
        };
        Ok((block, label))
    }

    /// A stored array whose rows have `width` cells.
    fn block(&self, key: &str, width: usize) -> Result<Block> {
        let dataset = self.group.dataset(key)?;
        let within = |error: crate::error::Error| error.within(key);
        let said = |what: &str| of_dataset(&dataset, what).map_err(within);
        let dtype = text(said("value_type")?).unwrap_or_default();
        let (mut found, odd) = columns(&dataset);
        let (Some(place), true) = (found.pop(), found.is_empty() && odd.is_empty()) else {
            return Err(unsupported(format!(
                "{key} is not an array of plain values"
            )));
        };
        let shape = said("shape")?;
        let is_empty = shape
            .as_ref()
            .and_then(Plain::items)
            .is_some_and(|shape| shape.contains(&Plain::Integer(0)))
            || dataset
                .shape
                .as_ref()
                .is_some_and(|shape| shape.contains(&0));
        if is_empty {
            return Ok(Block::Empty(typed(
                ColumnPlace {
                    element: empty_element(&place, &dtype),
                    ..place
                },
                &dtype,
                said("tz")?.as_ref(),
                &self.texts,
            )?));
        }
        if matches!(place.element, Element::Pickle) {
            let objects = Arc::new(ObjectBlock::new(dataset));
            // Without a row it may be of any width.
            let is_empty = objects.objects().map_err(within)?.is_empty();
            return Ok(if is_empty {
                Block::Empty(place_of_texts(&place))
            } else {
                Block::Objects(objects)
            });
        }
        let is_turned = said("transposed")? == Some(Plain::Boolean(false));
        if is_turned && !place.shape.is_empty() {
            return Err(unsupported(format!(
                "{key} is stored column by column, which is not decoded"
            )));
        }
        if place.elements() != width || place.shape.len() > 1 {
            return Err(damaged(format!(
                "{key} has rows of {} cells, and {width} labels",
                place.elements()
            )));
        }
        let place = typed(place, &dtype, said("tz")?.as_ref(), &self.texts).map_err(within)?;
        Ok(Block::Stored(dataset, place))
    }

    /// The names of the datasets with the values.
    fn sources(&self, is_series: bool) -> Vec<String> {
        if is_series {
            return vec!["values".to_owned()];
        }
        let blocks = self
            .group
            .number("nblocks")
            .unwrap_or(0)
            .clamp(0, super::COLUMNS_MAX as i64);
        (0..blocks).map(|at| format!("block{at}_values")).collect()
    }
}

impl Block {
    fn of(cells: Cells) -> Self {
        match cells {
            Cells::Stored(dataset, place) => Self::Stored(dataset, place),
            Cells::Objects(column) => Self::Objects(column.block),
            Cells::Empty(place) => Self::Empty(place),
        }
    }

    fn rows(&self) -> Result<u64> {
        Ok(match self {
            Self::Stored(dataset, _) => dataset.rows(),
            Self::Objects(block) => block.objects()?.rows as u64,
            Self::Empty(_) => 0,
        })
    }

    /// All its cells, as what codes stand for.
    fn values(&self) -> Result<Values> {
        let odd = || unsupported("its values are of a type that is not decoded");
        match self {
            Self::Stored(dataset, place) => values(place, &DatasetRows(Arc::clone(dataset))),
            Self::Objects(block) => {
                let objects = block.objects()?;
                let first = objects.columns.first().ok_or_else(odd)?;
                Values::new(first).ok_or_else(odd)
            }
            Self::Empty(_) => Ok(Values::none()),
        }
    }
}

/// All labels of a column, as the names that columns have.
fn all(cells: Cells, rows: u64) -> Result<Vec<String>> {
    let array = match cells {
        Cells::Stored(dataset, place) => match &place.element {
            // Codes of levels stand for what they name.
            Element::Category(_)
            | Element::Moment(_)
            | Element::Marked(_)
            | Element::Number(_)
            | Element::Duration(_) => self::cells(&place, &DatasetRows(dataset))?,
            _ => {
                return Err(unsupported(
                    "the labels of its columns are of a type that is not decoded",
                ));
            }
        },
        Cells::Objects(column) => {
            let objects = column.block.objects()?;
            let found = objects.columns.get(column.at).cloned();
            found.ok_or_else(|| damaged("labels are gone"))?
        }
        Cells::Empty(_) => return Ok(Vec::new()),
    };
    let values = Values::new(&array);
    let values = values.ok_or_else(|| {
        unsupported("the labels of its columns are of a type that is not decoded")
    })?;
    Ok((0..rows as usize).map(|at| values.name(at)).collect())
}

/// Codes, with what they stand for.
fn coded(codes: Cells, values: Values) -> Result<Cells> {
    let with = |place: ColumnPlace| {
        let Element::Number(number) = place.element else {
            return Err(damaged("codes are not whole numbers"));
        };
        Ok(ColumnPlace {
            element: Element::Category(Category {
                number,
                values: Arc::new(values),
            }),
            ..place
        })
    };
    Ok(match codes {
        Cells::Stored(dataset, place) => Cells::Stored(dataset, with(place)?),
        Cells::Empty(place) => Cells::Empty(with(place)?),
        Cells::Objects(_) => return Err(damaged("codes are not whole numbers")),
    })
}

/// What stands for an empty array is of another type than it would have been.
fn empty_element(place: &ColumnPlace, dtype: &str) -> Element {
    use crate::format::datatype::Order;
    match dtype {
        "bool" => Element::Number(Number::Boolean),
        "float32" | "float16" => Element::Number(Number::F32(Order::Little)),
        "float64" => Element::Number(Number::F64(Order::Little)),
        "object" | "str" | "string" => place_of_texts(place).element,
        other
            if other.starts_with("int")
                || other.starts_with("datetime")
                || other.starts_with("timedelta")
                || other.starts_with("period") =>
        {
            Element::Number(Number::I64(Order::Little))
        }
        other if other.starts_with("uint") => Element::Number(Number::U64(Order::Little)),
        _ => place.element.clone(),
    }
}

fn place_of_texts(place: &ColumnPlace) -> ColumnPlace {
    ColumnPlace {
        element: Element::Text(crate::format::datatype::Padding::Null),
        ..place.clone()
    }
}
