//! The configuration: what a TOML file and the environment say, checked as a whole before anything starts.
//!
//! Invariant: a [`Config`] that was loaded is sound: keys known, values in range, names resolved, doors closed.

mod access;
mod billing;
mod breaker;
mod checks;
mod credential;
mod effective;
mod ejection;
mod engine;
mod errors;
mod graphql;
mod issuer;
mod known;
mod mcp;
mod models;
mod outbound;
mod overload;
mod providers;
mod recovery;
mod redis_url;
mod routes;
mod routing;
mod rule;
mod schema;
mod server;
mod source;
mod units;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use access::{
    ADMIN_SCOPE, DEFAULT_TENANT, KeyConfig, LOCAL_TENANT, Priority, TenantConfig, TenantLimits, TenantReach,
};
pub use billing::{CreditPeriod, CreditUnit, CreditsConfig, PriceConfig, Usd};
pub use breaker::{BreakerAction, BreakerConfig, BreakerOverrides, BreakerWindowConfig, CircuitPer};
pub use credential::{AppConfig, AppId, OAuthConfig, TokenKind};
pub use effective::{Setting, Source};
pub use ejection::{EjectionConfig, FailurePercentageConfig, SlowStartConfig, SlowStartOverrides, SuccessRateConfig};
pub use engine::{
    CacheConfig, DefaultsConfig, ExplainConfig, GatewayConfig, L1Config, L2Config, LimitsConfig, ListingConfig,
    SupervisionConfig,
};
pub use errors::{ConfigError, ConfigErrors, Origin, Origins};
pub use graphql::GraphqlConfig;
pub use issuer::IssuerConfig;
#[cfg(feature = "server")]
pub(crate) use issuer::{is_trustworthy, is_web_address};
pub use known::{Known, KnownKind, Sends};
pub use mcp::{McpAdmin, McpConfig};
pub use models::ModelsConfig;
pub use outbound::{OutboundConfig, ProxyConfig};
pub use overload::{
    AdaptiveLimitConfig, AdaptiveLimitOverrides, OverloadConfig, OverloadOverrides, PacingConfig, PacingOverrides,
};
pub use providers::{ProviderConfig, WebhookConfig};
pub use recovery::{HedgingConfig, RetryBudgetConfig};
pub use redis_url::RedisUrl;
pub use routes::{
    Balance, CanaryConfig, CostClass, Day, HoursConfig, Performance, PreferConfig, RouteConfig, TimeOfDay,
    WeightsConfig,
};
pub use server::{
    AdminConfig, CorsConfig, EventsConfig, LogConfig, LogFormat, MetricsConfig, ServerConfig, StateConfig, TlsConfig,
};
pub use source::ENV_PREFIX;
pub use units::BaseUrl;

pub(crate) use errors::{Report, join};
pub(crate) use schema::{Schema, read};
pub(crate) use source::read_toml;

use crate::secret::file::{self, FileFault};

/// The largest configuration file, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// Everything that can be set. Each field is a section of the file; its default is that of the section.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The public listener.
    pub server: ServerConfig,
    /// The operators' listener.
    pub admin: AdminConfig,
    /// Log lines.
    pub log: LogConfig,
    /// Metrics.
    pub metrics: MetricsConfig,
    /// What outlives a restart.
    pub state: StateConfig,
    /// What providers tell by themselves.
    pub events: EventsConfig,
    /// What agents are offered.
    pub mcp: McpConfig,
    /// The limits of GraphQL.
    pub graphql: GraphqlConfig,
    /// The cache's tiers.
    pub cache: CacheConfig,
    /// The bounds of a call.
    pub gateway: GatewayConfig,
    /// When an instance is left out from among its equivalents.
    pub ejection: EjectionConfig,
    /// When a second instance is asked the same.
    pub hedging: HedgingConfig,
    /// Decision records.
    pub explain: ExplainConfig,
    /// Restarts.
    pub supervision: SupervisionConfig,
    /// How providers are reached.
    pub outbound: OutboundConfig,
    /// What providers inherit.
    pub defaults: DefaultsConfig,
    /// API keys by name.
    pub keys: BTreeMap<String, KeyConfig>,
    /// Whose access tokens are taken beside keys.
    pub oauth: Option<IssuerConfig>,
    /// Tenants by name.
    pub tenants: BTreeMap<String, TenantConfig>,
    /// Provider instances by name.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// People by their names: the account that each is at an instance, by the instance's name.
    pub directory: BTreeMap<String, BTreeMap<String, String>>,
    /// What is known of models.
    pub models: ModelsConfig,
    /// Rules, the first match first.
    pub routes: Vec<RouteConfig>,
}

