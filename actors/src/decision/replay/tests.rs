//! Tests of replay: what another configuration would decide otherwise.

use std::collections::HashMap;

use super::*;
use crate::decision::record::Decision;
use crate::decision::render::render;
use crate::decision::{CANDIDATES, Ended};
use crate::driver::Capabilities;
use crate::operation::Operation;
use crate::policy::routing::{Routable, Rule};

static GET: Operation = Operation::read("git", "git.repo.get");

fn operations() -> Arc<Operations> {
    Arc::new(Operations::new([&GET]))
}

fn rule(resource: &str, instances: &[&str]) -> Rule {
    Rule {
        resource: Some(Arc::from(resource)),
        instances: instances.iter().map(|name| Arc::from(*name)).collect(),
        ..Rule::default()
    }
}

fn table(rules: &[Rule], names: &[&str]) -> RoutingTable {
    let routable = |name: &&str| Routable {
        name: Arc::from(*name),
        capabilities: Capabilities::of(&operations(), [GET.name]),
        credential_scope: 0,
        offers: Arc::default(),
        labels: Vec::new(),
        prices: Arc::default(),
        credited: false,
    };
    let instances = names.iter().map(routable).collect();
    RoutingTable::new(operations(), rules, &HashMap::new(), instances, [])
}

/// What is recorded of a call for `resource` under `table`.
fn recorded(table: &RoutingTable, resource: &str) -> Explained {
    let operation = operations().get(GET.name).unwrap();
    let call = Call::example(operation, resource, "t");
    let mut decision = Decision::default();
    decision.begin(&call, Instant::now(), 0);
    match table.route(&call, 0) {
        Ok(set) => decision.routed(&call, &set, Rules::default()),
        Err(failure) => {
            decision.refused(Rules::default());
            decision.end(Ended {
                code: Some(failure.kind),
                ..Ended::default()
            });
        }
    }
    let json = serde_json::to_string(&render(&decision)).unwrap();
    serde_json::from_str(&json).unwrap()
}

fn changes(recorded: &[Explained], table: &RoutingTable) -> Vec<(String, Change)> {
    let differences = compare(recorded, table, &operations(), Instant::now());
    let told = |one: Difference| (one.call.resource.to_string(), one.change);
    differences.into_iter().map(told).collect()
}

#[test]
fn the_same_configuration_changes_nothing_and_another_what_it_changes() {
    let names = ["a", "b", "c"];
    let rules = [rule("one*", &["a", "b"]), rule("two*", &["b", "c"])];
    let before = table(&rules, &names);
    let all: Vec<_> = ["one/x", "two/x", "c~three", "four", "gone~five"]
        .map(|resource| recorded(&before, resource))
        .into();
    assert_eq!(changes(&all, &before), []);

    let swapped = table(&[rules[1].clone(), rules[0].clone()], &names);
    let told = |name: &str, change| (name.to_string(), change);
    assert_eq!(
        changes(&all, &swapped),
        [told("one/x", Change::Rule), told("two/x", Change::Rule)]
    );

    let other = table(
        &[rule("one*", &["b", "a"]), rule("four", &["c"])],
        &["a", "b", "c", "gone"],
    );
    let expected = [
        told("one/x", Change::Candidates),
        told("two/x", Change::NowRefused),
        told("four", Change::NowRouted),
        told("five", Change::NowRouted),
    ];
    assert_eq!(changes(&all, &other), expected);
    let differences = compare(&all[..1], &other, &operations(), Instant::now());
    assert_eq!(differences[0].was.candidates, [Arc::from("a"), Arc::<str>::from("b")]);
    assert_eq!(
        differences[0].now.as_ref().unwrap().candidates,
        [Arc::from("b"), Arc::<str>::from("a")]
    );

    assert_eq!(changes(&all[3..4], &table(&[], &[])), [told("four", Change::Refusal)]);
}

#[test]
fn what_is_not_held_whole_is_not_guessed() {
    let names: Vec<String> = (0..40).map(|n| format!("i{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let large = table(&[rule("*", &names)], &names);
    let one = recorded(&large, "acme/thing");
    assert_eq!(one.candidates.len(), CANDIDATES);
    assert_eq!(changes(std::slice::from_ref(&one), &large), []);
    let fewer = table(&[rule("*", &names[..39])], &names);
    assert_eq!(changes(&[one], &fewer).len(), 1);

    let long = "x".repeat(200);
    let cut = recorded(&large, &long);
    let told = changes(&[cut], &large);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1, Change::CannotTell);

    let elsewhere = Explained {
        call: Recorded {
            operation: Arc::from("git.repo.forget"),
            ..recorded(&large, "x").call
        },
        ..recorded(&large, "x")
    };
    assert_eq!(changes(&[elsewhere], &large)[0].1, Change::UnknownOperation);
}
