//! What a parser found wrong with an input, in words for whoever wrote it.
//!
//! Invariant: no value is quoted, which may be a secret in the wrong place; the names of fields and choices are.

/// How a text is written, by which its parts are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Of requests, flags and answers.
    Json,
    /// Of files that people write.
    Toml,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The path of the field; empty for the whole.
    pub place: String,
    /// What is wrong with it; goes on where the field's name ends.
    pub what: String,
}

impl Wrong {
    /// The field at fault, or what the whole is called.
    pub fn field<'a>(&'a self, whole: &'a str) -> &'a str {
        if self.place.is_empty() { whole } else { &self.place }
    }

    /// The sentence for people.
    pub fn sentence(&self, whole: &str) -> String {
        format!("{} {}", self.field(whole), self.what)
    }
}

/// Says what a reader's `words` on the part at `path` mean; `.` is the path of the whole.
pub fn wrong(form: Form, path: &str, words: &str) -> Wrong {
    let place = if path == "." { "" } else { path };
    let (words, at) = without_place(words);
    let named = |name: &str, what: String| Wrong {
        place: join(place, name),
        what: what + &at,
    };
    if let Some(name) = quoted(words, "missing field `") {
        return named(name, "is missing".to_owned());
    }
    if let Some(name) = quoted(words, "duplicate field `") {
        return named(name, "is given twice".to_owned());
    }
    if let Some(name) = quoted(words, "unknown field `") {
        let known = offered(words);
        let what = match (meant(name, &known), known.len()) {
            // The only name is told once.
            (meant, 1) if !meant.is_empty() => format!("is not known{meant}"),
            (meant, _) => format!("is not known{meant}{}", known_are(&known)),
        };
        return named(name, what);
    }
    Wrong {
        place: place.to_owned(),
        what: of_value(form, words) + &at,
    }
}

/// What is wrong with a text that cannot be read as JSON at all, such as where it ends too early.
#[cfg(feature = "server")]
pub fn unread(words: &str) -> String {
    let (words, at) = without_place(words);
    let told = match words {
        "trailing characters" => "there is more behind its end".to_owned(),
        "recursion limit exceeded" => "it is nested too deeply".to_owned(),
        "expected value" => "a value is missing, or is none".to_owned(),
        "expected ident" => "what begins as true, false or null is none of them".to_owned(),
        "key must be a string" => "a name must stand in quotes".to_owned(),
        _ => match words.strip_prefix("EOF while parsing ") {
            Some("a value") => "it ends where a value should stand".to_owned(),
            Some(part) => format!("it ends within {part}"),
            None => words.strip_prefix("expected ").map_or(words.to_owned(), missing),
        },
    };
    told + &at
}

#[cfg(feature = "server")]
fn missing(mark: &str) -> String {
    format!("{mark} is missing")
}

/// What is wrong with a value.
fn of_value(form: Form, words: &str) -> String {
    if let Some(name) = quoted(words, "unknown variant `") {
        let known = offered(words);
        return match known[..] {
            [] => "is none of its words".to_owned(),
            _ => format!("must be {}{}", one_of(&known), meant(name, &known)),
        };
    }
    let expected = words.rsplit_once(", expected ");
    if let Some((found, wanted)) = expected.and_then(|(found, w)| Some((found.strip_prefix("invalid type: ")?, w))) {
        return format!(
            "must be {}, not {}",
            self::wanted(form, wanted),
            self::found(form, found)
        );
    }
    if let Some((_, wanted)) = expected.filter(|(found, _)| found.starts_with("invalid value: ")) {
        return format!("must be {}", self::wanted(form, wanted));
    }
    if let Some((_, wanted)) = expected.filter(|(found, _)| found.starts_with("invalid length ")) {
        return format!("must be {}", self::wanted(form, wanted));
    }
    if words.starts_with("data did not match any variant") || words.starts_with("no variant of enum") {
        return "is in none of the forms that it may have".to_owned();
    }
    words.to_owned()
}

/// What a value is, without the value.
fn found(form: Form, words: &str) -> &'static str {
    let kind = words.split(['`', '"']).next().unwrap_or_default().trim_end();
    match kind {
        "map" => object(form),
        "sequence" => "a list",
        "string" | "character" => "a string",
        "integer" => "a whole number",
        "floating point" => "a fraction",
        "boolean" => "true or false",
        "null" | "unit value" | "Option value" => "null",
        "bytes" | "byte array" => "bytes",
        _ => "what it is",
    }
}

fn object(form: Form) -> &'static str {
    match form {
        Form::Json => "an object",
        Form::Toml => "a table",
    }
}

