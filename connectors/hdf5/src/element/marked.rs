//! Texts of fixed length, of which one stands for null, in an encoding.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::StringBuilder;
use tablecast_connector::{Comparison, Predicate, Value};

use crate::error::Result;
use crate::filter::{Pattern, Test, TextTest, opposite};
use crate::format::datatype::Padding;
use crate::format::value::trimmed;
use crate::number::Places;

/// Such texts.
#[derive(Debug, Clone)]
pub struct Marked {
    pub padding: Padding,
    /// The text that stands for null, as it is stored. `None` if none does.
    pub mark: Option<Vec<u8>>,
    pub encoding: Encoding,
}

/// How bytes become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8; bytes that are not are no text.
    Utf8,
    /// UTF-8; bytes that are not are replaced.
    Utf8Replaced,
    /// UTF-8; bytes that are not are left out.
    Utf8Ignored,
    /// A byte is a character: ISO 8859-1.
    Latin1,
}

impl Encoding {
    /// The text of stored bytes; `None` if they are none.
    fn text(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Utf8Replaced => Some(String::from_utf8_lossy(bytes)),
            Self::Utf8Ignored => Some(bytes.utf8_chunks().map(|chunk| chunk.valid()).collect()),
            Self::Latin1 => Some(bytes.iter().map(|&byte| char::from(byte)).collect()),
        }
    }
}

impl Marked {
    /// The texts at these places, with `not_text` where bytes are none.
    pub fn array(
        &self,
        places: Places<'_>,
        not_text: impl Fn() -> crate::error::Error,
    ) -> Result<ArrayRef> {
        let mut builder = StringBuilder::new();
        for stored in places.elements() {
            let stored = trimmed(stored, self.padding);
            if self.mark.as_deref() == Some(stored) {
                builder.append_null();
            } else {
                builder.append_value(self.encoding.text(stored).ok_or_else(&not_text)?);
            }
        }
        Ok(Arc::new(builder.finish()))
    }

    /// The condition on the stored text that a condition on the text comes to, if that is exactly known.
    pub fn test(&self, column: usize, leaf: &Predicate, is_negated: bool) -> Option<Test> {
        let on_text = |test, outside| Test::Text {
            column,
            padding: self.padding,
            test,
            outside,
        };
        let null = |outside| match &self.mark {
            Some(mark) => on_text(TextTest::Compare(Comparison::Equal, mark.clone()), outside),
            None => Test::Constant(outside),
        };
        if let Predicate::IsNull(_) = leaf {
            return Some(null(is_negated));
        }
        if self.encoding != Encoding::Utf8 {
            return None;
        }
        let found = match leaf {
            Predicate::Compare {
                comparison,
                value: Value::Text(text),
                ..
            } => {
                let comparison = if is_negated {
                    opposite(*comparison)
                } else {
                    *comparison
                };
                on_text(
                    TextTest::Compare(comparison, text.clone().into_bytes()),
                    false,
                )
            }
            Predicate::In { values, .. } => {
                let values = values.iter().filter(|value| **value != Value::Null);
                let texts = values.map(|value| match value {
                    Value::Text(text) => Some(text.clone().into_bytes()),
                    _ => None,
                });
                let mut texts = texts.collect::<Option<Vec<_>>>()?;
                texts.sort_unstable();
                on_text(TextTest::In(texts), is_negated)
            }
            Predicate::Like { pattern, .. } => {
                on_text(TextTest::Matches(Pattern::like(pattern)), is_negated)
            }
            Predicate::Glob { pattern, .. } => on_text(
                TextTest::Matches(Pattern::Glob(pattern.clone())),
                is_negated,
            ),
            _ => return None,
        };
        Some(if self.mark.is_some() {
            Test::All(vec![found, null(true)])
        } else {
            found
        })
    }
}
