//! The columns of a dataset: flattened members of a compound, or `value` for everything else.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields};
use tablecast_connector::{Column, Value};

use crate::element::category::Category;
use crate::element::marked::Marked;
use crate::element::moment::{Duration, Moment};
use crate::element::packed::Packed;
use crate::format::dataset::Dataset;
use crate::format::datatype::{Class, Datatype, Member, Padding, Reference};
use crate::format::value::{self, numpy_unit};
use crate::frame::ObjectColumn;
use crate::number::Number;

/// One column, and where its elements are in a row.
#[derive(Debug, Clone)]
pub struct ColumnPlace {
    pub name: String,
    /// Where in a row the first element is.
    pub offset: usize,
    /// The dimensions of a cell; none if a cell is one element.
    pub shape: Vec<usize>,
    /// Bytes of one element.
    pub bytes: usize,
    pub element: Element,
    /// What the column was made from.
    pub datatype: Datatype,
}

/// How elements become cells.
#[derive(Debug, Clone)]
pub enum Element {
    Number(Number),
    /// Text of fixed length.
    Text(Padding),
    /// Text of fixed length in a column where some is not UTF-8.
    TextBytes(Padding),
    /// Text in a heap, of one byte or four bytes a character.
    HeapText {
        unit: usize,
    },
    /// Numbers in a heap.
    HeapNumbers {
        number: Number,
        bytes: usize,
    },
    /// Bytes as they are.
    Bytes,
    /// Bytes in a heap.
    HeapBytes,
    /// A Python object as bytes in a heap.
    Pickle,
    /// Real and imaginary part, and where the second one starts.
    Complex {
        real: Number,
        imaginary: Number,
        offset: usize,
    },
    /// Numbers that mean a moment.
    Moment(Moment),
    /// Numbers that mean a number of seconds.
    Duration(Duration),
    /// Numbers that stand for the values of a list.
    Category(Category),
    /// Numbers of which some stand for nothing, or that are packed.
    Packed(Packed),
    /// Text of fixed length of which one stands for null.
    Marked(Marked),
    /// The number of a row in a block of pickled objects.
    Object(ObjectColumn),
    /// Anything else, read element by element.
    Other(Datatype),
}

impl Element {
    /// The number that is stored, whatever it means.
    pub fn stored_number(&self) -> Option<Number> {
        match self {
            Self::Number(number)
            | Self::Moment(Moment { number, .. })
            | Self::Duration(Duration { number, .. })
            | Self::Category(Category { number, .. })
            | Self::Packed(Packed { number, .. }) => Some(*number),
            _ => None,
        }
    }
}

/// What is said about a column of pickled objects: who unpickles what others wrote runs it.
const PICKLED: &str =
    "Pickled Python objects, as the bytes that they are. They are never unpickled.";

/// The columns of a dataset, and the members that cannot be read, with their reasons.
pub fn columns(dataset: &Dataset) -> (Vec<ColumnPlace>, Vec<(String, String)>) {
    let (mut columns, unreadable) = members(dataset);
    name_apart(&mut columns);
    (columns, unreadable)
}

/// The same, with the names that stand in the file.
pub fn members(dataset: &Dataset) -> (Vec<ColumnPlace>, Vec<(String, String)>) {
    let is_pytables = pytables_class(dataset).is_some();
    let mut datatype = dataset.datatype.clone();
    if is_pytables {
        as_pytables_has_it(&mut datatype);
    } else {
        times_as_integers(&mut datatype);
    }
    let (mut columns, mut unreadable) = (Vec::new(), Vec::new());
    let rank = dataset.shape.as_ref().map_or(0, Vec::len);
    match &datatype.class {
        Class::Compound(members) if rank <= 1 && datatype.complex_parts().is_none() => {
            flatten(members, "", 0, &mut columns, &mut unreadable);
        }
        _ => {
            let shape = dataset
                .row_shape()
                .iter()
                .map(|&length| length as usize)
                .collect();
            columns.push(place("value".into(), 0, shape, &datatype));
        }
    }
    if let ([column], Some(atom)) = (
        columns.as_mut_slice(),
        text_attribute(dataset, "PSEUDOATOM"),
    ) {
        pseudo_atom(column, &atom);
    }
    (columns, unreadable)
}

