//! The walls between the parts, read from the paths that each source file names.
//!
//! Invariant: a part that does not exist yet is checked when it appears, because folders are walked, not listed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Systems that only their own driver, the sandbox and the documents may name.
const VENDORS: [&str; 9] = [
    "github",
    "gitlab",
    "gitea",
    "woodpecker",
    "jenkins",
    "notion",
    "bookstack",
    "openai",
    "anthropic",
];
/// What the engine does without.
const NOT_IN_THE_ENGINE: [&str; 6] = ["axum", "hyper", "reqwest", "redis", "sqlx", "http"];
/// The engine's modules that a driver may know.
const SEAM: [&str; 4] = ["call", "driver", "error", "stream"];
/// What lies beside the drivers in their folder: the shared way of sending, and the table.
const NOT_A_DRIVER: [&str; 12] = [
    "ai",
    "ci",
    "connection",
    "directory",
    "forge",
    "http",
    "mod",
    "models",
    "scopes",
    "table",
    "tracker",
    "webhooks",
];

/// Why a path must not be named here; `None`: it may.
type Wall = fn(module: &[String], path: &[&str]) -> Option<&'static str>;

/// The product's walls, by the folder that they stand around.
const WALLS: [(&str, Wall); 4] = [
    ("providers", driver_wall),
    ("catalogue", |_, path| {
        beyond(path, &["surfaces", "providers", "stores"])
            .then_some("the catalogue stands below what serves and does it")
    }),
    ("sandbox", |_, path| {
        (beyond(path, &["providers"]) || path[0] == "mosaic_actors")
            .then_some("the sandbox reads the facts for itself, so that two readings check each other")
    }),
    ("surfaces", |_, path| {
        beyond(path, &["providers"]).then_some("a surface knows operations, not who does them")
    }),
];

/// Whether `path` leads into one of the product's `modules`.
fn beyond(path: &[&str], modules: &[&str]) -> bool {
    matches!(path, ["crate", module, ..] if modules.contains(module))
}

fn driver_wall(module: &[String], path: &[&str]) -> Option<&'static str> {
    let own = module.get(2).map(String::as_str)?;
    if NOT_A_DRIVER.contains(&own) {
        return None;
    }
    if beyond(path, &["surfaces", "server", "admin", "cli"]) {
        return Some("a driver knows nothing of what is above it");
    }
    match path {
        ["crate", "providers", other, ..] if is_module(other) && *other != own && !NOT_A_DRIVER.contains(other) => {
            Some("drivers never import each other")
        }
        ["mosaic_actors", part, ..] if is_module(part) && !SEAM.contains(part) => {
            Some("a driver knows the engine's calls, failures, streams and the driver seam, and no actor")
        }
        _ => None,
    }
}

fn policy_wall(_module: &[String], path: &[&str]) -> Option<&'static str> {
    match path {
        ["tokio" | "ractor" | "tokio_util", ..] => Some("a policy needs no runtime"),
        ["crate", part, ..] if is_module(part) && !["policy", "call", "driver", "error"].contains(part) => {
            Some("a policy knows calls, capabilities and failures, and no actor")
        }
        _ => None,
    }
}

/// Modules begin with a small letter, types with a capital; a glob is neither.
fn is_module(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
}

/// The words of a source text without its comments and literals; `::`, braces, commas and semicolons are words, too.
fn words(source: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = literal(rest) {
            length
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            end
        } else if rest.starts_with("::") {
            words.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                words.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    words
}

/// The length of the string or character literal that `text` begins with.
fn literal(text: &str) -> Option<usize> {
    if let Some(raw) = text.strip_prefix('r').or_else(|| text.strip_prefix("br")) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let body = &raw[hashes + 1..];
            let end = body.find(&close).map_or(body.len(), |at| at + close.len());
            return Some(text.len() - body.len() + end);
        }
    }
    if let Some(inside) = text.strip_prefix('"') {
        let mut escaped = false;
        let end = inside.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        return Some(end.map_or(text.len(), |at| at + 2));
    }
    // A character, not a lifetime.
    let mut chars = text.strip_prefix('\'')?.char_indices();
    match (chars.next()?.1, chars.next()?) {
        ('\\', (at, _)) => text[at + 2..].find('\'').map(|end| at + 2 + end + 1),
        (_, (at, '\'')) => Some(at + 2),
        _ => None,
    }
}

