//! The command line: the built program, for programs.

use std::fs;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use mosaic::dispatch::options::{CallOption, OptionValue};
use serde_json::Value;

use super::{Asked, Way};
use crate::harness::process::{Ended, run};
use crate::neutral::{Outcome, Told, answered, came, refused};
use crate::stage::Stage;

/// The surface.
pub struct Cli;

impl Way for Cli {
    fn name(&self) -> &'static str {
        "the command line"
    }

    fn ask<'a>(&'a self, stage: &'a Stage, asked: &'a Asked) -> BoxFuture<'a, Told> {
        async move {
            let (input, output) = (stage.folder.path().join("input"), stage.folder.path().join("output"));
            fs::write(&input, Value::from(asked.input.clone()).to_string()).expect("the folder is ours");
            let name = asked.entry.name().replace('_', "-");
            let mut words: Vec<String> = name.split('.').map(str::to_owned).collect();
            words.extend([format!("--input={}", input.display()), "--json".to_owned()]);
            let is_file = asked.entry.declaration.bytes;
            if is_file {
                words.push(format!("--output={}", output.display()));
            }
            if let Some((media_type, name, text)) = asked.file {
                let file = stage.folder.path().join(name);
                fs::write(&file, text).expect("the folder is ours");
                words.extend([
                    format!("--file={}", file.display()),
                    format!("--content-type={media_type}"),
                ]);
            }
            let said = asked.options.said();
            words.extend(said.iter().flat_map(|(option, text)| flags(option, text)));
            let home = stage.folder.path().display().to_string();
            let mut env = vec![
                ("MOSAIC_URL".to_owned(), stage.url("")),
                ("HOME".to_owned(), home.clone()),
                ("XDG_CONFIG_HOME".to_owned(), home),
            ];
            env.extend(
                asked
                    .key
                    .shown()
                    .map(|key| ("MOSAIC_API_KEY".to_owned(), key.to_owned())),
            );
            let running = tokio::task::spawn_blocking(move || {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                run(&words, &env)
            });
            let ended = running.await.expect("it ends");
            match ended.code {
                Some(0) if is_file => came(Outcome::File {
                    media_type: None,
                    bytes: fs::read(&output).expect("it was written"),
                }),
                Some(0) => told(asked, &ended),
                // A part of what was asked for is shown, and told not to be all.
                _ if !ended.stdout.is_empty() && asked.entry.declaration.facts.list => told(asked, &ended),
                _ => failed(&ended),
            }
        }
        .boxed()
    }
}

/// An option as its flag.
fn flags(option: &CallOption, text: &str) -> Vec<String> {
    let flag = option.flag;
    match option.value {
        OptionValue::Switch(_) => vec![format!("--{flag}")],
        OptionValue::Time(_) => vec![format!("--{flag}={text}ms")],
        OptionValue::Labelled(_) => text.split(',').map(|label| format!("--{flag}={label}")).collect(),
        OptionValue::Text(..) | OptionValue::Word(..) => vec![format!("--{flag}={text}")],
    }
}

fn told(asked: &Asked, ended: &Ended) -> Told {
    let read = |json: &str| serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {ended:#?}"));
    match asked.entry.declaration.facts.streaming {
        true => came(Outcome::Events(ended.stdout.lines().map(read).collect())),
        false => answered(read(&ended.stdout)),
    }
}

/// The last line tells why.
fn failed(ended: &Ended) -> Told {
    let line = ended.stderr.lines().last().unwrap_or_default();
    let problem = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {ended:#?}"));
    refused(&problem)
}
