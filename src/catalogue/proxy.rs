//! Pass-through: whatever an instance's own API has, asked for as it is.
//!
//! Invariant: it is a call like any other, and no cell of the catalogue: no list, route, command or row of the matrix has
//! it. What of it is a read, its method alone tells.

use std::error::Error;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use mosaic_actors::call::{CostClass, Operation, Tags, tag_of_instance};

/// The service that they belong to; no other operation may.
pub const SERVICE: &str = "proxy";

/// `GET` and `HEAD`.
pub static READ: Operation = Operation {
    unlisted: true,
    ..Operation::read(SERVICE, "proxy.read")
};

/// All else: it may change anything.
pub static WRITE: Operation = Operation {
    unlisted: true,
    ..Operation::write(SERVICE, "proxy.write")
};

/// What is billed by tokens, and takes as long as its model writes.
pub static METERED: Operation = Operation {
    unlisted: true,
    paid: true,
    cost: CostClass::Tokens,
    ..Operation::write(SERVICE, "proxy.metered")
};

/// Where models are asked, as ends of paths. Which of them a kind has, its driver says.
pub const MODELS_ASKED: [&str; 11] = [
    "/audio/speech",
    "/audio/transcriptions",
    "/audio/translations",
    "/chat/completions",
    "/completions",
    "/embeddings",
    "/images/edits",
    "/images/generations",
    "/responses",
    "/responses/compact",
    "/v1/messages",
];

/// All of them.
pub fn operations() -> [&'static Operation; 3] {
    [&READ, &WRITE, &METERED]
}

/// The operation of a request that is made so; what may be metered is so only at an instance that meters.
pub fn operation(method: &Method, path: &str, meters: impl FnOnce() -> bool) -> &'static Operation {
    if matches!(*method, Method::GET | Method::HEAD) {
        return &READ;
    }
    let asks = *method == Method::POST && is_asked(path, &MODELS_ASKED);
    if asks && meters() { &METERED } else { &WRITE }
}

/// Whether a path ends as one of these.
pub fn is_asked(path: &str, ends: &[&str]) -> bool {
    let path = path.trim_end_matches('/');
    ends.iter().any(|end| path.ends_with(end))
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
    /// The body.
    pub body: Bytes,
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
    fn a_method_tells_what_it_is_and_a_path_what_is_metered() {
        let name = |method: Method, path: &str, meters: bool| operation(&method, path, || meters).name;
        assert_eq!(name(Method::GET, "/chat/completions", true), "proxy.read");
        assert_eq!(name(Method::HEAD, "/x", true), "proxy.read");
        for method in [
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ] {
            assert_eq!(name(method, "/x", true), "proxy.write");
        }
        assert_eq!(name(Method::POST, "/chat/completions/", true), "proxy.metered");
        assert_eq!(name(Method::POST, "/v1/messages", true), "proxy.metered");
        assert_eq!(name(Method::POST, "/threads/1/messages", true), "proxy.write");
        assert_eq!(name(Method::POST, "/chat/completions", false), "proxy.write");
        assert_eq!(name(Method::DELETE, "/responses", true), "proxy.write");
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
            body: Bytes::from_static(b"secret"),
        };
        assert!(!format!("{refusal:?} {refusal}").contains("secret"));
        let failure = Failure::new(Kind::Conflict, "x").because(refusal);
        assert_eq!(OwnRefusal::of(&failure).expect("its cause").body, "secret");
        assert!(OwnRefusal::of(&Failure::new(Kind::Conflict, "x")).is_none());
    }
}
