//! The fields of an operation's root, as they are executed.
//!
//! Invariant: what is asked for twice under one name is called once, as GraphQL has it; their order stays.

use std::collections::HashMap;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType, Selection,
};
use async_graphql::{Name, Positioned};

use super::costs::root;

const ROOTS: [OperationType; 3] = [
    OperationType::Query,
    OperationType::Mutation,
    OperationType::Subscription,
];

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// Takes fields out of the fragments in which they stand, and makes one of those that are equal but for what they ask of the
/// answer. Where a fragment of a root stands under a condition, all stay where they are. The document has been measured, so
/// that this has an end.
pub(super) fn merge(document: &mut ExecutableDocument) {
    let ExecutableDocument { operations, fragments } = document;
    let mut flat = Vec::new();
    for (_, operation) in operations.iter() {
        let mut fields = Vec::new();
        let root = root(operation.node.ty);
        flatten(&operation.node.selection_set.node.items, root, fragments, &mut fields);
        if !fields.iter().all(is_field) {
            return;
        }
        flat.push(fields);
    }
    // None of them is spread any more; one that is left over would be refused.
    let is_of_root = |name: &str| ROOTS.iter().any(|kind| root(*kind) == name);
    fragments.retain(|_, fragment| !is_of_root(&fragment.node.type_condition.node.on.node));
    let operations: Vec<&mut Positioned<OperationDefinition>> = match operations {
        DocumentOperations::Single(only) => vec![only],
        DocumentOperations::Multiple(several) => several.values_mut().collect(),
    };
    for (operation, fields) in operations.into_iter().zip(flat) {
        operation.node.selection_set.node.items = merged(fields);
    }
}

fn merged(fields: Vec<Positioned<Selection>>) -> Vec<Positioned<Selection>> {
    let mut merged: Vec<Positioned<Selection>> = Vec::new();
    let mut places: HashMap<Name, usize> = HashMap::new();
    for selection in fields {
        if let Selection::Field(field) = &selection.node {
            let name = &field.node.response_key().node;
            let known = places
                .get(name)
                .and_then(|place| equal(&mut merged[*place], &field.node));
            if let Some(known) = known {
                let more = field.node.selection_set.node.items.iter().cloned();
                known.selection_set.node.items.extend(more);
                continue;
            }
            places.insert(name.clone(), merged.len());
        }
        merged.push(selection);
    }
    merged
}

/// Whether they are one field alone.
pub(super) fn is_one(fields: &[Positioned<Selection>]) -> bool {
    matches!(fields, [only] if is_field(only))
}

fn is_field(selection: &Positioned<Selection>) -> bool {
    matches!(selection.node, Selection::Field(_))
}

fn flatten(given: &[Positioned<Selection>], root: &str, fragments: &Fragments, into: &mut Vec<Positioned<Selection>>) {
    for selection in given {
        let within = match &selection.node {
            Selection::Field(_) => None,
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let is_of_root = condition.is_none_or(|condition| condition.node.on.node == *root);
                let is_plain = is_of_root && fragment.node.directives.is_empty();
                is_plain.then_some(&fragment.node.selection_set)
            }
            Selection::FragmentSpread(spread) => {
                let fragment = fragments.get(&spread.node.fragment_name.node);
                let fragment = fragment.filter(|fragment| {
                    let is_of_root = fragment.node.type_condition.node.on.node == *root;
                    is_of_root && fragment.node.directives.is_empty() && spread.node.directives.is_empty()
                });
                fragment.map(|fragment| &fragment.node.selection_set)
            }
        };
        match within {
            Some(set) => flatten(&set.node.items, root, fragments, into),
            None => into.push(selection.clone()),
        }
    }
}

/// The field of a selection, where another of its name asks the same.
fn equal<'k>(known: &'k mut Positioned<Selection>, other: &Field) -> Option<&'k mut Field> {
    let Selection::Field(known) = &mut known.node else {
        return None;
    };
    let known = &mut known.node;
    let are_given = known.arguments.iter().all(|(name, value)| {
        let given = other.get_argument(&name.node);
        given.is_some_and(|given| given.node == value.node)
    });
    let is_equal = are_given
        && known.name.node == other.name.node
        && known.arguments.len() == other.arguments.len()
        && known.directives.is_empty()
        && other.directives.is_empty();
    is_equal.then_some(known)
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    /// The fields of all operations, each with how many are below it, and how many fragments are left.
    fn looked(query: &str) -> (Vec<String>, usize) {
        let mut document = parse_query(query).expect("it is read");
        merge(&mut document);
        let mut operations: Vec<_> = document.operations.iter().collect();
        operations.sort_by_key(|(name, _)| name.cloned());
        let items = operations
            .iter()
            .flat_map(|(_, operation)| &operation.node.selection_set.node.items);
        let told = items.map(|selection| match &selection.node {
            Selection::Field(field) => {
                let below = field.node.selection_set.node.items.len();
                format!("{} {below}", field.node.response_key().node)
            }
            Selection::InlineFragment(_) => "...".to_owned(),
            Selection::FragmentSpread(spread) => format!("...{}", spread.node.fragment_name.node),
        });
        (told.collect(), document.fragments.len())
    }

    #[test]
    fn equal_fields_are_one_and_others_stay_in_their_order() {
        for (query, wanted, left) in [
            ("{ a { x } b a { y } }", "a 2, b 0", 0),
            ("{ a(n: 1) { x } a(n: 1) { x y } }", "a 3", 0),
            // What conflicts is refused by GraphQL's own rules.
            ("{ a(n: 1) a(n: 2) a }", "a 0, a 0, a 0", 0),
            ("{ c: a { x } a { x } c: b { x } }", "c 1, a 1, c 1", 0),
            ("{ a { x } a @skip(if: true) { y } }", "a 1, a 1", 0),
            ("subscription { ...F } fragment F on Subscription { a { x } }", "a 1", 0),
            (
                "{ b ...F ... { a { y } } } fragment F on Query { a { x } ...G } fragment G on Query { c ...H } fragment H on Query { d { ...I } } fragment I on D { e }",
                "b 0, a 2, c 0, d 1",
                1,
            ),
            (
                "query A { ...F } query B { ...F a } fragment F on Query { a b }",
                "a 0, b 0, a 0, b 0",
                0,
            ),
            (
                "{ b ... @skip(if: true) { a } ...F ...H b } fragment F on Query { a } fragment H on Other { a }",
                "b 0, ..., ...F, ...H, b 0",
                2,
            ),
            ("mutation { ... on Query { a } ... on Mutation { a } }", "..., ...", 0),
        ] {
            let (told, fragments) = looked(query);
            assert_eq!((&*told.join(", "), fragments), (wanted, left), "{query}");
        }
    }
}
