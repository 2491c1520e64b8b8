//! GraphQL over a WebSocket: `graphql-transport-ws`, from its opening until it is known who is there.
//!
//! Invariant: a socket that says nothing, reads nothing, or is not let in is closed with the code that the protocol has for it;
//! and whatever it asked for ends with it.

use std::sync::Arc;
use std::time::Duration;

use ::http::request::Parts;
use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::{IntoResponse, Response};
use mosaic_actors::error::{Failure, Kind};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::super::problem::Problem;
use super::super::request_id::RequestId;
use super::super::tenure::Tenure;
use super::Graphql;
use super::client::Client;
use super::line::{Came, Closed, FORBIDDEN, INVALID, LATE, Line, NO_PROTOCOL, UNAUTHORIZED};
use super::talk::Talk;

/// The only protocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";
/// When to come back where all places are taken.
const COME_BACK: Duration = Duration::from_secs(1);

/// Answers a request that asks for a socket.
pub(super) async fn open(graphql: Arc<Graphql>, parts: &mut Parts) -> Response {
    let upgrade = match WebSocketUpgrade::from_request_parts(parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let Ok(place) = graphql.sockets.clone().try_acquire_owned() else {
        let most = graphql.config.settings.max_sockets;
        let sentence = format!("{most} WebSockets are open (graphql.max_sockets)");
        let failure = Failure::new(Kind::Overloaded, sentence).after(COME_BACK).never_sent();
        return Problem::from(failure).response(&RequestId::given(&parts.extensions));
    };
    let most = graphql.config.settings.max_message;
    let tenure = Tenure::of(&parts.extensions);
    let client = Client::of(parts, graphql.config.settings.max_answers);
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .max_message_size(most)
        .max_frame_size(most);
    upgrade.on_upgrade(move |socket| async move {
        let _place = place;
        let cut = tenure.cut().clone();
        let line = Line::new(socket, graphql.config.write_timeout);
        tokio::select! {
            () = cut.cancelled() => {}
            () = speak(graphql, line, client, &tenure) => {}
        }
    })
}

async fn speak(graphql: Arc<Graphql>, mut line: Line, mut client: Client, tenure: &Tenure) {
    let spoken = match line.is_spoken() {
        false => Err(NO_PROTOCOL),
        true => match introduced(&graphql, &mut line, &mut client).await {
            // What it asked for ends before anything is waited for.
            Ok(true) => Talk::new(graphql, client).go_on(&mut line, tenure).await,
            Ok(false) => Ok(()),
            Err(closed) => Err(closed),
        },
    };
    match spoken {
        Ok(()) => line.leave().await,
        Err(closed) => line.close(closed).await,
    }
}

/// Waits for the first message, and looks who it is; false where it has gone.
async fn introduced(graphql: &Graphql, line: &mut Line, client: &mut Client) -> Result<bool, Closed> {
    let until = Instant::now() + graphql.config.settings.init_timeout;
    loop {
        let message = match timeout_at(until, line.hear()).await.map_err(|_| LATE)?? {
            Came::Message(message) => message,
            Came::Sign => continue,
            Came::End => return Ok(false),
        };
        match message["type"].as_str() {
            Some("connection_init") => {
                client.introduce(&message["payload"]);
                client.prepare(graphql).await;
                client.caller(graphql).map_err(|_| FORBIDDEN)?;
                line.say(json!({ "type": "connection_ack" }).to_string()).await?;
                return Ok(true);
            }
            Some("ping") => line.say(json!({ "type": "pong" }).to_string()).await?,
            Some("pong") => {}
            Some("subscribe" | "complete") => return Err(UNAUTHORIZED),
            _ => return Err(INVALID),
        }
    }
}
