//! Plugins that fail as told, at each step of their lives.
//!
//! Invariant: a script is read when its step comes, so that a test may change it on the way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mosaic_actors::call::{Answer, Call};
use mosaic_actors::driver::{BoxFuture, Credential, Driver, DriverFactory};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::instance::InstanceSpec;
use mosaic_actors::plugin::{Loader, PluginSpec};
use mosaic_actors::rate_limit::RateLimit;
use mosaic_actors::system::{System, SystemSpec};

use super::{Counts, equivalent, instance, spec};

/// How a step goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Step {
    #[default]
    Works,
    Fails,
    Panics,
    /// Panics before it has given its future.
    PanicsAtOnce,
    Hangs,
    /// Works after half a second.
    Takes,
    /// Works, and shows nothing of the credential.
    ProvesNothing,
    /// The credential is refused.
    Refused,
    /// The rate limit is reached, for an hour.
    Busy,
    /// The account is spent, and left alone for an hour.
    Spent,
    /// Fails, and is back in an hour.
    Away,
}

/// How the steps of a plugin's life go.
#[derive(Clone, Copy, Debug, Default)]
pub struct Script {
    pub validate: Step,
    pub load: Step,
    pub make: Step,
    pub health: Step,
    pub stop: Step,
    /// Little is left of its quota.
    pub scarce: bool,
    /// What is left of a limit of 100, as its provider said.
    pub left: Option<u64>,
    /// How it goes to ask the driver for the limits.
    pub limits: Step,
    /// Times that its health was asked.
    pub checks: usize,
    pub list: Step,
    /// Times that its list was asked for.
    pub lists: usize,
}

/// A script that may be changed while it is followed.
pub type SharedScript = Arc<Mutex<Script>>;

fn at_once(step: Step) -> Result<(), Failure> {
    let hour = Duration::from_secs(3600);
    match step {
        Step::Fails => Err(Failure::new(Kind::UpstreamFailed, "as told")),
        Step::Refused => Err(Failure::new(Kind::UpstreamAuth, "as told")),
        Step::Busy => Err(Failure::new(Kind::UpstreamRateLimited, "as told").after(hour)),
        Step::Spent => {
            let mut spent = Failure::new(Kind::UpstreamRateLimited, "as told").after(hour);
            spent.retryable = false;
            Err(spent)
        }
        Step::Away => Err(Failure::new(Kind::UpstreamFailed, "as told").after(hour)),
        Step::Panics | Step::PanicsAtOnce => panic!("as told"),
        Step::Works | Step::Hangs | Step::Takes | Step::ProvesNothing => Ok(()),
    }
}

async fn in_time(step: Step) -> Result<(), Failure> {
    match step {
        Step::Hangs => std::future::pending().await,
        Step::Takes => tokio::time::sleep(Duration::from_millis(500)).await,
        _ => {}
    }
    at_once(step)
}

fn read(script: &SharedScript) -> Script {
    *script.lock().expect("no test panics while it writes")
}

/// A plugin that follows `script`.
pub fn plugin(name: &str, script: &SharedScript) -> PluginSpec {
    PluginSpec {
        name: Arc::from(name),
        kind: Arc::from("scripted"),
        loader: Arc::from("scripted"),
        manifest: Arc::new(script.clone()),
        check_health: true,
        health_every: None,
    }
}

/// A plugin of which all works.
pub fn sound(name: &str) -> PluginSpec {
    plugin(name, &SharedScript::default())
}

/// A plugin of which one thing does not work.
pub fn with(name: &str, change: impl FnOnce(&mut Script)) -> PluginSpec {
    let mut script = Script::default();
    change(&mut script);
    plugin(name, &Arc::new(Mutex::new(script)))
}

/// A system with these plugins.
pub async fn system(plugins: Vec<PluginSpec>) -> System {
    let system = SystemSpec {
        plugins,
        loaders: vec![Arc::new(Scripted)],
        rules: vec![equivalent(&["a", "b", "slow"])],
        ..spec(vec![])
    };
    System::start(system).await.expect("it starts")
}

pub struct Scripted;

fn script_of(spec: &PluginSpec) -> SharedScript {
    let script = spec.manifest.downcast_ref::<SharedScript>();
    script.expect("tests give a script").clone()
}

impl Loader for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn validate(&self, spec: &PluginSpec) -> Result<(), Failure> {
        at_once(read(&script_of(spec)).validate)
    }

    fn load(&self, spec: &PluginSpec) -> BoxFuture<Result<InstanceSpec, Failure>> {
        let (name, script) = (spec.name.clone(), script_of(spec));
        Box::pin(async move {
            in_time(read(&script).load).await?;
            let plain = instance(&name, &Arc::new(Counts::default()));
            let make = plain.factory.clone();
            let factory: DriverFactory = Arc::new(move || {
                let (making, script) = (make(), script.clone());
                Box::pin(async move {
                    at_once(read(&script).make)?;
                    let driver: Arc<dyn Driver> = Arc::new(Follower {
                        plain: making.await?,
                        script,
                    });
                    Ok(driver)
                })
            });
            Ok(InstanceSpec { factory, ..plain })
        })
    }
}

struct Follower {
    plain: Arc<dyn Driver>,
    script: SharedScript,
}

impl Driver for Follower {
    fn call(self: Arc<Self>, call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        self.plain.clone().call(call)
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        self.script.lock().expect("no test panics while it writes").checks += 1;
        if read(&self.script).health == Step::PanicsAtOnce {
            panic!("as told");
        }
        Box::pin(async move {
            let step = read(&self.script).health;
            in_time(step).await?;
            Ok(match step {
                Step::ProvesNothing => Credential::Unproven,
                _ => Credential::Serves,
            })
        })
    }

    fn offers(self: Arc<Self>) -> BoxFuture<Result<Option<Vec<Arc<str>>>, Failure>> {
        self.script.lock().expect("no test panics while it writes").lists += 1;
        Box::pin(async move { in_time(read(&self.script).list).await.map(|()| None) })
    }

    fn is_scarce(&self) -> bool {
        at_once(read(&self.script).limits).expect("it works, or panics");
        read(&self.script).scarce
    }

    fn rate_limits(&self) -> Vec<RateLimit> {
        let script = read(&self.script);
        at_once(script.limits).expect("it works, or panics");
        let limit = |remaining| RateLimit {
            resource: Arc::from("core"),
            limit: Some(100),
            remaining: Some(remaining),
            used: None,
            reset_unix_ms: Some(1_700_000_000_000),
            seen_unix_ms: 1_600_000_000_000,
        };
        script.left.map(limit).into_iter().collect()
    }

    fn stop(self: Arc<Self>) -> BoxFuture<()> {
        Box::pin(async move {
            // A stop has nothing to tell; it hangs or not.
            let _outcome = in_time(read(&self.script).stop).await;
        })
    }
}
