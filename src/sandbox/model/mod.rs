//! What a model of a sandbox says: it follows from what it is asked alone, whichever vendor's API it is asked by.
//!
//! Pure. The last thing that a person says decides:
//! - `say 5 words` gives a text of that length;
//! - `call look {"city": "Paris"}`, `call look and find` has tools called, with these arguments or with none;
//! - `refuse to …` is refused;
//! - `think about …` is thought about first, `think in secret about …` so that nobody sees it;
//! - anything else is told back, and so is what tools have said.
//!
//! Invariant: equal questions have equal answers at every vendor.

pub(crate) mod text;

use serde_json::json;
use text::End;

/// What is asked, without a vendor's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub instance: String,
    pub model: String,
    /// The last thing that a person says.
    pub prompt: String,
    /// What tools have said last, where nobody has said anything since.
    pub results: Vec<String>,
    /// Among what is said last.
    pub pictures: usize,
    pub documents: usize,
    /// The tools that may be called.
    pub tools: Vec<String>,
    /// The tool that must be called; some tool, where it is empty.
    pub required: Option<String>,
    /// Not several tools at once.
    pub one_call: bool,
    /// The answer is JSON.
    pub json: bool,
    /// It may think.
    pub thinks: bool,
    pub stops: Vec<String>,
    pub max_tokens: Option<usize>,
}

/// A thought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thought {
    pub text: String,
    pub hidden: bool,
}

/// A call of a tool; its arguments may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub name: String,
    pub arguments: String,
}

/// Why it stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    Stop(Option<String>),
    Length,
    Tool,
    Refusal,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spoken {
    pub thought: Option<Thought>,
    pub text: String,
    pub refusal: Option<String>,
    pub calls: Vec<Call>,
    pub finish: Finish,
}

impl Spoken {
    /// How many tokens it is.
    pub fn tokens(&self) -> usize {
        let calls = self.calls.iter().map(|call| call.arguments.as_str());
        let said = [self.text.as_str(), self.refusal.as_deref().unwrap_or_default()];
        let count = |text| text::tokens(text).count();
        said.into_iter().chain(calls).map(count).sum::<usize>() + self.thought_tokens()
    }

    /// How many of them it thought.
    pub fn thought_tokens(&self) -> usize {
        self.thought
            .as_ref()
            .map_or(0, |thought| text::tokens(&thought.text).count())
    }
}

/// What the model says.
pub(crate) fn say(asked: &Asked) -> Spoken {
    let nothing = Spoken {
        thought: None,
        text: String::new(),
        refusal: None,
        calls: vec![],
        finish: Finish::Refusal,
    };
    if let Some(what) = asked
        .prompt
        .strip_prefix("refuse to ")
        .filter(|_| asked.results.is_empty())
    {
        let refusal = Some(format!("I will not {what}."));
        return Spoken { refusal, ..nothing };
    }
    let calls = calls(asked);
    if !calls.is_empty() {
        let finish = Finish::Tool;
        return Spoken {
            calls,
            finish,
            ..nothing
        };
    }
    let thought = asked
        .prompt
        .strip_prefix("think ")
        .filter(|_| asked.thinks)
        .map(|about| Thought {
            text: format!("What is there to say {about}?"),
            hidden: about.starts_with("in secret"),
        });
    let (text, end) = text::limit(told(asked), &asked.stops, asked.max_tokens);
    let finish = match end {
        End::Whole => Finish::Stop(None),
        End::Stop(met) => Finish::Stop(Some(met)),
        End::Length => Finish::Length,
    };
    Spoken {
        thought,
        text,
        finish,
        ..nothing
    }
}

fn told(asked: &Asked) -> String {
    if !asked.results.is_empty() {
        return format!("The tools said: {}", asked.results.join("; "));
    }
    let said = text::say(&asked.instance, &asked.model, &asked.prompt);
    if asked.json {
        return json!({ "answer": said }).to_string();
    }
    let seen = [(asked.pictures, "pictures"), (asked.documents, "documents")];
    let seen = seen.into_iter().filter(|(count, _)| *count > 0);
    let seen: String = seen.map(|(count, what)| format!("I see {count} {what}. ")).collect();
    seen + &said
}

/// The tools that it wants called. Of a tool that it was not told of it knows nothing.
fn calls(asked: &Asked) -> Vec<Call> {
    if !asked.results.is_empty() {
        return vec![];
    }
    let (names, arguments) = match asked.prompt.strip_prefix("call ") {
        Some(what) => what.split_at(what.find('{').unwrap_or(what.len())),
        None => ("", ""),
    };
    let known = |name: &&str| asked.tools.iter().any(|tool| tool == name);
    let mut names: Vec<&str> = names.split(" and ").map(str::trim).filter(known).collect();
    match &asked.required {
        Some(name) if !name.is_empty() => names = vec![name],
        Some(_) if names.is_empty() => names.extend(asked.tools.first().map(String::as_str)),
        _ => {}
    }
    if asked.one_call {
        names.truncate(1);
    }
    let call = |name: &str| Call {
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    };
    names.into_iter().map(call).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(prompt: &str) -> Asked {
        Asked {
            prompt: prompt.to_owned(),
            tools: vec!["look".to_owned(), "find".to_owned()],
            thinks: true,
            ..Asked::default()
        }
    }

    #[test]
    fn the_prompt_decides() {
        let names = |asked: &Asked| say(asked).calls.into_iter().map(|call| call.name).collect::<Vec<_>>();
        assert_eq!(names(&asked("call look and find and none")), ["look", "find"]);
        assert_eq!(say(&asked("call look {\"x\": 1}")).calls[0].arguments, "{\"x\": 1}");
        assert_eq!(
            names(&Asked {
                one_call: true,
                ..asked("call look and find")
            }),
            ["look"]
        );
        assert_eq!(
            names(&Asked {
                required: Some("find".to_owned()),
                ..asked("hi")
            }),
            ["find"]
        );
        assert_eq!(
            say(&asked("refuse to sing")).refusal.as_deref(),
            Some("I will not sing.")
        );
        let thought = say(&asked("think in secret about it")).thought.expect("a thought");
        assert!(thought.hidden);
        let after = Asked {
            results: vec!["sun".to_owned()],
            ..asked("call look")
        };
        assert_eq!(say(&after).text, "The tools said: sun");
    }
}
