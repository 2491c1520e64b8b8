//! `--jq`: an expression of the jq language on what is printed.
//!
//! Invariant: an expression runs for a bounded time, in bounded memory, to a bounded text; and it sees the document alone, not
//! the environment of the process, where secrets may be.

use std::fmt::Write as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader, lex};
use jaq_core::{Compiler, Ctx, Vars, load};
use jaq_json::{Val, read};
use mosaic_actors::error::{Failure, Kind};

/// The flag, and the field that its failures name.
pub const JQ: &str = "jq";

/// The longest expression, in bytes.
const LONGEST: usize = 64 << 10;
/// How long one document may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked at what an expression takes.
const LOOK: Duration = Duration::from_millis(20);
/// The most that the process may take meanwhile, in bytes.
const MOST_MEMORY: u64 = 2 << 30;
/// The most bytes that come of one document.
const MOST_BYTES: usize = 64 << 20;
/// The stack that expressions run on, in bytes: they may call themselves.
const STACK: usize = 256 << 20;

type Answer = Result<String, Refused>;

/// Why there is no result.
enum Refused {
    /// The expression is none.
    Expression(String),
    /// It fails on this document.
    Document(String),
}

/// A compiled expression, which runs on a thread of its own.
#[derive(Debug)]
pub struct Filter(Mutex<Line>);

/// To the thread, and back.
#[derive(Debug)]
struct Line {
    documents: SyncSender<Vec<u8>>,
    answers: Receiver<Answer>,
}

impl Filter {
    /// Compiles an expression.
    ///
    /// # Errors
    /// `invalid_input` on `jq`, with what cannot be read of it.
    pub fn new(expression: &str) -> Result<Self, Failure> {
        if expression.len() > LONGEST {
            return Err(Failure::invalid(
                JQ,
                format!("the expression is longer than {LONGEST} bytes"),
            ));
        }
        let (documents, coming) = sync_channel(0);
        let (told, answers) = sync_channel(0);
        let expression = expression.to_owned();
        let thread = thread::Builder::new().stack_size(STACK);
        let serve = move || serve(&expression, &coming, &told);
        thread
            .spawn(serve)
            .map_err(|error| Failure::new(Kind::Internal, "no thread is to be had for --jq").because(error))?;
        let line = Line { documents, answers };
        line.answer()?;
        Ok(Filter(Mutex::new(line)))
    }

    /// What it makes of a document: a line for each result; texts as they are, all else as JSON.
    ///
    /// # Errors
    /// `invalid_input` where it fails on this document, or takes too much.
    pub fn run(&self, document: &[u8]) -> Result<String, Failure> {
        let line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What the thread's end means, the answer tells.
        let _ = line.documents.send(document.to_vec());
        line.answer()
    }
}

