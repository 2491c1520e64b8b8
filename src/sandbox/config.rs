//! Which servers a sandbox runs: read from TOML, or the default pairs.
//!
//! Invariant: a checked configuration names only known vendors, unique servers, and addresses on loopback.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

use super::fault::{Fault, FaultError, MAX_FAULTS};
use super::vendors;
use crate::wording::{self, Form};

/// The most servers in one sandbox.
const MAX_SERVERS: usize = 64;
/// The slowest pace of a stream.
const MAX_CHUNK_PACE: Duration = Duration::from_secs(60);
/// Fast enough for tests, slow enough to see a stream arrive in pieces.
const DEFAULT_CHUNK_PACE: Duration = Duration::from_millis(5);

/// Why a sandbox cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The text is not TOML, or a field in it is unknown, missing or of the wrong type.
    #[error("sandbox configuration, {field}: {reason}")]
    Syntax {
        /// Where, as a path such as `server[1].token`; `.` for the whole text.
        field: String,
        /// What the parser said.
        reason: String,
    },
    /// A value is readable but cannot be used.
    #[error("sandbox server {server:?}, {field}: {reason}")]
    Invalid {
        /// The server's name.
        server: String,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The address cannot be listened on.
    #[error("sandbox server {server:?} cannot listen on {address}: {source}")]
    Bind {
        /// The server's name.
        server: String,
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// The servers of a sandbox.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxConfig {
    /// One entry per server; `[[server]]` in TOML.
    #[serde(rename = "server")]
    pub servers: Vec<ServerConfig>,
}

/// One server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Its name, unique in the sandbox; it is visible in the data that it serves.
    pub name: String,
    /// Whose API it speaks: `bookstack`, `gitea`, `github`, `gitlab`, `jenkins`, `notion`, `openai`,
    /// `woodpecker`.
    pub vendor: String,
    /// Where it listens; loopback only. Port 0 lets the operating system choose.
    #[serde(default = "any_port")]
    pub bind: SocketAddr,
    /// The credential that it accepts, which also opens its control endpoint.
    #[serde(deserialize_with = "secret")]
    pub token: SecretString,
    /// How many requests a credential may send per window of the vendor. `None`: the vendor's usual number.
    #[serde(default)]
    pub requests_per_window: Option<u64>,
    /// The time between two frames of a stream, and that a forge takes to write a file: `"5ms"`.
    #[serde(default = "default_chunk_pace", deserialize_with = "human_duration")]
    pub chunk_pace: Duration,
    /// Faults that are set from the start.
    #[serde(default, rename = "fault")]
    pub faults: Vec<Fault>,
}

fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn default_chunk_pace() -> Duration {
    DEFAULT_CHUNK_PACE
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<SecretString, D::Error> {
    String::deserialize(from).map(SecretString::from)
}

fn human_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    humantime::parse_duration(&text).map_err(serde::de::Error::custom)
}

impl ServerConfig {
    /// A server on a free port, with the vendor's usual limits and no fault.
    #[must_use]
    pub fn new(name: impl Into<String>, vendor: impl Into<String>, token: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            vendor: vendor.into(),
            bind: any_port(),
            token: SecretString::from(token.into()),
            requests_per_window: None,
            chunk_pace: DEFAULT_CHUNK_PACE,
            faults: Vec::new(),
        }
    }

    fn check(&self) -> Result<(), SandboxError> {
        let refuse = |field, reason: String| {
            Err(SandboxError::Invalid {
                server: self.name.clone(),
                field,
                reason,
            })
        };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || self.name.len() > 63 || !self.name.chars().all(plain) {
            // It becomes a label of host names in the served data.
            return refuse("name", "must be 1 to 63 of a-z, 0-9 and -".to_owned());
        }
        if vendors::find(&self.vendor).is_none() {
            return refuse("vendor", format!("is none of {}", vendors::names().join(", ")));
        }
        if !self.bind.ip().is_loopback() {
            return refuse(
                "bind",
                "must be a loopback address: the sandbox's credentials are public".to_owned(),
            );
        }
        let token = self.token.expose_secret();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return refuse("token", "must be visible ASCII without spaces".to_owned());
        }
        if self.requests_per_window == Some(0) {
            return refuse("requests_per_window", "must be at least 1".to_owned());
        }
        if self.chunk_pace > MAX_CHUNK_PACE {
            return refuse("chunk_pace", "must be at most 60s".to_owned());
        }
        if self.faults.len() > MAX_FAULTS {
            return refuse("fault", FaultError::TooMany.to_string());
        }
        self.faults
            .iter()
            .try_for_each(|fault| fault.check().or_else(|error| refuse("fault", error.to_string())))
    }
}

