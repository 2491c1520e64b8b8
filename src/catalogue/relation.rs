//! Relations: which field of an answer feeds which input, so that a surface which shows things with what belongs to them
//! can ask for that.
//!
//! Invariant: a relation tells only where an input comes from; what may be asked, and at what cost, the operation says.
//!
//! What has an operation that gets it by its id alone (`git.repo.get` by `repo`) is related to every read that needs
//! nothing but that id, without a row here. The rows are what names do not tell.

/// From a type to an operation.
#[derive(Debug)]
pub struct Relation {
    /// The type of the answer, by its name in schemas.
    pub of: &'static str,
    /// What the related thing is called there.
    pub name: &'static str,
    /// The operation that gets it.
    pub operation: &'static str,
    /// Where each of its inputs comes from.
    pub takes: &'static [(&'static str, From)],
    /// The operation's list holds the related things of several: these alone are meant.
    pub among: Option<Among>,
}

/// Where an input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// A field, by its JSON pointer. Where that is absent, so is the related thing.
    Field(&'static str),
    /// What an id in this field is within: `forge-a~acme/api` of `forge-a~acme/api#7`. Absent in an id that tells it not.
    Within(&'static str),
    /// A word.
    Word(&'static str),
}

/// Which rows of a list are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Among {
    /// The field that names them, by its JSON pointer: a text, or several.
    pub by: &'static str,
    /// The field of a row that is named.
    pub row: &'static str,
}

/// A type whose field feeds every read that needs nothing but this input.
#[derive(Debug)]
pub struct Feeds {
    /// The type.
    pub of: &'static str,
    /// Its field, by its JSON pointer.
    pub field: &'static str,
    /// The input.
    pub input: &'static str,
}

use self::From::{Field, Within, Word};

/// What feeds whole families of reads.
pub static FEEDS: &[Feeds] = &[
    // A forge's repositories are the projects of its issues and of its runs.
    Feeds {
        of: "Repo",
        field: "/id",
        input: "project",
    },
    Feeds {
        of: "Board",
        field: "/id",
        input: "board",
    },
    Feeds {
        of: "PageRow",
        field: "/id",
        input: "page",
    },
    Feeds {
        of: "Hit",
        field: "/id",
        input: "page",
    },
];

const fn one(
    of: &'static str,
    name: &'static str,
    operation: &'static str,
    takes: &'static [(&'static str, From)],
) -> Relation {
    Relation {
        of,
        name,
        operation,
        takes,
        among: None,
    }
}

/// All others.
pub static RELATIONS: &[Relation] = &[
    one("Pull", "repository", "git.repo.get", &[("repo", Within("/id"))]),
    one(
        "Pull",
        "runs",
        "cicd.run.list",
        &[("project", Within("/id")), ("branch", Field("/head/branch"))],
    ),
    one(
        "Pull",
        "head_commit",
        "git.commit.get",
        &[("repo", Within("/id")), ("commit", Field("/head/sha"))],
    ),
    one(
        "Pull",
        "head_status",
        "git.status.get",
        &[("repo", Within("/id")), ("commit", Field("/head/sha"))],
    ),
    Relation {
        among: Some(Among {
            by: "/labels",
            row: "name",
        }),
        ..one(
            "Pull",
            "label_details",
            "projects.label.list",
            &[("project", Within("/id"))],
        )
    },
    Relation {
        among: Some(Among {
            by: "/labels",
            row: "name",
        }),
        ..one(
            "Issue",
            "label_details",
            "projects.label.list",
            &[("project", Within("/id"))],
        )
    },
    Relation {
        among: Some(Among {
            by: "/milestone/id",
            row: "id",
        }),
        ..one(
            "Issue",
            "milestone_details",
            "projects.milestone.list",
            &[("project", Within("/id")), ("state", Word("all"))],
        )
    },
    one("Run", "repository", "git.repo.get", &[("repo", Within("/id"))]),
    one(
        "Run",
        "commit_details",
        "git.commit.get",
        &[("repo", Within("/id")), ("commit", Field("/commit"))],
    ),
    one(
        "Pipeline",
        "runs",
        "cicd.run.list",
        &[("project", Field("/project")), ("pipeline", Field("/id"))],
    ),
    one("QueueItem", "run_details", "cicd.run.get", &[("run", Field("/run"))]),
    one("Repo", "pipelines", "cicd.pipeline.list", &[("project", Field("/id"))]),
    one("Space", "pages", "docs.page.list", &[("space", Field("/id"))]),
    one(
        "Space",
        "children",
        "docs.page.list_children",
        &[("parent", Field("/id"))],
    ),
    one(
        "DocPage",
        "children",
        "docs.page.list_children",
        &[("parent", Field("/id"))],
    ),
    one(
        "PageRow",
        "children",
        "docs.page.list_children",
        &[("parent", Field("/id"))],
    ),
    one("PageRow", "page", "docs.page.get", &[("page", Field("/id"))]),
    one("Hit", "page", "docs.page.get", &[("page", Field("/id"))]),
    one(
        "Attachment",
        "page_details",
        "docs.page.get",
        &[("page", Field("/page"))],
    ),
    one("DocPage", "parent_page", "docs.page.get", &[("page", Field("/parent"))]),
];

