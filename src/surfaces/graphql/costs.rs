//! What the fields of a schema cost, and where they lead.
//!
//! Invariant: every field that makes a call counts that call, by its class; all follows from the plan.

use std::collections::HashMap;

use async_graphql::parser::types::OperationType;
use mosaic_actors::call::CostClass;

use super::plan::{Answered, Called, Plan};

/// What a field costs, and where it leads.
#[derive(Clone, Debug, Default)]
pub(super) struct Cost {
    pub(super) to: String,
    /// Of the call that answers it.
    pub(super) call: usize,
    /// It has pages.
    pub(super) pages: bool,
    /// It holds the rows of its page.
    pub(super) rows: bool,
}

/// The costs of a schema's fields.
#[derive(Debug, Default)]
pub(super) struct Costs(HashMap<String, HashMap<String, Cost>>);

impl Costs {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut costs = Costs::default();
        for (name, called) in &plan.operations {
            let facts = &called.entry.declaration.facts;
            let kind = match (facts.streaming, facts.safe) {
                (true, _) => OperationType::Subscription,
                (false, true) => OperationType::Query,
                (false, false) => OperationType::Mutation,
            };
            costs.add(root(kind), name, of_call(called));
            if let Answered::Page(connection, node, _) = &called.answered {
                let edge = connection.replace("Connection", "Edge");
                let rows = |to: &str| Cost {
                    to: to.to_owned(),
                    rows: true,
                    ..Cost::default()
                };
                costs.add(connection, "edges", rows(&edge));
                costs.add(connection, "nodes", rows(node.type_name()));
                costs.add(&edge, "node", leads(node.type_name()));
            }
        }
        for (name, object) in &plan.types.objects {
            for field in &object.fields {
                costs.add(name, &field.name, leads(field.ty.type_name()));
            }
        }
        for (name, related) in &plan.related {
            for related in related {
                let cost = match (&related.among, &related.called.answered) {
                    (Some(_), Answered::Page(_, node, _)) => Cost {
                        to: node.type_name().to_owned(),
                        pages: false,
                        ..of_call(&related.called)
                    },
                    _ => of_call(&related.called),
                };
                costs.add(name, &related.name, cost);
            }
        }
        for name in ["node", "nodes"] {
            let cost = Cost {
                call: of_class(CostClass::Read),
                ..leads("Node")
            };
            costs.add("Query", name, cost);
        }
        costs
    }

    fn add(&mut self, of: &str, name: &str, cost: Cost) {
        self.0.entry(of.to_owned()).or_default().insert(name.to_owned(), cost);
    }

    pub(super) fn find(&self, of: &str, name: &str) -> Option<&Cost> {
        self.0.get(of)?.get(name)
    }
}

/// The type of which the fields of an operation are.
pub(super) fn root(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

fn leads(to: &str) -> Cost {
    Cost {
        to: to.to_owned(),
        ..Cost::default()
    }
}

fn of_call(called: &Called) -> Cost {
    let call = of_class(called.entry.declaration.facts.cost);
    match &called.answered {
        Answered::Value(ty, _) => Cost {
            call,
            ..leads(ty.type_name())
        },
        Answered::Page(name, ..) => Cost {
            call,
            pages: true,
            ..leads(name)
        },
        Answered::File => Cost {
            call,
            ..leads("FileContent")
        },
    }
}

/// What a call counts, where a field counts one.
fn of_class(class: CostClass) -> usize {
    match class {
        CostClass::Read => 10,
        CostClass::Write => 20,
        CostClass::Heavy => 40,
        CostClass::Tokens => 100,
    }
}
