//! The same over standard streams: one client, which has started the process, and one caller, who runs it.
//!
//! Invariant: standard output carries messages of the protocol and nothing else.

use std::sync::Arc;

use mosaic_actors::call::Caller;
use mosaic_actors::error::{Failure, Kind};
use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::io::stdio_pipes;

use super::ground::{Ground, Offer};
use super::handler::Handler;
use super::toolsets::Toolsets;
use super::visit::Visitor;

/// Serves until standard input ends. `toolsets` names some, in place of the offer's; a line has at most `max_line` bytes.
///
/// # Errors
/// `invalid_input` on `toolsets`; `invalid_input` where the client does not speak the protocol.
pub(crate) async fn serve(
    offer: Offer,
    caller: Caller,
    toolsets: Option<&str>,
    max_line: usize,
) -> Result<(), Failure> {
    let ground = Arc::new(Ground::of(offer));
    let toolsets = match toolsets {
        Some(names) => Toolsets::read(names, ground.catalogue())?,
        None => ground.usual(),
    };
    let handler = Handler::new(ground, Some(Visitor { caller, toolsets }));
    let (reader, writer) = stdio_pipes();
    let transport = AsyncRwTransport::new_server(reader, writer).with_max_line_length(max_line);
    let conversation = match handler.serve(transport).await {
        Ok(conversation) => conversation,
        // Who goes before a word was said has wanted nothing.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => {
            let sentence = "the client does not speak the protocol";
            return Err(Failure::new(Kind::InvalidInput, sentence).because(error));
        }
    };
    let ended = conversation.waiting().await;
    ended.map_err(|error| Failure::new(Kind::Internal, "the conversation was cut").because(error))?;
    Ok(())
}
