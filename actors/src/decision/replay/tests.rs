//! Tests of replay: what another configuration would decide otherwise.

use std::collections::HashMap;

use super::*;
use crate::decision::record::Decision;
use crate::decision::render::render;
use crate::decision::{CANDIDATES, Ended};
use crate::driver::Capabilities;
use crate::operation::{Homes, Operation};
use crate::policy::offers::Offers;
use crate::policy::price::{Price, PriceRow, Prices};
use crate::policy::routing::{Conditions, Routable, Rule};

static GET: Operation = Operation::read("git", "git.repo.get");
static CHAT: Operation = Operation {
    homes: Homes::Offered,
    ..Operation::read("ai", "ai.chat.complete")
};

fn operations() -> Arc<Operations> {
    Arc::new(Operations::new([&GET, &CHAT]))
}

fn rule(resource: &str, instances: &[&str]) -> Rule {
    Rule {
        resource: Some(Arc::from(resource)),
        instances: instances.iter().map(|name| Arc::from(*name)).collect(),
        ..Rule::default()
    }
}

fn table(rules: &[Rule], names: &[&str]) -> RoutingTable {
    priced(rules, names, 0)
}

/// The same, with instances that take so much for a million tokens that are read.
fn priced(rules: &[Rule], names: &[&str], input: u64) -> RoutingTable {
    offering(rules, names, input, |_| Offers::default())
}

fn offering(rules: &[Rule], names: &[&str], input: u64, offers: impl Fn(&str) -> Offers) -> RoutingTable {
    let price = Price {
        input,
        ..Price::default()
    };
    let rows = vec![PriceRow {
        price,
        ..PriceRow::default()
    }];
    let routable = |name: &&str| Routable {
        name: Arc::from(*name),
        capabilities: Capabilities::of(&operations(), [GET.name, CHAT.name]),
        credential_scope: 0,
        offers: Arc::new(offers(name)),
        labels: Vec::new(),
        prices: Arc::new(Prices(rows.clone())),
        credited: false,
    };
    let instances = names.iter().map(routable).collect();
    RoutingTable::new(operations(), rules, &HashMap::new(), instances, [])
}

/// What is recorded of a call for `resource` under `table`.
fn recorded(table: &RoutingTable, resource: &str) -> Explained {
    let operation = operations().get(GET.name).unwrap();
    record(table, &Call::example(operation, resource, "t"))
}

/// What is recorded of a chat with a model that is said to read so many tokens.
fn chat(table: &RoutingTable, model: &str, input_tokens: u64) -> Explained {
    let operation = operations().get(CHAT.name).unwrap();
    let mut call = Call::example(operation, model, "t");
    call.attributes.model = Some(Arc::from(model));
    call.estimate = Some(Estimate {
        input_tokens,
        max_output_tokens: Some(0),
    });
    record(table, &call)
}

fn record(table: &RoutingTable, call: &Call) -> Explained {
    let mut decision = Decision::default();
    decision.begin(call, Instant::now(), 0);
    match table.route(call, 0) {
        Ok(set) => decision.routed(call, &set, Rules::default()),
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

#[test]
fn what_calls_are_expected_to_cost_is_judged_as_it_was() {
    let dear = |cost_min| Rule {
        when: Conditions {
            cost_min: Some(cost_min),
            ..Conditions::default()
        },
        ..rule("*", &["b"])
    };
    let names = ["a", "b"];
    // A millionth of a dollar for a token; dear are a thousand of them.
    let rules = |cost_min| [dear(cost_min), rule("*", &["a"])];
    let before = priced(&rules(1_000_000), &names, 1_000_000_000);
    let all = [chat(&before, "m", 10), chat(&before, "m", 5_000)];
    assert_eq!([all[0].route.rule, all[1].route.rule], [Some(1), Some(0)]);
    assert_eq!(changes(&all, &before), []);
    let cheaper = priced(&rules(1_000_000), &names, 1_000_000);
    assert_eq!(changes(&all, &cheaper), [("m".to_owned(), Change::Candidates)]);
    let lower = priced(&rules(1_000), &names, 1_000_000_000);
    assert_eq!(changes(&all, &lower), [("m".to_owned(), Change::Candidates)]);
}

#[test]
fn what_lists_of_models_decide_cannot_be_told() {
    let names = ["a", "b"];
    let listed = |known: &[&str]| {
        let known: Vec<Arc<str>> = known.iter().map(|name| Arc::from(*name)).collect();
        move |name: &str| {
            let offers = Offers::default();
            offers.list((name == "a").then(|| known.clone()));
            offers
        }
    };
    let running = offering(&[], &names, 0, listed(&["m"]));
    let unasked = offering(&[], &names, 0, |_| Offers::default());
    let all = [chat(&running, "m", 1)];
    assert_eq!(changes(&all, &running), []);
    assert_eq!(changes(&all, &unasked), [("m".to_owned(), Change::CannotTell)]);
    let patterns = offering(&[], &names, 0, |name| {
        Offers::new(&[Arc::from(if name == "b" { "m" } else { "n" })])
    });
    assert_eq!(changes(&all, &patterns), [("m".to_owned(), Change::Candidates)]);
    let ruled = offering(&[rule("*", &["b"])], &names, 0, |_| Offers::default());
    assert_eq!(changes(&all, &ruled), [("m".to_owned(), Change::Candidates)]);

    let long = "m".repeat(300);
    let mut attributed = chat(&ruled, "m", 1);
    assert!(attributed.call.is_whole());
    attributed = chat(&ruled, &long, 1);
    attributed.call.resource_cut = false;
    assert!(attributed.call.model_left_out && !attributed.call.is_whole());
}
