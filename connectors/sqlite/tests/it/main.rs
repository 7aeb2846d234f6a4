//! The connector against real files.
#![cfg(test)]

mod agreement;
mod answers;
mod files;
mod opened;
mod refusals;
mod scans;
mod schemas;
