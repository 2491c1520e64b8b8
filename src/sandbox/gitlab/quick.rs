//! Quick actions: lines of a text that GitLab takes for commands and carries out with the caller's rights.
//!
//! Invariant: a line that was carried out is not kept as text, and one that is no command is.

use super::data::Data;
use super::problem::Problem;
use super::{accept, merge_edits};
use crate::sandbox::forge::{PullEdit, Refused, ReviewState};

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Approve,
    Close,
    Draft,
    Label(Vec<String>),
    Merge,
    Ready,
    Reopen,
    Title(String),
    Unapprove,
}

impl Command {
    fn read(line: &str) -> Option<Self> {
        let (word, rest) = line.strip_prefix('/')?.split_once(' ').unwrap_or((&line[1..], ""));
        let rest = rest.trim();
        let labels = || {
            rest.split_whitespace()
                .map(|label| label.trim_matches(&['~', '"'][..]).to_owned())
        };
        match word.trim() {
            "approve" => Some(Self::Approve),
            "close" => Some(Self::Close),
            "draft" => Some(Self::Draft),
            "label" if !rest.is_empty() => Some(Self::Label(labels().collect())),
            "merge" => Some(Self::Merge),
            "ready" => Some(Self::Ready),
            "reopen" => Some(Self::Reopen),
            "title" if !rest.is_empty() => Some(Self::Title(rest.to_owned())),
            "unapprove" => Some(Self::Unapprove),
            _ => None,
        }
    }

    /// What is said of it when it was carried out.
    fn done(&self) -> String {
        match self {
            Self::Approve => "Approved the current merge request.".to_owned(),
            Self::Close => "Closed this merge request.".to_owned(),
            Self::Draft => "Set the Draft status.".to_owned(),
            Self::Label(names) => format!("Added {} label.", names.join(" ")),
            Self::Merge => "Merged this merge request.".to_owned(),
            Self::Ready => "Set the Ready status.".to_owned(),
            Self::Reopen => "Reopened this merge request.".to_owned(),
            Self::Title(title) => format!("Changed the title to \"{title}\"."),
            Self::Unapprove => "Unapproved the current merge request.".to_owned(),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Approve | Self::Unapprove => "approval",
            Self::Close | Self::Reopen => "state_event",
            Self::Draft | Self::Ready => "wip_event",
            Self::Label(_) => "add_label_ids",
            Self::Merge => "merge",
            Self::Title(_) => "title",
        }
    }

    /// Carries it out.
    fn run(&self, data: &mut Data, repo: u64, number: u64) -> Result<(), Problem> {
        let edit = match self {
            Self::Approve => {
                data.forge
                    .create_review(repo, number, ReviewState::Approved, "", Vec::new())?;
                return Ok(());
            }
            Self::Unapprove => {
                return match data.forge.withdraw_approval(repo, number)? {
                    true => Ok(()),
                    false => Err(Problem::bad("Could not apply unapprove command.")),
                };
            }
            Self::Merge => return accept::now(data, repo, number, None).map(drop),
            Self::Label(names) => return merge_edits::label(data, repo, number, names),
            Self::Close => PullEdit {
                open: Some(false),
                ..PullEdit::default()
            },
            Self::Reopen => PullEdit {
                open: Some(true),
                ..PullEdit::default()
            },
            Self::Draft => return merge_edits::set_draft(data, repo, number, true),
            Self::Ready => return merge_edits::set_draft(data, repo, number, false),
            Self::Title(title) => return merge_edits::retitle(data, repo, number, title),
        };
        data.forge
            .edit_pull(repo, number, edit)
            .map_err(|refused: Refused| refused.into())
    }
}

/// A text without its commands, and the commands.
pub(crate) fn split(text: &str) -> (String, Vec<Command>) {
    let (mut kept, mut commands, mut fenced) = (Vec::new(), Vec::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        match Command::read(line.trim_end()).filter(|_| !fenced) {
            Some(command) => commands.push(command),
            None => kept.push(line),
        }
    }
    match commands.is_empty() {
        true => (text.to_owned(), commands),
        false => (kept.join("\n").trim().to_owned(), commands),
    }
}

/// What came of the commands of a text.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    /// What each that was carried out changed, and the words for it.
    pub done: Vec<(&'static str, String)>,
}

/// Carries out commands, each for itself.
pub(crate) fn carry_out(data: &mut Data, repo: u64, number: u64, commands: &[Command]) -> Carried {
    let mut carried = Carried::default();
    for command in commands {
        match command.run(data, repo, number) {
            Ok(()) => carried.done.push((command.name(), command.done())),
            Err(problem) => tracing::debug!(?problem, "sandbox: a quick action is refused"),
        }
    }
    carried
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_begin_with_a_command_are_taken_out() {
        let (text, commands) = split("Well\n/close\n/title A new one\n/nonsense\n```\n/merge\n```");
        assert_eq!(text, "Well\n/nonsense\n```\n/merge\n```");
        assert_eq!(commands, [Command::Close, Command::Title("A new one".to_owned())]);
    }

    #[test]
    fn a_text_without_commands_is_left_alone() {
        for text in ["Well\n", " /close", "\\/close", "see /close", "/closed"] {
            assert_eq!(split(text), (text.to_owned(), Vec::new()), "{text}");
        }
    }
}
