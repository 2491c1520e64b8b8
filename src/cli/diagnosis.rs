//! An examination's report for people.
//!
//! Invariant: every finding is shown; what is to be done stands under what was seen.

use clap::builder::styling::Style;

use super::screen::{BAD, FAINT, GOOD, Screen, WARY, clean};
use crate::doctor::{CheckStatus, Finding, Report};

/// One line for each finding, its remedy below it, and the count at the end.
pub fn render(report: &Report, screen: &Screen) -> String {
    let mut lines: Vec<String> = report
        .findings
        .iter()
        .map(|finding| lines_of(finding, screen))
        .collect();
    let count = |verdict: CheckStatus| format!("{} {}", report.count(verdict), verdict.as_str());
    let counts = [
        CheckStatus::Failed,
        CheckStatus::Warning,
        CheckStatus::Unknown,
        CheckStatus::Ok,
    ]
    .map(count);
    lines.push(counts.join(", "));
    lines.join("\n")
}

fn lines_of(finding: &Finding, screen: &Screen) -> String {
    let verdict = screen.paint(style(finding.verdict), &format!("{:8}", finding.verdict.as_str()));
    let subject = if finding.subject.is_empty() {
        String::new()
    } else {
        format!(" {}", clean(&finding.subject))
    };
    let line = format!("{verdict} {}{subject}: {}", finding.check, clean(&finding.seen));
    match &finding.remedy {
        Some(remedy) => format!("{line}\n         {}", screen.paint(FAINT, &clean(remedy))),
        None => line,
    }
}

const fn style(verdict: CheckStatus) -> Style {
    match verdict {
        CheckStatus::Ok => GOOD,
        CheckStatus::Unknown | CheckStatus::Warning => WARY,
        CheckStatus::Failed => BAD,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_done_stands_under_what_was_seen() {
        let mut report = Report::default();
        report.add(Finding::of("config", "").ok("valid"));
        report.add(Finding::of("ports", "admin.listen").failed("taken\u{1b}", "Stop it."));
        assert_eq!(
            render(&report, &Screen::default()),
            "ok       config: valid\nfailed   ports admin.listen: taken\u{fffd}\n         Stop it.\n\
             1 failed, 0 warning, 0 unknown, 1 ok"
        );
    }
}