/// What a value should be. What our own types say of themselves stays as it is.
fn wanted(form: Form, words: &str) -> String {
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| words.starts_with(beginning));
    let last = || {
        words
            .rsplit(' ')
            .find(|word| word.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let plain = match words {
        "a string" | "str" | "string" | "a borrowed string" => "a string",
        "a boolean" | "bool" => "true or false",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "u128" | "usize" => "a whole number of 0 or more",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" | "a set" => "a list",
        "a map" => object(form),
        "a character" => "one character",
        "option" | "any valid JSON value" | "any value" => "a value",
        "unit" => "null",
        "field identifier" => "the name of a field",
        "variant identifier" | "string or map" => "one of its words",
        _ if begins(&["a nonzero u"]) => "a whole number of 1 or more",
        _ if begins(&["a nonzero i"]) => "a whole number other than 0",
        _ if begins(&["a tuple ", "an array ", "tuple struct "])
            || begins(&["struct "]) && words.contains(" with ") =>
        {
            return last().map_or("a list".to_owned(), |number| format!("a list of {number}"));
        }
        _ if begins(&["struct ", "internally tagged enum ", "adjacently tagged enum "]) => object(form),
        _ if begins(&["enum ", "unit variant "]) => "one of its words",
        _ => words,
    };
    plain.to_owned()
}

/// The words without the place in the text that they end with, and that place.
fn without_place(words: &str) -> (&str, String) {
    let read = || {
        let (words, place) = words.trim_end().rsplit_once(" at line ")?;
        let (line, column) = place.split_once(" column ")?;
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        (number(line) && number(column)).then(|| (words, format!(" (line {line}, column {column})")))
    };
    read().unwrap_or((words, String::new()))
}

/// The name between backticks behind a beginning, which may itself hold any of them.
fn quoted<'w>(words: &'w str, beginning: &str) -> Option<&'w str> {
    let rest = words.strip_prefix(beginning)?;
    let end = rest.rfind("`, expected ").or_else(|| rest.rfind("`, there are no "));
    Some(&rest[..end.unwrap_or(rest.trim_end_matches('`').len())])
}

/// The names that there are, as a refusal of another one tells them.
pub fn offered(words: &str) -> Vec<&str> {
    let list = words.rsplit_once("`, expected ").map_or("", |(_, list)| list);
    list.split('`').skip(1).step_by(2).collect()
}

fn meant(name: &str, known: &[&str]) -> String {
    let near = nearest(name, known.iter().copied());
    near.map(|near| format!("; did you mean {near}?")).unwrap_or_default()
}

fn known_are(known: &[&str]) -> String {
    match known {
        [] => String::new(),
        [one] => format!("; there is {one}"),
        _ => format!("; there are {}", list(known, "and")),
    }
}

fn one_of(known: &[&str]) -> String {
    match known {
        [one] => (*one).to_owned(),
        _ => format!("one of {}", list(known, "and")),
    }
}

/// Names in a sentence.
pub fn list(names: &[impl AsRef<str>], last: &str) -> String {
    match names {
        [] => "none".to_owned(),
        [one] => one.as_ref().to_owned(),
        [before @ .., end] => {
            let before: Vec<&str> = before.iter().map(AsRef::as_ref).collect();
            format!("{} {last} {}", before.join(", "), end.as_ref())
        }
    }
}

fn join(path: &str, name: &str) -> String {
    let is_told = path == name || path.ends_with(&format!(".{name}"));
    match path {
        "" => name.to_owned(),
        _ if is_told => path.to_owned(),
        _ => format!("{path}.{name}"),
    }
}

