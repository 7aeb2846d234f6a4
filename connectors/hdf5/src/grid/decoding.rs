//! How the stored numbers of a variable are to be understood, by its attributes.

use std::sync::Arc;

use tablecast_connector::Value as SeamValue;

use crate::column::{ColumnPlace, Element};
use crate::element::cf_time::TimeUnits;
use crate::element::packed::{Missing, Operand, Packed, Precision};
use crate::format::attribute::Attribute;
use crate::format::dataset::Dataset;
use crate::format::datatype::Class;
use crate::format::value::{Value, ValueReader};
use crate::metadata::attribute_value;
use crate::number::Number;

/// Names of flags that are told; more than this are no names of values.
const FLAGS_MAX: usize = 1000;

/// The attributes of a variable, read when they are asked for.
pub struct Said<'a> {
    dataset: &'a Dataset,
}

/// A number of an attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Given {
    Whole(i128),
    Real(f64),
}

impl Given {
    fn real(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        }
    }
}

impl<'a> Said<'a> {
    pub fn of(dataset: &'a Dataset) -> Self {
        Self { dataset }
    }

    fn value(&self, name: &str) -> Option<(&Attribute, Value)> {
        let attribute = self.dataset.attribute(name)?;
        let mut values = ValueReader::new(&self.dataset.file, None);
        Some((attribute, attribute_value(attribute, &mut values).ok()?))
    }

