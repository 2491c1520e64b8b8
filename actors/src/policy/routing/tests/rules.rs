//! Tests of what rules select, prefer, try and only watch.

use super::super::check::{NeverUsed, faults, never_used};
use super::*;
use crate::call::{CostClass, Performance, Priority};
use crate::policy::price::{Price, PriceRow};

pub(super) fn labelled(name: &str, labels: &[(&str, &str)]) -> Routable {
    Routable {
        labels: labels
            .iter()
            .map(|(name, value)| (Arc::from(*name), Arc::from(*value)))
            .collect(),
        ..routable(name, &["git.repo.get", "git.repo.list", "ai.chat.complete"], &[])
    }
}

pub(super) fn label(name: &str, value: &str) -> Label {
    (Arc::from(name), Arc::from(value))
}

pub(super) fn prefer(labels: &[Label], credits: bool) -> Preference {
    Preference {
        labels: labels.to_vec(),
        credits,
        ..Preference::default()
    }
}

fn clouds() -> Vec<Routable> {
    vec![
        labelled("c1", &[("hosting", "cloud"), ("region", "eu-1")]),
        labelled("c2", &[("hosting", "cloud"), ("region", "us-1")]),
        labelled("s1", &[("hosting", "self"), ("region", "us-1")]),
    ]
}

