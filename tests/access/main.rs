//! Who comes in, how, and to what: scopes of keys, tokens, TLS, HTTP/2, CORS and compressed answers, over real sockets.
//!
//! Invariant: whatever is not granted is refused on every way, before anything is sent to a provider.

#[path = "../harness/mod.rs"]
mod harness;

mod pages;
mod scopes;
mod tls;
mod tokens;

use harness::http::Reply;
use harness::{Gateway, Setup};
use serde_json::Value;

/// A key's name, and what it has: its tenant is its own.
pub struct Key {
    pub name: &'static str,
    /// The value of `scopes` in TOML; absent where empty.
    pub scopes: &'static str,
}

/// The secret of the key called `name`.
pub fn secret(name: &str) -> String {
    format!("key-of-{name}-planted-0001")
}

/// A configuration with these keys, all of one tenant.
pub fn keyed(keys: &[Key], more: &str) -> Setup {
    let table = |key: &Key| {
        let variable = key.name.to_uppercase();
        let scopes = match key.scopes {
            "" => String::new(),
            some => format!("scopes = {some}\n"),
        };
        format!(
            "[keys.{}]\nkey = \"env:KEY_{variable}\"\ntenant = \"default\"\n{scopes}",
            key.name
        )
    };
    let env = keys
        .iter()
        .map(|key| (format!("KEY_{}", key.name.to_uppercase()), secret(key.name)));
    Setup {
        tables: keys.iter().map(table).chain([more.to_owned()]).collect(),
        env: env.collect(),
        ..Setup::default()
    }
}

/// One request with a key, to the public listener.
pub async fn ask(gateway: &Gateway, key: &str, method: &str, path: &str, body: Option<&Value>) -> Reply {
    ask_at(&format!("http://{}{path}", gateway.public), gateway, key, method, body).await
}

/// One request with a key, anywhere.
pub async fn ask_at(url: &str, gateway: &Gateway, key: &str, method: &str, body: Option<&Value>) -> Reply {
    let method = method.parse().expect("a method");
    let mut request = gateway.client.0.request(method, url).bearer_auth(secret(key));
    if let Some(body) = body {
        request = request.json(body);
    }
    harness::http::send(request, &[]).await
}
