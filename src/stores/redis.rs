//! A cache tier in Redis, shared by the nodes of a deployment.
//!
//! **Keys.** `{prefix}e:{hash}` holds an entry, `{prefix}g:{hash}` the generation of a tag. The hashes are keyed with the
//! deployment's secret, so that keys tell nothing about tenants and resources. An entry's hash covers our version, too:
//! two releases, whose answers may differ in form, never read each other's.
//!
//! **Generations** keep an answer that a write has overtaken from being served (see [`mosaic_actors::cache::tier`]). A
//! tag's generation is a random value. A lookup makes one where there is none, and reads the entry and the generations,
//! in one transaction and one round trip. An invalidation deletes it: the next lookup makes another, and no value ever
//! comes again, so that nothing depends on clocks, and neither expiry nor eviction nor `FLUSHALL` can bring an old entry
//! back. Counting up with `INCR` could: a counter that was evicted begins again at a number that it had before.
//!
//! What Redis cannot give: a failover to a replica that had not received the deletion, or a restart from a snapshot older
//! than it, brings the old generation back, for the rest of the entry's life at most.
//!
//! **Age.** The server's own expiry is the only clock: an entry is as old as its lifetime less what `PTTL` says is left.
//! Nodes' clocks are never compared.
//!
//! Invariant: one operation is one round trip; nothing here retries, and nothing here is waited for longer than the
//! engine says.

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::io::tcp::TcpSettings;
use ::redis::{Client, ConnectionInfo, IntoConnectionInfo, Pipeline, RedisError};
use arc_swap::ArcSwap;
use bytes::Bytes;
use mosaic_actors::cache::portable::Portable;
use mosaic_actors::cache::tier::{CacheTier, Kept, Seen, Stamp, TierError};
use mosaic_actors::cache::{CacheKey, Tag};
use mosaic_actors::driver::BoxFuture;

use super::codec::Codec;
use crate::secret::Secret;

/// How long a generation is kept that nothing was put with: longer than the longest call may take.
const UNUSED_GENERATION: Duration = Duration::from_secs(2 * 3600);
/// How long one is kept at least that something was put with. An entry outlives it as a miss, no worse.
const USED_GENERATION: Duration = Duration::from_secs(24 * 3600);
/// How long a connection may take to come up. The calls meanwhile do not wait for it; they miss.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// Data that the other side has not acknowledged for so long: it is gone, and the connection with it.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

/// Where a Redis is, and what is written there.
pub struct RedisOptions {
    /// `redis://[user@]host[:port][/db]`.
    pub url: String,
    /// Its password.
    pub password: Option<Secret>,
    /// What every key begins with.
    pub prefix: String,
    /// How long an operation may take before the library gives it up; the engine is stricter.
    pub respond_within: Duration,
}

/// The tier.
pub struct RedisTier {
    client: Client,
    config: ConnectionManagerConfig,
    connection: ArcSwap<ConnectionManager>,
    keys: Keys,
    codec: Codec,
}

impl RedisTier {
    /// A tier for the nodes that share `secret`. It connects when it is first asked, on the runtime that it is made in.
    ///
    /// # Errors
    /// An address that cannot be used.
    pub fn new(options: RedisOptions, secret: &Secret) -> Result<Arc<Self>, RedisError> {
        let client = Client::open(connection_info(&options)?)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(options.respond_within))
            // None: the circuit breaker says when to try again, and whoever asks meanwhile is told at once.
            .set_number_of_retries(0);
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config.clone())?;
        Ok(Arc::new(RedisTier {
            client,
            config,
            connection: ArcSwap::from_pointee(connection),
            keys: Keys::new(options.prefix, secret),
            codec: Codec::new(secret.expose().as_bytes()),
        }))
    }

    /// Asks whether the server is there and takes the password.
    ///
    /// # Errors
    /// Why it is not as it should be.
    pub async fn ping(&self) -> Result<(), TierError> {
        let mut pipeline = ::redis::pipe();
        pipeline.cmd("PING").ignore();
        self.run(&pipeline).await
    }

    async fn run<T: ::redis::FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, TierError> {
        let current = self.connection.load_full();
        let mut connection = ConnectionManager::clone(&current);
        let outcome = pipeline.query_async(&mut connection).await;
        outcome.map_err(|error| {
            let error = kind(&error);
            if error == TierError::Refused {
                self.renew(&current);
            }
            error
        })
    }

    /// The library's connection never recovers from a greeting that was refused (a wrong password, a server that is still
    /// loading), so another takes its place.
    fn renew(&self, current: &Arc<ConnectionManager>) {
        if let Ok(fresh) = ConnectionManager::new_lazy_with_config(self.client.clone(), self.config.clone()) {
            self.connection.compare_and_swap(current, Arc::new(fresh));
        }
    }
}

/// The library's sentence is left out: it may quote what the server said.
fn kind(error: &RedisError) -> TierError {
    if error.is_timeout() {
        TierError::Timeout
    } else if error.is_io_error() {
        TierError::Network
    } else {
        TierError::Refused
    }
}

