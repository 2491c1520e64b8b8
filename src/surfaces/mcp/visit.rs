//! One request of an agent: who asks, for which toolsets, under which id, and what it says beside.
//!
//! Invariant: who asks is settled before a request gets here, by its key or, over standard streams, by the process.

use http::request::Parts;
use http::{Extensions, HeaderMap};
use mosaic_actors::call::Caller;
use mosaic_actors::error::Failure;
use rmcp::ErrorData;
use rmcp::RoleServer;
use rmcp::service::RequestContext;
use serde_json::{Map, Value};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::arrival::Arrival;
use super::super::decisions;
use super::super::request_id::RequestId;
use super::progress::Progress;
use super::toolsets::Toolsets;
use crate::dispatch::Options;

/// Before the name of one of our options, in `_meta`.
pub(super) const PREFIX: &str = "mosaic/";

/// Who asks, and what it is shown.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) caller: Caller,
    pub(super) toolsets: Toolsets,
}

/// One request.
pub(super) struct Visit {
    pub(super) visitor: Visitor,
    pub(super) id: RequestId,
    pub(super) arrived: Instant,
    pub(super) cancelled: CancellationToken,
    pub(super) progress: Progress,
    options: Map<String, Value>,
}

impl Visit {
    /// The request with this context, of whoever came with it or, over standard streams, of `resident`.
    ///
    /// # Errors
    /// Nobody came with it, which is a fault of ours.
    pub(super) fn of(context: &RequestContext<RoleServer>, resident: Option<&Visitor>) -> Result<Self, ErrorData> {
        let parts = context.extensions.get::<Parts>();
        let came = parts.and_then(|parts| parts.extensions.get::<Visitor>());
        let visitor = came.or(resident).cloned();
        let visitor = visitor.ok_or_else(|| ErrorData::internal_error("nobody is known to ask", None))?;
        let none = Extensions::new();
        let extensions = parts.map_or(&none, |parts| &parts.extensions);
        let said = context.meta.iter();
        let options = said.filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_owned(), value.clone())));
        Ok(Visit {
            visitor,
            id: match parts {
                Some(_) => RequestId::given(extensions),
                None => RequestId::of(&HeaderMap::new()),
            },
            arrived: Arrival::of(extensions),
            cancelled: context.ct.clone(),
            progress: Progress::of(context),
            options: options.collect(),
        })
    }

    /// What is said beside the input.
    ///
    /// # Errors
    /// `invalid_input` naming the option.
    pub(super) fn options(&self) -> Result<Options, Failure> {
        let mut options = decisions::read_options(&self.options, Options::default())?;
        options.request_id = Some(self.id.text().clone());
        options.arrived = Some(self.arrived);
        Ok(options)
    }
}
