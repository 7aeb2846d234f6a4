//! Elements of one type as another, as the HDF5 library converts them: for virtual datasets, whose sources may be stored
//! otherwise than they are shown.

use super::datatype::{Class, Datatype, Order, Padding};
use super::float::FloatLayout;
use super::value::{self, Value};

/// How elements are changed.
#[derive(Debug, Clone)]
pub enum Conversion {
    /// Not at all.
    Same,
    Number {
        from: Datatype,
        to: Number,
    },
    Text {
        from: Padding,
        to: Padding,
    },
    /// Members by name; those that the source does not have stay as they are.
    Members(Vec<Moved>),
}

/// A member in its new place.
#[derive(Debug, Clone)]
pub struct Moved {
    from: usize,
    from_bytes: usize,
    to: usize,
    to_bytes: usize,
    conversion: Conversion,
}

/// A number that can be written.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    Integer {
        is_signed: bool,
        order: Order,
        bits: u32,
    },
    Single(Order),
    Double(Order),
}

impl Conversion {
    /// The conversion from one type to another; `None` if it is not known here.
    pub fn between(from: &Datatype, to: &Datatype) -> Option<Self> {
        if from == to {
            return Some(Self::Same);
        }
        match (&from.class, &to.class) {
            (Class::Text(from), Class::Text(to)) => Some(Self::Text {
                from: *from,
                to: *to,
            }),
            (Class::Compound(olds), Class::Compound(news)) => {
                let mut moved = Vec::new();
                for new in news {
                    let Some(old) = olds.iter().find(|old| old.name == new.name) else {
                        continue;
                    };
                    moved.push(Moved {
                        from: old.offset,
                        from_bytes: old.datatype.size,
                        to: new.offset,
                        to_bytes: new.datatype.size,
                        conversion: Self::between(&old.datatype, &new.datatype)?,
                    });
                }
                (!moved.is_empty()).then_some(Self::Members(moved))
            }
            (Class::Integer { .. } | Class::Float { .. }, _) if from.size <= 16 => {
                Some(Self::Number {
                    from: from.clone(),
                    to: Number::of(to)?,
                })
            }
            // The same bytes with other words for them.
            (Class::Opaque { .. }, Class::Opaque { .. })
            | (Class::Enumeration { .. }, Class::Enumeration { .. })
                if from.size == to.size =>
            {
                Some(Self::Same)
            }
            _ => None,
        }
    }

    /// Writes the element `from` as the element `to`.
    pub fn convert(&self, from: &[u8], to: &mut [u8]) {
        match self {
            Self::Same => to.copy_from_slice(from),
            Self::Number {
                from: datatype,
                to: number,
            } => number.write(datatype, from, to),
            Self::Text {
                from: padding,
                to: new,
            } => {
                let text = value::trimmed(from, *padding);
                let length = text.len().min(to.len());
                to.fill(if *new == Padding::Space { b' ' } else { 0 });
                to[..length].copy_from_slice(&text[..length]);
            }
            Self::Members(members) => {
                for member in members {
                    let old = &from[member.from..member.from + member.from_bytes];
                    let new = &mut to[member.to..member.to + member.to_bytes];
                    member.conversion.convert(old, new);
                }
            }
        }
    }
}

impl Number {
    fn of(datatype: &Datatype) -> Option<Self> {
        match &datatype.class {
            Class::Integer {
                is_signed,
                order,
                shift: 0,
                bits,
            } if datatype.size <= 8 && *bits as usize == 8 * datatype.size => Some(Self::Integer {
                is_signed: *is_signed,
                order: *order,
                bits: *bits,
            }),
            Class::Float { order, layout } if *layout == FloatLayout::F32 => {
                Some(Self::Single(*order))
            }
            Class::Float { order, layout } if *layout == FloatLayout::F64 => {
                Some(Self::Double(*order))
            }
            _ => None,
        }
    }

    fn write(self, datatype: &Datatype, from: &[u8], to: &mut [u8]) {
        let number = match &datatype.class {
            Class::Integer {
                is_signed,
                order,
                shift,
                bits,
            } => value::number(from, *order)
                .map(|stored| value::integer(stored as u64, *is_signed, *shift, *bits)),
            Class::Float { order, layout } => value::float(from, *order, *layout).map(Value::Real),
            _ => return,
        };
        let Ok(number) = number else { return };
        match self {
            Self::Integer {
                is_signed,
                order,
                bits,
            } => {
                let (low, high) = if is_signed {
                    (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1)
                } else {
                    (0, (1_i128 << bits) - 1)
                };
                let whole = match number {
                    Value::Signed(number) => i128::from(number),
                    Value::Unsigned(number) => i128::from(number),
                    Value::Real(number) => number as i128,
                    _ => 0,
                };
                put(whole.clamp(low, high) as u64, order, to);
            }
            Self::Single(order) => put(u64::from((real(&number) as f32).to_bits()), order, to),
            Self::Double(order) => put(real(&number).to_bits(), order, to),
        }
    }
}

fn real(number: &Value) -> f64 {
    match number {
        Value::Signed(number) => *number as f64,
        Value::Unsigned(number) => *number as f64,
        Value::Real(number) => *number,
        _ => f64::NAN,
    }
}

fn put(bits: u64, order: Order, to: &mut [u8]) {
    let bytes = bits.to_le_bytes();
    let length = to.len().min(8);
    to[..length].copy_from_slice(&bytes[..length]);
    if order == Order::Big {
        to.reverse();
    }
}