fn tiers(set: &CandidateSet) -> Vec<(Vec<String>, bool)> {
    let names = |tier: &Tier| {
        set.instances[tier.range.clone()]
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    set.tiers.iter().map(|tier| (names(tier), tier.credits)).collect()
}

fn get(table: &RoutingTable, change: impl FnOnce(&mut Call)) -> Arc<CandidateSet> {
    let mut call = Call::example(table.operations.get("git.repo.get").unwrap(), "acme/api", "t");
    change(&mut call);
    table.route(&call, 0).unwrap()
}

#[test]
fn a_selector_takes_whom_it_fits_and_preferences_put_them_in_order() {
    let by_hosting = Rule {
        instances: vec![Arc::from("s1")],
        select: vec![label("hosting", "cloud")],
        prefer: vec![
            prefer(&[label("hosting", "cloud")], true),
            prefer(&[label("hosting", "self")], false),
        ],
        ..Rule::default()
    };
    let set = get(&table(std::slice::from_ref(&by_hosting), clouds(), &[]), |_| {});
    let all = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(tiers(&set), [(all(&["c1", "c2"]), true), (all(&["s1"]), false)]);
    assert_eq!(set.places, [0, 1, 2]);
    assert!(set.asks_credits(0) && !set.asks_credits(2));

    // Whoever meets no preference comes last, and nobody comes who is not equivalent.
    let nearest = Rule {
        prefer: vec![prefer(&[label("region", "us-1")], false)],
        ..rule(&["c1", "c2"])
    };
    let set = get(&table(&[nearest], clouds(), &[]), |_| {});
    assert_eq!(tiers(&set), [(all(&["c2"]), false), (all(&["c1"]), false)]);

    // Equal sets share answers, whomever they prefer.
    let plain = get(&table(&[rule(&["s1", "c2", "c1"])], clouds(), &[]), |_| {});
    let ordered = get(&table(&[by_hosting], clouds(), &[]), |_| {});
    assert_eq!(plain.id, ordered.id);
    assert_ne!(plain.order, ordered.order);
    assert_ne!(plain.id, get(&table(&[rule(&["s1", "c2"])], clouds(), &[]), |_| {}).id);
}

#[test]
fn a_tenant_reaches_whom_its_own_rules_select_and_no_rule_in_shadow_widens_or_narrows_that() {
    let own = |shadow| Rule {
        tenant: Some(Arc::from("t")),
        select: vec![label("region", "us-1")],
        shadow,
        ..Rule::default()
    };
    let bound = table(&[own(false)], clouds(), &[]);
    assert!(bound.reaches("t", "c2") && bound.reaches("t", "s1") && !bound.reaches("t", "c1"));
    let free = table(&[own(true)], clouds(), &[]);
    assert!(free.is_unbounded("t"));
    // A selector that finds nobody bounds all the same.
    let nobody = Rule {
        select: vec![label("region", "nowhere")],
        ..own(false)
    };
    assert!(!table(&[nobody], clouds(), &[]).reaches("t", "c1"));
}

#[test]
fn each_condition_decides_alone_and_says_why_it_does_not_hold() {
    type Change = fn(&mut Call);
    let cases: Vec<(Conditions, Change, Reason)> = vec![
        (
            Conditions {
                model: Some(Arc::from("large-*")),
                ..Conditions::default()
            },
            |call| call.attributes.model = Some(Arc::from("Large-2")),
            Reason::Model,
        ),
        (
            Conditions {
                payload_min: Some(10),
                payload_max: Some(20),
                ..Conditions::default()
            },
            |call| call.attributes.payload_bytes = 20,
            Reason::Payload,
        ),
        (
            Conditions {
                labels: vec![label("team", "red*")],
                ..Conditions::default()
            },
            |call| call.attributes.labels = vec![label("team", "blue"), label("team", "reds")],
            Reason::Labels,
        ),
        (
            Conditions {
                performance: vec![Performance::LowLatency],
                ..Conditions::default()
            },
            |call| call.attributes.performance = Some(Performance::LowLatency),
            Reason::Performance,
        ),
        (
            Conditions {
                urgency: vec![Priority::High],
                ..Conditions::default()
            },
            |call| call.attributes.priority = Priority::High,
            Reason::Priority,
        ),
    ];
    for (when, change, why) in cases {
        let special = Rule { when, ..rule(&["c1"]) };
        let table = table(&[special, rule(&["c2"])], clouds(), &[]);
        assert_eq!(&*get(&table, change).instances[0], "c1", "{why:?}");
        assert_eq!(&*get(&table, |_| {}).instances[0], "c2", "{why:?}");
        let mut told = Told::default();
        let call = Call::example(table.operations.get("git.repo.get").unwrap(), "x", "t");
        table.explain(&call, 0, &mut told).unwrap();
        assert_eq!(told.0, [format!("0 {}", why.as_str()), "1 matched c2".to_owned()]);
    }
}

#[test]
fn hours_and_the_expected_cost_decide() {
    let priced = |name: &str, each: u64| Routable {
        prices: Arc::new(Prices(vec![PriceRow {
            price: Price {
                call: each,
                ..Price::default()
            },
            ..PriceRow::default()
        }])),
        ..labelled(name, &[])
    };
    let with = |when: Conditions| Rule {
        when,
        ..rule(&["a", "b"])
    };
    let dear = with(Conditions {
        cost_min: Some(6),
        ..Conditions::default()
    });
    let decided = |a: u64, b: u64| {
        let instances = vec![priced("a", a), priced("b", b), priced("c", 0)];
        get(&table(&[dear.clone(), rule(&["c"])], instances, &[]), |_| {})
            .instances
            .len()
    };
    assert_eq!((decided(1, 6), decided(5, 5)), (2, 1), "the dearest counts");

    let night = with(Conditions {
        hours: vec![Window {
            days: Window::EVERY_DAY,
            from: 60,
            to: 120,
        }],
        ..Conditions::default()
    });
    let table = table(
        &[night, rule(&["c"])],
        vec![priced("a", 0), priced("b", 0), priced("c", 0)],
        &[],
    );
    assert!(table.looks_at_the_clock());
    let call = Call::example(table.operations.get("git.repo.get").unwrap(), "x", "t");
    let at = |minute: u64| table.route(&call, minute * 60).unwrap().instances.len();
    assert_eq!([at(59), at(60), at(119), at(120)], [1, 2, 2, 1]);
}

/// Remembers what it is told.
#[derive(Default)]
pub(super) struct Told(pub(super) Vec<String>);

fn names(set: Option<&CandidateSet>) -> String {
    set.map_or("nobody".to_owned(), |set| set.instances.join(" "))
}

impl RouteTrace for Told {
    fn pinned(&mut self, instance: &str) {
        self.0.push(format!("pinned {instance}"));
    }

    fn passed_over(&mut self, number: usize, _rule: &Rule, why: Reason) {
        self.0.push(format!("{number} {}", why.as_str()));
    }

    fn matched(&mut self, number: usize, _rule: &Rule, set: Option<&CandidateSet>) {
        self.0.push(format!("{number} matched {}", names(set)));
    }

    fn shadowed(&mut self, number: usize, _rule: &Rule, would: Option<&CandidateSet>, same: bool) {
        self.0.push(format!("{number} would {} {same}", names(would)));
    }

    fn unruled(&mut self) {
        self.0.push("unruled".to_owned());
    }
}

#[test]
fn every_step_is_told_and_a_rule_in_shadow_is_counted_and_changes_nothing() {
    let shadow = |instances: &[&str]| Rule {
        shadow: true,
        ..rule(instances)
    };
    let rules = [
        Rule {
            service: Some(Arc::from("docs")),
            ..rule(&["c1"])
        },
        Rule {
            enabled: false,
            ..rule(&["c1"])
        },
        shadow(&["c2", "c1"]),
        shadow(&["c1"]),
        rule(&["c1"]),
        shadow(&["c2"]),
    ];
    let shadows = Arc::new(Shadows::new(rules.len()));
    let table = table(&rules, clouds(), &[]).counting(&shadows);
    let call = Call::example(table.operations.get("git.repo.get").unwrap(), "x", "t");
    let mut told = Told::default();
    table.explain(&call, 0, &mut told).unwrap();
    let expected = [
        "0 service",
        "1 disabled",
        "4 matched c1",
        "2 would c2 c1 false",
        "3 would c1 true",
    ];
    assert_eq!(told.0, expected);
    let counts = |rule: usize| shadows.report(rule).map(|report| (report.same, report.different));
    assert_eq!(counts(2), Some((0, 0)), "nobody made that call");
    for _ in 0..3 {
        assert_eq!(names(table.route(&call, 0).as_deref().ok()), "c1");
    }
    assert_eq!((counts(2), counts(3)), (Some((0, 3)), Some((3, 0))));
    assert_eq!(counts(5), Some((0, 0)), "it stands after the rule that decides");
    let pinned = Call::example(table.operations.get("git.repo.get").unwrap(), "c2~x", "t");
    let mut told = Told::default();
    table.explain(&pinned, 0, &mut told).unwrap();
    assert_eq!(told.0, ["pinned c2"]);
}

#[test]
fn contradictions_within_a_rule_are_named_by_their_keys() {
    let keys = |rule: &Rule| faults(rule).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    assert_eq!(keys(&rule(&["a"])), Vec::<String>::new());
    assert_eq!(keys(&rule(&[])), ["providers"]);
    let canary = |name: &str, parts: u32| Canary {
        instance: Arc::from(name),
        parts,
    };
    let odd = Rule {
        when: Conditions {
            payload_min: Some(2),
            payload_max: Some(1),
            hours: vec![Window {
                days: 0,
                from: 1_440,
                to: 0,
            }],
            ..Conditions::default()
        },
        prefer: vec![
            Preference {
                instances: vec![Arc::from("a"), Arc::from("b")],
                ..Preference::default()
            },
            Preference::default(),
            prefer(&[label("hosting", "self")], false),
        ],
        canaries: vec![canary("a", 600_000), canary("a", 600_000), canary("c", 0)],
        ..rule(&["a"])
    };
    let expected = [
        "payload_max",
        "hours[0].days",
        "hours[0]",
        "prefer[0].providers[1]",
        "prefer[2]",
        "canaries[1].provider",
        "canaries[2].provider",
        "canaries[2].percent",
        "canaries",
    ];
    assert_eq!(keys(&odd), expected);
}

#[test]
fn a_rule_that_an_earlier_one_covers_is_named_and_one_that_is_used_now_and_then_is_not() {
    let wide = Rule {
        service: Some(Arc::from("git")),
        ..rule(&["a", "b"])
    };
    let narrow = Rule {
        operation: Some(Arc::from("git.repo")),
        resource: Some(Arc::from("acme/*")),
        when: Conditions {
            costs: vec![CostClass::Heavy],
            ..Conditions::default()
        },
        ..rule(&["a"])
    };
    let covered = [NeverUsed { rule: 1, by: 0 }];
    assert_eq!(never_used(&[wide.clone(), narrow.clone()], true), covered);
    assert!(never_used(&[narrow.clone(), wide.clone()], false).is_empty());
    // Its priority has it tried first.
    let first = Rule {
        priority: 1,
        ..narrow.clone()
    };
    assert!(never_used(&[wide.clone(), first], false).is_empty());
    let elsewhere = Rule {
        instances: vec![Arc::from("c")],
        ..narrow.clone()
    };
    assert_eq!(never_used(&[wide.clone(), elsewhere.clone()], false), covered);
    assert!(
        never_used(&[wide.clone(), elsewhere], true).is_empty(),
        "for those who reach c alone"
    );
    let shadow = Rule {
        shadow: true,
        ..wide.clone()
    };
    assert!(never_used(&[shadow, narrow.clone()], false).is_empty());
    let asking = Rule {
        when: Conditions {
            performance: vec![Performance::LowLatency],
            ..Conditions::default()
        },
        ..wide
    };
    assert!(never_used(&[asking, narrow], false).is_empty());
}
