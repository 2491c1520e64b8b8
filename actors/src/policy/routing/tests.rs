//! Tests of routing.

mod choice;
mod model;
mod rules;

use super::set::Candidate;
use super::*;
use crate::call::Operation;

static GET: Operation = Operation::read("git", "git.repo.get");
static LIST: Operation = Operation {
    list: true,
    ..Operation::read("git", "git.repo.list")
};
static CHAT: Operation = Operation {
    homes: Homes::Offered,
    ..Operation::read("ai", "ai.chat.complete")
};
static OTHER: Operation = Operation::read("docs", "docs.page.get");

fn operations() -> Arc<Operations> {
    Arc::new(Operations::new([&GET, &LIST, &CHAT, &OTHER]))
}

fn routable(name: &str, can: &[&str], offers: &[&str]) -> Routable {
    let offers: Vec<Arc<str>> = offers.iter().map(|name| Arc::from(*name)).collect();
    Routable {
        name: Arc::from(name),
        capabilities: Capabilities::of(&operations(), can.iter().copied()),
        credential_scope: 0,
        offers: Arc::new(Offers::new(&offers)),
        labels: Vec::new(),
        prices: Arc::default(),
        credited: false,
    }
}

fn rule(instances: &[&str]) -> Rule {
    Rule {
        instances: instances.iter().map(|name| Arc::from(*name)).collect(),
        ..Rule::default()
    }
}

fn table(rules: &[Rule], instances: Vec<Routable>, unloaded: &[&str]) -> RoutingTable {
    let unloaded = unloaded.iter().map(|name| Arc::from(*name));
    RoutingTable::new(operations(), rules, &HashMap::new(), instances, unloaded)
}

fn forges() -> Vec<Routable> {
    vec![
        routable("a", &["git.repo.get", "git.repo.list"], &[]),
        routable("b", &["git.repo.get", "git.repo.list"], &[]),
    ]
}

/// The names that a call is routed to, or the kind, field and sentence of its refusal.
fn routed(table: &RoutingTable, operation: &str, resource: &str, tenant: &str) -> Result<Vec<String>, (Kind, String)> {
    routed_to(table, operation, resource, tenant, None)
}

fn routed_to(
    table: &RoutingTable,
    operation: &str,
    resource: &str,
    tenant: &str,
    provider: Option<&str>,
) -> Result<Vec<String>, (Kind, String)> {
    let operation = table.operations.get(operation).expect("declared");
    let mut call = Call::example(operation, resource, tenant);
    call.provider = provider.map(Arc::from);
    match table.route(&call, 0) {
        Ok(set) => Ok(set.instances.iter().map(ToString::to_string).collect()),
        Err(failure) => {
            assert!(failure.unsent);
            Err((failure.kind, failure.message().to_owned()))
        }
    }
}

#[test]
fn several_homes_without_a_rule_are_refused_and_named() {
    let two = table(&[], forges(), &[]);
    let (kind, sentence) = routed(&two, "git.repo.get", "acme/api", "t").unwrap_err();
    assert_eq!(kind, Kind::InvalidInput);
    assert!(
        sentence.contains("a, b") && sentence.contains("a~acme/api"),
        "{sentence}"
    );
    let (kind, sentence) = routed(&two, "git.repo.list", "", "t").unwrap_err();
    assert_eq!(kind, Kind::InvalidInput);
    assert!(sentence.contains("provider=all"), "{sentence}");
    assert_eq!(routed(&two, "git.repo.get", "b~acme/api", "t").unwrap(), ["b"]);
    assert_eq!(
        routed_to(&two, "git.repo.get", "acme/api", "t", Some("a")).unwrap(),
        ["a"]
    );

    let equivalent = table(&[rule(&["b", "a"])], forges(), &[]);
    assert_eq!(
        routed(&equivalent, "git.repo.get", "acme/api", "t").unwrap(),
        ["b", "a"]
    );
    let one = table(&[], forges()[..1].to_vec(), &[]);
    assert_eq!(routed(&one, "git.repo.get", "acme/api", "t").unwrap(), ["a"]);
}

