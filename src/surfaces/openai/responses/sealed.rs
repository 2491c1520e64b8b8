//! Thoughts of other dialects as items of this one: what their provider wants back stands where this one's seals stand.
//!
//! Invariant: what is told is what comes back; nothing of it is looked into.

use crate::catalogue::ai::{Opaque, Part};

/// Before the ids of items that are made here.
pub const OWN: &str = "rs_mosaic";
const SIGNED: &str = "mosaic.signed.";
const HIDDEN: &str = "mosaic.hidden.";

/// What stands for a thought of another dialect; none where it is not to be given back.
pub fn seal(signature: Option<&str>, data: Option<&str>) -> Option<String> {
    match (signature, data) {
        (Some(signature), _) => Some(format!("{SIGNED}{signature}")),
        (None, Some(data)) => Some(format!("{HIDDEN}{data}")),
        (None, None) => None,
    }
}

/// The thought that this stands for, of which `shown` is shown.
pub fn opened(seal: &str, shown: &str) -> Option<Part> {
    let (text, signature, data) = match (seal.strip_prefix(SIGNED), seal.strip_prefix(HIDDEN)) {
        (Some(signature), _) => (shown.to_owned(), Some(Opaque::from(signature)), None),
        (None, Some(data)) => (String::new(), None, Some(Opaque::from(data))),
        (None, None) => return None,
    };
    Some(Part::Thinking {
        text,
        signature,
        data,
        dialect: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thought_comes_back_as_it_was_told() {
        let signed = seal(Some("s.s"), None).expect("one");
        let Some(Part::Thinking {
            text, signature, data, ..
        }) = opened(&signed, "hm")
        else {
            panic!("a thought");
        };
        assert_eq!((text.as_str(), signature.as_deref(), data), ("hm", Some("s.s"), None));
        let hidden = seal(None, Some("d")).expect("one");
        let Some(Part::Thinking { data, .. }) = opened(&hidden, "") else {
            panic!("a thought");
        };
        assert_eq!(data.as_deref(), Some("d"));
        assert!(seal(None, None).is_none() && opened("gAAAA", "").is_none());
    }
}
