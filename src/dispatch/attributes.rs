//! What a caller says of a call beside what it asks for: its words read and checked, and what is known of the call laid
//! beside them.
//!
//! Invariant: what is wrong is refused by its option's name; a priority beyond what its tenant may have is lowered, and
//! refuses nothing.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use mosaic_actors::call::{Attributes, Performance, Priority};
use mosaic_actors::error::Failure;

use super::Options;
use super::options::{AFFINITY, LABELS};

/// The most labels of a call.
pub const MOST_LABELS: usize = 8;
/// The longest name of a label, in bytes.
pub const LONGEST_NAME: usize = 32;
/// The longest value of a label, in bytes.
pub const LONGEST_VALUE: usize = 64;
/// The longest affinity, in bytes.
pub const LONGEST_AFFINITY: usize = 128;

/// The priorities, in the order of [`PRIORITY_WORDS`].
pub(super) const PRIORITIES: [Priority; 3] = [Priority::Low, Priority::Normal, Priority::High];
/// What they are called.
pub(super) const PRIORITY_WORDS: [&str; 3] = ["low", "normal", "high"];
/// The needs, in the order of [`PERFORMANCE_WORDS`].
pub(super) const PERFORMANCES: [Performance; 3] = [
    Performance::LowLatency,
    Performance::HighThroughput,
    Performance::BestEffort,
];
/// What they are called.
pub(super) const PERFORMANCE_WORDS: [&str; 3] = ["low_latency", "high_throughput", "best_effort"];

/// Labels by name, as they were given.
pub type Labels = Vec<(Arc<str>, Arc<str>)>;

/// The highest priority that calls of each tenant may have.
#[derive(Clone, Debug)]
pub struct Ceilings {
    usual: Priority,
    own: HashMap<Arc<str>, Priority>,
}

impl Ceilings {
    /// `own` for the tenants that it names, and `usual` for all others.
    pub fn new(usual: Priority, own: impl IntoIterator<Item = (Arc<str>, Priority)>) -> Self {
        Ceilings {
            usual,
            own: own.into_iter().collect(),
        }
    }

    fn of(&self, tenant: &str) -> Priority {
        match self.own.is_empty() {
            true => self.usual,
            false => self.own.get(tenant).copied().unwrap_or(self.usual),
        }
    }
}

/// Nobody's is lowered.
impl Default for Ceilings {
    fn default() -> Self {
        Ceilings::new(Priority::High, [])
    }
}

/// What a call's input tells of it.
#[derive(Default)]
pub(super) struct Told {
    /// Its size, with that of what is uploaded beside it, in bytes.
    pub payload_bytes: u64,
    /// The model that it names.
    pub model: Option<Arc<str>>,
    /// Equal for conversations that begin alike.
    pub prefix: Option<u64>,
}

/// The attributes of a call of `tenant`'s; what the options hold of them is taken out.
///
/// # Errors
/// `invalid_input` on `labels` or `affinity`.
pub(super) fn of(options: &mut Options, told: Told, tenant: &str, ceilings: &Ceilings) -> Result<Attributes, Failure> {
    check_labels(&options.labels)?;
    let affinity = match options.affinity.as_deref() {
        Some(words) => {
            check_affinity(words)?;
            Some(affinity(tenant, Common::Said, words.as_bytes()))
        }
        None => told
            .prefix
            .map(|prefix| affinity(tenant, Common::Prefix, &prefix.to_le_bytes())),
    };
    Ok(Attributes {
        // Lowered and not refused: what is asked for is the same, and a client of several tenants need not know what each
        // may have.
        priority: options.priority.unwrap_or_default().min(ceilings.of(tenant)),
        performance: options.performance,
        payload_bytes: told.payload_bytes,
        model: told.model,
        labels: mem::take(&mut options.labels),
        affinity,
    })
}

