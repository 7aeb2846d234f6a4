//! The seam's predicates against SQLite itself: for columns whose cells are all of the type that their affinity says,
//! the predicate made from a filter of the API passes exactly the rows that SQLite gives for it.