impl SandboxConfig {
    /// Two servers of each vendor on free ports, whose credentials are `sandbox-` and the server's name; those of Jenkins
    /// have their user before it.
    #[must_use]
    pub fn default_pair() -> Self {
        let server = |name: &str, vendor: &str| ServerConfig::new(name, vendor, format!("sandbox-{name}"));
        let jenkins = |name: &str| ServerConfig::new(name, "jenkins", format!("sandbox-user:sandbox-{name}"));
        Self {
            servers: vec![
                server("github-a", "github"),
                server("github-b", "github"),
                server("openai-a", "openai"),
                server("openai-b", "openai"),
                server("anthropic-a", "anthropic"),
                server("anthropic-b", "anthropic"),
                server("gitea-a", "gitea"),
                server("gitea-b", "gitea"),
                server("gitlab-a", "gitlab"),
                server("gitlab-b", "gitlab"),
                server("woodpecker-a", "woodpecker"),
                server("woodpecker-b", "woodpecker"),
                jenkins("jenkins-a"),
                jenkins("jenkins-b"),
                server("bookstack-a", "bookstack"),
                server("bookstack-b", "bookstack"),
                server("notion-a", "notion"),
                server("notion-b", "notion"),
            ],
        }
    }

    /// Reads and checks a configuration.
    ///
    /// # Errors
    /// [`SandboxError::Syntax`] or [`SandboxError::Invalid`], naming the field.
    pub fn from_toml(text: &str) -> Result<Self, SandboxError> {
        let syntax = |field: String, reason: String| SandboxError::Syntax { field, reason };
        let from = toml::Deserializer::parse(text).map_err(|error| syntax(".".to_owned(), error.to_string()))?;
        let config: Self = serde_path_to_error::deserialize(from).map_err(|error| {
            let wrong = wording::wrong(Form::Toml, &error.path().to_string(), error.inner().message());
            syntax(wrong.field(".").to_owned(), wrong.what)
        })?;
        config.check()?;
        Ok(config)
    }

    /// Checks what types cannot: names, addresses, vendors, bounds.
    ///
    /// # Errors
    /// [`SandboxError::Invalid`] for the first value that cannot be used.
    pub fn check(&self) -> Result<(), SandboxError> {
        if self.servers.len() > MAX_SERVERS {
            let reason = format!("at most {MAX_SERVERS} servers");
            return Err(SandboxError::Syntax {
                field: "server".to_owned(),
                reason,
            });
        }
        let mut names = HashSet::new();
        for server in &self.servers {
            server.check()?;
            if !names.insert(&server.name) {
                let reason = "is used twice".to_owned();
                return Err(SandboxError::Invalid {
                    server: server.name.clone(),
                    field: "name",
                    reason,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invalid_field(change: impl FnOnce(&mut ServerConfig)) -> &'static str {
        let mut server = ServerConfig::new("one", "github", "sandbox-one");
        change(&mut server);
        match (SandboxConfig { servers: vec![server] }).check() {
            Err(SandboxError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named() {
        assert_eq!(invalid_field(|s| s.name = "Not A Label".to_owned()), "name");
        assert_eq!(invalid_field(|s| s.vendor = "gopher".to_owned()), "vendor");
        assert_eq!(invalid_field(|s| s.bind = ([0, 0, 0, 0], 0).into()), "bind");
        assert_eq!(invalid_field(|s| s.token = "a b".to_owned().into()), "token");
        assert_eq!(
            invalid_field(|s| s.requests_per_window = Some(0)),
            "requests_per_window"
        );
        assert_eq!(invalid_field(|s| s.chunk_pace = Duration::from_secs(61)), "chunk_pace");
    }

    #[test]
    fn two_servers_of_one_name_are_refused() {
        let twin = ServerConfig::new("one", "github", "t");
        let config = SandboxConfig {
            servers: vec![twin.clone(), twin],
        };
        assert!(matches!(
            config.check(),
            Err(SandboxError::Invalid { field: "name", .. })
        ));
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_place() {
        let text = "[[server]]\nname = \"a\"\nvendor = \"github\"\ntoken = \"t\"\nbnd = \"127.0.0.1:0\"\n";
        match SandboxConfig::from_toml(text) {
            Err(SandboxError::Syntax { field, .. }) => {
                assert!(field.starts_with("server[0]"), "{field}")
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_shipped_file_is_valid_and_its_ports_are_distinct() {
        let config = SandboxConfig::from_toml(include_str!("../../config/sandbox.toml")).unwrap();
        let ports: HashSet<_> = config.servers.iter().map(|server| server.bind.port()).collect();
        assert_eq!(ports.len(), config.servers.len());
        assert!(!ports.contains(&0));
        let names = |config: &SandboxConfig| config.servers.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&config), names(&SandboxConfig::default_pair()));
    }

    #[test]
    fn a_token_never_shows_in_debug() {
        let config = SandboxConfig::default_pair();
        assert!(!format!("{config:?}").contains("sandbox-github-a"));
    }
}
