//! What the `mosaic` program runs: gateways as its configuration says.
//!
//! Invariant: this is the only place where the command line meets the embedding API.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use mosaic_actors::call::Answer;
use mosaic_actors::decision::{Explained, RoutedBy};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Upload;
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::catalogue::Entry;
use crate::cli::{LocalCalls, Problem, Runtime};
use crate::config::{Config, ConfigError, ConfigErrors, Loaded, LogConfig, MAX_FILE_BYTES};
use crate::demo;
use crate::descriptors;
use crate::dispatch::{Invocation, Options};
use crate::doctor::{self, Report};
use crate::embed::{self, Mosaic, Registry, StartError, serve};
use crate::providers::http::Accepts;
use crate::providers::{self, KINDS};
use crate::sandbox::{Sandbox, SandboxConfig, SandboxError, TOKEN_HEADER};
use crate::secret::file;
use crate::stores::{self, CopyError};
use crate::telemetry::{LogFlush, LogHandle, init_logging, log_panics};

/// Runs gateways in this process.
#[derive(Debug)]
pub struct Program;

impl Runtime for Program {
    fn serve(&self, config: PathBuf) -> BoxFuture<Result<(), Problem>> {
        Box::pin(async move {
            // First of all: whatever comes now is heeded, and a hangup is none of our matter.
            let told = stopped()?;
            let hangups = heed_hangups()?;
            serve_until_told(load_sound(Some(&config)).await?, told, hangups).await
        })
    }

    fn check(&self, config: PathBuf) -> BoxFuture<Result<Value, Problem>> {
        Box::pin(async move {
            let Loaded { config, origins } = load_sound(Some(&config)).await?;
            let warnings = embed::notices(&config, &origins, &Registry::built_in())
                .await
                .into_iter();
            let warnings: Vec<_> = warnings.map(|notice| notice.line()).collect();
            let counts = json!({
                "config": "valid",
                "warnings": warnings,
                "providers": config.providers.len(),
                "routes": config.routes.len(),
                "keys": config.keys.len(),
                "tenants": config.tenants.len(),
                "public": config.server.listen,
                "admin": config.admin.listen,
            });
            // Keys, credentials and the state are read, drivers are made; nothing listens and nothing is sent.
            Mosaic::builder(config).origins(origins).check().await?;
            Ok(counts)
        })
    }

    fn config(&self, config: PathBuf) -> BoxFuture<Result<Value, Problem>> {
        Box::pin(async move { Ok(embed::effective(load(Some(&config))?, &Registry::built_in()).await?) })
    }

