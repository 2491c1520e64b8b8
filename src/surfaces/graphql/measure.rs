//! How deep, wide and dear a document is, before any of it is executed.
//!
//! Invariant: what cannot be afforded is refused before a call is made, and to find that out takes no more steps than
//! [`MOST_STEPS`], whatever the fragments.

use async_graphql::parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet};
use async_graphql::{Name, Value as Given, Variables};
use mosaic_actors::error::Failure;

use super::costs::{Cost, Costs, root};

/// The most fields and fragments of a document, each as often as it is spread.
const MOST_STEPS: usize = 10_000;
/// The most fields, arguments, variables and fragments as they are written: GraphQL's own rules may tell a fault of each, all of
/// them at once.
const MOST_PARTS: usize = 2_000;
/// The most fragments within each other.
const DEEPEST_FRAGMENTS: usize = 32;
/// Rows of a page that names no number: what most providers give.
const USUAL_ROWS: usize = 30;
/// How deep the question for the schema may be, as every tool asks it.
const DEEPEST_SCHEMA: usize = 24;
/// The fields of the schema that hold lists of its parts: within each other they multiply.
const LISTS_OF_PARTS: &[&str] = &["types", "fields", "inputFields", "interfaces", "possibleTypes"];
/// How often those may be within each other.
const MOST_LISTS: usize = 3;
/// The whole schema is a long answer.
const SCHEMA: usize = 500;
const TYPE: usize = 20;

/// What one request may ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) depth: usize,
    pub(super) complexity: usize,
    pub(super) aliases: usize,
}

/// Looks at every operation of a document.
///
/// # Errors
/// `invalid_input` on `query`.
pub(super) fn check(
    document: &ExecutableDocument,
    variables: &Variables,
    costs: &Costs,
    bounds: Bounds,
) -> Result<(), Failure> {
    if parts(document) > MOST_PARTS {
        return refused(format!(
            "the query may have at most {MOST_PARTS} fields, arguments, variables and fragments as it is written"
        ));
    }
    let mut steps = 0;
    for (_, operation) in document.operations.iter() {
        let mut measure = Measure {
            document,
            operation: &operation.node,
            variables,
            costs,
            bounds,
            steps,
            complexity: 0,
            aliases: 0,
            fragments: Vec::new(),
        };
        let at = At {
            of: root(operation.node.ty),
            depth: 1,
            times: 1,
            rows: 1,
            schema: None,
        };
        measure.set(&operation.node.selection_set.node, at)?;
        steps = measure.steps;
    }
    Ok(())
}

fn parts(document: &ExecutableDocument) -> usize {
    let operations = document.operations.iter().map(|(_, operation)| {
        let variables = operation.node.variable_definitions.len();
        1 + variables + of_set(&operation.node.selection_set.node)
    });
    let fragments = document.fragments.values();
    let fragments = fragments.map(|fragment| 1 + of_set(&fragment.node.selection_set.node));
    operations.chain(fragments).sum()
}

/// As deep as brackets may nest.
fn of_set(set: &SelectionSet) -> usize {
    let parts = set.items.iter().map(|selection| match &selection.node {
        Selection::Field(field) => 1 + field.node.arguments.len() + of_set(&field.node.selection_set.node),
        Selection::InlineFragment(fragment) => 1 + of_set(&fragment.node.selection_set.node),
        Selection::FragmentSpread(_) => 1,
    });
    parts.sum()
}

struct Measure<'d> {
    document: &'d ExecutableDocument,
    operation: &'d OperationDefinition,
    variables: &'d Variables,
    costs: &'d Costs,
    bounds: Bounds,
    steps: usize,
    complexity: usize,
    aliases: usize,
    fragments: Vec<&'d Name>,
}

/// Where in a document a selection stands.
#[derive(Clone, Copy)]
struct At<'d> {
    of: &'d str,
    depth: usize,
    /// How many objects it is of.
    times: usize,
    /// The rows of the page that it is of.
    rows: usize,
    /// Within the schema: how many lists of parts it is within.
    schema: Option<usize>,
}

fn refused<T>(sentence: String) -> Result<T, Failure> {
    Err(Failure::invalid("query", sentence))
}

