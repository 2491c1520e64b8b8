//! The crate's modules as its sources have them, and what of them can be named from outside.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use quote::ToTokens;
use syn::{Attribute, Fields, ImplItem, Item, TraitItem, UseTree, Visibility};

/// A module.
#[derive(Default)]
struct Module {
    /// Outsiders may name it, and it is documented.
    open: bool,
    items: Vec<Item>,
}

/// All of them, by their paths from the root.
pub struct Tree {
    modules: BTreeMap<Vec<String>, Module>,
}

impl Tree {
    /// The crate of this root file.
    pub fn read(root: &Path) -> Tree {
        let mut tree = Tree {
            modules: BTreeMap::new(),
        };
        let folder = root.parent().expect("a file").to_owned();
        tree.file(root, &folder, vec![], true);
        tree
    }

    fn file(&mut self, file: &Path, folder: &Path, path: Vec<String>, open: bool) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.module(parsed.items, folder, path, open);
    }

    fn module(&mut self, items: Vec<Item>, folder: &Path, path: Vec<String>, open: bool) {
        for item in &items {
            let Item::Mod(child) = item else { continue };
            if is_test(&child.attrs) {
                continue;
            }
            let name = child.ident.to_string();
            let is_open = open && is_public(&child.vis) && !is_hidden(&child.attrs);
            let below = folder.join(&name);
            let path = [path.clone(), vec![name.clone()]].concat();
            match &child.content {
                Some((_, items)) => self.module(items.clone(), &below, path, is_open),
                None => {
                    let candidates: [PathBuf; 2] = [folder.join(format!("{name}.rs")), below.join("mod.rs")];
                    let file = candidates.iter().find(|file| file.exists());
                    self.file(file.expect("a module's file"), &below, path, is_open);
                }
            }
        }
        self.modules.insert(path, Module { open, items });
    }

    /// A row for each thing that can be named, in order.
    pub fn promised(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for (path, module) in self.modules.iter().filter(|(_, module)| module.open) {
            let at = prefix(path);
            if !path.is_empty() {
                rows.push(format!("mod {}", path.join("::")));
            }
            for item in &module.items {
                self.item(path, &at, item, &mut rows);
            }
        }
        rows.sort();
        rows.dedup();
        rows
    }

    fn item(&self, path: &[String], at: &str, item: &Item, rows: &mut Vec<String>) {
        match item {
            Item::Use(used) if is_public(&used.vis) && !is_hidden(&used.attrs) => {
                for name in names(&used.tree, &[]) {
                    rows.push(format!("use {at}{}", name.last().expect("a name")));
                    self.reexported(path, at, &name, rows);
                }
            }
            Item::Use(_) | Item::Mod(_) => {}
            other => self.named(path, at, other, rows),
        }
    }

    /// What stands in a module that cannot be named, and is brought into one that can be.
    fn reexported(&self, path: &[String], at: &str, name: &[String], rows: &mut Vec<String>) {
        let Some((last, parents)) = name.split_last() else {
            return;
        };
        let parents: Vec<String> = match parents.first().map(String::as_str) {
            Some("crate") => parents[1..].to_vec(),
            Some("self") => [path, &parents[1..]].concat(),
            _ => [path, parents].concat(),
        };
        let Some(module) = self.modules.get(&parents).filter(|module| !module.open) else {
            return;
        };
        for item in &module.items {
            match item {
                Item::Use(used) if is_public(&used.vis) => {
                    let again = names(&used.tree, &[])
                        .into_iter()
                        .find(|name| name.last() == Some(last));
                    if let Some(name) = again {
                        self.reexported(&parents, at, &name, rows);
                    }
                }
                other if ident(other).is_some_and(|ident| ident == *last) => self.named(&parents, at, other, rows),
                _ => {}
            }
        }
    }

    /// An item that is public, as it is named at `at`; it stands in the module `path`.
    fn named(&self, path: &[String], at: &str, item: &Item, rows: &mut Vec<String>) {
        let mut add = |text: String| rows.push(text);
        match item {
            Item::Fn(function) if is_public(&function.vis) => {
                add(format!("fn {at}{}", signature(&function.sig)));
            }
            Item::Const(constant) if is_public(&constant.vis) => {
                add(format!("const {at}{}: {}", constant.ident, text(&constant.ty)));
            }
            Item::Static(constant) if is_public(&constant.vis) => {
                add(format!("static {at}{}: {}", constant.ident, text(&constant.ty)));
            }
            Item::Type(alias) if is_public(&alias.vis) => {
                add(format!("type {at}{} = {}", alias.ident, text(&alias.ty)));
            }
            Item::Struct(found) if is_public(&found.vis) => {
                let name = format!("{at}{}", found.ident);
                add(format!("struct {name}{}", text(&found.generics)));
                fields(&name, &found.fields, false, rows);
                self.methods(path, &found.ident.to_string(), &name, rows);
            }
            Item::Enum(found) if is_public(&found.vis) => {
                let name = format!("{at}{}", found.ident);
                add(format!("enum {name}{}", text(&found.generics)));
                for variant in &found.variants {
                    let variant_name = format!("{name}::{}", variant.ident);
                    rows.push(format!("variant {variant_name}"));
                    fields(&variant_name, &variant.fields, true, rows);
                }
                self.methods(path, &found.ident.to_string(), &name, rows);
            }
            Item::Trait(found) if is_public(&found.vis) => {
                let name = format!("{at}{}", found.ident);
                add(format!("trait {name}{}", text(&found.generics)));
                for item in &found.items {
                    match item {
                        TraitItem::Fn(function) => rows.push(format!("fn {name}::{}", signature(&function.sig))),
                        TraitItem::Const(constant) => {
                            rows.push(format!("const {name}::{}: {}", constant.ident, text(&constant.ty)));
                        }
                        TraitItem::Type(kind) => rows.push(format!("type {name}::{}", kind.ident)),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// The public methods of a type that stands in the module `path`, wherever below its parent they are written.
    fn methods(&self, path: &[String], ident: &str, name: &str, rows: &mut Vec<String>) {
        let near = path.split_last().map_or(path, |(_, parent)| parent);
        let around = self.modules.iter().filter(|(other, module)| {
            other.starts_with(near)
                && (*other == path
                    || !module
                        .items
                        .iter()
                        .any(|item| self::ident(item).as_deref() == Some(ident)))
        });
        for found in around.flat_map(|(_, module)| &module.items) {
            let Item::Impl(block) = found else { continue };
            let syn::Type::Path(kind) = &*block.self_ty else {
                continue;
            };
            let is_its = kind.path.segments.last().is_some_and(|last| last.ident == ident);
            if block.trait_.is_some() || !is_its || is_test(&block.attrs) {
                continue;
            }
            for item in &block.items {
                match item {
                    ImplItem::Fn(function) if is_public(&function.vis) && !is_hidden(&function.attrs) => {
                        rows.push(format!("fn {name}::{}", signature(&function.sig)));
                    }
                    ImplItem::Const(constant) if is_public(&constant.vis) => {
                        rows.push(format!("const {name}::{}: {}", constant.ident, text(&constant.ty)));
                    }
                    _ => {}
                }
            }
        }
    }
}

fn prefix(path: &[String]) -> String {
    path.iter().map(|part| format!("{part}::")).collect()
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn says(attributes: &[Attribute], name: &str, words: &str) -> bool {
    let mut named = attributes.iter().filter(|attribute| attribute.path().is_ident(name));
    named.any(|attribute| text(&attribute.meta).contains(words))
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    says(attributes, "doc", "hidden")
}

fn is_test(attributes: &[Attribute]) -> bool {
    says(attributes, "cfg", "(test)")
}

/// What an item is called.
fn ident(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Fn(item) => &item.sig.ident,
        Item::Const(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// The paths that a use brings in.
fn names(tree: &UseTree, before: &[String]) -> Vec<Vec<String>> {
    let with = |name: String| [before, &[name]].concat();
    match tree {
        UseTree::Path(path) => names(&path.tree, &with(path.ident.to_string())),
        UseTree::Name(name) => vec![with(name.ident.to_string())],
        UseTree::Rename(name) => vec![with(name.rename.to_string())],
        UseTree::Glob(_) => vec![with("*".to_owned())],
        UseTree::Group(group) => group.items.iter().flat_map(|tree| names(tree, before)).collect(),
    }
}

fn fields(name: &str, fields: &Fields, all: bool, rows: &mut Vec<String>) {
    for (place, field) in fields
        .iter()
        .enumerate()
        .filter(|(_, field)| all || is_public(&field.vis))
    {
        let called = field
            .ident
            .as_ref()
            .map_or_else(|| place.to_string(), ToString::to_string);
        rows.push(format!("field {name}.{called}: {}", text(&field.ty)));
    }
}

/// Without names of arguments, which are nobody's concern.
fn signature(signature: &syn::Signature) -> String {
    let inputs = signature.inputs.iter().map(|input| match input {
        syn::FnArg::Receiver(receiver) => text(receiver),
        syn::FnArg::Typed(typed) => text(&typed.ty),
    });
    let inputs: Vec<String> = inputs.collect();
    let (constant, asynchronous) = (signature.constness.is_some(), signature.asyncness.is_some());
    format!(
        "{}{}{}({}){}{}{}",
        signature.ident,
        text(&signature.generics),
        signature
            .generics
            .where_clause
            .as_ref()
            .map_or_else(String::new, |clause| format!(" {}", text(clause))),
        inputs.join(", "),
        match &signature.output {
            syn::ReturnType::Default => String::new(),
            syn::ReturnType::Type(_, kind) => format!(" -> {}", text(kind)),
        },
        if asynchronous { " async" } else { "" },
        if constant { " const" } else { "" },
    )
}

/// Tokens as one line, as people write them.
fn text(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (spaced, plain) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" ::", "::"),
        (" < ", "<"),
        ("< ", "<"),
        (" <", "<"),
        (" >", ">"),
        (" ,", ","),
        ("& ", "&"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        ("[ ", "["),
        (" ]", "]"),
        (" ;", ";"),
        ("' ", "'"),
        (" :", ":"),
    ] {
        text = text.replace(spaced, plain);
    }
    text
}