/// The columns of one element called `name`: its flattened members if it is a compound; and what cannot be read.
pub fn element_columns(
    name: &str,
    datatype: &Datatype,
) -> (Vec<ColumnPlace>, Vec<(String, String)>) {
    let (mut columns, mut unreadable) = (Vec::new(), Vec::new());
    match &datatype.class {
        Class::Compound(members) if datatype.complex_parts().is_none() => {
            flatten(members, name, 0, &mut columns, &mut unreadable);
        }
        _ => columns.push(place(name.to_owned(), 0, Vec::new(), datatype)),
    }
    (columns, unreadable)
}

/// What `PyTables` says that the dataset is: `TABLE`, `EARRAY`, …; `None` if it did not write it.
pub fn pytables_class(dataset: &Dataset) -> Option<String> {
    text_attribute(dataset, "CLASS")
        .filter(|class| ["TABLE", "ARRAY", "CARRAY", "EARRAY", "VLARRAY"].contains(&class.as_str()))
}

fn text_attribute(dataset: &Dataset, name: &str) -> Option<String> {
    let attribute = dataset.attribute(name)?;
    let Class::Text(padding) = attribute.datatype.class else {
        return None;
    };
    Some(String::from_utf8_lossy(value::trimmed(&attribute.data, padding)).into_owned())
}

/// `PyTables` writes booleans as bits of a byte, and texts with nulls in them as if the first one ended them.
fn as_pytables_has_it(datatype: &mut Datatype) {
    match &mut datatype.class {
        Class::Bits { .. } if datatype.size == 1 => {
            let base = Box::new(datatype.clone());
            let names = vec![("FALSE".into(), vec![0]), ("TRUE".into(), vec![1])];
            datatype.class = Class::Enumeration { base, names };
        }
        Class::Text(padding @ Padding::Terminated) => *padding = Padding::Null,
        Class::Compound(members) => members
            .iter_mut()
            .for_each(|member| as_pytables_has_it(&mut member.datatype)),
        Class::Array { element, .. } | Class::VariableList(element) => as_pytables_has_it(element),
        _ => {}
    }
}

/// Only `PyTables` writes times in a way of its own; those of others are whole seconds.
fn times_as_integers(datatype: &mut Datatype) {
    match &mut datatype.class {
        Class::Time { order } if datatype.size <= 8 => {
            let (order, bits) = (*order, 8 * datatype.size as u32);
            datatype.class = Class::Integer {
                is_signed: true,
                order,
                shift: 0,
                bits,
            };
        }
        Class::Compound(members) => members
            .iter_mut()
            .for_each(|member| times_as_integers(&mut member.datatype)),
        Class::Array { element, .. } | Class::VariableList(element) => times_as_integers(element),
        _ => {}
    }
}

fn flatten(
    members: &[Member],
    prefix: &str,
    offset: usize,
    columns: &mut Vec<ColumnPlace>,
    unreadable: &mut Vec<(String, String)>,
) {
    for member in members {
        let name = if prefix.is_empty() {
            member.name.clone()
        } else {
            format!("{prefix}/{}", member.name)
        };
        let offset = offset + member.offset;
        match &member.datatype.class {
            Class::Compound(inner) if member.datatype.complex_parts().is_none() => {
                flatten(inner, &name, offset, columns, unreadable);
            }
            _ => match member.datatype.unreadable_reason() {
                Some(reason) => unreadable.push((name, reason)),
                None => columns.push(place(name, offset, Vec::new(), &member.datatype)),
            },
        }
    }
}

fn place(name: String, offset: usize, mut shape: Vec<usize>, datatype: &Datatype) -> ColumnPlace {
    let mut inner = datatype;
    while let Class::Array {
        shape: more,
        element,
    } = &inner.class
    {
        shape.extend(more);
        inner = element;
    }
    ColumnPlace {
        name,
        offset,
        shape,
        bytes: inner.size,
        element: element(inner),
        datatype: datatype.clone(),
    }
}

