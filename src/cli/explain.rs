//! What each error code means, and what to do about it.
//!
//! Invariant: the hint under an error and `mosaic explain` say the same, because both read this table.

use mosaic_actors::error::{Kind, Source};
use serde_json::{Value, json};

use super::exit;
use crate::failures::{Fault, codes, kind_of_status};

/// What to do about a failure of `kind`.
pub const fn advice(kind: Kind) -> &'static str {
    match kind {
        Kind::InvalidInput => "Correct the field that the error names; `--help` lists the fields.",
        Kind::Unauthenticated => "Give a valid key with --key-file or MOSAIC_API_KEY, or keep one with `mosaic login`.",
        Kind::Forbidden => "Use another key, or ask who runs the gateway for the permission.",
        Kind::NotFound => "Check its name, and whether the provider's credential may see it.",
        Kind::Conflict => "Read the resource again and decide anew.",
        Kind::PreconditionFailed => "Read the resource again and repeat with its present version.",
        Kind::Unsupported => {
            "Leave the field out where one is named; else choose another provider: `mosaic operations --matrix` shows who can do it."
        }
        Kind::RateLimited => "Wait as long as the error says, and call more slowly.",
        Kind::QuotaExceeded => "Wait for the next period, or ask for a higher quota.",
        Kind::BudgetExhausted => "Ask who runs the gateway for a higher budget.",
        Kind::Overloaded => "Try again after the time that the error names.",
        Kind::CircuitOpen => "Try again later; `mosaic status` shows the circuit breakers.",
        Kind::NoProvider => "Check the routing rules and `mosaic status`, or choose one with --provider.",
        Kind::Network => "Check the address and the network, then try again.",
        Kind::Timeout => "Give it longer with --timeout, or try again; of a write, look first whether it was done.",
        Kind::UpstreamAuth => "Who runs the gateway must renew the credential of this provider.",
        Kind::UpstreamRateLimited => "Wait as long as the error says, or choose another provider.",
        Kind::UpstreamFailed => "Try again later, or choose another provider with --provider.",
        Kind::Cancelled => "Call again if the answer is still wanted; check first whether a change was made.",
        Kind::Internal => "Report it with the request id; `mosaic tree` shows what crashed.",
    }
}

/// What to do about a failure of `kind` at the admin listener, where other words help than with a call; `what` is its path
/// below `/admin/v1/`.
pub fn advice_on_admin(kind: Kind, what: &str) -> Option<&'static str> {
    let noun = what.split('/').next().unwrap_or_default();
    Some(match (kind, noun) {
        (Kind::Unauthenticated, _) => {
            "Give the admin token, or a key with the scope admin, with --admin-token-file or MOSAIC_ADMIN_TOKEN, or keep it with `mosaic login --admin`."
        }
        (Kind::Forbidden, _) => "Name the admin listener by its own address with --admin, or by a name in admin.hosts.",
        (Kind::NotFound, "plugins") => "`mosaic plugins list` shows the instances that there are.",
        (Kind::NotFound, "breakers") => "`mosaic breakers list` shows the circuit breakers that there are.",
        (Kind::NotFound, "actors") => "`mosaic tree --wide` shows the paths.",
        (Kind::NotFound, "calls") => "`mosaic calls` shows the calls in flight.",
        (Kind::NotFound, "decisions") => {
            "`mosaic calls` shows the last calls with their ids; [explain] says how many records are kept."
        }
        (Kind::NotFound, "idempotency") => "`mosaic keys list --in-doubt` shows the keys whose outcome is unknown.",
        (Kind::NotFound, _) => "Check --admin: is a gateway's admin listener there, of this program's version?",
        (Kind::Conflict, "plugins") => "`mosaic plugins list` shows what state it is in.",
        (Kind::Conflict, "actors") => "`mosaic tree --wide` shows what state it is in.",
        (Kind::Conflict, _) => "`mosaic status` shows what state the gateway is in.",
        (Kind::Timeout, _) => "It may still be under way: `mosaic status` shows it.",
        (Kind::Unsupported, _) => "`mosaic config show` tells what is in force.",
        (Kind::NoProvider | Kind::UpstreamFailed | Kind::UpstreamAuth | Kind::UpstreamRateLimited, _) => {
            "`mosaic plugins list --wide` shows each instance with its last error."
        }
        _ => return None,
    })
}

