//! What was learned, as bytes that can be kept.
//!
//! Invariant: what is read back is what was written, bit for bit, or it is refused: by its version, its length, its check sum,
//! or numbers that cannot be gone by. Candidates are known by who they are, not by their place in a list.

use super::known::Known;
use super::linear::Linear;
use super::rate::{Mean, Rate};
use crate::policy::balance::candidates::{identity_of, mixed};

/// The version of the form. One more whenever the features, their order or the form change.
const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"mosaic-a";
/// Candidates at most.
const MOST: usize = 65_536;

/// What a balancer learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned(Vec<u8>);

/// It cannot be taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unlearned {
    /// Another version wrote it, or it is something else.
    #[error("it is of another version")]
    Version,
    /// Its bytes are not those that were written.
    #[error("it is broken")]
    Broken,
}

impl Learned {
    /// From bytes that were kept. They are checked where they are taken up.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Learned(bytes.into())
    }

    /// The bytes to keep.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn of<'a>(common: &Linear, known: impl Iterator<Item = &'a Known>) -> Self {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        let mut writer = Writer(bytes);
        writer.linear(common);
        for known in known.take(MOST) {
            writer.known(known);
        }
        let sum = sum_of(&writer.0);
        writer.word(sum);
        Learned(writer.0)
    }

    /// What was written, as of `now`.
    pub(super) fn read(&self, now: u64) -> Result<(Linear, Vec<Known>), Unlearned> {
        let bytes = &self.0[..];
        let head = bytes.get(..12).ok_or(Unlearned::Broken)?;
        if head[..8] != MAGIC || head[8..] != VERSION.to_le_bytes() {
            return Err(Unlearned::Version);
        }
        let (body, sum) = bytes.split_at_checked(bytes.len() - 8).ok_or(Unlearned::Broken)?;
        if sum_of(body).to_le_bytes() != *sum {
            return Err(Unlearned::Broken);
        }
        let mut reader = Reader(body.get(12..).ok_or(Unlearned::Broken)?);
        let common = reader.linear().filter(Linear::is_sound).ok_or(Unlearned::Broken)?;
        let mut all = Vec::new();
        while !reader.0.is_empty() && all.len() < MOST {
            all.push(reader.known(now).filter(Known::is_sound).ok_or(Unlearned::Broken)?);
        }
        Ok((common, all))
    }
}

fn sum_of(bytes: &[u8]) -> u64 {
    let words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    words.fold(identity_of("learned"), |sum, word| mixed(sum ^ word))
}

struct Writer(Vec<u8>);

impl Writer {
    fn word(&mut self, word: u64) {
        self.0.extend(word.to_le_bytes());
    }

    fn number(&mut self, number: f64) {
        self.word(number.to_bits());
    }

    fn linear(&mut self, linear: &Linear) {
        linear.coefficients.iter().for_each(|number| self.number(*number));
        linear
            .covariance
            .iter()
            .flatten()
            .for_each(|number| self.number(*number));
        self.number(linear.noise);
        self.number(linear.surprise);
    }

    fn rate(&mut self, rate: &Rate) {
        self.number(rate.failures);
        self.number(rate.all);
    }

    fn mean(&mut self, mean: &Mean) {
        self.number(mean.value);
        self.number(mean.samples);
    }

    fn known(&mut self, known: &Known) {
        self.word(known.identity);
        self.linear(&known.latency);
        self.rate(&known.lately);
        known.failures.iter().for_each(|rate| self.rate(rate));
        for (dollars, size) in &known.money {
            self.mean(dollars);
            self.mean(size);
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn word(&mut self) -> Option<u64> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*word))
    }

    fn number(&mut self) -> Option<f64> {
        self.word().map(f64::from_bits)
    }

    fn linear(&mut self) -> Option<Linear> {
        let mut linear = Linear::new();
        for number in &mut linear.coefficients {
            *number = self.number()?;
        }
        for number in linear.covariance.iter_mut().flatten() {
            *number = self.number()?;
        }
        linear.noise = self.number()?;
        linear.surprise = self.number()?;
        Some(linear)
    }

    /// Times are of the clock of who wrote them: all of it counts as of `now`.
    fn rate(&mut self, now: u64) -> Option<Rate> {
        let (failures, all) = (self.number()?, self.number()?);
        Some(Rate { failures, all, at: now })
    }

    fn mean(&mut self) -> Option<Mean> {
        let (value, samples) = (self.number()?, self.number()?);
        Some(Mean { value, samples })
    }

    fn known(&mut self, now: u64) -> Option<Known> {
        let identity = self.word()?;
        let latency = self.linear()?;
        let mut known = Known::new(identity, &latency, now);
        known.latency = latency;
        known.lately = self.rate(now)?;
        for rate in &mut known.failures {
            *rate = self.rate(now)?;
        }
        for (dollars, size) in &mut known.money {
            (*dollars, *size) = (self.mean()?, self.mean()?);
        }
        Some(known)
    }
}
