//! What an order would touch, and what is plainly wrong with it.
//!
//! Invariant: nothing here does anything.

use std::sync::Arc;

use mosaic_actors::cache::purge::Purge;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::gateway::CallSnapshot;
use mosaic_actors::plugin::PluginSnapshot;
use mosaic_actors::supervision::Node;
use mosaic_actors::system::VITAL;

use super::Port;
use super::orders::{never_a_token, no_call, no_token};
use crate::admin::{AdminOrder, Touches};
use crate::embed::native;
use crate::surfaces::problem::Problem;

impl Port {
    pub(super) fn preview(&self, action: &AdminOrder) -> Result<Touches, Problem> {
        match action {
            AdminOrder::RestartActor(path) | AdminOrder::StartActor(path) => self.actor(path),
            AdminOrder::StopActor(path) => {
                let mut touches = self.actor(path)?;
                let name = VITAL.into_iter().find(|name| within(&format!("/root/{name}"), path));
                let note = |name| {
                    format!("/readyz will be false: without the {name} no call that memory cannot answer is served")
                };
                touches.notes.extend(name.map(note));
                Ok(touches)
            }
            AdminOrder::AddPlugin(name, table) => {
                self.0.inner.instances.spec(name, table.clone())?;
                if self.0.system().plugins().get(name).is_some() {
                    let sentence = format!("a plugin called {name} exists already; update it instead");
                    return Err(Failure::new(Kind::Conflict, sentence).into());
                }
                Ok(Touches {
                    plugins: vec![Arc::from(name.as_str())],
                    ..Touches::default()
                })
            }
            AdminOrder::UpdatePlugin(name, table) => {
                let touches = self.plugin(name)?;
                if let Some(table) = table {
                    self.0.inner.instances.spec(name, table.clone())?;
                }
                Ok(touches)
            }
            // A kept instance that cannot be used is no plugin, but can be removed.
            AdminOrder::RemovePlugin(name) if self.0.inner.instances.invalid().contains_key(name) => {
                Ok(Touches::default())
            }
            AdminOrder::StopPlugin(name)
            | AdminOrder::StartPlugin(name)
            | AdminOrder::DrainPlugin(name)
            | AdminOrder::RemovePlugin(name) => self.plugin(name),
            AdminOrder::TellToken(name) => self.token(name),
            AdminOrder::ForceOpen { name, .. } | AdminOrder::ResetBreaker(name) => self.breaker(name),
            AdminOrder::CancelCall(id) => self.call(id),
            AdminOrder::PurgeCache { purge, .. } => self.purge(purge),
            AdminOrder::DrainGateway => Ok(Touches {
                calls_in_flight: self.0.system().gateway().in_flight(),
                notes: vec![
                    "/readyz will be false: it takes no calls any more until the process is started anew".to_owned(),
                ],
                ..Touches::default()
            }),
            AdminOrder::ReleaseKey { .. } => Ok(Touches {
                notes: vec!["the next request with this key is sent, whether or not the first one was done".to_owned()],
                ..Touches::default()
            }),
            AdminOrder::SetLog { filter, .. } => self.log(filter),
        }
    }

    fn actor(&self, path: &str) -> Result<Touches, Problem> {
        let tree = self.0.system().tree();
        let unknown = || Failure::new(Kind::NotFound, format!("no actor has the path {path}"));
        let node = tree.node(path).ok_or_else(unknown)?;
        if !path.trim_start_matches('/').contains('/') {
            let sentence = "the root cannot be stopped or restarted by itself";
            return Err(Failure::new(Kind::Conflict, sentence).into());
        }
        let mut touches = Touches::default();
        below(&node, &mut touches);
        for plugin in self.0.system().plugins().snapshot() {
            let touched = |own: &Arc<str>| within(own, path) || within(path, own);
            if plugin.path.as_ref().is_some_and(touched) {
                add(&mut touches, &plugin);
            }
        }
        // Every call passes these two.
        if VITAL.iter().any(|name| within(&format!("/root/{name}"), path)) {
            touches.calls_in_flight = self.0.system().gateway().in_flight();
        }
        Ok(touches)
    }

