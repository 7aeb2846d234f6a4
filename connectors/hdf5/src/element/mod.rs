//! Kinds of elements that are not stored as what they mean: moments, durations, categories, texts with a mark for null.
//!
//! Each is a stored number, or a stored text, and a meaning. Conditions on the meaning are turned into conditions on
//! what is stored, so that rows are filtered before anything is made of them.

pub mod calendar;
pub mod category;
pub mod marked;
pub mod moment;
pub mod monotone;
