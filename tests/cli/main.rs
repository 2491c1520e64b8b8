//! The binary against a server that records: what it sends, prints and exits with.

mod admin;
mod again;
mod doctor;
mod explain;
mod failures;
mod files;
mod input;
mod operate;
mod operations;
mod output;
mod outputs;
mod real;
mod recorder;
mod streams;
mod told;
mod uploads;
