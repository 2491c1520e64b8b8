//! Plays a row by every surface, and holds what came against the row and against each other.
//!
//! Invariant: everything that is wrong with a row is told at once.

use mosaic::dispatch::ALL;
use serde_json::{Map, Value, json};

use crate::compare::differences;
use crate::harness::http::Client;
use crate::neutral::{Outcome, Told, scrubbed, timeless_record};
use crate::row::{Charged, Expects, Instead, Key, Row, Step};
use crate::stage::Stage;
use crate::ways::{Asked, WAYS, Way};

/// How often the rate is used up before a call that is to be refused for it is given up.
const TRIES: usize = 20;

/// What a surface made of a row.
struct Played {
    surface: &'static str,
    /// By step; none where the surface does not tell it as others do.
    told: Vec<Option<Value>>,
    /// By step: what rows lack.
    lacks: Vec<Option<&'static str>>,
    /// Every call was made.
    is_whole: bool,
    charged: Value,
    decided: Vec<Value>,
}

/// Plays a row.
pub async fn play(make: fn() -> Row) {
    let client = Client::new();
    let mut wrong = Vec::new();
    let mut all: Vec<Played> = Vec::new();
    for way in WAYS {
        let row = make();
        if can_say(*way, &row) {
            all.push(played(&row, *way, &client, &mut wrong).await);
        }
    }
    assert!(all.len() > 3, "a row is for all surfaces, or for all that have keys");
    let (first, others) = all.split_first().expect("several");
    for other in others {
        let differ = |what: String, one: &Value, another: &Value| {
            let told = differences(one, another);
            let (first, other) = (first.surface, other.surface);
            told.into_iter()
                .map(move |told| format!("{what} of {first} and {other} differs at {told}"))
        };
        for (at, told) in first.told.iter().zip(&other.told).enumerate() {
            if let (Some(one), Some(another)) = told {
                let one = without(one, other.lacks[at]);
                wrong.extend(differ(format!("step {at}"), &one, another));
            }
        }
        // What is not shown is not asked for.
        if first.is_whole && other.is_whole {
            wrong.extend(differ("what is charged".to_owned(), &first.charged, &other.charged));
            let (one, another) = (json!(first.decided), json!(other.decided));
            wrong.extend(differ("what is decided".to_owned(), &one, &another));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Whether a surface has a way to make the calls of a row.
fn can_say(way: &dyn Way, row: &Row) -> bool {
    for (name, instead) in row.steps.iter().flat_map(|step| &step.but) {
        let is_one = WAYS.iter().any(|way| way.name() == *name);
        assert!(is_one, "{name} is no surface, so nothing is {instead:?} there");
    }
    row.steps.iter().all(|step| {
        let is_sayable = !step.but.contains(&(way.name(), Instead::CannotSayIt));
        // Rust has no keys: who calls is its program's to know.
        is_sayable && (step.key == Key::Own || way.has_keys())
    })
}

/// A page without a member of its rows.
fn without(document: &Value, member: Option<&str>) -> Value {
    let mut document = document.clone();
    let rows = document.pointer_mut("/answer/items").and_then(Value::as_array_mut);
    if let (Some(rows), Some(member)) = (rows, member) {
        let fields = rows.iter_mut().filter_map(Value::as_object_mut);
        fields.for_each(|fields| drop(fields.shift_remove(member)));
    }
    document
}

async fn played(row: &Row, way: &dyn Way, client: &Client, wrong: &mut Vec<String>) -> Played {
    let stage = Stage::open(row, client, way.has_keys()).await;
    let surface = way.name();
    let (mut told, mut answers, mut decided) = (Vec::new(), Vec::new(), 0);
    for (at, step) in row.steps.iter().enumerate() {
        let mut complain = |what: String| wrong.push(format!("{surface}, step {at} ({}): {what}", step.operation));
        let asked = Asked::of(step, &answers);
        let came = asked_for(&stage, step, way, &asked).await;
        let instead = step
            .but
            .iter()
            .find(|(name, _)| *name == surface)
            .map(|(_, instead)| *instead);
        check(step, instead, &came.outcome, &mut complain);
        let records = stage.decided().await;
        // The newest is of this step, where it came as far as to be decided.
        if records.len() > decided || step.decided.is_empty() {
            let record = records.last().cloned().unwrap_or_default();
            places("what is decided", &step.decided, &record, &mut complain);
        } else {
            complain("no record of it is kept".to_owned());
        }
        decided = records.len();
        answers.push(match &came.outcome {
            Outcome::Answer(answer) => answer.clone(),
            _ => Value::Null,
        });
        told.push(match instead {
            None => Some(document(came, step, &stage)),
            Some(Instead::WithoutOfRows(_)) => Some(document(came, step, &stage)),
            Some(_) => None,
        });
    }
    let charged = stage.charged();
    let is_whole = row
        .steps
        .iter()
        .all(|step| !step.but.contains(&(surface, Instead::IsNotShown)));
    row.charged
        .check(&charged, is_whole, &mut |what| wrong.push(format!("{surface}: {what}")));
    let records = stage.decided().await;
    let is_late = row.steps.iter().any(|step| step.is_late);
    let all = row
        .steps
        .iter()
        .any(|step| step.options.provider.as_deref() == Some(ALL));
    let mut decided: Vec<Value> = records.into_iter().map(|told| record(told, is_late)).collect();
    if all {
        at_once(&mut decided);
    }
    let played = Played {
        surface,
        told,
        lacks: row.steps.iter().map(|step| step.lack(surface)).collect(),
        is_whole,
        // How often the rate was used up, time has decided.
        charged: match row.charged.calls {
            Some(_) => charged,
            None => json!({}),
        },
        decided: match row.charged.calls {
            Some(_) => decided,
            None => vec![],
        },
    };
    stage.close().await;
    played
}

async fn asked_for(stage: &Stage, step: &Step, way: &dyn Way, asked: &Asked) -> Told {
    if !step.spends_the_rate {
        return way.ask(stage, asked).await;
    }
    for _ in 0..TRIES {
        stage.spend().await;
        let told = way.ask(stage, asked).await;
        if matches!(told.outcome, Outcome::Refused(_)) {
            return told;
        }
    }
    panic!("{}: it is never refused, however much was asked before", way.name());
}

fn document(told: Told, step: &Step, stage: &Stage) -> Value {
    let mut document = told.outcome.document();
    if let (Some(decision), Some(fields)) = (told.decision, document.as_object_mut()) {
        fields.insert("decision".to_owned(), record(decision, step.is_late));
    }
    let refused = document.get_mut("refused").and_then(Value::as_object_mut);
    if let Some(members) = refused.filter(|_| step.is_late) {
        members.retain(|name, _| name != "detail");
    }
    scrubbed(document, stage)
}

/// Records of calls that were made at once, in an order of their own, and without how many of the others were under way.
fn at_once(records: &mut [Value]) {
    for record in records.iter_mut() {
        record["limits"]["in_flight"] = Value::Null;
    }
    records.sort_by_key(|record| record["call"]["provider"].to_string());
}

/// A record without what chance has a part in.
fn record(record: Value, is_late: bool) -> Value {
    let mut record = timeless_record(record);
    if let Some(fields) = record.as_object_mut().filter(|_| is_late) {
        fields.shift_remove("attempts");
    }
    record
}

/// Holds an outcome against what is expected.
fn check(step: &Step, instead: Option<Instead>, outcome: &Outcome, complain: &mut dyn FnMut(String)) {
    match (&step.expects, outcome) {
        (_, Outcome::NotShown) if instead == Some(Instead::IsNotShown) => {}
        (Expects::Answer(wanted), Outcome::Answer(answer)) => {
            let is_told = |(place, _): &&(&'static str, Value)| match instead {
                Some(Instead::WithoutOfRows(member)) => !(place.starts_with("/items/") && place.ends_with(member)),
                _ => true,
            };
            let wanted: Vec<_> = wanted.iter().filter(is_told).cloned().collect();
            places("the answer", &wanted, answer, complain);
        }
        (Expects::Events(wanted), Outcome::Events(events)) => {
            places("the stream", wanted, &json!(events), complain);
        }
        (Expects::File(wanted, within), Outcome::File { media_type, bytes }) => {
            if media_type.as_ref().is_some_and(|told| told != wanted) {
                complain(format!("a file of {media_type:?}, not of {wanted}"));
            }
            let text = String::from_utf8_lossy(bytes);
            if !text.contains(within) {
                complain(format!("{within:?} is not in {text:?}"));
            }
        }
        (Expects::Refused(wanted), Outcome::Refused(told)) => {
            let members = [
                ("code", json!(wanted.code)),
                ("field", json!(wanted.field)),
                ("retryable", json!(wanted.retryable)),
                ("provider", json!(wanted.provider)),
            ];
            for (name, wanted) in members
                .into_iter()
                .filter(|(name, _)| !step.is_late || *name != "provider")
            {
                if told[name] != wanted {
                    complain(format!("{name} is {}, not {wanted}: {told}", told[name]));
                }
            }
            let told_wait = told["retry_after_ms"].as_u64();
            let fits = match wanted.after_ms {
                None => told_wait.is_none(),
                Some((least, most)) => told_wait.is_some_and(|wait| (least..=most).contains(&wait)),
            };
            if !fits {
                complain(format!(
                    "to be asked again after {told_wait:?} ms, not {:?}",
                    wanted.after_ms
                ));
            }
            if told["detail"].as_str().is_none_or(str::is_empty) {
                complain(format!("nothing is told to people: {told}"));
            }
        }
        (_, other) => complain(format!("something else came: {}", other.document())),
    }
}

fn places(what: &str, wanted: &[(&'static str, Value)], found: &Value, complain: &mut dyn FnMut(String)) {
    for (place, wanted) in wanted {
        let there = found.pointer(place).cloned().unwrap_or_default();
        if there != *wanted {
            complain(format!("{what} has {there} at {place}, not {wanted}: {found}"));
        }
    }
}

impl Charged {
    /// Of calls that were not all made, only what was sent is looked at.
    fn check(&self, charged: &Value, is_whole: bool, complain: &mut dyn FnMut(String)) {
        let Some((let_through, refused)) = self.calls else {
            return;
        };
        let asked = self
            .asked
            .iter()
            .map(|(name, count)| ((*name).to_owned(), json!(count)));
        let credits = self
            .credits
            .iter()
            .map(|(name, spent)| ((*name).to_owned(), spent.clone()));
        let wanted = json!({
            "let_through": let_through,
            "refused": refused,
            "asked": asked.collect::<Map<_, _>>(),
            "credits": credits.collect::<Map<_, _>>(),
        });
        let of_calls = |told: &String| told.starts_with("/let_through") || told.starts_with("/refused");
        for told in differences(&wanted, charged) {
            if of_calls(&told) && !is_whole {
                continue;
            }
            complain(format!("charged (wanted and found) {told}"));
        }
    }
}
