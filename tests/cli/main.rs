//! The binary against a server that records: what it sends, prints and exits with.

mod admin;
mod again;
mod doctor;
mod explain;
mod failures;
mod files;
mod input;
mod live;
mod login;
mod operate;
mod operations;
mod output;
mod outputs;
mod raw;
mod real;
mod recorder;
mod select;
mod served;
mod streams;
mod terminal;
mod told;
mod uploads;
mod watch;