/// Every path of two names or more, with the groups of `use` written out.
fn paths(source: &str) -> Vec<Vec<String>> {
    let words = words(source);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let begins = is_name(&words[at]) && words.get(at + 1).is_some_and(|next| next == "::");
        if begins {
            at = path_from(&words, at, &[], &mut found);
        } else {
            at += 1;
        }
    }
    found
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Reads one path, or one branch of a group, that begins at `at`; returns where it ends.
fn path_from(words: &[String], mut at: usize, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match words.get(at).map(String::as_str) {
            Some("{") => {
                at += 1;
                while words.get(at).is_some_and(|word| word != "}") {
                    let before = at;
                    at = path_from(words, at, &path, found);
                    if at == before {
                        at += 1;
                    }
                }
                return at + 1;
            }
            Some(word) if is_name(word) => path.push(word.to_owned()),
            Some("*") => {}
            _ => return at,
        }
        at += 1;
        if words.get(at).is_none_or(|word| word != "::") {
            found.push(path);
            return at;
        }
        at += 1;
    }
}

/// The module that a file is, from its place under `src`.
fn module_of(file: &Path) -> Vec<String> {
    let mut module = vec!["crate".to_owned()];
    let parts = file.with_extension("");
    module.extend(parts.iter().map(|part| part.to_string_lossy().into_owned()));
    if module.last().is_some_and(|last| last == "mod" || last == "lib") && module.len() > 2 {
        module.pop();
    }
    module
}

/// Writes out `super` and `self`. In an inline module they are taken for the file's own, one level too high: a wall is
/// then at worst seen too early.
fn absolute<'a>(module: &'a [String], path: &'a [String]) -> Vec<&'a str> {
    let supers = path.iter().take_while(|name| *name == "super").count();
    let path = path.iter().map(String::as_str);
    let own = module.iter().map(String::as_str);
    match supers {
        0 => path.collect(),
        _ => own
            .take(module.len().saturating_sub(supers).max(1))
            .chain(path.skip(supers))
            .collect(),
    }
}

/// What a source text breaks of `wall`.
fn breaches(file: &Path, source: &str, wall: Wall) -> Vec<String> {
    let module = module_of(file);
    let mut breaches = BTreeSet::new();
    for path in paths(source) {
        let path = absolute(&module, &path);
        if let Some(reason) = wall(&module, &path) {
            breaches.insert(format!("{}: {} ({reason})", file.display(), path.join("::")));
        }
    }
    breaches.into_iter().collect()
}

/// Vendors that a text names, whatever the case, as a word of its own.
fn vendors_in(text: &str) -> Vec<&'static str> {
    let text = text.to_lowercase();
    let named: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    VENDORS.into_iter().filter(|vendor| named.contains(vendor)).collect()
}

/// Dependencies of a manifest that the engine does without.
fn unwanted_in(manifest: &str) -> Vec<&'static str> {
    let name = |line: &str| line.split(['.', '=', ' ']).next().unwrap_or_default().trim().to_owned();
    let named: BTreeSet<String> = manifest.lines().map(name).collect();
    NOT_IN_THE_ENGINE
        .into_iter()
        .filter(|unwanted| named.contains(*unwanted))
        .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Files below `folder` with one of these endings, at most so deep; none where it does not exist.
fn files(folder: &Path, endings: &[&str], depth: usize) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() && depth > 0 {
            found.extend(files(&path, endings, depth - 1));
        } else if path
            .extension()
            .is_some_and(|ending| endings.iter().any(|known| ending == *known))
        {
            found.push(path);
        }
    }
    found
}

fn breaches_below(src: &Path, part: &str, wall: Wall) -> Vec<String> {
    let mut sources = files(&src.join(part), &["rs"], 8);
    sources.extend(Some(src.join(format!("{part}.rs"))).filter(|file| file.exists()));
    let checked = sources.iter().flat_map(|file| {
        let source = fs::read_to_string(file).expect("a source can be read");
        breaches(file.strip_prefix(src).expect("it is below"), &source, wall)
    });
    checked.collect()
}