impl Line {
    fn answer(&self) -> Result<String, Failure> {
        let began = Instant::now();
        loop {
            match self.answers.recv_timeout(LOOK) {
                Ok(Ok(text)) => return Ok(text),
                Ok(Err(Refused::Expression(why))) => return Err(Failure::invalid(JQ, why)),
                Ok(Err(Refused::Document(why))) => {
                    return Err(Failure::invalid(
                        JQ,
                        format!("the expression fails on the answer: {why}"),
                    ));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(Failure::invalid(JQ, "the expression broke off")),
                Err(RecvTimeoutError::Timeout) if began.elapsed() > PATIENCE => {
                    let sentence = format!(
                        "the expression takes longer than {}",
                        humantime::format_duration(PATIENCE)
                    );
                    return Err(Failure::invalid(JQ, sentence));
                }
                Err(RecvTimeoutError::Timeout) if memory().is_some_and(|taken| taken > MOST_MEMORY) => {
                    return Err(Failure::invalid(JQ, "the expression takes too much memory"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// The memory that this process takes, in bytes, where the system tells.
fn memory() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = told.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// Compiles, and answers documents until nobody asks any more. Values belong to one thread.
fn serve(expression: &str, documents: &Receiver<Vec<u8>>, answers: &SyncSender<Answer>) {
    let arena = Arena::default();
    let filter = match compiled(expression, &arena) {
        Ok(filter) => filter,
        Err(why) => {
            // Where nobody waits for it any more, nobody is to be told.
            let _ = answers.send(Err(Refused::Expression(why)));
            return;
        }
    };
    let mut next = Ok(String::new());
    while answers.send(next).is_ok() {
        let Ok(document) = documents.recv() else { return };
        next = results(&filter, &document).map_err(Refused::Document);
    }
}

type Compiled = jaq_core::Filter<JustLut<Val>>;

fn compiled(expression: &str, arena: &Arena) -> Result<Compiled, String> {
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let program = File {
        code: expression,
        path: (),
    };
    let modules = Loader::new(defs).load(arena, program).map_err(|errors| {
        let first = errors.first().map(|(_, error)| unread(error));
        first.unwrap_or_else(|| "the expression cannot be read".to_owned())
    })?;
    let compiler = Compiler::default().with_funs(funs.filter(|(name, ..)| *name != "env"));
    compiler.compile(modules).map_err(|errors| {
        let first = errors.first().and_then(|(_, undefined)| undefined.first());
        match first {
            Some((name, what)) => format!("the expression names a {} that there is not: {name}", what.as_str()),
            None => "the expression cannot be read".to_owned(),
        }
    })
}

fn unread(error: &load::Error<&str>) -> String {
    let (wanted, at) = match error {
        load::Error::Io(modules) => {
            let module = modules.first().map_or("", |(module, _)| module);
            return format!("the expression asks for a module, which there is none of: {module}");
        }
        load::Error::Lex(errors) => errors.first().map(|(wanted, at)| (lexed(wanted), *at)),
        load::Error::Parse(errors) => errors.first().map(|(wanted, at)| (wanted.as_str().to_owned(), *at)),
    }
    .unwrap_or_default();
    match at {
        "" => format!("the expression ends where {wanted} is wanted"),
        at => format!("the expression cannot be read at '{at}', where {wanted} is wanted"),
    }
}

fn lexed(wanted: &lex::Expect<&str>) -> String {
    wanted.as_str().to_owned()
}

fn results(filter: &Compiled, document: &[u8]) -> Result<String, String> {
    let input = read::parse_single(document).map_err(|error| error.to_string())?;
    let context = Ctx::<JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let mut text = String::new();
    for result in filter.id.run((context, input)) {
        let value = match result.map_err(|exception| exception.get_err()) {
            Ok(value) => value,
            Err(Ok(error)) => return Err(error.to_string()),
            // It says that this is the end.
            Err(Err(_)) => break,
        };
        match value {
            Val::TStr(bytes) => text += &String::from_utf8_lossy(&bytes),
            // Writing to a String cannot fail.
            value => {
                let _ = write!(text, "{value}");
            }
        }
        text.push('\n');
        if text.len() > MOST_BYTES {
            return Err(format!("it makes more than {MOST_BYTES} bytes of it"));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(expression: &str, document: &str) -> Result<String, String> {
        let filter = Filter::new(expression).map_err(|failure| failure.message().to_owned())?;
        filter
            .run(document.as_bytes())
            .map_err(|failure| failure.message().to_owned())
    }

    #[test]
    fn each_result_is_a_line_and_texts_are_bare() {
        let page = r#"{"items":[{"name":"a","n":1},{"name":"b\nc","n":12345678901234567890}]}"#;
        assert_eq!(ran(".items[].name", page).unwrap(), "a\nb\nc\n");
        assert_eq!(
            ran(".items[] | {n}", page).unwrap(),
            "{\"n\":1}\n{\"n\":12345678901234567890}\n"
        );
        assert_eq!(ran("[.items[].n] | length", page).unwrap(), "2\n");
        assert_eq!(ran("empty", page).unwrap(), "");
        // It is asked again and again.
        let filter = Filter::new(".n").unwrap();
        assert_eq!(
            [filter.run(b"{\"n\":1}").unwrap(), filter.run(b"{\"n\":2}").unwrap()],
            ["1\n", "2\n"]
        );
    }

    #[test]
    fn what_is_no_expression_is_refused_with_its_place() {
        for (expression, part) in [
            (".items[", "ends where"),
            (".a | ]", "at '"),
            ("nonsense", "nonsense"),
            ("$nobody", "$nobody"),
            ("import \"m\" as m; 1", "module"),
            // The environment holds secrets.
            ("env", "env"),
            ("$ENV", "$ENV"),
        ] {
            let why = Filter::new(expression).expect_err(expression);
            assert_eq!(why.field.as_deref(), Some(JQ));
            assert!(why.message().contains(part), "{expression}: {}", why.message());
        }
        assert!(ran(".a.b", r#"{"a":1}"#).unwrap_err().contains("fails on the answer"));
        assert!(Filter::new(&" ".repeat(LONGEST + 1)).is_err());
    }

    #[test]
    fn an_expression_that_tells_without_an_end_is_given_up() {
        assert!(ran("repeat(\"0123456789\" * 1000)", "1").unwrap_err().contains("bytes"));
    }
}
