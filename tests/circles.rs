//! No import circle between the files of a table: what is shared stands below, and the table of all its users above.
//!
//! Imports are read from `use` statements outside of test modules, whatever attributes they have; a name that a `mod.rs` re-exports is an import of the file that
//! defines it.
//!
//! Invariant: a folder that is named here and is empty or gone fails the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

type Module = Vec<String>;

/// One file: what it imports, and what it re-exports from where.
#[derive(Default)]
struct Source {
    imports: Vec<Module>,
    exports: BTreeMap<String, Module>,
}

/// The files of these parts of a crate whose sources are at `root`: folders, or files without their ending.
fn sources(root: &str, parts: &[&str]) -> BTreeMap<Module, Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    let mut found = BTreeMap::new();
    for part in parts {
        let before = found.len();
        match root.join(part).is_dir() {
            true => read_folder(&root, part, &mut found),
            false => read_file(&root, &format!("{part}.rs"), &mut found),
        }
        assert!(found.len() > before, "{part} holds no files");
    }
    found
}

fn read_folder(root: &Path, folder: &str, found: &mut BTreeMap<Module, Source>) {
    for entry in fs::read_dir(root.join(folder)).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("UTF-8");
        let path = format!("{folder}/{name}");
        match entry.path().is_dir() {
            true => read_folder(root, &path, found),
            false => read_file(root, &path, found),
        }
    }
}

fn read_file(root: &Path, path: &str, found: &mut BTreeMap<Module, Source>) {
    // A test's own file may look at everything.
    let Some(stem) = path.strip_suffix(".rs").filter(|stem| !stem.ends_with("/tests")) else {
        return;
    };
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    let module: Module = stem.split('/').map(str::to_owned).collect();
    let text = fs::read_to_string(root.join(path)).expect("text");
    found.insert(module.clone(), source(&text, &module));
}

fn source(text: &str, module: &Module) -> Source {
    let text = without_tests(text);
    let mut source = Source::default();
    let statements = text.split(';').map(|piece| {
        let code: Vec<&str> = piece
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        without_attributes(&code.join(" ")).to_owned()
    });
    for statement in statements {
        let statement = statement.trim();
        let public = statement.starts_with("pub");
        let Some((_, tree)) = statement
            .split_once("use ")
            .filter(|(before, _)| before.is_empty() || public)
        else {
            continue;
        };
        for path in expand(tree.trim()) {
            let Some(target) = absolute(&path, module) else {
                continue;
            };
            match public {
                true => drop(
                    source
                        .exports
                        .insert(target.last().cloned().unwrap_or_default(), target),
                ),
                false => source.imports.push(target),
            }
        }
    }
    source
}

/// Leaves out each test module: from its attribute to the brace at the line's beginning that closes it.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, tests)) = rest.split_once("#[cfg(test)]\nmod ") {
        kept += before;
        // Tests in a file of their own have no braces here.
        let of_its_own = tests.find(';').unwrap_or(usize::MAX) < tests.find('{').unwrap_or(usize::MAX);
        let end = if of_its_own { ";" } else { "\n}\n" };
        rest = tests.split_once(end).map_or("", |(_, behind)| behind);
    }
    kept + rest
}

/// What a statement says behind its attributes.
fn without_attributes(statement: &str) -> &str {
    let mut rest = statement.trim_start();
    while let Some(attribute) = rest.strip_prefix("#[").or_else(|| rest.strip_prefix("#![")) {
        let mut depth = 1;
        let end = attribute.find(|letter| {
            depth += i32::from(letter == '[') - i32::from(letter == ']');
            depth == 0
        });
        rest = end.map_or("", |end| attribute[end + 1..].trim_start());
    }
    rest
}

/// `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expand(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or(tree).trim().to_owned()];
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, letter) in inner.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let parts = parts.into_iter().map(str::trim).filter(|part| !part.is_empty());
    parts.flat_map(expand).map(|part| format!("{prefix}{part}")).collect()
}

/// The path below the crate; `None` for other crates.
fn absolute(path: &str, module: &Module) -> Option<Module> {
    let mut at = module.clone();
    let mut parts: Vec<&str> = path.split("::").map(str::trim).collect();
    match parts[0] {
        "crate" => at.clear(),
        "self" => {}
        "super" => drop(at.pop()),
        child if child.chars().next().is_some_and(char::is_lowercase) && !KNOWN.contains(&child) => {
            at.push(child.to_owned())
        }
        _ => return None,
    }
    parts.remove(0);
    for part in parts {
        match part {
            "super" => drop(at.pop()),
            "self" => {}
            part => at.push(part.to_owned()),
        }
    }
    Some(at)
}

