//! The second room: what to ask of a database for a request. Names are checked here, against the table's description.

pub(crate) mod description;
pub(crate) mod labels;
pub(crate) mod paging;
pub(crate) mod picture;
pub(crate) mod table;
