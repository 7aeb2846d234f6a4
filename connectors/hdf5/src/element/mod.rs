//! Kinds of elements that are not stored as what they mean: moments, durations, categories, texts with a mark for null.
//!
//! Each is a stored number, or a stored text, and a meaning. Conditions on the meaning are turned into conditions on
//! what is stored, so that rows are filtered before anything is made of them.

pub mod calendar;
pub mod category;
pub mod cf_time;
pub mod marked;
pub mod moment;
pub mod monotone;
pub mod packed;

use tablecast_connector::Predicate;

use crate::column::Element;
use crate::filter::Test;

impl Element {
    /// Whether cells mean something else than what is stored, so that conditions are put to [`Element::test`].
    pub fn has_meaning(&self) -> bool {
        matches!(
            self,
            Self::Moment(_)
                | Self::Duration(_)
                | Self::Category(_)
                | Self::Packed(_)
                | Self::Marked(_)
                | Self::Object(_)
        )
    }

    /// The condition on what is stored that a condition on the meaning comes to, for the column at this place; `None` if
    /// it is not exactly known. A negated condition is one that is false: null stays null.
    pub fn test(&self, column: usize, leaf: &Predicate, is_negated: bool) -> Option<Test> {
        match self {
            Self::Moment(moment) => moment.test(column, leaf, is_negated),
            Self::Duration(duration) => duration.test(column, leaf, is_negated),
            Self::Category(category) => Some(category.test(column, leaf, is_negated)),
            Self::Packed(packed) => packed.test(column, leaf, is_negated),
            Self::Marked(marked) => marked.test(column, leaf, is_negated),
            _ => None,
        }
    }
}