fn element(datatype: &Datatype) -> Element {
    if let Some(number) = Number::of(datatype) {
        return Element::Number(number);
    }
    if let Some((real, imaginary)) = datatype.complex_parts()
        && let (Some(first), Some(second)) =
            (Number::of(&real.datatype), Number::of(&imaginary.datatype))
        && real.offset == 0
        && imaginary.offset == real.datatype.size
        && datatype.size == imaginary.offset + imaginary.datatype.size
    {
        return Element::Complex {
            real: first,
            imaginary: second,
            offset: imaginary.offset,
        };
    }
    match &datatype.class {
        Class::Text(padding) => Element::Text(*padding),
        Class::VariableText => Element::HeapText { unit: 1 },
        Class::VariableList(inner) => match Number::of(inner) {
            Some(number) => Element::HeapNumbers {
                number,
                bytes: inner.size,
            },
            None => Element::Other(datatype.clone()),
        },
        Class::Opaque { tag } if numpy_unit(tag).is_none() => Element::Bytes,
        _ => Element::Other(datatype.clone()),
    }
}

/// `PyTables` keeps text of variable length as lists of character codes, and says so in an attribute.
fn pseudo_atom(column: &mut ColumnPlace, atom: &str) {
    let Element::HeapNumbers { bytes, .. } = column.element else {
        return;
    };
    match (atom, bytes) {
        ("vlstring", 1) => column.element = Element::HeapText { unit: 1 },
        ("vlunicode", 4) => column.element = Element::HeapText { unit: 4 },
        ("object", 1) => column.element = Element::Pickle,
        _ => {}
    }
}

/// Members may have names that only differ by nothing once they are flattened: the later one gets a number.
pub fn name_apart(columns: &mut [ColumnPlace]) {
    let mut seen = HashSet::new();
    for column in columns {
        let mut number = 2;
        let first = if column.name.is_empty() {
            "unnamed".to_owned()
        } else {
            column.name.clone()
        };
        column.name.clone_from(&first);
        while !seen.insert(column.name.to_ascii_lowercase()) {
            column.name = format!("{first}_{number}");
            number += 1;
        }
    }
}

impl ColumnPlace {
    /// Whether each cell is one element.
    pub fn is_scalar(&self) -> bool {
        self.shape.is_empty()
    }

    /// Elements of a cell.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether cells are read from a heap, and may so be of any size.
    pub fn is_in_heap(&self) -> bool {
        self.datatype.is_in_heap()
    }

    /// The Arrow type of the cells.
    pub fn data_type(&self) -> DataType {
        let element = match &self.element {
            Element::Number(number) => number.data_type(),
            Element::Text(_)
            | Element::HeapText { .. }
            | Element::Moment(_)
            | Element::Marked(_) => DataType::Utf8,
            Element::HeapNumbers { number, .. } => list_of(number.data_type()),
            Element::Bytes | Element::TextBytes(_) | Element::HeapBytes | Element::Pickle => {
                DataType::Binary
            }
            Element::Complex {
                real, imaginary, ..
            } => DataType::Struct(fields([
                ("r".into(), real.data_type()),
                ("i".into(), imaginary.data_type()),
            ])),
            Element::Duration(_) => DataType::Float64,
            Element::Packed(packed) => packed.data_type(),
            Element::Category(category) => category.values.data_type().clone(),
            Element::Object(column) => column.data_type.clone(),
            Element::Other(datatype) => data_type(datatype),
        };
        self.shape.iter().fold(element, |inner, _| list_of(inner))
    }

    fn declared(&self) -> String {
        match &self.element {
            Element::Moment(moment) => moment.calendar.declared(),
            Element::Duration(duration) => duration.declared().to_owned(),
            Element::Category(_) => "category".to_owned(),
            Element::Object(_) => "object".to_owned(),
            _ => declared(&self.datatype),
        }
    }

