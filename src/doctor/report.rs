//! What an examination found.
//!
//! Invariant: pure data; what could not be looked at is `unknown` and never passes for well.

use serde::Serialize;

/// How it stands with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// It could not be told.
    Unknown,
    /// It works, and should be changed.
    Warning,
    /// It keeps the gateway, or a part of it, from working.
    Failed,
}

impl CheckStatus {
    /// As it is written everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            CheckStatus::Ok => "ok",
            CheckStatus::Unknown => "unknown",
            CheckStatus::Warning => "warning",
            CheckStatus::Failed => "failed",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check: `config`, `state`, `cache`, `ports`, `secrets`, `reachability`, `credentials`, `settings` or `clock`.
    pub check: &'static str,
    /// Of what: a key of the configuration, a provider instance; empty for the whole.
    pub subject: String,
    /// How it stands.
    pub verdict: CheckStatus,
    /// What was seen.
    pub seen: String,
    /// What to do; absent where nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// Of `subject`, not looked at yet.
    pub fn of(check: &'static str, subject: impl Into<String>) -> Self {
        Finding {
            check,
            subject: subject.into(),
            verdict: CheckStatus::Unknown,
            seen: String::new(),
            remedy: None,
        }
    }

    /// It is as it should be.
    #[must_use]
    pub fn ok(self, seen: impl Into<String>) -> Self {
        Finding {
            verdict: CheckStatus::Ok,
            seen: seen.into(),
            ..self
        }
    }

    /// It could not be told.
    #[must_use]
    pub fn unknown(self, why: impl Into<String>) -> Self {
        Finding {
            seen: why.into(),
            ..self
        }
    }

    /// It works, and should be changed.
    #[must_use]
    pub fn warning(self, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Finding {
            verdict: CheckStatus::Warning,
            seen: seen.into(),
            remedy: Some(remedy.into()),
            ..self
        }
    }

    /// It keeps something from working.
    #[must_use]
    pub fn failed(self, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Finding {
            verdict: CheckStatus::Failed,
            ..self.warning(seen, remedy)
        }
    }
}

/// A whole examination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The findings, in the order of the checks.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Whether nothing failed.
    pub fn is_sound(&self) -> bool {
        self.count(CheckStatus::Failed) == 0
    }

    /// How many findings have this verdict.
    pub fn count(&self, verdict: CheckStatus) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.verdict == verdict)
            .count()
    }
}

impl Extend<Finding> for Report {
    fn extend<I: IntoIterator<Item = Finding>>(&mut self, findings: I) {
        self.findings.extend(findings);
    }
}