    pub fn text(&self, name: &str) -> Option<String> {
        match self.value(name)?.1 {
            Value::Text(text) => Some(text),
            Value::List(items) => match items.as_slice() {
                [Value::Text(text)] => Some(text.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    fn numbers(&self, name: &str) -> Vec<Given> {
        match self.value(name) {
            Some((_, Value::List(items))) => items.iter().filter_map(given).collect(),
            Some((_, value)) => given(&value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// A single number with the kind that it is stored as.
    fn operand(&self, name: &str) -> Option<(Given, Kind)> {
        let (attribute, _) = self.value(name)?;
        let kind = Kind::of(&attribute.datatype.class, attribute.datatype.size)?;
        match self.numbers(name).as_slice() {
            [number] => Some((*number, kind)),
            _ => None,
        }
    }

    /// The units that count time, if that is what the variable does.
    pub fn time(&self) -> Option<TimeUnits> {
        TimeUnits::parse(&self.text("units")?, self.text("calendar").as_deref())
    }
}

/// Kinds of numbers, as far as the precision of results depends on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of up to 16 bits.
    Short,
    Long,
    /// Of 64 bits without a sign: no whole number holds both these and those with one.
    Unsigned,
    Single,
    Double,
}

impl Kind {
    fn of(class: &Class, bytes: usize) -> Option<Self> {
        Some(match class {
            Class::Integer { .. } if bytes <= 2 => Self::Short,
            Class::Integer {
                is_signed: false, ..
            } if bytes == 8 => Self::Unsigned,
            Class::Integer { .. } => Self::Long,
            Class::Float { .. } if bytes <= 4 => Self::Single,
            Class::Float { .. } => Self::Double,
            _ => return None,
        })
    }

    /// The kind of results of both, as numpy has it.
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Double, _)
            | (_, Self::Double)
            | (Self::Single, Self::Long | Self::Unsigned)
            | (Self::Long | Self::Unsigned, Self::Single)
            | (Self::Unsigned, Self::Short | Self::Long)
            | (Self::Short | Self::Long, Self::Unsigned) => Self::Double,
            (Self::Single, _) | (_, Self::Single) => Self::Single,
            (Self::Unsigned, Self::Unsigned) => Self::Unsigned,
            _ => Self::Long,
        }
    }

    fn precision(self) -> Precision {
        match self {
            Self::Short | Self::Long | Self::Unsigned => Precision::Whole,
            Self::Single => Precision::Single,
            Self::Double => Precision::Double,
        }
    }
}

/// Makes the column's numbers what the attributes say that they are. `inherited` are the units of the variable whose
/// bounds these are.
pub fn understand(
    place: &mut ColumnPlace,
    said: &Said<'_>,
    is_netcdf: bool,
    inherited: Option<TimeUnits>,
) {
    let Element::Number(stored) = place.element else {
        return;
    };
    if stored == Number::Boolean {
        return;
    }
    let is_unsigned = said
        .text("_Unsigned")
        .is_some_and(|text| matches!(text.as_str(), "true" | "True"));
    let number = if is_unsigned {
        unsigned(stored)
    } else {
        stored
    };
    let (factor, summand) = operands(said, &place.datatype.class, place.datatype.size);
    let packed = Packed {
        number,
        missing: Arc::new(missing(said, stored, is_unsigned, is_netcdf)),
        factor,
        summand,
        time: said.time().or(inherited),
    };
    if !packed.is_plain() || number != stored {
        place.element = Element::Packed(packed);
    }
}

/// What numbers are multiplied with and what is added. A factor of one and a summand of nothing only tell a type.
#[expect(
    clippy::float_cmp,
    reason = "exactly one and exactly nothing are what writers mean by no change"
)]
fn operands(said: &Said<'_>, class: &Class, bytes: usize) -> (Option<Operand>, Option<Operand>) {
    let Some(kind) = Kind::of(class, bytes) else {
        return (None, None);
    };
    let (scale, offset) = (said.operand("scale_factor"), said.operand("add_offset"));
    let operand = |value: Given, kind: Kind| Operand {
        value: value.real(),
        whole: match value {
            Given::Whole(whole) => whole,
            Given::Real(_) => 0,
        },
        precision: kind.precision(),
    };
    match (scale, offset) {
        (Some((scale, scale_kind)), Some((offset, offset_kind))) => {
            if scale.real() == 1.0 && offset.real() == 0.0 {
                return (Some(operand(scale, scale_kind)), None);
            }
            let product = kind.with(scale_kind);
            let sum = product.with(offset_kind);
            (Some(operand(scale, product)), Some(operand(offset, sum)))
        }
        (Some((scale, of)), None) if scale.real() != 1.0 => {
            (Some(operand(scale, kind.with(of))), None)
        }
        (None, Some((offset, of))) if offset.real() != 0.0 => {
            (None, Some(operand(offset, kind.with(of))))
        }
        _ => (None, None),
    }
}

/// Which numbers stand for nothing. Attributes that the variable's own type cannot hold say nothing, as netCDF4-python
/// has it.
fn missing(said: &Said<'_>, stored: Number, is_unsigned: bool, is_netcdf: bool) -> Missing {
    let held = |name: &str| held(&said.numbers(name), stored, is_unsigned);
    let mut found = Missing::default();
    let mut values = held("missing_value");
    // The value of its type, unless the numbers are understood as others; bytes have many uses, and one of them counts only
    // if cells were filled with it.
    let is_byte = matches!(stored, Number::I8 | Number::U8);
    let is_filled = is_netcdf && !is_unsigned && (said.dataset.has_fill || !is_byte);
    if said.numbers("_FillValue").is_empty() && is_filled {
        values.extend(default_fill(stored));
    }
    values.extend(held("_FillValue"));
    for value in values {
        match value {
            Given::Whole(value) => found.whole.push(value),
            Given::Real(value) => found.reals.push(value),
        }
    }
    let (least, most) = match held("valid_range").as_slice() {
        [least, most] => (Some(*least), Some(*most)),
        _ => (
            held("valid_min").first().copied(),
            held("valid_max").first().copied(),
        ),
    };
    found.valid_whole = bounds(least, most, |value| match value {
        Given::Whole(value) => Some(value),
        Given::Real(_) => None,
    });
    found.valid = bounds(least, most, |value| match value {
        Given::Real(value) => Some(value),
        Given::Whole(_) => None,
    });
    found
}

/// The ends of what is valid, as far as they are of one kind.
fn bounds<T>(
    least: Option<Given>,
    most: Option<Given>,
    of: impl Fn(Given) -> Option<T>,
) -> (Option<T>, Option<T>) {
    (least.and_then(&of), most.and_then(&of))
}

/// The numbers as a variable holds them; none if one of them changes in its type.
fn held(given: &[Given], stored: Number, is_unsigned: bool) -> Vec<Given> {
    let all: Option<Vec<Given>> = given
        .iter()
        .map(|&value| held_one(value, stored, is_unsigned))
        .collect();
    all.unwrap_or_default()
}

#[expect(
    clippy::float_cmp,
    reason = "a number that changes at all is another one"
)]
fn held_one(value: Given, stored: Number, is_unsigned: bool) -> Option<Given> {
    let Some((least, most)) = span(stored) else {
        let real = value.real();
        let is_exact = match (value, stored) {
            (Given::Whole(whole), _) if real as i128 != whole => false,
            (_, Number::F32(_)) => f64::from(real as f32) == real || real.is_nan(),
            _ => true,
        };
        return is_exact.then_some(Given::Real(real));
    };
    let whole = match value {
        Given::Whole(whole) => whole,
        Given::Real(real) if real.fract() == 0.0 && real.abs() < 1e30 => real as i128,
        Given::Real(_) => return None,
    };
    let is_held = (least..=most).contains(&whole);
    // A negative number is the one without sign of the same bits.
    let lift = if is_unsigned && whole < 0 {
        most - least + 1
    } else {
        0
    };
    is_held.then_some(Given::Whole(whole + lift))
}

