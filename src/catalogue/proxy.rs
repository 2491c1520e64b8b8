//! Pass-through: whatever an instance's own API has, asked for as it is.
//!
//! Invariant: it is a call like any other, and no cell of the catalogue: no list, route, command or row of the matrix has
//! it. What of it is a read, its method tells, or the kind of its instance does.

use std::error::Error;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use mosaic_actors::call::{CostClass, Operation, Tags, tag_of_instance};
use mosaic_actors::policy::scopes::Action;

/// The service that they belong to; no other operation may.
pub const SERVICE: &str = "proxy";

/// `GET`, `HEAD` and `OPTIONS`, and what its kind knows to change nothing.
pub static READ: Operation = Operation {
    unlisted: true,
    ..Operation::read(SERVICE, "proxy.read")
};

/// All else: it may change anything.
pub static WRITE: Operation = Operation {
    unlisted: true,
    ..Operation::write(SERVICE, "proxy.write")
};

/// What is billed by tokens, and takes as long as its model writes. Which paths lead there, the kind of an instance says.
pub static METERED: Operation = Operation {
    unlisted: true,
    paid: true,
    cost: CostClass::Tokens,
    ..Operation::write(SERVICE, "proxy.metered")
};

/// All of them.
pub fn operations() -> [&'static Operation; 3] {
    [&READ, &WRITE, &METERED]
}

/// The operation of a request that is made so, as far as its method tells: what a kind knows of its own paths goes before.
pub fn by_method(method: &Method) -> &'static Operation {
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => &READ,
        _ => &WRITE,
    }
}

/// What a request does, as far as a grant tells it apart. A DELETE removes something; what else does, its provider alone
/// knows.
pub fn action(operation: &Operation, method: &Method) -> Action {
    match *method {
        Method::DELETE if !operation.safe => Action::Destructive,
        _ => operation.action(),
    }
}

/// What a call changes: of a write nobody knows, so all that was had from the instance is doubtful. What only asks a model
/// changes nothing that is kept.
pub fn tags(operation: &Operation, instance: &str) -> Tags {
    let writes = !operation.safe && !operation.paid;
    Tags {
        invalidates: writes.then(|| tag_of_instance(instance)).into_iter().collect(),
        ..Tags::default()
    }
}

/// A request as its caller has made it.
pub struct Asked {
    /// How.
    pub method: Method,
    /// The path below the instance's base, as it was written: empty, or beginning with a slash. Nothing in it climbs.
    pub path: String,
    /// The query, as it was written.
    pub query: Option<String>,
    /// The headers that go on.
    pub headers: HeaderMap,
    /// A short body, whole; a long one comes as the call's upload.
    pub body: Bytes,
    /// How long the upload is, where its sender said it.
    pub length: Option<u64>,
    /// Where the instance's base is found by the caller: what stands for it in answers.
    pub ours: String,
}

/// The head of an answer, for its caller.
#[derive(Clone)]
pub struct AnswerHead {
    /// The provider's own status.
    pub status: StatusCode,
    /// Its headers, as far as they go on.
    pub headers: HeaderMap,
}

/// What a provider refused a request with, in its own words: the cause of the failure that it means.
pub struct OwnRefusal {
    /// Status and headers.
    pub head: AnswerHead,
    /// The body; `None` where its end did not come, or it is too long to be held, or cannot be read: nobody is given less as
    /// the whole.
    pub body: Option<Bytes>,
}

impl OwnRefusal {
    /// The one that a failure was made of.
    pub fn of<'a>(failure: &'a (dyn Error + 'static)) -> Option<&'a OwnRefusal> {
        failure.source()?.downcast_ref()
    }
}

// Its body is a payload, and its headers may say more than is known.
impl fmt::Debug for OwnRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnRefusal({})", self.head.status.as_u16())
    }
}

impl fmt::Display for OwnRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the provider answered with status {}", self.head.status.as_u16())
    }
}

impl Error for OwnRefusal {}

#[cfg(test)]
mod tests {
    use super::*;
    use mosaic_actors::error::{Failure, Kind};

    #[test]
    fn a_method_tells_what_it_is() {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert_eq!(by_method(&method).name, "proxy.read");
        }
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(by_method(&method).name, "proxy.write");
        }
        assert_eq!(by_method(&Method::from_bytes(b"REPORT").unwrap()).name, "proxy.write");
    }

    #[test]
    fn what_is_passed_through_is_granted_by_its_method() {
        for (method, does) in [
            (Method::GET, Action::Read),
            (Method::POST, Action::Write),
            (Method::DELETE, Action::Destructive),
        ] {
            assert_eq!(action(by_method(&method), &method), does);
        }
        // What a kind knows of its paths goes before.
        assert_eq!(action(&READ, &Method::POST), Action::Read);
        assert_eq!(action(&METERED, &Method::POST), Action::Write);
    }

    #[test]
    fn a_write_makes_all_of_its_instance_doubtful() {
        assert_eq!(tags(&WRITE, "forge-a").invalidates, [tag_of_instance("forge-a")]);
        assert!(tags(&READ, "forge-a").invalidates.is_empty());
        assert!(tags(&METERED, "forge-a").invalidates.is_empty());
    }

    #[test]
    fn a_refusal_is_found_in_its_failure_and_shows_nothing() {
        let refusal = OwnRefusal {
            head: AnswerHead {
                status: StatusCode::CONFLICT,
                headers: HeaderMap::new(),
            },
            body: Some(Bytes::from_static(b"secret")),
        };
        assert!(!format!("{refusal:?} {refusal}").contains("secret"));
        let failure = Failure::new(Kind::Conflict, "x").because(refusal);
        assert_eq!(
            OwnRefusal::of(&failure).expect("its cause").body.as_deref(),
            Some(&b"secret"[..])
        );
        assert!(OwnRefusal::of(&Failure::new(Kind::Conflict, "x")).is_none());
    }
}
