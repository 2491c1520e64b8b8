//! The examination of a machine and a configuration: what would keep a gateway from working here, and what to do.
//!
//! Invariant: it looks and changes nothing: no file is made, no database is brought up to date, no provider is written
//! to. Every wait has a bound.
//!
//! To add a check: a file beside `ports.rs` with a function from the configuration to findings, called in [`examine`].

mod cache;
mod clock;
mod ports;
mod providers;
mod report;
mod secrets;
mod standing;
mod state;

use std::path::Path;
use std::time::Duration;

use crate::config::{Config, ConfigError, Loaded, Origins};
use crate::embed::{self, Mosaic, Notice, Registry, StartError};

pub use report::{CheckStatus, Finding, Report};

/// The longest that one question to the network may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Providers that are asked at the same time.
const AT_ONCE: usize = 8;

/// Examines what a gateway with the configuration at `path` (absent: the defaults) and this process's environment
/// would need.
pub async fn examine(path: Option<&Path>) -> Report {
    let mut report = Report::default();
    let Loaded { config, origins } = match Config::examine(path, &Mosaic::known()) {
        Ok(loaded) => loaded,
        Err(unsound) => {
            let errors = embed::all_faults(*unsound).await;
            report.extend(errors.iter().map(fault));
            for check in ["state", "ports", "secrets", "reachability", "credentials", "clock"] {
                report.add(Finding::of(check, "").unknown("not looked at: the configuration must be valid first"));
            }
            return report;
        }
    };
    report.add(valid(path, &config));
    report.extend(
        embed::notices(&config, &origins, &Registry::built_in())
            .await
            .into_iter()
            .map(noticed),
    );
    report.add(state::check(&config.state).await);
    report.extend(cache::check(&config).await);
    report.extend(ports::check(&config).await);
    report.extend(secrets::check(&config));
    let asked = providers::check(&config).await;
    report.add(clock::check(&asked.clocks, &config).await);
    report.extend(asked.findings);
    let refused = refused(config, origins, &report).await;
    report.extend(refused);
    report
}

/// What a start would be refused for and no check has told so far. What is wrong with the state its own check tells.
async fn refused(config: Config, origins: Origins, report: &Report) -> Vec<Finding> {
    let failed = report
        .findings
        .iter()
        .filter(|finding| finding.verdict == CheckStatus::Failed);
    let seen: Vec<&str> = failed.map(|finding| finding.seen.as_str()).collect();
    match Mosaic::builder(config).origins(origins).check().await {
        Ok(()) => vec![],
        Err(StartError::Config(errors)) => errors
            .iter()
            .filter(|error| !error.path.starts_with("state.") && !seen.iter().any(|seen| seen.contains(&error.message)))
            .map(fault)
            .collect(),
        Err(other) => vec![Finding::of("config", "").failed(other.to_string(), CORRECT)],
    }
}

fn valid(path: Option<&Path>, config: &Config) -> Finding {
    let finding = Finding::of(
        "config",
        path.map(|path| path.display().to_string()).unwrap_or_default(),
    );
    match config.providers.len() {
        0 => finding.warning(
            "valid, and without a provider: every call will find none",
            "Add a [providers.NAME] table, or `mosaic plugins add` one later.",
        ),
        count => finding.ok(format!("valid; providers: {count}, routes: {}", config.routes.len())),
    }
}

fn noticed(notice: Notice) -> Finding {
    Finding::of(notice.check, notice.subject).warning(notice.sentence, notice.remedy)
}

/// What to do about a fault of the configuration.
const CORRECT: &str = "Correct it; config/mosaic.toml documents every key.";

fn fault(error: &ConfigError) -> Finding {
    Finding::of("config", error.path.clone()).failed(error.to_string(), CORRECT)
}