/// What an id is within, where it tells.
pub fn within(id: &str) -> Option<&str> {
    let (whole, own) = id.rsplit_once('#')?;
    (!whole.is_empty() && !own.is_empty()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::{OPERATIONS, find, schema};
    use super::*;

    /// The schemas of all outputs, by the names of their types.
    fn types() -> serde_json::Map<String, Value> {
        let mut generator = schema::named("/types");
        for entry in OPERATIONS.iter().filter(|entry| !entry.declaration.bytes) {
            (entry.named.output)(&mut generator);
        }
        generator.take_definitions(true)
    }

    fn has(types: &serde_json::Map<String, Value>, of: &str, pointer: &str) -> bool {
        let resolved = |schema: &Value| match schema["$ref"].as_str() {
            Some(name) => types[name.rsplit('/').next().expect("a name")].clone(),
            None => schema.clone(),
        };
        let mut at = types.get(of).cloned().unwrap_or_default();
        pointer.split('/').skip(1).all(|part| {
            let field = at["properties"].get(part).map(resolved);
            at = field.clone().unwrap_or_default();
            field.is_some()
        })
    }

    #[test]
    fn every_relation_leads_from_what_there_is_to_what_there_is() {
        let types = types();
        for Relation {
            of,
            name,
            operation,
            takes,
            among,
        } in RELATIONS
        {
            let entry = find(operation).expect("an operation");
            assert!(entry.declaration.facts.safe && !entry.declaration.bytes, "{operation}");
            assert!(!has(&types, of, &format!("/{name}")), "{of} has {name} itself");
            for (input, from) in *takes {
                assert!(entry.field(input).is_some(), "{operation} takes no {input}");
                if let Field(pointer) | Within(pointer) = from {
                    assert!(has(&types, of, pointer), "{of} has no {pointer}");
                }
            }
            let given = |field: &&str| takes.iter().any(|(input, _)| input == field);
            let required = entry.fields.iter().filter(|field| field.required);
            assert!(
                required.map(|field| &*field.name).all(|name| given(&name)),
                "{operation}"
            );
            if let Some(Among { by, row }) = among {
                assert!(has(&types, of, by), "{of} has no {by}");
                let list = entry.output_schema.as_value();
                assert!(list["properties"]["items"]["items"]["properties"].get(row).is_some());
            }
        }
        for Feeds { of, field, input } in FEEDS {
            assert!(has(&types, of, field), "{of} has no {field}");
            assert!(OPERATIONS.iter().any(|entry| entry.field(input).is_some()), "{input}");
        }
    }

    #[test]
    fn an_id_tells_what_it_is_within() {
        assert_eq!(within("forge-a~acme/api#7"), Some("forge-a~acme/api"));
        for none in ["docs~a3f", "forge~acme/api", "#7", "x#"] {
            assert_eq!(within(none), None, "{none}");
        }
    }
}