/// What to do about a request that is none.
const fn advice_on_fault(fault: Fault) -> &'static str {
    match fault {
        Fault::NoRoute => "Check the address: is a gateway there, and is its version this program's?",
        Fault::MethodNotAllowed => "Use a method that the `Allow` header names; `mosaic operations` lists them.",
        Fault::NotAcceptable => "Name the forms that the sentence names in Accept, or send none.",
        Fault::UnsupportedMediaType => {
            "Send JSON, with the header Content-Type: application/json and no Content-Encoding."
        }
        Fault::PayloadTooLarge => {
            "Send less, or a file as a file (git.file.upload), or ask who runs the gateway to raise server.max_body; for a \
             file, gateway.max_transfer_size."
        }
        Fault::BadRequest => "Mend the client, or what stands between: the request is not HTTP, or names no host.",
        Fault::HeadTooLarge => {
            "Send fewer or shorter headers, or ask who runs the gateway to raise server.max_header_bytes."
        }
    }
}

/// The kind with this stable code.
pub fn kind(code: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.code() == code)
}

/// What to do about `code`, where it is known.
pub fn advice_on(code: &str) -> Option<&'static str> {
    let fault = Fault::ALL.into_iter().find(|fault| fault.code() == code);
    kind(code).map(advice).or(fault.map(advice_on_fault))
}

/// What `mosaic explain` shows.
pub fn document(code: &str) -> Option<Value> {
    let row = codes().find(|row| row.code == code)?;
    let kind = kind(code);
    let status = row.status.as_u16();
    Some(json!({
        "code": row.code,
        "meaning": row.meaning,
        "advice": advice_on(code)?,
        "http_status": status,
        "exit_code": exit::code(kind.unwrap_or(kind_of_status(status))),
        "retryable": row.retryable,
        "source": kind.map_or(Source::Caller, Kind::default_source),
    }))
}

#[cfg(test)]
pub(in crate::cli) mod tests {
    use super::*;
    use crate::cli::command;

    #[test]
    fn every_code_is_explained() {
        for row in codes() {
            let document = document(row.code).expect(row.code);
            assert_ne!(document["exit_code"], exit::OK, "{}", row.code);
        }
        assert!(document("no_such_code").is_none());
        for known in Kind::ALL {
            assert_eq!(kind(known.code()), Some(known));
        }
    }

    #[test]
    fn a_status_alone_still_gives_a_telling_exit_code() {
        assert_eq!(exit::code(kind_of_status(404)), 3);
        assert_eq!(exit::code(kind_of_status(403)), 4);
        assert_eq!(exit::code(kind_of_status(502)), 69);
        assert_eq!(exit::code(kind_of_status(504)), 75);
    }

    /// The flags of the command that `words` lead to; fails where there is none.
    fn flags_of(words: &[&str]) -> Vec<String> {
        let mut root = command::root(clap::ColorChoice::Never, false);
        root.build();
        let mut here = &root;
        for word in words.iter().filter(|word| !word.starts_with('-')) {
            here = here
                .find_subcommand(word)
                .unwrap_or_else(|| panic!("no command {words:?}"));
        }
        let flags = here.get_arguments().filter_map(clap::Arg::get_long);
        flags.map(|flag| format!("--{flag}")).collect()
    }

    /// Each command between backticks exists with its flags; each other flag is one of `surface`.
    pub fn check(advice: &str, surface: &[&str]) {
        for (at, part) in advice.split('`').enumerate() {
            let words: Vec<&str> = part.split_whitespace().collect();
            let (known, given) = match words[..] {
                ["mosaic", ref rest @ ..] if at % 2 == 1 => (flags_of(rest), rest),
                _ => (flags_of(surface), &words[..]),
            };
            for flag in given
                .iter()
                .map(|word| word.trim_matches([',', '.', ';', ':']))
                .filter(|word| word.starts_with("--"))
            {
                assert!(known.iter().any(|known| known == flag), "{flag}: {advice}");
            }
        }
    }

    #[test]
    fn advice_names_commands_and_flags_that_there_are() {
        for kind in Kind::ALL {
            check(advice(kind), &["projects", "issue", "list"]);
            let places = [
                ("plugins", &["plugins", "update"][..]),
                ("breakers", &["breakers", "reset"]),
                ("actors", &["actors", "restart"]),
                ("calls", &["calls"]),
                ("idempotency", &["keys", "release"]),
                ("status", &["status"]),
            ];
            for (noun, surface) in places {
                if let Some(advice) = advice_on_admin(kind, &format!("{noun}/a")) {
                    check(advice, surface);
                }
            }
        }
        for fault in Fault::ALL {
            check(advice_on_fault(fault), &["projects", "issue", "list"]);
        }
    }
}