    /// The seam's description.
    pub fn column(&self) -> Column {
        let mut column = Column::new(self.name.clone(), self.data_type());
        column.declared_type = self.declared();
        if self.datatype.size > 0
            && !self.shape.is_empty()
            && !matches!(self.datatype.class, Class::Array { .. })
        {
            column.declared_type += &dimensions(&self.shape);
        }
        column.labels = labels(&self.datatype);
        if matches!(self.element, Element::Pickle) {
            column.metadata.description = Some(PICKLED.into());
        }
        column
    }
}

/// The Arrow type of elements that are read one by one.
pub fn data_type(datatype: &Datatype) -> DataType {
    if let Some(number) = Number::of(datatype) {
        return number.data_type();
    }
    match &datatype.class {
        Class::Text(_) | Class::VariableText | Class::Reference(_) => DataType::Utf8,
        Class::Opaque { tag } if numpy_unit(tag).is_some() => DataType::Utf8,
        Class::Compound(members) => {
            let member = |member: &Member| (member.name.clone(), data_type(&member.datatype));
            DataType::Struct(fields(members.iter().map(member)))
        }
        Class::VariableList(element) => list_of(data_type(element)),
        Class::Array { shape, element } => shape
            .iter()
            .fold(data_type(element), |inner, _| list_of(inner)),
        _ => DataType::Binary,
    }
}

/// The Arrow type of lists.
pub fn list_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", element, true)))
}

fn fields(members: impl IntoIterator<Item = (String, DataType)>) -> Fields {
    members
        .into_iter()
        .map(|(name, data_type)| Field::new(name, data_type, true))
        .collect()
}

fn labels(datatype: &Datatype) -> Vec<(Value, String)> {
    let Class::Enumeration { base, names } = &datatype.class else {
        return Vec::new();
    };
    let Some(number) = Number::of(base).filter(|_| !datatype.is_boolean()) else {
        return Vec::new();
    };
    let mut labels = Vec::with_capacity(names.len());
    for (name, stored) in names {
        let mut last = LastInteger(0);
        let places = crate::number::Places {
            block: stored,
            rows: 1,
            stride: base.size,
            offset: 0,
            per_row: 1,
            bytes: base.size,
        };
        number.each(places, &mut last);
        labels.push((Value::Integer(last.0), name.clone()));
    }
    labels.sort_by_key(|(value, _)| {
        if let Value::Integer(number) = value {
            *number
        } else {
            0
        }
    });
    labels
}

struct LastInteger(i128);

impl crate::number::Visit for LastInteger {
    fn signed(&mut self, number: i64) {
        self.0 = number.into();
    }
    fn unsigned(&mut self, number: u64) {
        self.0 = number.into();
    }
    fn real(&mut self, number: f64) {
        self.0 = number as i128;
    }
}

/// The type as people of HDF5 and numpy write it.
pub fn declared(datatype: &Datatype) -> String {
    let bits = 8 * datatype.size;
    match &datatype.class {
        _ if datatype.is_boolean() => "bool".into(),
        _ if datatype.complex_parts().is_some() => format!("complex{bits}"),
        Class::Integer {
            is_signed: true, ..
        } => format!("int{bits}"),
        Class::Integer { .. } => format!("uint{bits}"),
        Class::Float { .. } => format!("float{bits}"),
        Class::Time { .. } => format!("time{bits}"),
        Class::Bits { .. } => format!("bits{bits}"),
        Class::Text(_) => format!("text({})", datatype.size),
        Class::VariableText => "text".into(),
        Class::Opaque { tag } => numpy_unit(tag).map_or_else(
            || format!("opaque({})", datatype.size),
            |unit| format!("datetime64[{unit}]"),
        ),
        Class::Compound(_) => "compound".into(),
        Class::Reference(Reference::Object | Reference::Any) => "reference".into(),
        Class::Reference(Reference::Region) => "region reference".into(),
        Class::Enumeration { base, .. } => format!("enum {}", declared(base)),
        Class::VariableList(element) => format!("{}[]", declared(element)),
        Class::Array { shape, element } => format!("{}{}", declared(element), dimensions(shape)),
        Class::Unsupported(_) => "unknown".into(),
    }
}

fn dimensions(shape: &[usize]) -> String {
    let lengths: Vec<_> = shape.iter().map(usize::to_string).collect();
    format!("[{}]", lengths.join(","))
}