#[test]
fn a_rule_matches_a_resource_in_whatever_case() {
    let acme = Rule {
        resource: Some(Arc::from("Acme/*")),
        ..rule(&["a"])
    };
    let table = table(&[acme, rule(&["b"])], forges(), &[]);
    assert_eq!(routed(&table, "git.repo.get", "acme/api", "t").unwrap(), ["a"]);
    assert_eq!(routed(&table, "git.repo.get", "ACME/API", "t").unwrap(), ["a"]);
    assert_eq!(routed(&table, "git.repo.get", "other/api", "t").unwrap(), ["b"]);
}

#[test]
fn what_never_loaded_is_no_provider_and_what_cannot_is_unsupported() {
    let with_rule = table(&[rule(&["away"])], forges(), &["away"]);
    let (kind, sentence) = routed(&with_rule, "git.repo.get", "acme/api", "t").unwrap_err();
    assert_eq!(kind, Kind::NoProvider);
    assert!(sentence.contains("away"), "{sentence}");
    assert_eq!(
        routed(&with_rule, "git.repo.get", "away~x", "t").unwrap_err().0,
        Kind::NoProvider
    );
    let unable = table(&[rule(&["a"])], forges(), &[]);
    assert_eq!(
        routed(&unable, "docs.page.get", "p", "t").unwrap_err().0,
        Kind::Unsupported
    );
    let nothing = table(&[], vec![], &["away"]);
    assert_eq!(
        routed(&nothing, "git.repo.get", "x", "t").unwrap_err().0,
        Kind::NoProvider
    );
    assert_eq!(
        routed(&table(&[], vec![], &[]), "git.repo.get", "x", "t")
            .unwrap_err()
            .0,
        Kind::NoProvider
    );
}

#[test]
fn a_model_lives_where_it_is_offered() {
    let chat = ["ai.chat.complete"];
    let instances = vec![
        routable("x", &chat, &["small-*"]),
        routable("y", &chat, &["large"]),
        routable("z", &chat, &[]),
    ];
    let models = table(&[], instances.clone(), &[]);
    assert_eq!(routed(&models, "ai.chat.complete", "small-1", "t").unwrap(), ["x"]);
    assert_eq!(routed(&models, "ai.chat.complete", "large", "t").unwrap(), ["y"]);
    // Who is named is asked, but not for what its configuration leaves out.
    assert_eq!(routed(&models, "ai.chat.complete", "z~small-1", "t").unwrap(), ["z"]);
    assert_eq!(
        routed(&models, "ai.chat.complete", "x~large", "t").unwrap_err().0,
        Kind::NotFound
    );
    // Nobody is known to offer it: the one of whom nobody knows.
    assert_eq!(routed(&models, "ai.chat.complete", "other", "t").unwrap(), ["z"]);
    instances[2].offers.list(Some(vec![Arc::from("large")]));
    assert_eq!(
        routed(&models, "ai.chat.complete", "large", "t").unwrap_err().0,
        Kind::InvalidInput
    );
    assert_eq!(
        routed(&models, "ai.chat.complete", "other", "t").unwrap_err().0,
        Kind::NotFound
    );
    // The only one is asked, and says itself what it knows; but not for what its configuration leaves out.
    let alone = |index: usize| table(&[], vec![instances[index].clone()], &[]);
    assert_eq!(routed(&alone(2), "ai.chat.complete", "other", "t").unwrap(), ["z"]);
    assert_eq!(
        routed(&alone(0), "ai.chat.complete", "other", "t").unwrap_err().0,
        Kind::NotFound
    );
}

#[test]
fn a_tenants_rules_are_its_reach_however_an_instance_is_named() {
    let own = Rule {
        tenant: Some(Arc::from("t")),
        ..rule(&["a"])
    };
    let table = table(&[own, rule(&["a", "b"])], forges(), &[]);
    let operation = table.operations.get("git.repo.list").unwrap();
    for resource in ["b~acme/api", "nowhere~acme/api"] {
        let (kind, sentence) = routed(&table, "git.repo.get", resource, "t").unwrap_err();
        let name = resource.split('~').next().unwrap();
        assert_eq!(
            (kind, sentence),
            (Kind::NotFound, format!("no provider is called {name}"))
        );
    }
    assert_eq!(
        routed_to(&table, "git.repo.get", "x", "t", Some("b")).unwrap_err().0,
        Kind::InvalidInput
    );
    assert_eq!(table.capable(operation, "t"), [Arc::from("a")]);
    assert_eq!(table.capable(operation, "other").len(), 2);
    assert_eq!(routed(&table, "git.repo.get", "x", "other").unwrap(), ["a", "b"]);
}