fn connection_info(options: &RedisOptions) -> Result<ConnectionInfo, RedisError> {
    let info = options.url.as_str().into_connection_info()?;
    let settings = match &options.password {
        Some(password) => info.redis_settings().clone().set_password(password.expose()),
        None => info.redis_settings().clone(),
    };
    let tcp = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(UNACKNOWLEDGED);
    Ok(info.set_redis_settings(settings).set_tcp_settings(tcp))
}

/// Names of keys.
struct Keys {
    prefix: String,
    key: [u8; 32],
}

impl Keys {
    fn new(prefix: String, secret: &Secret) -> Self {
        Keys {
            prefix,
            key: blake3::derive_key("mosaic cache keys", secret.expose().as_bytes()),
        }
    }

    fn entry(&self, key: &CacheKey) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in [env!("CARGO_PKG_VERSION"), key.tenant()] {
            // The length first: no two sequences of parts run together to the same bytes.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.update(&key.candidates().to_le_bytes()).update(key.request());
        format!("{}e:{}", self.prefix, hasher.finalize().to_hex())
    }

    fn generation(&self, tag: &Tag) -> String {
        let hash = blake3::keyed_hash(&self.key, tag.as_bytes());
        format!("{}g:{}", self.prefix, hash.to_hex())
    }

    fn generations(&self, tags: &[Tag]) -> Vec<String> {
        tags.iter().map(|tag| self.generation(tag)).collect()
    }
}

/// What the transaction of a lookup answers: the entry with the generations, and the milliseconds left to the entry.
type Found = (Vec<Option<Vec<u8>>>, i64);

impl CacheTier for RedisTier {
    fn get(self: Arc<Self>, key: &CacheKey, tags: &[Tag]) -> BoxFuture<Result<Seen, TierError>> {
        let (at, generations) = (self.keys.entry(key), self.keys.generations(tags));
        Box::pin(async move {
            let mut pipeline = ::redis::pipe();
            pipeline.atomic();
            for generation in &generations {
                let new = uuid::Uuid::now_v7();
                let set = pipeline.cmd("SET").arg(generation).arg(&new.as_bytes()[..]);
                set.arg("NX").arg("PX").arg(millis(UNUSED_GENERATION)).ignore();
            }
            pipeline.cmd("MGET").arg(&at).arg(&generations).cmd("PTTL").arg(&at);
            let (mut values, left): Found = self.run(&pipeline).await?;
            if values.len() != 1 + generations.len() {
                return Err(TierError::Refused);
            }
            let entry = values.remove(0);
            let stamp = stamp(&values).ok_or(TierError::Refused)?;
            let kept = match (entry, u64::try_from(left)) {
                (None, _) => Kept::Nothing,
                (Some(sealed), Ok(left)) => {
                    let opened = self
                        .codec
                        .open(at.as_bytes(), &Bytes::from(sealed), Duration::from_millis(left));
                    match opened {
                        Some(opened) if opened.stamp == stamp => Kept::Entry(opened.entry),
                        Some(_) => Kept::Nothing,
                        None => Kept::Unreadable,
                    }
                }
                // Without an expiry nobody knows its age, and we never write such a one.
                (Some(_), Err(_)) => Kept::Unreadable,
            };
            Ok(Seen { kept, stamp })
        })
    }

    fn put(
        self: Arc<Self>,
        key: &CacheKey,
        entry: Portable,
        tags: &[Tag],
        stamp: Stamp,
    ) -> BoxFuture<Result<(), TierError>> {
        let (at, generations) = (self.keys.entry(key), self.keys.generations(tags));
        Box::pin(async move {
            let sealed = self.codec.seal(at.as_bytes(), &entry, &stamp);
            let sealed = sealed.ok_or(TierError::Refused)?;
            let lifetime = entry.lifetime();
            let mut pipeline = ::redis::pipe();
            pipeline.atomic();
            let set = pipeline.cmd("SET").arg(&at).arg(sealed);
            set.arg("PX").arg(millis(lifetime).max(1)).ignore();
            for generation in &generations {
                let keep = millis(lifetime.max(USED_GENERATION));
                pipeline.cmd("PEXPIRE").arg(generation).arg(keep).ignore();
            }
            self.run(&pipeline).await
        })
    }

    fn remove(self: Arc<Self>, key: &CacheKey) -> BoxFuture<Result<(), TierError>> {
        let at = self.keys.entry(key);
        Box::pin(async move {
            let mut pipeline = ::redis::pipe();
            pipeline.cmd("DEL").arg(&at).ignore();
            self.run(&pipeline).await
        })
    }

    fn invalidate(self: Arc<Self>, tags: &[Tag]) -> BoxFuture<Result<(), TierError>> {
        let generations = self.keys.generations(tags);
        Box::pin(async move {
            let mut pipeline = ::redis::pipe();
            pipeline.cmd("DEL").arg(&generations).ignore();
            self.run(&pipeline).await
        })
    }
}

/// The generations in one value; `None` where one is missing, which the transaction excludes.
fn stamp(generations: &[Option<Vec<u8>>]) -> Option<Stamp> {
    let mut hasher = blake3::Hasher::new();
    for generation in generations {
        let generation = generation.as_deref()?;
        hasher
            .update(&(generation.len() as u64).to_le_bytes())
            .update(generation);
    }
    Some(Stamp(Bytes::copy_from_slice(&hasher.finalize().as_bytes()[..16])))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
