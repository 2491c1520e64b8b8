//! The claims on idempotency keys, in memory.
//!
//! Invariant: a key is leased once within its time; a claim that came to nothing known is unknown, never free.

use jiff::Timestamp;

use super::super::state::*;
use super::{Tables, later, page, pair};

pub(super) struct Claim {
    fingerprint: String,
    token: String,
    leased_until: Timestamp,
    expires_at: Timestamp,
    answer: Option<StoredAnswer>,
    bytes: usize,
}

impl Claim {
    fn is_pending(&self, lease: &Lease) -> bool {
        self.token == lease.token && self.answer.is_none()
    }

    fn state(&self, now: Timestamp) -> KeyState {
        match &self.answer {
            Some(answer) if answer.is_in_doubt() => KeyState::InDoubt,
            Some(_) => KeyState::Confirmed,
            None if now < self.leased_until => KeyState::Pending,
            None => KeyState::InDoubt,
        }
    }
}

impl Tables {
    pub(super) fn begin(&mut self, call: IdempotentCall<'_>, now: Timestamp) -> Result<Begun, StoreError> {
        check_name("idempotency scope", call.scope)?;
        check_name("idempotency key", call.key)?;
        check_name("idempotency fingerprint", call.fingerprint)?;
        let at = pair(call.scope, call.key);
        match self.calls.get(&at) {
            Some(claim) if claim.expires_at > now => return Ok(known(claim, call.fingerprint, now)),
            _ => self.free(&at),
        }
        let claim = Claim {
            fingerprint: call.fingerprint.to_owned(),
            token: uuid::Uuid::now_v7().to_string(),
            leased_until: later(now, call.lease),
            expires_at: later(now, call.ttl.max(call.lease)),
            answer: None,
            bytes: call.scope.len() + call.key.len() + call.fingerprint.len(),
        };
        let (scope, key) = at.clone();
        let token = claim.token.clone();
        self.replace(0, claim.bytes)?;
        self.calls.insert(at, claim);
        Ok(Begun::New(Lease { scope, key, token }))
    }

    pub(super) fn complete(&mut self, lease: &Lease, answer: &StoredAnswer) -> Result<(), StoreError> {
        check_size("answer", answer.body.len(), MAX_REPLAY_BYTES)?;
        check_size("content type", answer.content_type.len(), MAX_NAME_BYTES)?;
        let at = pair(&lease.scope, &lease.key);
        let bytes = answer.body.len() + answer.content_type.len();
        if !self.calls.get(&at).is_some_and(|claim| claim.is_pending(lease)) {
            return Err(StoreError::LeaseLost);
        }
        self.replace(0, bytes)?;
        if let Some(claim) = self.calls.get_mut(&at) {
            claim.answer = Some(answer.clone());
            claim.bytes += bytes;
        }
        Ok(())
    }

    pub(super) fn abandon(&mut self, lease: &Lease) -> Result<(), StoreError> {
        let at = pair(&lease.scope, &lease.key);
        if self.calls.get(&at).is_some_and(|claim| claim.is_pending(lease)) {
            self.free(&at);
        }
        Ok(())
    }

    pub(super) fn release(&mut self, scope: &str, key: &str, now: Timestamp) -> Result<Released, StoreError> {
        let at = pair(scope, key);
        match self.calls.get(&at).map(|claim| claim.state(now)) {
            None | Some(KeyState::Confirmed) => Ok(Released::NotUnknown),
            Some(KeyState::Pending) => Ok(Released::UnderWay),
            Some(KeyState::InDoubt) => {
                self.free(&at);
                Ok(Released::Done)
            }
        }
    }

    pub(super) fn list_keys(
        &mut self,
        in_doubt: bool,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<KnownKey>, StoreError> {
        let known = self.calls.iter().filter(|(_, claim)| claim.expires_at > now);
        let known = known.map(|((scope, key), claim)| KnownKey {
            scope: scope.clone(),
            key: key.clone(),
            state: claim.state(now),
            claimed_at: claimed_at(&claim.token),
            expires_at: claim.expires_at,
        });
        let mut keys: Vec<_> = known
            .filter(|key| !in_doubt || key.state == KeyState::InDoubt)
            .collect();
        keys.sort_by_key(|key| std::cmp::Reverse(key.expires_at));
        keys.truncate(page(limit));
        Ok(keys)
    }

    pub(super) fn expire(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let over = self.calls.iter().filter(|(_, claim)| claim.expires_at <= now);
        let over: Vec<_> = over.take(page(limit)).map(|(at, _)| at.clone()).collect();
        over.iter().for_each(|at| self.free(at));
        Ok(over.len() as u64)
    }

    fn free(&mut self, at: &(String, String)) {
        if let Some(claim) = self.calls.remove(at) {
            self.used = self.used.saturating_sub(claim.bytes);
        }
    }
}

fn known(claim: &Claim, asked: &str, now: Timestamp) -> Begun {
    match &claim.answer {
        _ if claim.fingerprint != asked => Begun::Mismatch,
        Some(answer) => Begun::Replay(answer.clone()),
        None if now < claim.leased_until => Begun::InFlight,
        None => Begun::Unknown,
    }
}