/// A sound configuration, and where its settings were made.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// Where each was made, by path; what is not listed is a default.
    pub origins: Origins,
}

/// A configuration with faults.
pub(crate) struct Unsound {
    /// What could be read, with defaults for what is at fault; nothing of a file that is not TOML.
    pub(crate) readable: Option<Loaded>,
    /// At least one.
    pub(crate) errors: ConfigErrors,
}

impl Config {
    /// Reads the file at `path`, if one is given, and lays the variables of this process that are named
    /// `MOSAIC__SECTION__KEY` over it. Other programs' variables may be what they like. Blocks on file I/O.
    ///
    /// # Errors
    /// Every fault found, each with its path and origin.
    pub fn read(path: Option<&Path>, known: &Known) -> Result<Loaded, ConfigErrors> {
        Config::examine(path, known).map_err(|unsound| unsound.errors)
    }

    /// As [`read`](Config::read); of what is not sound, what can be looked at all the same.
    pub(crate) fn examine(path: Option<&Path>, known: &Known) -> Result<Loaded, Box<Unsound>> {
        Config::from_sources(path, std::env::vars_os(), known)
    }

    /// As [`read`](Config::read), with the environment given. Do not give it [`std::env::vars`], which panics where a
    /// variable of any program is not Unicode.
    ///
    /// # Errors
    /// As there.
    pub fn load(
        path: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
        known: &Known,
    ) -> Result<Loaded, ConfigErrors> {
        Config::from_sources(path, os(env), known).map_err(|unsound| unsound.errors)
    }

    fn from_sources(
        path: Option<&Path>,
        env: impl Iterator<Item = (OsString, OsString)>,
        known: &Known,
    ) -> Result<Loaded, Box<Unsound>> {
        let Some(path) = path else {
            return Config::from_text("", "", env, known);
        };
        let file = path.display().to_string();
        match read_file(path) {
            Ok(text) => Config::from_text(&text, &file, env, known),
            Err(message) => {
                let mut report = Report::default();
                let origin = Origin::File {
                    file: file.into(),
                    line: 0,
                };
                report.add_at(origin, "", message, None);
                finish(None, report)
            }
        }
    }

    /// As [`load`](Config::load), with the file's text given; `file` is its name in errors.
    ///
    /// # Errors
    /// As there.
    pub fn parse(
        text: &str,
        file: &str,
        env: impl Iterator<Item = (String, String)>,
        known: &Known,
    ) -> Result<Loaded, ConfigErrors> {
        Config::from_text(text, file, os(env), known).map_err(|unsound| unsound.errors)
    }

    fn from_text(
        text: &str,
        file: &str,
        env: impl Iterator<Item = (OsString, OsString)>,
        known: &Known,
    ) -> Result<Loaded, Box<Unsound>> {
        let mut report = Report::default();
        let schema = Schema::of::<Config>();
        let Some(mut tree) = source::read_toml(text, &Arc::from(file), &mut report) else {
            return finish(None, report);
        };
        source::overlay_env(&mut tree, env, &schema, &mut report);
        let config = build(tree, &schema, known, &mut report);
        finish(Some(config), report)
    }

