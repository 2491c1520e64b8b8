//! What a request of a dialect is refused with.
//!
//! Invariant: a field is told by the name that the client gave it.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use super::super::problem::Problem;

/// A refusal, before a dialect writes it.
#[derive(Debug)]
pub struct Refused {
    /// What is wrong.
    pub problem: Box<Problem>,
    /// The log tells of the call that ended with it.
    pub settled: bool,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Refused {
            settled: failure.settled,
            problem: Box::new(failure.into()),
        }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Refused {
            problem: Box::new(problem),
            settled: false,
        }
    }
}

/// The failure with its field, and its sentence, in a dialect's own names.
pub fn renamed(mut failure: Failure, rename: impl FnOnce(&str) -> Option<String>) -> Failure {
    let Some(field) = failure.field.take() else {
        return failure;
    };
    match rename(&field) {
        Some(own) => {
            let sentence = failure.message().replace(&*field, &own);
            failure.field = Some(Arc::from(own));
            failure.saying(sentence)
        }
        None => {
            failure.field = Some(field);
            failure
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_the_clients_name_in_its_sentence_too() {
        let failure = || Failure::invalid("stop", "stop holds more than 64");
        let told = renamed(failure(), |field| Some(format!("{field}_sequences")));
        assert_eq!(
            (told.field.as_deref(), told.message()),
            (Some("stop_sequences"), "stop_sequences holds more than 64")
        );
        let same = renamed(failure(), |_| None);
        assert_eq!(
            (same.field.as_deref(), same.message()),
            (Some("stop"), "stop holds more than 64")
        );
    }
}
