//! Topics: what answers depend on, and what writes change.
//!
//! Invariant: however a resource is spelled, a topic makes the same tag of it. Two resources with one tag cost an answer
//! that is asked for again; one resource with two tags would cost a wrong answer.

use mosaic_actors::call::Tag;

/// A topic: its name, and of which part of a resource's native id it speaks.
#[derive(Clone, Copy, Debug)]
pub struct Topic {
    /// The name, e.g. `issues`.
    pub name: &'static str,
    of: fn(&str) -> &str,
}

impl Topic {
    /// Of the resource itself.
    pub const fn whole(name: &'static str) -> Self {
        Topic { name, of: whole }
    }

    /// Of what the resource is numbered in: the part before `#`.
    pub const fn within(name: &'static str) -> Self {
        Topic {
            name,
            of: before_number,
        }
    }

    /// Of what the resource is a part of: the part before the last `/`.
    pub const fn owner(name: &'static str) -> Self {
        Topic { name, of: before_slash }
    }

    /// Of everything there is.
    pub const fn all(name: &'static str) -> Self {
        Topic { name, of: nothing }
    }

    /// The tag for a resource; `native` is its id without the instance.
    pub fn tag(self, native: &str) -> Tag {
        Tag::from(format!("{}:{}", self.name, canonical((self.of)(native))))
    }

    /// The tag for a neutral id, `instance~native`.
    pub fn tag_of_id(self, id: &str) -> Tag {
        self.tag(id.split_once('~').map_or(id, |(_, native)| native))
    }
}

fn whole(native: &str) -> &str {
    native
}

fn before_number(native: &str) -> &str {
    native.rsplit_once('#').map_or(native, |(within, _)| within)
}

fn before_slash(native: &str) -> &str {
    native.rsplit_once('/').map_or("", |(owner, _)| owner)
}

fn nothing(_native: &str) -> &str {
    ""
}

/// One case, since forges compare paths without it; and a last number as numbers are written, since drivers read `007`.
fn canonical(native: &str) -> String {
    let folded = native.to_lowercase();
    let last = folded.rfind(['#', '/']).map_or(0, |at| at + 1);
    match folded[last..].parse::<u64>() {
        Ok(number) => format!("{}{number}", &folded[..last]),
        Err(_) => folded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ISSUE: Topic = Topic::whole("issue");
    const ISSUES: Topic = Topic::within("issues");

    #[test]
    fn a_tag_is_the_same_for_every_spelling() {
        assert_eq!(&*ISSUES.tag("ACME/Api"), "issues:acme/api");
        assert_eq!(&*ISSUES.tag("acme/api#7"), "issues:acme/api");
        for spelling in ["acme/api#7", "ACME/api#07", "acme/API#+7"] {
            assert_eq!(&*ISSUE.tag(spelling), "issue:acme/api#7");
        }
        assert_eq!(&*ISSUE.tag_of_id("forge-a~Acme/api#7"), "issue:acme/api#7");
        assert_eq!(&*Topic::owner("repos").tag("Acme/api"), "repos:acme");
        assert_eq!(&*Topic::all("pages").tag("42"), "pages:");
    }

    proptest! {
        #[test]
        fn a_canonical_id_stays_as_it_is(native in "\\PC{0,30}") {
            let once = canonical(&native);
            prop_assert_eq!(canonical(&once), once);
        }
    }
}