/// The candidate nearest to `name`, if one is near enough to be what was meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let name = name.to_lowercase().replace('-', "_");
    candidates
        .into_iter()
        .map(|candidate| {
            let written = candidate.to_lowercase().replace('-', "_");
            (strsim::normalized_damerau_levenshtein(&name, &written), candidate)
        })
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[allow(dead_code, reason = "read alone")]
    enum Word {
        Open,
        Closed,
    }

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    #[allow(dead_code, reason = "read alone")]
    enum Either {
        Number(u8),
        Names(Vec<String>),
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
    #[allow(dead_code, reason = "read alone")]
    enum Tagged {
        Text { text: String },
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    #[allow(dead_code, reason = "read alone")]
    struct Inner {
        deep: Option<bool>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "read alone")]
    struct Input {
        name: String,
        small: Option<u8>,
        count: Option<u64>,
        price: Option<f64>,
        flag: Option<bool>,
        names: Option<Vec<String>>,
        pair: Option<(u8, u8)>,
        word: Option<Word>,
        either: Option<Either>,
        tagged: Option<Tagged>,
        inner: Option<Inner>,
    }

    fn told(form: Form, json: &str) -> String {
        let value: Value = serde_json::from_str(json).expect("JSON");
        let error = serde_path_to_error::deserialize::<_, Input>(&value).expect_err("refused");
        wrong(form, &error.path().to_string(), &error.inner().to_string()).sentence("input")
    }

    const FIELDS: &str = "name, small, count, price, flag, names, pair, word, either, tagged and inner";

    #[test]
    fn what_the_reader_says_is_told_in_our_words() {
        for (json, sentence) in [
            ("{}", "name is missing"),
            (r#"{"name": {}}"#, "name must be a string, not an object"),
            (r#"{"name": []}"#, "name must be a string, not a list"),
            (r#"{"name": null}"#, "name must be a string, not null"),
            (r#"{"name": 5501}"#, "name must be a string, not a whole number"),
            (r#"{"name": 1.5}"#, "name must be a string, not a fraction"),
            (r#"{"name": true}"#, "name must be a string, not true or false"),
            (
                r#"{"name": "n", "small": 5501}"#,
                "small must be a whole number from 0 to 255",
            ),
            (
                r#"{"name": "n", "count": -1}"#,
                "count must be a whole number of 0 or more",
            ),
            (
                r#"{"name": "n", "count": "s3cret"}"#,
                "count must be a whole number of 0 or more, not a string",
            ),
            (
                r#"{"name": "n", "count": ", expected u8"}"#,
                "count must be a whole number of 0 or more, not a string",
            ),
            (r#"{"name": "n", "price": "x"}"#, "price must be a number, not a string"),
            (
                r#"{"name": "n", "flag": "yes"}"#,
                "flag must be true or false, not a string",
            ),
            (r#"{"name": "n", "names": "a"}"#, "names must be a list, not a string"),
            (
                r#"{"name": "n", "names": ["a", 1]}"#,
                "names[1] must be a string, not a whole number",
            ),
            (r#"{"name": "n", "pair": [1]}"#, "pair must be a list of 2"),
            (
                r#"{"name": "n", "word": "opn"}"#,
                "word must be one of open and closed; did you mean open?",
            ),
            (
                r#"{"name": "n", "word": 7}"#,
                "word must be one of its words, not a whole number",
            ),
            (
                r#"{"name": "n", "either": {}}"#,
                "either is in none of the forms that it may have",
            ),
            (r#"{"name": "n", "tagged": {"type": "text"}}"#, "tagged.text is missing"),
            (
                r#"{"name": "n", "tagged": {"type": "txt"}}"#,
                "tagged.type must be text; did you mean text?",
            ),
            (
                r#"{"name": "n", "tagged": 3}"#,
                "tagged must be an object, not a whole number",
            ),
            (
                r#"{"name": "n", "inner": {"dep": true}}"#,
                "inner.dep is not known; did you mean deep?",
            ),
            (
                r#"{"name": "n", "inner": {"deep": 1}}"#,
                "inner.deep must be true or false, not a whole number",
            ),
            (
                r#"{"name": "n", "inner": 1}"#,
                "inner must be an object, not a whole number",
            ),
            ("7", "input must be an object, not a whole number"),
        ] {
            assert_eq!(told(Form::Json, json), sentence, "{json}");
        }
        let unknown = told(Form::Json, r#"{"nam": "x"}"#);
        assert_eq!(
            unknown,
            format!("nam is not known; did you mean name?; there are {FIELDS}")
        );
        let odd = told(Form::Json, r#"{"a`, expected `b": "x"}"#);
        assert!(odd.ends_with(FIELDS), "{odd}");
        assert_eq!(
            told(Form::Toml, r#"{"name": {}}"#),
            "name must be a string, not a table"
        );
        for words in ["must be in order", "the rows are odd"] {
            assert_eq!(wrong(Form::Json, "a", words).sentence(""), format!("a {words}"));
        }
    }

    #[test]
    fn what_is_no_json_is_told_in_our_words_with_its_place() {
        for (text, sentence) in [
            ("", "it ends where a value should stand (line 1, column 0)"),
            ("{\"a\": 1", "it ends within an object (line 1, column 7)"),
            ("[1", "it ends within a list (line 1, column 2)"),
            ("\"a", "it ends within a string (line 1, column 2)"),
            ("high", "a value is missing, or is none (line 1, column 1)"),
            ("nul", "it ends where a value should stand (line 1, column 3)"),
            (
                "nuts",
                "what begins as true, false or null is none of them (line 1, column 3)",
            ),
            ("{a: 1}", "a name must stand in quotes (line 1, column 2)"),
            ("{\"a\" 1}", "`:` is missing (line 1, column 6)"),
            ("[1 2]", "`,` or `]` is missing (line 1, column 4)"),
            ("1 2", "there is more behind its end (line 1, column 3)"),
        ] {
            let error = serde_json::from_str::<Value>(text).expect_err(text);
            assert_eq!(unread(&error.to_string()), sentence, "{text}");
        }
        let error = serde_json::from_str::<Input>("{\n \"name\": 1}").expect_err("refused");
        let told = wrong(Form::Json, "name", &error.to_string()).sentence("input");
        assert!(
            told.starts_with("name must be a string, not a whole number (line 2, column 1"),
            "{told}"
        );
    }
}
