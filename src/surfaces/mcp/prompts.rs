//! Prompts: tasks that people give to agents again and again, in words that name the tools for them.
//!
//! Invariant: a prompt is there for whom all its tools are.

use mosaic_actors::error::{Failure, Kind};
use rmcp::model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};
use serde_json::Value;

use super::ground::Ground;
use super::schemas::name_of;
use super::visit::Visitor;

/// A prompt.
struct Task {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    /// Names, what they are, and whether they are needed.
    arguments: &'static [(&'static str, &'static str, bool)],
    /// The operations that it takes; `{0}`, `{1}` … in its words are their tools.
    operations: &'static [&'static str],
    /// What is asked; an argument stands in braces by its name.
    words: &'static str,
}

static TASKS: [Task; 5] = [
    Task {
        name: "review_pull_request",
        title: "Review a pull request",
        description: "Reads a pull request and its changes, and drafts a review.",
        arguments: &[("pr", "The pull request's id, as a tool told it.", true)],
        operations: &["git.pr.get", "git.pr.files", "git.file.get", "git.pr.comment"],
        words: "Review the pull request {pr}. Read it with {0} and its changes with {1}; where a change cannot be understood \
                alone, read the file with {2}. Look for faults, for what is not tested, and for what is unclear. Tell what \
                you found, the gravest first, with file and line. Do not comment with {3} before I have agreed.",
    },
    Task {
        name: "explain_failed_run",
        title: "Explain a failed run",
        description: "Finds out why a CI run failed, and what would mend it.",
        arguments: &[("run", "The run's id, as a tool told it.", true)],
        operations: &["cicd.run.get", "cicd.log.get"],
        words: "The run {run} failed. Get it with {0}, find the first step that failed, and read that step's log with {1}; where \
                the answer tells `next_after`, go on with `after` until you have the end of it. Tell the first cause in one \
                sentence, show the lines of the log that prove it, and say what would mend it.",
    },
    Task {
        name: "triage_issues",
        title: "Triage a project's issues",
        description: "Sorts a project's open issues by what they ask for and how urgent they are.",
        arguments: &[("project", "The project's id, as a tool told it.", true)],
        operations: &["projects.issue.list", "projects.issue.get"],
        words: "List the open issues of {project} with {0}, page by page. Read those with {1} whose title does not say enough. \
                Sort them into faults, wishes and questions, name duplicates, and propose labels and an order of work. Change \
                nothing.",
    },
    Task {
        name: "answer_from_docs",
        title: "Answer from the documents",
        description: "Answers a question from the organisation's documents, with their pages as sources.",
        arguments: &[("question", "What is to be answered.", true)],
        operations: &["docs.search", "docs.page.get"],
        words: "Answer from our documents: {question}\n\nSearch with {0}, in several wordings, and read the pages that fit with \
                {1}. Answer from what they say alone, name each page that you used, and say so where they do not tell.",
    },
    Task {
        name: "propose_change",
        title: "Propose a change",
        description: "Changes a file on a branch of its own and opens a pull request.",
        arguments: &[
            ("repo", "The repository's id, as a tool told it.", true),
            ("change", "What is to be changed.", true),
            ("path", "The file, where it is known.", false),
        ],
        operations: &[
            "git.tree.list",
            "git.file.get",
            "git.branch.create",
            "git.file.put",
            "git.pr.create",
        ],
        words: "In the repository {repo}, make this change: {change}\n\nThe file, where it is known: {path}. Find what is to be \
                changed with {0} and {1}. Show me the change; when I have agreed, make a branch with {2}, write the file with {3} \
                and open a pull request with {4}.",
    },
];

/// Those that there are for a visitor.
pub(super) fn shown(ground: &Ground, visitor: &Visitor) -> Vec<Prompt> {
    let there = TASKS.iter().filter(|task| is_there(task, ground, visitor));
    let told = there.map(|task| {
        let arguments = task.arguments.iter().map(|(name, description, required)| {
            PromptArgument::new(*name)
                .with_description(*description)
                .with_required(*required)
        });
        Prompt::new(task.name, Some(task.description), Some(arguments.collect())).with_title(task.title)
    });
    told.collect()
}

fn is_there(task: &Task, ground: &Ground, visitor: &Visitor) -> bool {
    let mut operations = task.operations.iter();
    operations.all(|name| {
        let entry = ground.catalogue().find(name);
        entry.is_some_and(|entry| ground.is_there(entry, visitor))
    })
}

/// One, with its arguments.
///
/// # Errors
/// `invalid_input` naming the argument, or the prompt.
pub(super) fn get(
    ground: &Ground,
    name: &str,
    arguments: &JsonObject,
    visitor: &Visitor,
) -> Result<GetPromptResult, Failure> {
    let found = TASKS
        .iter()
        .find(|task| task.name == name && is_there(task, ground, visitor));
    let task = found.ok_or_else(|| Failure::new(Kind::InvalidInput, "there is no prompt of this name"))?;
    for given in arguments.keys() {
        if !task.arguments.iter().any(|(name, ..)| name == given) {
            return Err(Failure::invalid(
                given,
                format!("{given} is no argument of this prompt"),
            ));
        }
    }
    let mut words = task.words.to_owned();
    for (at, operation) in task.operations.iter().enumerate() {
        words = words.replace(&format!("{{{at}}}"), &format!("`{}`", name_of(operation)));
    }
    // In one walk: an argument's own braces stand for nothing.
    let words = filled(&words, |name| value_of(task, name, arguments))?;
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, words)]).with_description(task.description))
}

/// What an argument says; what may be left out and is, is not known.
fn value_of(task: &Task, name: &str, arguments: &JsonObject) -> Result<String, Failure> {
    let required = task
        .arguments
        .iter()
        .any(|(known, _, required)| *known == name && *required);
    match arguments.get(name) {
        Some(Value::String(text)) if !text.is_empty() || !required => Ok(text.clone()),
        None | Some(Value::Null) if !required => Ok("not known".to_owned()),
        None => Err(Failure::invalid(name, format!("{name} is missing"))),
        Some(_) => Err(Failure::invalid(name, format!("{name} must be a text, and not empty"))),
    }
}

fn filled(words: &str, value: impl Fn(&str) -> Result<String, Failure>) -> Result<String, Failure> {
    let mut pieces = words.split('{');
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once('}').unwrap_or((piece, ""));
        filled += &value(name)?;
        filled += rest;
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::find;

    #[test]
    fn every_prompt_names_tools_that_there_are_and_its_own_arguments() {
        for task in &TASKS {
            for (at, operation) in task.operations.iter().enumerate() {
                let entry = find(operation).unwrap_or_else(|| panic!("{operation}"));
                assert!(
                    entry.declaration.common,
                    "{operation} is not among those that are shown unasked"
                );
                assert!(
                    task.words.contains(&format!("{{{at}}}")),
                    "{} does not use {operation}",
                    task.name
                );
            }
            let known = |name: &str| {
                let is_tool = name.parse().is_ok_and(|at: usize| at < task.operations.len());
                is_tool || task.arguments.iter().any(|(argument, ..)| *argument == name)
            };
            let used = filled(task.words, |name| match known(name) {
                true => Ok(String::new()),
                false => Err(Failure::invalid(name, "unknown")),
            });
            assert!(used.is_ok(), "{}: {used:?}", task.name);
        }
    }
}