    fn plugin(&self, name: &str) -> Result<Touches, Problem> {
        let plugin = self.known(name)?;
        let mut touches = Touches::default();
        let node = plugin.path.as_ref().and_then(|path| self.0.system().tree().node(path));
        if let Some(node) = node {
            below(&node, &mut touches);
        }
        add(&mut touches, &plugin);
        Ok(touches)
    }

    fn token(&self, name: &str) -> Result<Touches, Problem> {
        let plugin = self.known(name)?;
        let spec = self.0.system().plugins().spec(name);
        let kind = spec.as_ref().and_then(native::provider).map(|provider| &*provider.kind);
        let bring = self.0.inner.instances.native.introducing();
        if let Some(kind) = kind.filter(|kind| !bring.iter().any(|one| one == kind)) {
            return Err(never_a_token(name, kind, &bring).into());
        }
        if !self.0.inner.introduced.waits(name) {
            return Err(no_token(name).into());
        }
        Ok(Touches {
            plugins: vec![plugin.name],
            notes: vec!["the token is told once, and in this answer alone".to_owned()],
            ..Touches::default()
        })
    }

    fn breaker(&self, name: &str) -> Result<Touches, Problem> {
        let plugin = self.known(name)?;
        let mut touches = Touches::default();
        let path = plugin.path.as_ref().map(|path| format!("{path}/breaker"));
        let node = path.and_then(|path| self.0.system().tree().node(&path));
        if let Some(node) = node {
            below(&node, &mut touches);
        }
        add(&mut touches, &plugin);
        Ok(touches)
    }

    fn call(&self, id: &str) -> Result<Touches, Problem> {
        let calls = self.0.system().gateway().named(id);
        if calls.is_empty() {
            return Err(no_call(id).into());
        }
        let note = |call: &CallSnapshot| {
            let CallSnapshot {
                operation,
                tenant,
                for_ms,
                ..
            } = call;
            format!("{operation} of tenant {tenant}, since {for_ms} ms; its caller is told: cancelled")
        };
        let mut plugins: Vec<_> = calls.iter().filter_map(|call| call.provider.clone()).collect();
        plugins.dedup();
        Ok(Touches {
            plugins,
            calls_in_flight: calls.len(),
            notes: calls.iter().map(note).collect(),
            ..Touches::default()
        })
    }

    fn purge(&self, purge: &Purge) -> Result<Touches, Problem> {
        let system = self.0.system();
        let tiers = system.purged_tiers(purge)?.join(", ");
        let note = match purge {
            Purge::Key(key) if system.cached(key) => format!("the answer is in l1, and is dropped from {tiers}"),
            Purge::Key(_) => format!("l1 has no such answer; it is dropped from {tiers}"),
            Purge::Tag(_) => format!("every answer that carries the tag is dropped from {tiers}"),
            Purge::Tier(_) => {
                let entries = system.snapshot().l1.entries;
                format!("all that {tiers} holds is dropped; l1 has about {entries} answers")
            }
        };
        Ok(Touches {
            notes: vec![note, "the providers are asked for what is dropped".to_owned()],
            ..Touches::default()
        })
    }

    fn log(&self, filter: &str) -> Result<Touches, Problem> {
        let log = self.logging()?;
        if tracing_subscriber::EnvFilter::builder().parse(filter).is_err() {
            let sentence = "expected levels by target such as \"info,mosaic=debug\"";
            return Err(Failure::invalid("filter", sentence).into());
        }
        Ok(Touches {
            notes: vec![format!("the filter is now {:?}", log.current().filter)],
            ..Touches::default()
        })
    }

    pub(super) fn known(&self, name: &str) -> Result<PluginSnapshot, Failure> {
        let unknown = || Failure::new(Kind::NotFound, format!("no plugin is called {name}"));
        self.0.system().plugins().get(name).ok_or_else(unknown)
    }
}

/// Whether a path is another one or lies below it.
fn within(inner: &str, outer: &str) -> bool {
    let rest = inner.strip_prefix(outer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Recursion is as deep as the tree, which specs bound.
fn below(node: &Node, touches: &mut Touches) {
    touches.actor(node.path());
    for child in node.children() {
        below(&child, touches);
    }
}

fn add(touches: &mut Touches, plugin: &PluginSnapshot) {
    touches.plugins.push(plugin.name.clone());
    touches.calls_in_flight += plugin.instance.as_ref().map_or(0, |instance| instance.in_flight);
}