#[test]
fn the_products_parts_stay_behind_their_walls() {
    let src = root().join("src");
    let broken: Vec<_> = WALLS
        .iter()
        .flat_map(|(part, wall)| breaches_below(&src, part, *wall))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_engines_policies_are_pure() {
    let src = root().join("actors/src");
    assert!(
        files(&src.join("policy"), &["rs"], 2).len() > 5,
        "the policies are where they were"
    );
    let broken = breaches_below(&src, "policy", policy_wall);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_engine_knows_no_vendor_and_no_wire() {
    let sources = files(&root().join("actors"), &["rs", "toml", "md"], 8);
    assert!(sources.len() > 40, "the engine is where it was");
    for file in sources {
        let text = fs::read_to_string(&file).expect("a source can be read");
        assert_eq!(vendors_in(&text), [""; 0], "{}", file.display());
    }
    let manifest = fs::read_to_string(root().join("actors/Cargo.toml")).expect("the engine has a manifest");
    assert_eq!(unwanted_in(&manifest), [""; 0]);
}

/// The checker itself, on planted breaches and on what only looks like one.
#[test]
fn a_breach_is_seen_and_nothing_else() {
    let seen = |file: &str, source: &str, wall: Wall| breaches(Path::new(file), source, wall).len();
    let driver = |source: &str| seen("providers/builder/convert.rs", source, driver_wall);
    for breach in [
        "use crate::providers::wiki::wire;",
        "use super::super::wiki;",
        "use crate::{config::A, providers::{http::send, wiki}};",
        "fn f() { crate::surfaces::rest::serve() }",
        "use mosaic_actors::gateway::Gateway;",
        "use mosaic_actors::{call::Call, system::{System}};",
        "/* fine */ use crate::admin; // fine",
        "const C: char = '\"'; use crate::cli::run; const D: &str = \"\";",
    ] {
        assert_eq!(driver(breach), 1, "{breach}");
    }
    for fine in [
        "use mosaic_actors::{call::{Answer, Call}, error::Failure, stream::BodyStream};",
        "use super::wire; use crate::providers::http::send; use crate::providers::builder::wire;",
        "use crate::providers::Driver; use super::super::http::Endpoint;",
        "// use crate::surfaces::rest;\nconst A: &str = \"crate::surfaces::rest\";",
        "const A: &str = r#\"say \"crate::admin::x\" \"#; fn f<'a>(x: &'a str) -> &'a str { x }",
    ] {
        assert_eq!(driver(fine), 0, "{fine}");
    }
    assert_eq!(
        seen(
            "providers/http/send.rs",
            "use mosaic_actors::system::System;",
            driver_wall
        ),
        0
    );
    let wall = |part: &str| WALLS.iter().find(|(name, _)| *name == part).expect(part).1;
    assert_eq!(
        seen("catalogue/git.rs", "use crate::stores::Store;", wall("catalogue")),
        1
    );
    assert_eq!(
        seen("sandbox/mod.rs", "use mosaic_actors::call::Call;", wall("sandbox")),
        1
    );
    assert_eq!(
        seen(
            "sandbox/git/mod.rs",
            "use super::super::providers::forge;",
            wall("sandbox")
        ),
        1
    );
    assert_eq!(
        seen("surfaces/rest/mod.rs", "use crate::providers;", wall("surfaces")),
        1
    );
    assert_eq!(seen("policy/limit.rs", "use tokio::time::Instant;", policy_wall), 1);
    assert_eq!(seen("policy/limit.rs", "use crate::gateway::Core;", policy_wall), 1);
    assert_eq!(
        seen("policy/limit.rs", "use super::super::quota::Limits;", policy_wall),
        1
    );
    assert_eq!(
        seen(
            "policy/limit.rs",
            "use super::backoff::Backoff; use crate::error::Kind;",
            policy_wall
        ),
        0
    );
    let named = format!("a {}-like forge", VENDORS[0].to_uppercase());
    assert_eq!(vendors_in(&named), [VENDORS[0]]);
    assert_eq!(vendors_in("a notional forge"), [""; 0]);
    assert_eq!(
        unwanted_in("[dependencies]\nhttp.workspace = true\nhttparse = \"1\"\n"),
        ["http"]
    );
}
