//! Thoughts that are signed by one dialect, on their way through another.
//!
//! Invariant: a signature comes back as it was told, with the dialect that alone takes it; none is made up.

use crate::catalogue::ai::{Opaque, Part};

/// Before a signature that is not of the dialect which signs thoughts for everybody.
const MARK: &str = "mosaic.";

/// A signature as a client keeps it.
pub fn written(signature: &str, dialect: Option<&str>) -> String {
    match dialect {
        Some(dialect) => format!("{MARK}{dialect}.{signature}"),
        None => signature.to_owned(),
    }
}

/// A shown thought that a client gives back.
pub fn shown(text: String, signature: Option<String>) -> Part {
    let (dialect, signature) = match signature {
        Some(signature) => match marked(&signature) {
            Some((dialect, own)) => (Some(dialect.to_owned()), Some(Opaque::from(own))),
            None => (None, Some(Opaque::from(signature))),
        },
        None => (None, None),
    };
    Part::Thinking {
        text,
        signature: signature.filter(|signature| !signature.is_empty()),
        data: None,
        dialect,
    }
}

/// A hidden thought that a client gives back.
pub fn hidden(data: String) -> Part {
    Part::Thinking {
        text: String::new(),
        signature: None,
        data: Some(Opaque::from(data)),
        dialect: None,
    }
}

fn marked(signature: &str) -> Option<(&str, &str)> {
    signature.strip_prefix(MARK)?.split_once('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_comes_back_as_it_was_told() {
        for dialect in [None, Some("one")] {
            let Part::Thinking {
                signature,
                dialect: its,
                ..
            } = shown("t".to_owned(), Some(written("a.b", dialect)))
            else {
                panic!("a thought");
            };
            assert_eq!((signature.as_deref(), its.as_deref()), (Some("a.b"), dialect));
        }
        let unsigned = shown("t".to_owned(), Some(String::new()));
        assert!(matches!(unsigned, Part::Thinking { signature: None, .. }));
    }
}
