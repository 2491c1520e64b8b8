//! What is mounted on the public listener: every surface, and what each is given of the gateway.
//!
//! Invariant: all of them are given the same dispatcher, the same authenticator and the same room for bodies, so none lets in
//! or takes more than another.

use std::sync::Arc;

use axum::Router;
use http::Method;
use mosaic_actors::call::{Caller, Operation};
use mosaic_actors::error::Failure;

use super::ears::Ears;
use super::mosaic::Mosaic;
use super::records::Records;
use crate::catalogue::proxy as passed;
use crate::config::{CorsConfig, ServerConfig};
use crate::stores::Appended;
use crate::surfaces::anthropic;
use crate::surfaces::auth::Authenticator;
use crate::surfaces::bodies::{Bodies, BodyBounds};
use crate::surfaces::dialect::DialectConfig;
use crate::surfaces::feed::{self, FeedConfig};
#[cfg(feature = "graphql")]
use crate::surfaces::graphql::{self, GraphqlSurface};
use crate::surfaces::hosts::Hosts;
use crate::surfaces::openai;
use crate::surfaces::origin::PublicOrigin;
use crate::surfaces::protected::ProtectedConfig;
use crate::surfaces::proxy::{self, ProxyConfig};
use crate::surfaces::rest::{self, Allowances, BatchBounds, Offered, RestConfig, UploadBounds};
use crate::surfaces::shell::{self, ShellConfig};
use crate::surfaces::webhooks::{self, Arriving, Door, Taken, WebhooksConfig};

/// What every surface that takes calls is given.
struct Common {
    authenticator: Authenticator,
    bodies: Bodies,
    uploads: UploadBounds,
    offered: Offered,
    feed: FeedConfig,
}

impl Mosaic {
    /// The public surface, to mount in a server of one's own. Requests need a key of the configuration; without any
    /// key they count as the tenant `local`, and it is the server's to refuse those whose `Host` is none of its names, lest
    /// a web page reach it by a name of its own.
    pub fn router(&self) -> Router {
        self.public_router(None)
    }

    /// The public surface, where nobody needs a key by these names only.
    pub(super) fn public_router(&self, hosts: Option<Hosts>) -> Router {
        let common = self.common(hosts.clone());
        let whole = self
            .rest(&common)
            .merge(feed::router(common.feed.clone()))
            .merge(self.webhooks())
            .merge(self.dialects(&common));
        #[cfg(feature = "graphql")]
        let whole = whole.merge(self.graphql(&common));
        #[cfg(feature = "mcp")]
        let whole = whole.merge(self.agents(common.authenticator.clone(), hosts, common.bodies.clone()));
        shell::around(whole, self.passed(&common), self.shell())
    }

    fn common(&self, hosts: Option<Hosts>) -> Common {
        let (offering, known) = (self.clone(), self.clone());
        let authenticator = self.authenticator(hosts);
        Common {
            bodies: Bodies::new(body_bounds(&self.config().server)),
            uploads: UploadBounds {
                bytes: self.config().gateway.max_transfer_size,
                idle: self.config().gateway.stream_idle_timeout,
            },
            offered: Arc::new(move |caller, operation| offering.offers(caller, operation)),
            feed: FeedConfig {
                bus: self.inner.bus.clone(),
                authenticator: authenticator.clone(),
                hearing: Arc::new(Ears(self.clone())),
                known: Arc::new(move |tenant| known.names(tenant)),
                heartbeat: self.config().server.heartbeat,
            },
            authenticator,
        }
    }

    /// By key, by token where an issuer is configured, and without either where nobody has one.
    fn authenticator(&self, hosts: Option<Hosts>) -> Authenticator {
        let keys = self.clone();
        let by_key = Arc::new(move |key: &str| {
            let principal = keys.inner.keys.authenticate(key)?;
            Some(Caller::new(principal.tenant, principal.identity).granted(principal.scopes))
        });
        let tokens = self.inner.tokens.clone();
        let anonymous = (self.inner.keys.is_empty() && tokens.is_none()).then(Mosaic::local_caller);
        let authenticator = Authenticator::new(by_key, anonymous).or_by_token(tokens);
        match hosts {
            Some(hosts) => authenticator.reached_as(hosts),
            None => authenticator,
        }
    }

    fn allowances(&self) -> Allowances {
        let asking = self.clone();
        Arc::new(move |caller| asking.system().gateway().allowance(&caller.tenant))
    }

