//! SQL text.
