//! The gateway as agents see it: what its configuration offers them, at `/mcp` and over standard streams.
//!
//! Invariant: whoever comes is offered what a call of it would be let do; of the administration what `mcp.admin` says and its
//! key was granted, and who runs the process its views.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use mosaic_actors::call::Caller;
use mosaic_actors::error::Failure;

use super::admin_tools::AdminTools;
use super::mosaic::Mosaic;
use super::records::Records;
use crate::config::McpAdmin;
use crate::surfaces::auth::Authenticator;
use crate::surfaces::bodies::Bodies;
use crate::surfaces::hosts::Hosts;
use crate::surfaces::mcp::{self, FrontConfig, Offer};

/// How long after its deadline a call's answer may take to be on its way: who waits for a call is silent, too.
const ANSWERED: Duration = Duration::from_secs(5);

impl Mosaic {
    /// `/mcp`, where it is offered.
    pub(super) fn agents(&self, authenticator: Authenticator, hosts: Option<Hosts>, bodies: Bodies) -> Router {
        let config = &self.config().mcp;
        if !config.enabled {
            return Router::new();
        }
        mcp::router(FrontConfig {
            offer: self.offer(AdminTools::granted(self, config.admin)),
            authenticator,
            hosts,
            origins: config.origins.clone(),
            bodies,
            max_body: self.config().server.max_body,
            max_sessions: config.max_sessions,
            session_idle: config
                .session_idle
                .max(self.config().server.max_request_timeout + ANSWERED),
            ending: self.inner.agents.clone(),
            ended: self.inner.visits.clone(),
        })
    }

    /// Talks with the agent that has started this process, over standard input and output, until it has no more to say. It
    /// may do what whoever runs the process may. `toolsets` names some, such as `git,cicd`.
    ///
    /// # Errors
    /// `invalid_input` on `toolsets`, or where the client does not speak the protocol.
    pub async fn talk(&self, toolsets: Option<&str>) -> Result<(), Failure> {
        let most = self.config().mcp.admin.max(McpAdmin::Read);
        let offer = self.offer(AdminTools::resident(self, most));
        let max_line = self.config().server.max_body;
        mcp::serve(offer, Mosaic::local_caller(), toolsets, max_line).await
    }

    fn offer(&self, administration: AdminTools) -> Offer {
        let config = &self.config().mcp;
        let (offered, shown) = (self.clone(), self.clone());
        Offer {
            dispatcher: self.inner.dispatcher.clone(),
            offered: Arc::new(move |caller: &Caller, operation| offered.offers(caller, operation)),
            capabilities: Arc::new(move |caller| shown.capabilities(caller)),
            decisions: Arc::new(Records::of(self)),
            administration: Arc::new(administration),
            toolsets: config.toolsets.clone(),
            destructive: config.destructive,
            max_answer: config.max_answer,
        }
    }
}