/// Adds the labels of a text such as `team=web, run=nightly`. What they hold is checked where a call is made of them.
///
/// # Errors
/// `invalid_input` on `labels`, where one has no `=`.
pub(super) fn read_labels(text: &str, labels: &mut Labels) -> Result<(), Failure> {
    // A list of HTTP's may have empty places (RFC 9110, section 5.6.1).
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    for item in items {
        let (name, value) = item.split_once('=').ok_or_else(|| {
            let sentence = "a label of a call is written name=value, and several of them with a comma in between";
            Failure::invalid(LABELS, sentence)
        })?;
        labels.push((Arc::from(name), Arc::from(value)));
    }
    Ok(())
}

/// Labels as [`read_labels`] reads them.
pub(super) fn write_labels(labels: &Labels) -> String {
    let items: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    items.join(",")
}

fn check_labels(labels: &Labels) -> Result<(), Failure> {
    if labels.len() > MOST_LABELS {
        let sentence = format!("a call has at most {MOST_LABELS} labels");
        return Err(Failure::invalid(LABELS, sentence));
    }
    for (at, (name, value)) in labels.iter().enumerate() {
        let sound = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(sound) {
            let sentence = format!(
                "the name of a call's label is 1 to {LONGEST_NAME} of the characters a-z, 0-9, \"_\" and \"-\""
            );
            return Err(Failure::invalid(LABELS, sentence));
        }
        // What a header's list would divide or cut is no value on any surface.
        if value.len() > LONGEST_VALUE || !is_printable(value) || value.contains(',') || value.trim() != &**value {
            let sentence = format!(
                "the value of the label {name} must be at most {LONGEST_VALUE} printable ASCII characters, without a \
                 comma, and without a space at its beginning or end"
            );
            return Err(Failure::invalid(LABELS, sentence));
        }
        if labels[..at].iter().any(|(before, _)| before == name) {
            return Err(Failure::invalid(LABELS, format!("the label {name} is given twice")));
        }
    }
    Ok(())
}

fn check_affinity(words: &str) -> Result<(), Failure> {
    match (1..=LONGEST_AFFINITY).contains(&words.len()) && is_printable(words) {
        true => Ok(()),
        false => Err(Failure::invalid(
            AFFINITY,
            format!("an affinity is 1 to {LONGEST_AFFINITY} printable ASCII characters"),
        )),
    }
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}

/// What calls have in common.
#[derive(Clone, Copy)]
enum Common {
    /// Their callers' word.
    Said = 0,
    /// Their beginning.
    Prefix = 1,
}