impl<'d> Measure<'d> {
    fn set(&mut self, set: &'d SelectionSet, at: At<'d>) -> Result<(), Failure> {
        for selection in &set.items {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return refused(format!(
                    "the query may have at most {MOST_STEPS} fields, those of fragments included"
                ));
            }
            match &selection.node {
                Selection::Field(field) => self.field(&field.node, at)?,
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref();
                    let of = on.map_or(at.of, |condition| &condition.node.on.node);
                    self.within(None, &fragment.node.selection_set.node, At { of, ..at })?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    // One that there is not, GraphQL's own rules refuse.
                    if let Some(fragment) = self.document.fragments.get(name) {
                        let of = &*fragment.node.type_condition.node.on.node;
                        self.within(Some(name), &fragment.node.selection_set.node, At { of, ..at })?;
                    }
                }
            }
        }
        Ok(())
    }

    fn within(&mut self, name: Option<&'d Name>, set: &'d SelectionSet, at: At<'d>) -> Result<(), Failure> {
        let Some(name) = name else {
            return self.set(set, at);
        };
        if self.fragments.contains(&name) {
            return refused(format!("the fragment {name} is within itself"));
        }
        if self.fragments.len() >= DEEPEST_FRAGMENTS {
            return refused(format!(
                "at most {DEEPEST_FRAGMENTS} fragments may be within each other"
            ));
        }
        self.fragments.push(name);
        let walked = self.set(set, at);
        self.fragments.pop();
        walked
    }

    fn field(&mut self, field: &'d Field, at: At<'d>) -> Result<(), Failure> {
        if field.alias.is_some() {
            self.aliases += 1;
            if self.aliases > self.bounds.aliases {
                let most = self.bounds.aliases;
                return refused(format!("a query may have at most {most} aliases (graphql.max_aliases)"));
            }
        }
        let name = field.name.node.as_str();
        let below = match at.schema {
            Some(lists) => self.of_schema(name, lists, at)?,
            None if name == "__schema" || name == "__type" => {
                self.count(if name == "__schema" { SCHEMA } else { TYPE })?;
                At {
                    depth: 1,
                    schema: Some(0),
                    ..at
                }
            }
            None => self.of_answer(field, name, at)?,
        };
        self.set(&field.selection_set.node, below)
    }

    fn of_schema(&mut self, name: &str, lists: usize, at: At<'d>) -> Result<At<'d>, Failure> {
        let lists = lists + usize::from(LISTS_OF_PARTS.contains(&name));
        if at.depth > DEEPEST_SCHEMA || lists > MOST_LISTS {
            return refused("the schema is asked for deeper than tools do".to_owned());
        }
        self.count(1)?;
        Ok(At {
            depth: at.depth + 1,
            schema: Some(lists),
            ..at
        })
    }

    fn of_answer(&mut self, field: &'d Field, name: &str, at: At<'d>) -> Result<At<'d>, Failure> {
        if at.depth > self.bounds.depth {
            let most = self.bounds.depth;
            return refused(format!("a query may be at most {most} fields deep (graphql.max_depth)"));
        }
        let unknown = Cost::default();
        let costs: &'d Costs = self.costs;
        let known = costs.find(at.of, name);
        let cost = known.unwrap_or(&unknown);
        let several = self.number(field, "ids").unwrap_or(1);
        let one = 1_usize.saturating_add(cost.call.saturating_mul(several));
        self.count(one.saturating_mul(at.times))?;
        let times = match cost.rows {
            true => at.times.saturating_mul(at.rows),
            false => at.times.saturating_mul(several),
        };
        let rows = match cost.pages {
            true => self.number(field, "first").unwrap_or(USUAL_ROWS).clamp(1, 100),
            false => at.rows,
        };
        Ok(At {
            of: known.map_or("", |cost| cost.to.as_str()),
            depth: at.depth + 1,
            times,
            rows,
            schema: None,
        })
    }

    fn count(&mut self, more: usize) -> Result<(), Failure> {
        self.complexity = self.complexity.saturating_add(more);
        let most = self.bounds.complexity;
        match self.complexity > most {
            false => Ok(()),
            true => refused(format!(
                "the query may cost at most {most} (graphql.max_complexity): ask for fewer rows, or for less of each"
            )),
        }
    }

    /// A number that an argument says, or the length of its list.
    fn number(&self, field: &Field, name: &str) -> Option<usize> {
        let given = field.get_argument(name)?.node.clone();
        let value = given.into_const_with(|name| Ok::<_, ()>(self.variable(&name)));
        match value.ok()? {
            Given::Number(number) => usize::try_from(number.as_u64()?).ok(),
            Given::List(values) => Some(values.len()),
            _ => None,
        }
    }

    fn variable(&self, name: &Name) -> Given {
        let definitions = &self.operation.variable_definitions;
        let default = || {
            let definition = definitions.iter().find(|definition| definition.node.name.node == *name);
            definition.and_then(|definition| definition.node.default_value().cloned())
        };
        self.variables.get(name).cloned().or_else(default).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::catalogue::OPERATIONS;

    const BOUNDS: Bounds = Bounds {
        depth: 15,
        complexity: 10_000,
        aliases: 5,
    };

    fn costs() -> Costs {
        let entries: Vec<_> = OPERATIONS.iter().collect();
        Costs::of(&super::super::plan_of(&entries))
    }

    fn look(query: &str) -> Result<(), String> {
        let document = parse_query(query).expect("it is read");
        let variables = Variables::from_json(serde_json::json!({ "n": 100 }));
        check(&document, &variables, &costs(), BOUNDS).map_err(|failure| failure.message().to_owned())
    }

    #[test]
    fn rows_multiply_what_is_asked_of_each() {
        let nested = |outer: &str, inner: usize| {
            format!(
                "query($n: Int) {{ gitRepoList(first: {outer}) {{ nodes {{ id prs(first: {inner}) {{ nodes {{ id title }} }} }} }} }}"
            )
        };
        assert_eq!(look(&nested("50", 10)), Ok(()));
        assert_eq!(look(&nested("10", 100)), Ok(()));
        let by_default = nested("$n", 100)
            .replace("$n: Int", "$m: Int = 100")
            .replace("$n", "$m");
        for dear in [nested("100", 100), nested("$n", 100), by_default] {
            assert!(look(&dear).expect_err("too dear").contains("graphql.max_complexity"));
        }
        let ids = "\"x\",".repeat(2_000);
        assert!(look(&format!("{{ nodes(ids: [{ids}]) {{ id }} }}")).is_err());
    }

    #[test]
    fn what_multiplies_itself_is_refused_in_few_steps() {
        let mut bomb = String::from("{ gitRepoGet(repo: \"a/b\") { ...F0 } }");
        for at in 0..30 {
            bomb += &format!(" fragment F{at} on Repo {{ ...F{0} ...F{0} }}", at + 1);
        }
        bomb += " fragment F30 on Repo { id }";
        assert!(look(&bomb).expect_err("too many").contains("at most"));
        let cycle = "{ gitRepoGet(repo: \"a/b\") { ...A } } fragment A on Repo { ...B } fragment B on Repo { ...A }";
        assert!(look(cycle).expect_err("a cycle").contains("within itself"));
    }

    #[test]
    fn depth_aliases_and_the_schema_have_their_bounds() {
        let deep = format!("{}id{}", "{ gitRepoGet ".repeat(20), "}".repeat(20));
        assert!(look(&deep).expect_err("too deep").contains("graphql.max_depth"));
        let aliased: String = (0..6).map(|at| format!("a{at}: __typename ")).collect();
        assert!(
            look(&format!("{{ {aliased} }}"))
                .expect_err("too many")
                .contains("graphql.max_aliases")
        );
        let asked = format!(
            "{{ __schema {{ types {{ fields {{ type {}name{} }} }} }} }}",
            "{ ofType ".repeat(9),
            "}".repeat(9)
        );
        assert_eq!(look(&asked), Ok(()));
        let nested = format!(
            "{{ __schema {{ types {}name{} }} }}",
            "{ fields { type ".repeat(5),
            "} }".repeat(5)
        );
        assert!(look(&nested).is_err());
    }
}
