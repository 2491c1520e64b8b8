//! What a row of the table says: the state before, the calls, and what each is to bring, in no surface's words.
//!
//! Invariant: whatever is expected is expected of every surface, unless it is named in `but`.

use std::time::Duration;

use mosaic::dispatch::Options;
use mosaic::sandbox::Effect;
use serde_json::Value;

/// One scenario.
#[derive(Default)]
pub struct Row {
    /// Vendors of the sandbox, two servers of each.
    pub vendors: &'static [&'static str],
    /// Whole tables of the configuration.
    pub tables: &'static str,
    /// Lines of the tenant's table.
    pub tenant: &'static str,
    /// What the key was granted; nothing: all that its tenant may.
    pub scopes: Option<&'static [&'static str]>,
    /// What requests to a server meet from the start, so often.
    pub faults: Vec<(&'static str, Effect, Option<u32>)>,
    /// A provider whose circuit an operator holds open.
    pub forced_open: Option<&'static str>,
    /// A call of the tenant hangs at this provider all the while.
    pub held: Option<&'static str>,
    pub steps: Vec<Step>,
    pub charged: Charged,
}

/// What a tenant's limits, and the servers, were charged for a whole row.
#[derive(Default)]
pub struct Charged {
    /// Calls let through, and refused, by the tenant's limits; none where time decides how many.
    pub calls: Option<(u64, u64)>,
    /// Requests by server; those that are not named were asked nothing.
    pub asked: Vec<(&'static str, u64)>,
    /// Credits spent, by provider: calls, or billionths of a US dollar.
    pub credits: Vec<(&'static str, Value)>,
}

/// Who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Key {
    /// The tenant.
    #[default]
    Own,
    /// Somebody with a key that nobody has.
    Wrong,
    /// Somebody without any.
    Missing,
}

/// One call.
pub struct Step {
    pub operation: &'static str,
    /// A file that comes with it: its media type, its name and its text.
    pub file: Option<(&'static str, &'static str, &'static str)>,
    /// Its input; a text `$0/items/0/id` is what stands there in the answer of the first step.
    pub input: Value,
    pub options: Options,
    pub key: Key,
    pub expects: Expects,
    /// Where the record that is kept of it has what.
    pub decided: Vec<(&'static str, Value)>,
    /// The tenant's rate is used up just before, as often as it takes for this to be refused.
    pub spends_the_rate: bool,
    /// It is to be late: its attempt may be seen to be so just before its call is, or not.
    pub is_late: bool,
    /// Surfaces whose outcome is another one by their nature, and why.
    pub but: Vec<(&'static str, Instead)>,
}

/// What a surface brings where its nature is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// It does not show what the caller may not do, so that there is nothing to be asked.
    IsNotShown,
    /// It has no way to say it.
    CannotSayIt,
    /// It tells the same refusal in words of its own.
    InItsWords,
    /// It tells the same without these members of a page's rows: its types have no place for them.
    WithoutOfRows(&'static str),
}

/// What a call brings.
pub enum Expects {
    /// An answer with these values at these places.
    Answer(Vec<(&'static str, Value)>),
    /// Events, laid in a list, with these values at these places.
    Events(Vec<(&'static str, Value)>),
    /// A file of this media type, with this text in it.
    File(&'static str, &'static str),
    Refused(Refused),
}

/// A refusal.
#[derive(Default)]
pub struct Refused {
    pub code: &'static str,
    pub field: Option<&'static str>,
    pub retryable: bool,
    /// Within which times it may be asked again, in milliseconds; none: it is not told.
    pub after_ms: Option<(u64, u64)>,
    pub provider: Option<&'static str>,
}

/// A row with two servers of each of these vendors.
pub fn row(vendors: &'static [&'static str]) -> Row {
    Row {
        vendors,
        ..Row::default()
    }
}

impl Row {
    pub fn tables(mut self, tables: &'static str) -> Self {
        self.tables = tables;
        self
    }

    pub fn tenant(mut self, lines: &'static str) -> Self {
        self.tenant = lines;
        self
    }

    pub fn granted(mut self, scopes: &'static [&'static str]) -> Self {
        self.scopes = Some(scopes);
        self
    }

    pub fn fault(mut self, server: &'static str, effect: Effect, times: Option<u32>) -> Self {
        self.faults.push((server, effect, times));
        self
    }

    pub fn forced_open(mut self, provider: &'static str) -> Self {
        self.forced_open = Some(provider);
        self
    }

    pub fn held(mut self, provider: &'static str) -> Self {
        self.held = Some(provider);
        self.fault(provider, Effect::Hang { processed: false }, None)
    }

    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// What it all was charged: calls let through and refused, and the requests of each server.
    pub fn charged(mut self, let_through: u64, refused: u64, asked: &[(&'static str, u64)]) -> Self {
        self.charged.calls = Some((let_through, refused));
        self.asked(asked)
    }

    pub fn asked(mut self, asked: &[(&'static str, u64)]) -> Self {
        self.charged.asked = asked.to_vec();
        self
    }

    pub fn credits(mut self, provider: &'static str, spent: impl Into<Value>) -> Self {
        self.charged.credits.push((provider, spent.into()));
        self
    }
}

/// A call of an operation.
pub fn ask(operation: &'static str, input: Value) -> Step {
    let options = Options {
        explain: true,
        ..Options::default()
    };
    Step {
        operation,
        file: None,
        input,
        options,
        key: Key::Own,
        expects: Expects::Answer(vec![]),
        decided: vec![],
        spends_the_rate: false,
        is_late: false,
        but: vec![],
    }
}

/// A refusal with this code.
pub fn refusal(code: &'static str) -> Refused {
    Refused {
        code,
        ..Refused::default()
    }
}

impl Refused {
    pub fn field(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    pub fn after_ms(mut self, least: u64, most: u64) -> Self {
        self.after_ms = Some((least, most));
        self
    }

    pub fn by(mut self, provider: &'static str) -> Self {
        self.provider = Some(provider);
        self
    }
}

impl Step {
    pub fn answers(mut self, places: &[(&'static str, Value)]) -> Self {
        self.expects = Expects::Answer(places.to_vec());
        self
    }

    pub fn streams(mut self, places: &[(&'static str, Value)]) -> Self {
        self.expects = Expects::Events(places.to_vec());
        self
    }

    pub fn brings(mut self, media_type: &'static str, text: &'static str) -> Self {
        self.expects = Expects::File(media_type, text);
        self
    }

    pub fn refused(mut self, refused: Refused) -> Self {
        self.expects = Expects::Refused(refused);
        self
    }

    pub fn decided(mut self, places: &[(&'static str, Value)]) -> Self {
        self.decided = places.to_vec();
        self
    }

    pub fn with_file(mut self, media_type: &'static str, name: &'static str, text: &'static str) -> Self {
        self.file = Some((media_type, name, text));
        self
    }

    pub fn at(mut self, provider: &str) -> Self {
        self.options.provider = Some(provider.to_owned());
        self
    }

    pub fn no_cache(mut self) -> Self {
        self.options.no_cache = true;
        self
    }

    pub fn within(mut self, time: Duration) -> Self {
        self.options.timeout = Some(time);
        self
    }

    pub fn under(mut self, key: &str) -> Self {
        self.options.idempotency_key = Some(key.to_owned());
        self
    }

    /// It is not done by then.
    pub fn late(mut self, time: Duration) -> Self {
        self.is_late = true;
        self.within(time)
    }

    /// Any other option.
    pub fn saying(mut self, say: impl FnOnce(&mut Options)) -> Self {
        say(&mut self.options);
        self
    }

    pub fn by(mut self, key: Key) -> Self {
        self.key = key;
        self
    }

    pub fn spends_the_rate(mut self) -> Self {
        self.spends_the_rate = true;
        self
    }

    /// What rows lack at a surface.
    pub fn lack(&self, surface: &str) -> Option<&'static str> {
        self.but.iter().find_map(|(name, instead)| match instead {
            Instead::WithoutOfRows(member) if *name == surface => Some(*member),
            _ => None,
        })
    }

    pub fn but(mut self, surface: &'static str, instead: Instead) -> Self {
        self.but.push((surface, instead));
        self
    }
}