    fn reference(&self) -> &'static str {
        include_str!("../config/mosaic.toml")
    }

    fn schema(&self) -> Value {
        Config::json_schema()
    }

    fn kinds(&self) -> Vec<Value> {
        let kinds = KINDS.iter().map(|kind| {
            json!({
                "kind": kind.name,
                "services": kind.services(),
                "base_url": kind.base(),
                "operations": (kind.operations)(),
                "emulated": (kind.emulated)(),
                "credentials": credentials(kind),
                "settings": (kind.settings)(),
            })
        });
        kinds.collect()
    }

    fn matrix(&self) -> Value {
        json!(Registry::built_in().matrix())
    }

    fn instances(&self, config: PathBuf) -> BoxFuture<Result<Vec<String>, Problem>> {
        Box::pin(async move { Ok(load(Some(&config))?.config.providers.into_keys().collect()) })
    }

    fn backup(&self, config: PathBuf, file: PathBuf) -> BoxFuture<Result<Value, Problem>> {
        Box::pin(async move {
            let state = load(Some(&config))?.config.state;
            stores::backup(&state, &file).await.map_err(uncopied)?;
            Ok(json!({ "state": state.path, "backup": file }))
        })
    }

    fn restore(&self, config: PathBuf, file: PathBuf) -> BoxFuture<Result<Value, Problem>> {
        Box::pin(async move {
            let state = load(Some(&config))?.config.state;
            let kept = stores::restore(&state, &file).await.map_err(uncopied)?;
            let note =
                "what was changed since the backup, the idempotency keys used since among it, is not in the state";
            Ok(json!({ "state": state.path, "restored": file, "replaced": kept, "note": note }))
        })
    }

    fn doctor(&self, config: Option<PathBuf>) -> BoxFuture<Report> {
        Box::pin(async move { doctor::examine(config.as_deref()).await })
    }

    fn demo(&self, once: bool, json: bool) -> BoxFuture<Result<(), Problem>> {
        Box::pin(async move {
            // The story is what the reader came for; warnings of the faults in it would drown it. Of a panic, the
            // one in the story or another, nobody is left in doubt.
            let log = LogConfig {
                filter: "off,mosaic::panic=error".to_owned(),
                ..LogConfig::default()
            };
            let _logging = logging(&log)?;
            demo::run(once, json, stopped()?)
                .await
                .map_err(|failure| Problem::from(Failure::new(Kind::Internal, failure)))
        })
    }

    fn sandbox(&self, config: Option<PathBuf>) -> BoxFuture<Result<(), Problem>> {
        Box::pin(async move {
            let config = match config {
                Some(path) => SandboxConfig::from_toml(&read(&path)?),
                None => SandboxConfig::from_toml(include_str!("../config/sandbox.toml")),
            };
            let told = stopped()?;
            let sandbox = Sandbox::start(config.map_err(unbegun)?).await.map_err(unbegun)?;
            demo::say(&servers(&sandbox));
            told.await;
            sandbox.shutdown().await;
            Ok(())
        })
    }

    fn compare(&self, config: PathBuf, recorded: Value) -> BoxFuture<Result<Value, Problem>> {
        Box::pin(async move {
            let config = load_sound(Some(&config)).await?.config;
            let recorded: Vec<Explained> = serde_json::from_value(recorded).map_err(|error| {
                let sentence = "the gateway's records cannot be read: is it of this program's version?";
                Failure::new(Kind::UpstreamFailed, sentence).because(error)
            })?;
            // Those that never came to be routed tell nothing of routing.
            let routed = recorded.iter().filter(|one| one.route.by != RoutedBy::NotRouted);
            let differences = embed::replayed(&config, &Registry::built_in(), &recorded)?;
            Ok(json!({ "compared": routed.count(), "differences": differences }))
        })
    }

    #[cfg(feature = "mcp")]
    fn talk(&self, config: PathBuf, toolsets: Option<String>) -> BoxFuture<Result<(), Problem>> {
        Box::pin(async move {
            let Loaded { config, origins } = load_sound(Some(&config)).await?;
            let told = stopped()?;
            let _logging = logging(&config.log)?;
            let gateway = Mosaic::builder(config).origins(origins).start().await?;
            let said = tokio::select! {
                said = gateway.talk(toolsets.as_deref()) => said,
                () = told => Ok(()),
            };
            gateway.shutdown().await;
            Ok(said?)
        })
    }

    fn local(&self, config: Option<PathBuf>, keyed: bool) -> BoxFuture<Result<Box<dyn LocalCalls>, Problem>> {
        Box::pin(async move {
            let Loaded { mut config, origins } = load_sound(config.as_deref()).await?;
            // One call is sooner made than asked for.
            config
                .providers
                .values_mut()
                .for_each(|provider| (provider.health_check, provider.health_interval) = (false, None));
            let builder = Mosaic::builder(config).origins(origins);
            let builder = if keyed { builder } else { builder.visiting() };
            let gateway = builder.start().await?;
            let local: Box<dyn LocalCalls> = Box::new(Local(gateway));
            Ok(local)
        })
    }
}

/// A gateway for the calls of one command.
struct Local(Mosaic);

impl LocalCalls for Local {
    fn call(
        &self,
        entry: &'static Entry,
        input: Value,
        upload: Option<Arc<Upload>>,
        options: Options,
    ) -> BoxFuture<Result<Answer, Failure>> {
        let dispatcher = self.0.dispatcher().clone();
        let caller = Mosaic::local_caller();
        Box::pin(async move {
            dispatcher
                .invoke(Invocation {
                    entry,
                    input,
                    caller,
                    options,
                    upload,
                })
                .await
        })
    }

    fn dry_run(&self, entry: &'static Entry, input: Value, options: Options) -> BoxFuture<Result<Value, Failure>> {
        let gateway = self.0.clone();
        Box::pin(async move {
            let caller = Mosaic::local_caller();
            let unsent = gateway.dispatcher().unmade_call(entry, input, caller, options)?;
            let system = gateway.system();
            let rehearsed = unsent
                .rehearse(async |call| Ok(system.gateway().dry_run(call).await))
                .await?;
            Ok(rehearsed.told(gateway.told(&rehearsed.explained)))
        })
    }

    fn told(&self, decision: &Explained) -> Value {
        self.0.told(decision)
    }

