//! Foreign tools that `tests/run` provides.

use std::io::Write;
use std::path::PathBuf;

/// The path in the variable `name`. Without it a test cannot run: it says so, and under CI it fails.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os(name).map(PathBuf::from);
    if path.is_none() {
        let message = format!("{name} is not set: this test did NOT run; tests/run sets it");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{message}");
        // Not `eprintln`, whose output is kept from those who look at a test that passed.
        writeln!(std::io::stderr(), "{message}").expect("stderr is open");
    }
    path
}
