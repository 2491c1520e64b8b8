//! What the plugin manager is told.
//!
//! Invariant: an order says what is wanted; the end of a step carries the ticket of that step.

use std::sync::Arc;

use super::record::{Done, Health, Placement};
use super::spec::PluginSpec;
use crate::error::Failure;
use crate::policy::settle::Order;
use crate::supervision::Message;

/// What is wanted of a plugin.
pub(crate) enum PluginOrder {
    Add(PluginSpec),
    Update(PluginSpec),
    Start,
    Stop,
    Remove,
    /// No new calls, but its actors stay.
    Drain,
}

impl PluginOrder {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            PluginOrder::Add(_) => "add",
            PluginOrder::Update(_) => "update",
            PluginOrder::Start => "start",
            PluginOrder::Stop => "stop",
            PluginOrder::Remove => "remove",
            PluginOrder::Drain => "drain",
        }
    }

    /// As the policy has it; an addition is none of its orders. `drained`: it runs and takes no calls.
    pub(super) fn kind(&self, drained: bool) -> Option<Order> {
        Some(match self {
            PluginOrder::Add(_) => return None,
            PluginOrder::Update(_) => Order::Update,
            PluginOrder::Start => Order::Start { drained },
            PluginOrder::Stop => Order::Stop,
            PluginOrder::Remove => Order::Remove,
            PluginOrder::Drain => Order::Drain,
        })
    }
}

/// What a step gave that worked.
pub(super) enum Gained {
    Nothing,
    Placed(Arc<Placement>),
    Health(Health),
}

/// What the plugin manager is told.
pub(crate) enum PluginMsg {
    /// Somebody wants something of a plugin.
    Order {
        name: Arc<str>,
        order: PluginOrder,
        done: Done,
    },
    /// A step has ended.
    Ended(StepEnd),
    /// It is time to look at all plugins.
    Look,
}

/// The end of a step.
pub(crate) struct StepEnd {
    pub(super) name: Arc<str>,
    pub(super) ticket: u64,
    pub(super) outcome: Result<Gained, Failure>,
}

impl Message for PluginMsg {
    fn label(&self) -> &'static str {
        match self {
            PluginMsg::Order { order, .. } => order.as_str(),
            PluginMsg::Ended(_) => "step_ended",
            PluginMsg::Look => "look",
        }
    }
}