#[test]
fn nobody_is_told_of_an_instance_out_of_its_reach_that_is_away() {
    let reach = Reach {
        instances: Some([Arc::from("a"), Arc::from("away")].into()),
        ..Reach::default()
    };
    let reaches = HashMap::from([(Arc::from("t"), reach)]);
    let rules = [rule(&["hidden", "away"])];
    let unloaded = ["hidden", "away"].map(Arc::from);
    let table = RoutingTable::new(operations(), &rules, &reaches, forges(), unloaded);
    let told = |tenant| routed(&table, "git.repo.get", "x", tenant).unwrap_err().1;
    assert_eq!(told("t"), "away has not come up so far");
    assert_eq!(told("other"), "away, hidden has not come up so far");
}

#[test]
fn a_reach_cuts_global_rules_services_and_operations() {
    let reach = Reach {
        instances: Some([Arc::from("b")].into()),
        operations: Some([Arc::from("git.repo.get")].into()),
        ..Reach::default()
    };
    let reaches = HashMap::from([(Arc::from("t"), reach)]);
    let table = RoutingTable::new(operations(), &[rule(&["a", "b"])], &reaches, forges(), []);
    assert_eq!(routed(&table, "git.repo.get", "x", "t").unwrap(), ["b"]);
    assert_eq!(routed(&table, "git.repo.get", "x", "other").unwrap(), ["a", "b"]);
    // It is there, and not for this caller.
    let refused = routed(&table, "git.repo.list", "", "t").unwrap_err();
    let sentence = "git.repo.list is not within the reach of this key";
    assert_eq!(refused, (Kind::NotFound, sentence.to_owned()));
    assert!(table.reaches("t", "b") && !table.reaches("t", "a") && table.reaches("other", "a"));
}

#[test]
fn an_operation_is_there_for_whom_may_use_it_and_can_have_it_done() {
    let reach = |instances: &[&str], operations: Option<&str>| Reach {
        instances: Some(instances.iter().map(|name| Arc::from(*name)).collect()),
        operations: operations.map(|prefix| [Arc::from(prefix)].into()),
        ..Reach::default()
    };
    let reaches = HashMap::from([
        (Arc::from("narrow"), reach(&["a"], Some("git.repo.get"))),
        (Arc::from("elsewhere"), reach(&["none"], None)),
        (Arc::from("early"), reach(&["away"], None)),
    ]);
    let table = RoutingTable::new(operations(), &[], &reaches, forges(), [Arc::from("away")]);
    let is_there = |name: &str, tenant: &str| {
        let operation = table.operations.get(name).expect("an operation");
        table.is_there_for(operation, tenant)
    };
    assert!(is_there("git.repo.get", "narrow") && !is_there("git.repo.list", "narrow"));
    assert!(!is_there("git.repo.get", "elsewhere"));
    // What it can do is not known yet.
    assert!(is_there("git.repo.list", "early"));
    assert!(is_there("git.repo.list", "other") && table.is_unbounded("other") && !table.is_unbounded("early"));
    assert!(table.allows("narrow", "git", "git.repo.get") && !table.allows("narrow", "git", "git.push"));
}

#[test]
fn a_candidate_set_has_the_same_id_on_every_node_and_in_every_build() {
    let id = |instances: &[(&str, u64)]| {
        let instances: Vec<_> = instances
            .iter()
            .map(|(name, scope)| Routable {
                credential_scope: *scope,
                ..routable(name, &[], &[])
            })
            .collect();
        let candidates = instances.iter().enumerate().map(|(place, instance)| Candidate {
            place,
            tier: 0,
            instance,
        });
        CandidateSet::of(None, candidates, |_| false).id
    };
    // Calculated apart; a change of it empties every shared cache.
    assert_eq!(id(&[("a", 1), ("b", 2)]), 0x9015_0152_1f41_bd45);
    assert_eq!(id(&[("b", 2), ("a", 1)]), 0x9015_0152_1f41_bd45, "in whatever order");
    assert_ne!(id(&[("a", 1)]), id(&[("a", 2)]));
    assert_ne!(id(&[("ab", 0)]), id(&[("a", 0), ("b", 0)]));
}

#[test]
fn a_prefix_covers_whole_words() {
    assert!(covers("git", "git.repo.get"));
    assert!(covers("git.repo.get", "git.repo.get"));
    assert!(!covers("git.rep", "git.repo.get"));
}