    fn rest(&self, common: &Common) -> Router {
        let (shown, kinds) = (self.clone(), self.clone());
        let server = &self.config().server;
        rest::router(RestConfig {
            dispatcher: self.inner.dispatcher.clone(),
            authenticator: common.authenticator.clone(),
            capabilities: Arc::new(move |caller| shown.capabilities(caller)),
            offered: common.offered.clone(),
            matrix: Arc::new(move |caller| kinds.matrix(caller)),
            decisions: Arc::new(Records::of(self)),
            max_body: server.max_body,
            bodies: common.bodies.clone(),
            uploads: common.uploads,
            allowance: self.allowances(),
            batches: BatchBounds {
                operations: server.max_batch,
                at_a_time: server.batch_concurrency,
                answers: server.max_batch_answers,
            },
            heartbeat: server.heartbeat,
        })
    }

    #[cfg(feature = "graphql")]
    fn graphql(&self, common: &Common) -> Router {
        graphql::router(GraphqlSurface {
            dispatcher: self.inner.dispatcher.clone(),
            authenticator: common.authenticator.clone(),
            offered: common.offered.clone(),
            allowance: self.allowances(),
            decisions: Arc::new(Records::of(self)),
            feed: Arc::new(common.feed.clone()),
            max_body: self.config().server.max_body,
            bodies: common.bodies.clone(),
            write_timeout: self.config().server.write_timeout,
            settings: self.config().graphql.clone(),
        })
    }

    fn dialects(&self, common: &Common) -> Router {
        let kinds = self.clone();
        let config = DialectConfig {
            dispatcher: self.inner.dispatcher.clone(),
            authenticator: common.authenticator.clone(),
            max_body: self.config().server.max_body,
            bodies: common.bodies.clone(),
            origin: self.origin(),
            kind: Arc::new(move |instance: &str| kinds.system().plugins().spec(instance).map(|spec| spec.kind)),
            heartbeat: self.config().server.heartbeat,
        };
        openai::router(config.clone()).merge(anthropic::router(config))
    }

    fn webhooks(&self) -> Router {
        let (sent, counted) = (self.clone(), self.clone());
        webhooks::router(WebhooksConfig {
            find: Arc::new(move |arriving| Box::pin(sent.clone().door(arriving))),
            count: Arc::new(move |came| counted.inner.bus.meters().count(came)),
            max_body: self.config().server.max_body,
            idle: self.config().events.delivery_idle_timeout,
        })
    }

    /// What goes to a provider as it came.
    fn passed(&self, common: &Common) -> Router {
        let asked = self.clone();
        proxy::router(ProxyConfig {
            dispatcher: self.inner.dispatcher.clone(),
            operation: Arc::new(move |instance, method, path| asked.asked(instance, method, path)),
            authenticator: common.authenticator.clone(),
            uploads: common.uploads,
            bodies: common.bodies.clone(),
            origin: self.origin(),
        })
    }

    fn shell(&self) -> ShellConfig {
        let server = &self.config().server;
        ShellConfig {
            cors: server.cors.as_ref().map(cors),
            compress_above: server.compress_above as u64,
            protected: self.inner.tokens.clone().map(|tokens| ProtectedConfig {
                tokens,
                origin: self.origin(),
                catalogue: self.catalogue().clone(),
            }),
        }
    }

    /// Where callers find the public listener.
    fn origin(&self) -> PublicOrigin {
        let server = &self.config().server;
        PublicOrigin {
            url: server.public_url.as_ref().map(|url| url.url().clone()),
            tls: server.tls.is_some(),
        }
    }

    /// What a request is that is passed through, whoever asks it. Of an instance that is not there nothing is known.
    fn asked(&self, instance: &str, method: &Method, path: &str) -> &'static Operation {
        match self.system().plugins().spec(instance) {
            Some(spec) => self.inner.instances.native.asked(&spec.kind, method, path),
            None => passed::by_method(method),
        }
    }

    /// Where a delivery comes, if any may that has such a head.
    async fn door(self, arriving: Arriving) -> Result<Door, Failure> {
        let Arriving {
            instance,
            secret,
            headers,
        } = arriving;
        let inlet = self.inlet(&instance, secret.as_deref(), &headers).await?;
        Ok(Door {
            proven: inlet.is_proven(),
            bound: inlet.bound(),
            take: Box::new(move |headers, body| {
                let proven = inlet.prove(headers, body)?;
                Ok(Box::pin(async move {
                    Ok(match proven.keep().await? {
                        Appended::Kept(_) => Taken::Kept,
                        Appended::Repeated => Taken::Repeated,
                    })
                }))
            }),
        })
    }
}

fn cors(config: &CorsConfig) -> shell::CorsConfig {
    shell::CorsConfig {
        origins: config.origins.clone(),
        credentials: config.credentials,
        max_age: config.max_age,
    }
}

/// A body that is read whole has the time of a call that names none, also where its call has more; a sender may fall as
/// silent as within a head.
fn body_bounds(config: &ServerConfig) -> BodyBounds {
    BodyBounds {
        all: config.max_bodies,
        share: config.tenant_bodies(),
        named: "server.max_bodies",
        idle: config.header_read_timeout,
        time: config.request_timeout,
    }
}