    fn stop(self: Box<Self>) -> BoxFuture<()> {
        Box::pin(async move {
            self.0.shutdown().await;
        })
    }
}

/// What the sandbox runs, a server a line, and how it is made to fail.
fn servers(sandbox: &Sandbox) -> String {
    let lines = sandbox.servers().iter().map(|server| {
        let (name, vendor, url, token) = (server.name(), server.vendor(), server.base_url(), server.token());
        format!("{name:<12} {vendor:<12} {url}  token {token}\n")
    });
    let faults = format!("Faults: POST <origin>/_sandbox/faults with the header {TOKEN_HEADER}. Ctrl-C ends.");
    lines.chain([faults]).collect()
}

async fn serve_until_told(
    loaded: Loaded,
    told: impl Future<Output = ()> + Send,
    hangups: Arc<Notify>,
) -> Result<(), Problem> {
    let Loaded { config, origins } = loaded;
    let (log, _flush) = logging(&config.log)?;
    let log = Arc::new(log);
    let mut told = pin!(told);
    descriptors::raise();
    // Before all else: nothing is started, and no state opened, for a gateway that cannot listen.
    let bound = match serve::bind(&config).await {
        Ok(bound) => bound,
        // With a configuration at fault that is told first: another address would not help it.
        Err(error) => {
            Mosaic::builder(config).origins(origins).check().await?;
            return Err(error.into());
        }
    };
    if let Ok(admin) = bound.admin() {
        tracing::info!(%admin, "starting");
    }
    let starting = Mosaic::builder(config).origins(origins).log(log).start();
    let gateway = tokio::select! {
        biased;
        () = &mut told => {
            tracing::info!("stopped while it was starting");
            return Ok(());
        }
        started = starting => started?,
    };
    let serving = match serve::serve_on(&gateway, bound).await {
        Ok(serving) => serving,
        Err(error) => {
            gateway.shutdown().await;
            return Err(error.into());
        }
    };
    tracing::info!(public = %serving.public, admin = %serving.admin, "serving");
    let renewing = async {
        loop {
            hangups.notified().await;
            if serving.reload_certificates() {
                tracing::info!("the certificates' files are read again");
            }
        }
    };
    let gave_up = tokio::select! {
        () = told => None,
        reason = gateway.failed() => Some(reason),
        never = renewing => never,
    };
    tracing::info!("stopping");
    let told_again = stopped()?;
    let drained = tokio::select! {
        drained = serving.stop(&gateway) => drained,
        () = told_again => {
            tracing::warn!("told to stop again: calls in flight are cut");
            return Err(Failure::new(Kind::Cancelled, "stopped before the calls in flight were finished").into());
        }
    };
    tracing::info!(?drained, "stopped");
    match gave_up {
        None => Ok(()),
        Some(reason) => Err(Failure::new(Kind::Internal, format!("the supervision tree gave up: {reason}")).into()),
    }
}

/// Has no SIGHUP end the process that runs the command line `args`, where that serves: it is asked before the line is
/// understood, which takes its time, and told of when it serves.
pub fn outlive_hangups(args: &[OsString]) {
    if args.iter().skip(1).any(|arg| arg == "serve") {
        // That it cannot be listened for is told when it is asked for again.
        let _ = listen(SignalKind::hangup());
    }
}

/// From now on a SIGHUP, be it of a terminal that closes or of one who expects a reload, is told of, and passed on.
fn heed_hangups() -> Result<Arc<Notify>, Problem> {
    let mut hangup = listen(SignalKind::hangup())?;
    let hangups = Arc::new(Notify::new());
    let heard = hangups.clone();
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tracing::info!(
                "SIGHUP changes nothing but certificates: providers are changed by `mosaic plugins`, all else by a restart"
            );
            heard.notify_one();
        }
    });
    Ok(hangups)
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::new(Kind::Internal, "signals cannot be listened for").because(error))
}

