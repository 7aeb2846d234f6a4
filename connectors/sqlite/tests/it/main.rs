//! The connector against real files.
#![cfg(test)]

mod agreement;
mod answers;
mod files;
mod kit;
mod opened;
mod refusals;
mod scans;
mod schemas;
