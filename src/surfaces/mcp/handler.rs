//! The protocol's requests, as the SDK hands them over.
//!
//! Invariant: each is of the visitor that came with it; nothing is remembered from one to the next.

use std::sync::Arc;

use mosaic_actors::error::Failure;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, Cursor,
    GetPromptRequestParams, GetPromptResponse, Implementation, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};

use super::call::call;
use super::complete;
use super::ground::Ground;
use super::refusal;
use super::visit::{Visit, Visitor};
use super::{own, prompts, resources};

/// The most rows of a list that are told at once.
const PAGE: usize = 100;
/// How long a list may be taken to be as it is: as long as an operator may take to notice that it is not.
const FRESH_MS: u64 = 60_000;

const INSTRUCTIONS: &str = "MosAIc is one gateway to an organisation's repositories, issues, CI runs, documents and models. \
    Ids are opaque: use those that a tool told you. Lists come in pages. `mosaic_instances` tells which systems there are; \
    where something goes wrong, `mosaic_explain` tells why, by the `request_id` of the refusal. Long answers are cut: they \
    say how to get the rest.";

/// One conversation, or one request of it.
#[derive(Clone)]
pub(super) struct Handler {
    ground: Arc<Ground>,
    /// Who asks where nobody comes with a request: over standard streams.
    resident: Option<Visitor>,
}

impl Handler {
    pub(super) fn new(ground: Arc<Ground>, resident: Option<Visitor>) -> Self {
        Handler { ground, resident }
    }

    fn visit(&self, context: &RequestContext<RoleServer>) -> Result<Visit, ErrorData> {
        Visit::of(context, self.resident.as_ref())
    }
}

/// One page of a list, and where the next begins.
fn page<T>(mut rows: Vec<T>, request: Option<PaginatedRequestParams>) -> Result<(Vec<T>, Option<Cursor>), ErrorData> {
    let cursor = request.and_then(|request| request.cursor);
    let unknown = || ErrorData::invalid_params("the cursor is none of this list's", None);
    let first = match cursor {
        None => 0,
        Some(cursor) => {
            let first: usize = cursor.parse().map_err(|_| unknown())?;
            if first >= rows.len() {
                return Err(unknown());
            }
            first
        }
    };
    let mut page = rows.split_off(first);
    let more = page.len() > PAGE;
    page.truncate(PAGE);
    Ok((page, more.then(|| (first + PAGE).to_string())))
}

/// A list's result: what it holds depends on who asks.
macro_rules! listed {
    ($kind:ident, $field:ident, $rows:expr, $request:expr) => {{
        let (rows, next) = page($rows, $request)?;
        let mut result = $kind::default();
        result.$field = rows;
        result.next_cursor = next;
        result.ttl_ms = Some(FRESH_MS);
        result.cache_scope = Some(CacheScope::Private);
        Ok(result)
    }};
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_prompts()
            .enable_completions()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("mosaic", env!("CARGO_PKG_VERSION")).with_title("MosAIc"))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let visitor = self.visit(&context)?.visitor;
        let mut tools = own::shown(&self.ground, &visitor);
        tools.extend(self.ground.shown(&visitor).map(|shaped| shaped.tool.clone()));
        listed!(ListToolsResult, tools, tools, request)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let mut visit = self.visit(&context)?;
        let arguments = request.arguments.unwrap_or_default();
        let result = match self.ground.tool(&request.name, &visit.visitor) {
            Some(shaped) => call(&self.ground, shaped, arguments, &mut visit).await,
            None => {
                let own = own::call(&self.ground, &request.name, arguments, &visit).await;
                own.ok_or_else(|| ErrorData::invalid_params(UNKNOWN_TOOL, None))?
            }
        };
        Ok(CallToolResponse::from(result))
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let visitor = self.visit(&context)?.visitor;
        listed!(
            ListResourcesResult,
            resources,
            resources::roots(&self.ground, &visitor),
            request
        )
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let visitor = self.visit(&context)?.visitor;
        listed!(
            ListResourceTemplatesResult,
            resource_templates,
            resources::templates(&self.ground, &visitor),
            request
        )
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let mut visit = self.visit(&context)?;
        let read = resources::read(&self.ground, &request.uri, &mut visit).await;
        read.map(ReadResourceResponse::from)
            .map_err(|failure| refused(failure, &visit))
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let visitor = self.visit(&context)?.visitor;
        listed!(
            ListPromptsResult,
            prompts,
            prompts::shown(&self.ground, &visitor),
            request
        )
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let visit = self.visit(&context)?;
        let arguments = request.arguments.unwrap_or_default();
        let prompt = prompts::get(&self.ground, &request.name, &arguments, &visit.visitor);
        prompt
            .map(GetPromptResponse::from)
            .map_err(|failure| refused(failure, &visit))
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let mut visit = self.visit(&context)?;
        let completed = complete::complete(&self.ground, &request, &mut visit).await;
        completed
            .map(CompleteResult::new)
            .map_err(|failure| refused(failure, &visit))
    }
}

const UNKNOWN_TOOL: &str = "there is no tool of this name among those that you are shown; tools/list tells which there are, and \
                            /mcp?toolsets=all shows all";

fn refused(failure: Failure, visit: &Visit) -> ErrorData {
    refusal::error(failure, &visit.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_every_row_once() {
        let rows: Vec<usize> = (0..2 * PAGE + 5).collect();
        let (mut all, mut request) = (Vec::new(), None);
        loop {
            let (some, next) = page(rows.clone(), request.take()).expect("a page");
            all.extend(some);
            let Some(next) = next else { break };
            request = Some(PaginatedRequestParams::default().with_cursor(Some(next)));
        }
        assert_eq!(all, rows);
        for odd in ["x", "-1", "9999", ""] {
            let request = PaginatedRequestParams::default().with_cursor(Some(odd.to_owned()));
            assert!(page(rows.clone(), Some(request)).is_err(), "{odd}");
        }
    }
}