/// Resolves at SIGTERM or SIGINT.
fn stopped() -> Result<impl Future<Output = ()> + Send + use<>, Problem> {
    let (mut term, mut int) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

fn logging(config: &LogConfig) -> Result<(LogHandle, LogFlush), Problem> {
    let log = init_logging(config).map_err(|error| Failure::invalid("log.filter", error.to_string()))?;
    log_panics();
    Ok(log)
}

/// Why a sandbox does not start, and what to do about it.
fn unbegun(error: SandboxError) -> Problem {
    let sentence = error.to_string();
    let of = |kind, hint: &str| Problem::from(Failure::new(kind, &sentence)).hint(hint);
    match error {
        SandboxError::Bind { source, .. } if source.kind() == ErrorKind::AddrInUse => of(Kind::Conflict, TAKEN),
        SandboxError::Bind { .. } => of(
            Kind::InvalidInput,
            "Let it listen on an address of this machine, with a port that its user may bind.",
        ),
        SandboxError::Syntax { .. } | SandboxError::Invalid { .. } => of(
            Kind::InvalidInput,
            "Correct it; config/sandbox.toml documents every key.",
        ),
    }
}

/// The credentials that a kind takes, as its table spells them.
fn credentials(kind: &providers::Kind) -> Vec<Value> {
    let taken = (kind.accepts)().iter().map(Accepts::scheme);
    taken
        .map(|scheme| json!({ "keys": scheme.spelled(), "meaning": scheme.meaning() }))
        .collect()
}

/// What a copy of the state failed with: the state in use is the configuration's matter, the copy the command's.
fn uncopied(error: CopyError) -> Problem {
    match error {
        CopyError::State(error) => StartError::State(error).into(),
        CopyError::Copy { .. } => Failure::invalid("file", error.to_string()).into(),
    }
}

fn load(path: Option<&Path>) -> Result<Loaded, Problem> {
    Config::read(path, &Mosaic::known()).map_err(Problem::from)
}

/// As [`load`], for a start: with faults of the configuration all else is told that would keep it from one.
async fn load_sound(path: Option<&Path>) -> Result<Loaded, Problem> {
    match Config::examine(path, &Mosaic::known()) {
        Ok(loaded) => Ok(loaded),
        Err(unsound) => Err(embed::all_faults(*unsound).await.into()),
    }
}

fn read(path: &Path) -> Result<String, Problem> {
    let wrong = |what: String| Failure::invalid("config", format!("{} {what}", path.display()));
    let bytes = file::read(path, MAX_FILE_BYTES).map_err(|fault| wrong(fault.to_string()))?;
    String::from_utf8(bytes).map_err(|_| wrong("is not UTF-8 text".to_owned()).into())
}

/// What to do about an address that is in use.
const TAKEN: &str = "Another process listens there: stop it, or configure another address.";
/// What to do about a fault of the configuration.
const REFERENCE: &str = "`mosaic config reference` prints every key with its default and unit.";

impl From<ConfigErrors> for Problem {
    fn from(errors: ConfigErrors) -> Self {
        let count = errors.iter().count();
        let lines: Vec<_> = errors.iter().map(fault).collect();
        let sentence = format!(
            "the configuration has {count} {}",
            if count == 1 { "fault" } else { "faults" }
        );
        Problem::from(Failure::new(Kind::InvalidInput, sentence))
            .with_errors(lines)
            .hint(REFERENCE)
    }
}

/// A fault of the configuration: where, and what. One that has no key is where the file says it is.
fn fault(error: &ConfigError) -> (String, String) {
    let meant = error
        .suggestion
        .as_ref()
        .map(|name| format!("; did you mean `{name}`?"));
    let what = format!("{}{}", error.message, meant.unwrap_or_default());
    if error.path.is_empty() {
        return (error.origin.to_string(), what);
    }
    (error.path.clone(), format!("{what} ({})", error.origin))
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        let sentence = error.to_string();
        let of = |kind| Problem::from(Failure::new(kind, &sentence));
        match error {
            StartError::Config(errors) => errors.into(),
            StartError::Bind { error, .. } if error.kind() == ErrorKind::AddrInUse => of(Kind::Conflict).hint(TAKEN),
            StartError::NotBuilt(_)
            | StartError::Provider { .. }
            | StartError::Credential { .. }
            | StartError::WeakWebhook { .. }
            | StartError::AdminToken(_)
            | StartError::WeakAdminToken
            | StartError::ClusterKey(_)
            | StartError::WeakClusterKey
            | StartError::Certificate { .. }
            | StartError::Operation(_)
            | StartError::Tier(_)
            | StartError::Key(_) => of(Kind::InvalidInput).hint(REFERENCE),
            StartError::Bind { .. } => {
                of(Kind::InvalidInput).hint("Configure an address of this machine, with a port that its user may bind.")
            }
            StartError::State(error) => of(Kind::InvalidInput).hint(error.remedy()),
            StartError::Http(failure) => of(failure.kind),
            StartError::Telemetry(_) | StartError::Tree(_) => of(Kind::Internal),
        }
    }
}