/// Other crates that files here import from.
const KNOWN: &[&str] = &[
    "std",
    "mosaic_actors",
    "serde",
    "serde_json",
    "serde_with",
    "schemars",
    "bytes",
    "http",
    "futures_util",
    "jiff",
    "url",
    "base64",
    "subtle",
    "secrecy",
    "reqwest",
    "tokio",
    "hyper",
    "percent_encoding",
    "blake3",
    "uuid",
];

/// The file that a path leads to, through what is re-exported.
fn file(path: &Module, all: &BTreeMap<Module, Source>) -> Option<Module> {
    let mut path = path.clone();
    for _ in 0..8 {
        let deepest = (1..=path.len())
            .rev()
            .find(|length| all.contains_key(&path[..*length]))?;
        let module = path[..deepest].to_vec();
        match path.get(deepest).and_then(|name| all[&module].exports.get(name)) {
            Some(target) => path = target.clone(),
            None => return Some(module),
        }
    }
    None
}

/// A circle, where there is one.
fn circle(all: &BTreeMap<Module, Source>) -> Option<Vec<String>> {
    let edges: BTreeMap<&Module, BTreeSet<Module>> = all
        .iter()
        .map(|(module, source)| {
            let targets = source.imports.iter().filter_map(|path| file(path, all));
            (module, targets.filter(|target| target != module).collect())
        })
        .collect();
    // Whatever imports nothing that is left is taken away; what stays imports in a circle.
    let mut left: BTreeSet<&Module> = edges.keys().copied().collect();
    while let Some(free) = left
        .iter()
        .copied()
        .find(|module| edges[*module].iter().all(|to| !left.contains(to)))
    {
        left.remove(free);
    }
    // And whatever nothing imports that is left leads there and is no part of it.
    while let Some(free) = left
        .iter()
        .copied()
        .find(|module| !left.iter().any(|from| edges[*from].contains(*module)))
    {
        left.remove(free);
    }
    let rows = left.iter().map(|module| {
        let to: Vec<_> = edges[*module]
            .iter()
            .filter(|to| left.contains(to))
            .map(|to| to.join("::"))
            .collect();
        format!("{} -> {}", module.join("::"), to.join(", "))
    });
    (!left.is_empty()).then(|| rows.collect())
}

#[test]
fn the_four_tables_import_in_one_direction() {
    for folder in ["catalogue", "providers", "sandbox", "embed"] {
        let found = circle(&sources("src", &[folder]));
        assert!(found.is_none(), "src/{folder}: {:#?}", found.unwrap_or_default());
    }
}

#[test]
fn the_call_path_imports_in_one_direction() {
    let parts = [
        "messages",
        "directory",
        "port",
        "bulkhead",
        "gateway",
        "router",
        "provider",
        "instance",
        "plugin",
    ];
    let found = circle(&sources("actors/src", &parts));
    assert!(found.is_none(), "{:#?}", found.unwrap_or_default());
}

#[test]
fn a_circle_is_found() {
    let module = |name: &str| vec!["t".to_owned(), name.to_owned()];
    let parse = |name: &str, text: &str| (module(name), source(text, &module(name)));
    let apart = [parse("a", "use super::b::{X, c};"), parse("b", "use std::fmt;")];
    assert_eq!(circle(&apart.into()), None);
    let round = [
        parse("a", "use crate::t::b::X;"),
        parse("b", "// x\nuse super::a::{Y, Z};"),
    ];
    assert_eq!(circle(&round.into()).expect("a circle").len(), 2);
    let of_features = [
        parse("a", "#[cfg(test)]\nmod tests {\n    use super::b;\n}\n\nuse std::fmt;"),
        parse(
            "b",
            "#[cfg(test)]\nmod tests;\n#[cfg(feature = \"c\")]\nuse super::a::X;",
        ),
    ];
    assert_eq!(circle(&of_features.into()), None);
    let behind_tests = [
        parse("a", "#[cfg(test)]\nmod tests {\n}\n\nuse super::b;"),
        parse("b", "#[cfg(all(a, not(b)))]\n#[allow(c)]\nuse super::a;"),
    ];
    assert_eq!(circle(&behind_tests.into()).expect("a circle").len(), 2);
}