/// Equal for the same of a tenant's, in every process and version, so that nodes agree; a tenant's word is not another's.
fn affinity(tenant: &str, common: Common, bytes: &[u8]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(tenant.as_bytes());
    // No text holds this byte.
    hasher.update(&[0xff, common as u8]);
    hasher.update(bytes);
    let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The affinity of the tenant `acme` that says `thread-7`.
    const STABLE: u64 = 11_394_380_718_155_720_027;

    fn labels(text: &str) -> Result<Labels, Failure> {
        let mut labels = Labels::new();
        read_labels(text, &mut labels)?;
        check_labels(&labels).map(|()| labels)
    }

    fn made(mut options: Options, told: Told, tenant: &str) -> Attributes {
        of(&mut options, told, tenant, &Ceilings::default()).expect("sound")
    }

    #[test]
    fn the_words_are_those_that_the_engine_writes() {
        assert_eq!(json!(PRIORITIES), json!(PRIORITY_WORDS));
        assert_eq!(json!(PERFORMANCES), json!(PERFORMANCE_WORDS));
    }

    #[test]
    fn labels_are_read_as_they_are_written() {
        let read = labels("team=web, run = nightly,,empty=,url=a=b").expect_err("a name has no space");
        assert_eq!(read.field.as_deref(), Some("labels"));
        let text = "team=web,run=the nightly one,empty=,url=a=b";
        assert_eq!(write_labels(&labels(text).expect("sound")), text);
        assert_eq!(labels(" team=web ,, run=1,").expect("sound").len(), 2);
        assert_eq!(labels("").expect("none").len(), 0);
    }

    #[test]
    fn what_is_no_label_is_refused_by_what_is_wrong() {
        let many = |count: usize| (0..count).map(|at| format!("n{at}=v")).collect::<Vec<_>>().join(",");
        let (long, longest) = (format!("n={}", "v".repeat(65)), format!("n={}", "v".repeat(64)));
        for sound in [many(8), longest, format!("{}=", "n".repeat(32))] {
            assert!(labels(&sound).is_ok(), "{sound}");
        }
        for (wrong, why) in [
            (many(9), "at most 8"),
            ("team".to_owned(), "name=value"),
            ("=v".to_owned(), "the name of"),
            ("Team=v".to_owned(), "the name of"),
            (format!("{}=", "n".repeat(33)), "the name of"),
            (long, "the value of the label n"),
            ("n=ü".to_owned(), "the value of the label n"),
            ("n=a\tb".to_owned(), "the value of the label n"),
            ("n=1,m=2,n=3".to_owned(), "given twice"),
        ] {
            let failure = labels(&wrong).expect_err(&wrong);
            assert_eq!(failure.field.as_deref(), Some("labels"));
            assert!(failure.message().contains(why), "{wrong}: {failure}");
        }
        // What only a program can say.
        for value in ["a,b", " a", "a "] {
            let said = vec![(Arc::from("n"), Arc::from(value))];
            assert!(check_labels(&said).is_err(), "{value:?}");
        }
    }

    #[test]
    fn an_affinity_is_stable_and_a_tenants_own() {
        let said = |words: &str| Options {
            affinity: Some(words.to_owned()),
            ..Options::default()
        };
        let told = |prefix| Told {
            prefix: Some(prefix),
            ..Told::default()
        };
        let of_acme = |options, told| made(options, told, "acme").affinity.expect("some");
        // Nodes of another version come to the same: a change of this number sends every conversation elsewhere once.
        assert_eq!(of_acme(said("thread-7"), Told::default()), STABLE);
        assert_ne!(of_acme(said("thread-8"), Told::default()), STABLE);
        assert_ne!(made(said("thread-7"), Told::default(), "other").affinity, Some(STABLE));
        // The caller's word goes before what is read out of its input, and the two never meet.
        assert_eq!(of_acme(said("thread-7"), told(3)), STABLE);
        let read = of_acme(Options::default(), told(3));
        assert_ne!(read, of_acme(Options::default(), told(4)));
        assert_ne!(read, affinity("acme", Common::Said, &3_u64.to_le_bytes()));
        assert_eq!(made(Options::default(), Told::default(), "acme").affinity, None);
        for wrong in ["", "a\nb", "ü", &"a".repeat(129)] {
            let failure = of(&mut said(wrong), Told::default(), "acme", &Ceilings::default()).expect_err("refused");
            assert_eq!(failure.field.as_deref(), Some("affinity"));
        }
    }

    #[test]
    fn a_priority_is_lowered_to_what_its_tenant_may_have() {
        let ceilings = Ceilings::new(
            Priority::Normal,
            [
                (Arc::from("batch"), Priority::Low),
                (Arc::from("people"), Priority::High),
            ],
        );
        for (tenant, said, had) in [
            ("batch", None, Priority::Low),
            ("batch", Some(Priority::High), Priority::Low),
            ("people", None, Priority::Normal),
            ("people", Some(Priority::High), Priority::High),
            ("other", Some(Priority::High), Priority::Normal),
            ("other", Some(Priority::Low), Priority::Low),
        ] {
            let mut options = Options {
                priority: said,
                ..Options::default()
            };
            let made = of(&mut options, Told::default(), tenant, &ceilings).expect("sound");
            assert_eq!(made.priority, had, "{tenant} {said:?}");
        }
        let high = Options {
            priority: Some(Priority::High),
            ..Options::default()
        };
        assert_eq!(made(high, Told::default(), "any").priority, Priority::High);
    }
}
