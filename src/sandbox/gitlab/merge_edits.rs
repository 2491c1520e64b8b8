//! Single changes of merge requests, which requests and quick actions share.
//!
//! Invariant: a merge request is a draft exactly when its title says so.

use super::data::Data;
use super::problem::Problem;
use crate::sandbox::forge::PullEdit;

/// A title's text behind its mark, if it has one.
pub(crate) fn unmarked(title: &str) -> Option<&str> {
    let marks = ["draft:", "[draft]", "(draft)"];
    let head = |mark: &str| {
        title
            .get(..mark.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(mark))
    };
    let mark = marks.into_iter().find(|mark| head(mark))?;
    Some(title[mark.len()..].trim_start())
}

/// Adds labels that are not there yet.
pub(crate) fn label(data: &mut Data, repo: u64, number: u64, names: &[String]) -> Result<(), Problem> {
    let issue = data
        .forge
        .by_id_mut(repo)?
        .issue_mut(number)
        .ok_or_else(Problem::not_found)?;
    for name in names {
        if !issue.labels.contains(name) {
            issue.labels.push(name.clone());
        }
    }
    Ok(())
}

/// Gives it another title, which says whether it is a draft.
pub(crate) fn retitle(data: &mut Data, repo: u64, number: u64, title: &str) -> Result<(), Problem> {
    let edit = PullEdit {
        title: Some(title.to_owned()),
        draft: Some(unmarked(title).is_some()),
        ..PullEdit::default()
    };
    Ok(data.forge.edit_pull(repo, number, edit)?)
}

/// Makes it a draft by its title, or makes it none.
pub(crate) fn set_draft(data: &mut Data, repo: u64, number: u64, draft: bool) -> Result<(), Problem> {
    let issue = data.forge.by_id(repo)?.issue(number).ok_or_else(Problem::not_found)?;
    let title = match (unmarked(&issue.title), draft) {
        (None, true) => format!("Draft: {}", issue.title),
        (Some(text), false) => text.to_owned(),
        _ => return Ok(()),
    };
    retitle(data, repo, number, &title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_known_by_its_title() {
        assert_eq!(unmarked("Draft: x"), Some("x"));
        assert_eq!((unmarked("[draft] x"), unmarked("(DRAFT)x")), (Some("x"), Some("x")));
        assert_eq!(
            (unmarked("Drafty"), unmarked("WIP: x"), unmarked("Grüße")),
            (None, None, None)
        );
    }
}
