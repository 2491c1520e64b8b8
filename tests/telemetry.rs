//! The log of a process, of which there is one.
//!
//! Invariant: this file has one test, because what it installs stays for the life of the process.

use mosaic::config::LogConfig;
use mosaic::telemetry::{LogError, init_logging};

#[test]
fn the_log_is_installed_once_and_a_second_time_is_an_error() {
    let bad = LogConfig {
        filter: "=/=".into(),
        ..LogConfig::default()
    };
    assert_eq!(init_logging(&bad).err(), Some(LogError::BadFilter));
    let (handle, _flush) = init_logging(&LogConfig::default()).unwrap();
    assert_eq!(
        init_logging(&LogConfig::default()).err(),
        Some(LogError::AlreadyInstalled)
    );
    handle.set_filter("debug", None).unwrap();
    assert_eq!(handle.current().filter, "debug");
}