    /// Checks a configuration that was made in code as a file is checked.
    ///
    /// # Errors
    /// Every fault found.
    pub fn check(&self, known: &Known) -> Result<(), ConfigErrors> {
        let mut report = Report::default();
        match serde_json::to_value(self) {
            Ok(Value::Object(tree)) => drop(build(tree, &Schema::of::<Config>(), known, &mut report)),
            // A path that is not Unicode is the one thing that cannot be written down.
            _ => report.add(self.unwritable(), "must be Unicode"),
        }
        report.finish().map(drop)
    }

    /// The key whose path is not Unicode.
    fn unwritable(&self) -> &'static str {
        let odd = |path: &Path| path.to_str().is_none();
        let given = |path: &Option<PathBuf>| path.as_deref().is_some_and(odd);
        let unread = |tls: &Option<TlsConfig>| tls.as_ref().is_some_and(|tls| odd(&tls.cert) || odd(&tls.key));
        match () {
            () if unread(&self.server.tls) => "server.tls",
            () if unread(&self.admin.tls) => "admin.tls",
            () if odd(&self.state.path) => "state.path",
            () if given(&self.outbound.ca_file) => "outbound.ca_file",
            () if given(&self.models.file) => "models.file",
            () => "providers",
        }
    }

    /// Checks one provider's table as that of a file is checked; paths in faults begin with `providers.NAME`.
    ///
    /// # Errors
    /// Every fault found.
    pub fn check_provider(
        name: &str,
        table: Map<String, Value>,
        known: &Known,
    ) -> Result<ProviderConfig, ConfigErrors> {
        let mut report = Report::default();
        let named = Map::from_iter([(name.to_owned(), Value::Object(table))]);
        let tree = Map::from_iter([("providers".to_owned(), Value::Object(named))]);
        let mut config = build(tree, &Schema::of::<Config>(), known, &mut report);
        match config.providers.remove(name) {
            Some(provider) => report.finish().map(|_| provider),
            None => {
                // What the walk leaves out it has reported.
                let path = errors::join("providers", name);
                report.add(&path, "cannot be used");
                report.finish().map(|_| unreachable!("a fault was just reported"))
            }
        }
    }

    /// The JSON schema that files are checked against, for editors and documents.
    pub fn json_schema() -> Value {
        schemars::schema_for!(Config).to_value()
    }
}

fn os(env: impl Iterator<Item = (String, String)>) -> impl Iterator<Item = (OsString, OsString)> {
    env.map(|(name, value)| (name.into(), value.into()))
}

fn build(tree: Map<String, Value>, schema: &Schema, known: &Known, report: &mut Report) -> Config {
    let names = checks::Names::of(&tree);
    let sound = schema::walk(schema.node(), Value::Object(tree), "", report).unwrap_or_default();
    let config = match serde_path_to_error::deserialize(sound) {
        Ok(config) => config,
        Err(error) => {
            // The walk lets nothing through that fails here; if it ever did, the start must still fail. The
            // library's words may quote the value.
            report.add(&error.path().to_string(), "not a valid value");
            Config::default()
        }
    };
    checks::check(&config, &names, known, report);
    config
}

/// Without a configuration there is a fault that says why.
fn finish(config: Option<Config>, report: Report) -> Result<Loaded, Box<Unsound>> {
    let origins = report.origins.clone();
    let readable = config.map(|config| Loaded { config, origins });
    match (report.finish(), readable) {
        (Ok(_), Some(loaded)) => Ok(loaded),
        (Ok(_), None) => unreachable!("what cannot be read was reported"),
        (Err(errors), readable) => Err(Box::new(Unsound { readable, errors })),
    }
}

fn read_file(path: &Path) -> Result<String, String> {
    let bytes = file::read(path, MAX_FILE_BYTES).map_err(|fault| match fault {
        FileFault::TooLarge => "is larger than 1 MiB".to_owned(),
        fault => fault.to_string(),
    })?;
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())
}
