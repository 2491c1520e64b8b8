//! Orders carried out, and recorded.
//!
//! Invariant: what is done is in the audit before it is done, or is refused; save what makes things safer, see
//! [`AdminOrder::makes_safer`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::plugin::PluginSpec;
use mosaic_actors::supervision::{ChildError, Event};
use serde_json::{Value, json};

use super::Port;
use crate::admin::{AdminOrder, Order, Touches};
use crate::stores::{AuditEntry, Released};
use crate::surfaces::problem::Problem;
use crate::telemetry::{LogError, LogHandle};
use crate::wording::list;

impl Port {
    pub(super) async fn carry_out(self, order: Order) -> Result<Value, Problem> {
        let touches = self.preview(&order.action)?;
        let begun = self.record(&order, "begun", &touches).await;
        if let Err(failure) = &begun
            && !order.action.makes_safer()
        {
            let sentence = format!("not done, because it cannot be recorded: {}", failure.message());
            return Err(Failure::new(failure.kind, sentence).into());
        }
        let (action, target) = (order.action.name(), order.action.target());
        tracing::info!(action, target, reason = order.reason, who = &*order.who, "ordered");
        let outcome = self.act(&order).await;
        let word = outcome.as_ref().map_or_else(Problem::code, |_| "ok");
        let ended = self.record(&order, word, &touches).await;
        self.0.system().events().tell(Event::Ordered {
            action: action.into(),
            target: target.into(),
            who: order.who.clone(),
            reason: order.reason.as_str().into(),
            outcome: word.into(),
        });
        if let Err(failure) = begun.as_ref().and(ended.as_ref()) {
            tracing::error!(action, target, %failure, "the audit of an order is incomplete");
        }
        let audited = begun.is_ok() && ended.is_ok();
        outcome.map(|more| {
            let mut done = json!({ "done": action, "target": target, "touched": touches, "audited": audited });
            if let (Value::Object(done), Value::Object(more)) = (&mut done, more) {
                done.extend(more);
            }
            done
        })
    }

    async fn record(&self, order: &Order, outcome: &str, touches: &Touches) -> Result<(), Failure> {
        let entry = AuditEntry {
            at: Timestamp::now(),
            tenant: String::new(),
            identity: order.who.to_string(),
            action: order.action.name().to_owned(),
            target: order.action.target().to_owned(),
            outcome: outcome.to_owned(),
            detail: json!({
                "reason": order.reason,
                "plugins": touches.plugins,
                "actors": touches.actors.len() + touches.more_actors,
                "calls_in_flight": touches.calls_in_flight,
            }),
        };
        self.0.inner.store.append_audit(&entry).await?;
        Ok(())
    }

    /// Does it; answers with what is to be said beyond that it is done.
    async fn act(&self, Order { action, reason, .. }: &Order) -> Result<Value, Problem> {
        let (tree, plugins) = (self.0.system().tree(), self.0.system().plugins());
        let nothing = json!({});
        match action {
            AdminOrder::RestartActor(path) => tree.restart(path, reason).await.map_err(refused)?,
            AdminOrder::StopActor(path) => tree.stop(path, reason).await.map_err(refused)?,
            AdminOrder::StartActor(path) => tree.start_child(path, reason).await.map_err(refused)?,
            AdminOrder::AddPlugin(name, table) => {
                let spec = self.0.inner.instances.spec(name, table.clone())?;
                return match plugins.add(spec.clone()).await {
                    Ok(()) => self.kept(&spec, Ok(())).await,
                    Err(failure) => Err(self.take_back(&spec, failure).await.into()),
                };
            }
            AdminOrder::UpdatePlugin(name, table) => return self.update(name, table.as_ref()).await,
            AdminOrder::StopPlugin(name) => plugins.stop(name).await?,
            AdminOrder::StartPlugin(name) => plugins.start(name).await?,
            AdminOrder::DrainPlugin(name) => plugins.drain(name).await?,
            AdminOrder::RemovePlugin(name) => return self.remove(name).await,
            AdminOrder::TellToken(name) => {
                let token = self.0.inner.introduced.take(name).ok_or_else(|| no_token(name))?;
                return Ok(json!({ "verification_token": token.expose() }));
            }
            AdminOrder::ForceOpen { name, for_ms } => {
                let limit = for_ms.map(Duration::from_millis);
                self.0
                    .system()
                    .instance(name)?
                    .breaker
                    .force_open(reason, limit)
                    .await?;
                return Ok(json!({ "for_ms": for_ms }));
            }
            AdminOrder::ResetBreaker(name) => self.0.system().instance(name)?.breaker.reset().await?,
            AdminOrder::DrainGateway => {
                // Not waited for: a drain may take longer than a request, and the status shows it.
                let (gateway, limit) = (self.0.system().gateway().clone(), self.0.config().server.drain_timeout);
                tokio::spawn(async move {
                    let drained = gateway.drain(limit).await;
                    tracing::info!(?drained, "the gateway was drained on request");
                });
            }
            AdminOrder::CancelCall(id) => return self.cancel(id),
            AdminOrder::PurgeCache { purge, .. } => {
                return Ok(json!({ "tiers": self.0.system().purge(purge).await? }));
            }
            AdminOrder::ReleaseKey { scope, key, .. } => self.release(scope, key).await?,
            AdminOrder::SetLog { filter, for_ms } => return self.set_log(filter, *for_ms),
        }
        Ok(nothing)
    }

    /// A plugin that could not be added is not there afterwards, or its failure says so.
    async fn take_back(&self, spec: &PluginSpec, failure: Failure) -> Failure {
        let (plugins, name) = (self.0.system().plugins(), &spec.name);
        let own = plugins.spec(name);
        if !own.is_some_and(|own| Arc::ptr_eq(&own.manifest, &spec.manifest)) {
            // Another has the name, or nothing came of it.
            return failure;
        }
        let end = match plugins.remove(name).await {
            Ok(()) => "nothing was added".to_owned(),
            Err(left) => format!(
                "{name} is still there, and is lost at the next start: {}",
                left.message()
            ),
        };
        told_also(failure, &end)
    }