/// The least and the greatest whole number that is stored so; `None` of real numbers.
fn span(number: Number) -> Option<(i128, i128)> {
    let signed = |bits: u32| Some((-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1));
    let unsigned = |bits: u32| Some((0, (1_i128 << bits) - 1));
    match number {
        Number::I8 => signed(8),
        Number::I16(_) => signed(16),
        Number::I32(_) => signed(32),
        Number::U8 => unsigned(8),
        Number::U16(_) => unsigned(16),
        Number::U32(_) => unsigned(32),
        Number::U64(_) => unsigned(64),
        Number::F16(_) | Number::F32(_) | Number::F64(_) | Number::OddFloat { .. } => None,
        _ => signed(64),
    }
}

/// What NetCDF fills cells with that nobody wrote.
fn default_fill(number: Number) -> Option<Given> {
    Some(match number {
        Number::I8 => Given::Whole(-127),
        Number::U8 => Given::Whole(255),
        Number::I16(_) => Given::Whole(-32_767),
        Number::U16(_) => Given::Whole(65_535),
        Number::I32(_) => Given::Whole(-2_147_483_647),
        Number::U32(_) => Given::Whole(4_294_967_295),
        Number::I64(_) => Given::Whole(-9_223_372_036_854_775_806),
        Number::U64(_) => Given::Whole(18_446_744_073_709_551_614),
        Number::F32(_) | Number::F64(_) => Given::Real(9.969_209_968_386_869e36),
        _ => return None,
    })
}

fn unsigned(number: Number) -> Number {
    match number {
        Number::I8 => Number::U8,
        Number::I16(order) => Number::U16(order),
        Number::I32(order) => Number::U32(order),
        Number::I64(order) => Number::U64(order),
        other => other,
    }
}

/// The names of a variable's values, if it is one of flags that exclude each other.
pub fn flags(said: &Said<'_>) -> Vec<(SeamValue, String)> {
    let values = said.numbers("flag_values");
    let Some(meanings) = said.text("flag_meanings") else {
        return Vec::new();
    };
    let meanings: Vec<&str> = meanings.split_whitespace().collect();
    if meanings.len() != values.len() || values.len() > FLAGS_MAX {
        return Vec::new();
    }
    let named = values
        .iter()
        .zip(meanings)
        .filter_map(|(value, name)| match value {
            Given::Whole(number) => Some((SeamValue::Integer(*number), name.to_owned())),
            Given::Real(_) => None,
        });
    named.collect()
}

fn given(value: &Value) -> Option<Given> {
    match value {
        Value::Signed(number) => Some(Given::Whole((*number).into())),
        Value::Unsigned(number) => Some(Given::Whole((*number).into())),
        Value::Real(number) => Some(Given::Real(*number)),
        _ => None,
    }
}