    fn cancel(&self, id: &str) -> Result<Value, Problem> {
        match self.0.system().gateway().cancel(id) {
            0 => Err(no_call(id).into()),
            cancelled => Ok(json!({ "cancelled": cancelled })),
        }
    }

    async fn update(&self, name: &str, table: Option<&serde_json::Map<String, Value>>) -> Result<Value, Problem> {
        let plugins = self.0.system().plugins();
        let unknown = || Failure::new(Kind::NotFound, format!("no plugin is called {name}"));
        let spec = match table {
            Some(table) => self.0.inner.instances.spec(name, table.clone())?,
            // As it is: a rotated credential is read anew. There is nothing to keep.
            None => {
                plugins.update(plugins.spec(name).ok_or_else(unknown)?).await?;
                return Ok(json!({}));
            }
        };
        let updated = plugins.update(spec.clone()).await;
        self.kept(&spec, updated).await
    }

    /// Keeps what the engine took over, even where it did not come up: it is tried again from time to time, also after the
    /// next start.
    async fn kept(&self, spec: &PluginSpec, outcome: Result<(), Failure>) -> Result<Value, Problem> {
        let own = self.0.system().plugins().spec(&spec.name);
        if own.is_some_and(|own| Arc::ptr_eq(&own.manifest, &spec.manifest)) {
            let kept = self.0.inner.instances.keep(spec).await;
            kept.map_err(|failure| unkept("it is in force, but is lost at the next start", &failure))?;
        }
        outcome?;
        Ok(json!({ "kept": self.keeps() }))
    }

    async fn remove(&self, name: &str) -> Result<Value, Problem> {
        if self.0.system().plugins().get(name).is_some() {
            self.0.system().plugins().remove(name).await?;
        }
        drop(self.0.inner.introduced.take(name));
        let forgotten = self.0.inner.instances.forget(name).await;
        forgotten.map_err(|failure| unkept("it is removed, but comes back at the next start", &failure))?;
        Ok(json!({ "kept": self.keeps() }))
    }

    async fn release(&self, scope: &str, key: &str) -> Result<(), Failure> {
        match self.0.inner.store.release(scope, key, Timestamp::now()).await? {
            Released::Done => Ok(()),
            Released::UnderWay => Err(Failure::new(Kind::Conflict, "a request with this key is under way")),
            Released::NotUnknown => {
                let sentence = "no key of this tenant and operation has an unknown outcome by this name";
                Err(Failure::new(Kind::NotFound, sentence))
            }
        }
    }

    /// Whether a change outlives the process.
    fn keeps(&self) -> bool {
        !self.0.config().state.in_memory()
    }

    fn set_log(&self, filter: &str, for_ms: Option<u64>) -> Result<Value, Problem> {
        let log = self.logging()?;
        let wait = for_ms.map(Duration::from_millis);
        let set = log.set_filter(filter, wait.map(|wait| Instant::now() + wait));
        set.map_err(|error| match error {
            LogError::BadFilter => Failure::invalid("filter", error.to_string()),
            LogError::AlreadyInstalled | LogError::Gone => Failure::new(Kind::Internal, error.to_string()),
        })?;
        if let Some(wait) = wait {
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                // Looks at the time again: a later order may have set another.
                if let Err(error) = log.expire(Instant::now()) {
                    tracing::warn!(%error, "the log's filter could not be set back");
                }
            });
        }
        // What is in force now, and what comes back.
        Ok(self.log_view())
    }

    pub(super) fn logging(&self) -> Result<Arc<LogHandle>, Failure> {
        let foreign = || {
            Failure::new(
                Kind::Unsupported,
                "the log belongs to the program that embeds this gateway",
            )
        };
        self.0.inner.log.clone().ok_or_else(foreign)
    }
}

/// The calls may have ended between a look and an order.
pub(super) fn no_call(id: &str) -> Failure {
    Failure::new(Kind::NotFound, format!("no call in flight has the id {id}"))
}

/// Another may have been told it between a look and an order.
pub(super) fn no_token(name: &str) -> Failure {
    let sentence = format!("no first delivery with a token has come to {name} since it was last told");
    Failure::new(Kind::NotFound, sentence)
}

/// Of an instance whose kind lets its operator choose the secret.
pub(super) fn never_a_token(name: &str, kind: &str, bring: &[String]) -> Failure {
    let sentence = format!(
        "deliveries of kind {kind} bring no token, those of {} alone do: the secret of {name} is the one that you choose, in \
         providers.{name}.webhook.secret",
        list(bring, "and")
    );
    Failure::new(Kind::NotFound, sentence)
}

/// The same failure, with what else is so.
fn told_also(failure: Failure, also: &str) -> Failure {
    let mut told = Failure::new(failure.kind, format!("{}; {also}", failure.message()));
    (told.source, told.field) = (failure.source, failure.field);
    (told.retryable, told.retry_after, told.provider) = (failure.retryable, failure.retry_after, failure.provider);
    told
}

fn unkept(sentence: &str, failure: &Failure) -> Failure {
    Failure::new(failure.kind, format!("{sentence}: {}", failure.message()))
}

fn refused(error: ChildError) -> Failure {
    let sentence = error.to_string();
    match error {
        ChildError::Unknown(_) => Failure::new(Kind::NotFound, sentence),
        ChildError::Timeout => Failure::new(Kind::Timeout, sentence),
        _ => Failure::new(Kind::Conflict, sentence),
    }
}
