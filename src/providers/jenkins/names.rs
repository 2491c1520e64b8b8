//! How projects, builds, waiting builds and artifacts are named.
//!
//! Invariant: names stand as Jenkins gives them, so `feature%2Fx` is the name of a branch's job and is encoded once more on
//! its way; what is refused here was never sent.

use mosaic_actors::error::Failure;

/// What stands before the number of a queue's item, where a build's number would be.
const QUEUED: char = 'q';

/// The parts of the path to a project, `A/B/job`, of any depth.
///
/// # Errors
/// `invalid_input` on `field`.
pub fn job<'a>(field: &str, project: &'a str) -> Result<Vec<&'a str>, Failure> {
    let sound = |part: &str| !matches!(part, "" | "." | "..");
    if !project.split('/').all(sound) {
        let sentence = format!("{field} must be written as the names of folders and of a job, such as folder/job");
        return Err(Failure::invalid(field, sentence).never_sent());
    }
    Ok(project.split('/').flat_map(|name| ["job", name]).collect())
}

/// A build: its project, its number, and the parts of the path to it.
pub struct Build<'a> {
    pub project: &'a str,
    pub number: u64,
    job: Vec<&'a str>,
    digits: String,
}

impl<'a> Build<'a> {
    /// `project#number`.
    ///
    /// # Errors
    /// `invalid_input` on `field`.
    pub fn named(field: &str, text: &'a str) -> Result<Self, Failure> {
        let wrong = || {
            let sentence = match waiting(text) {
                Some(_) => format!("{field} has no number yet: cicd.run.resolve tells which run it is"),
                None => format!("{field} must be written as folder/job#number"),
            };
            Failure::invalid(field, sentence).never_sent()
        };
        let (project, number) = text.rsplit_once('#').ok_or_else(wrong)?;
        let number = number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
        Build::of(field, project, number)
    }

    /// A project's build of this number.
    ///
    /// # Errors
    /// `invalid_input` on `field`.
    pub fn of(field: &str, project: &'a str, number: u64) -> Result<Self, Failure> {
        Ok(Build {
            project,
            number,
            job: job(field, project)?,
            digits: number.to_string(),
        })
    }

    /// The path to what is `below` it.
    pub fn parts<'b>(&'b self, below: &[&'b str]) -> Vec<&'b str> {
        let mut parts = self.job.clone();
        parts.push(&self.digits);
        parts.extend(below);
        parts
    }
}

/// What stands for a build that waits in the queue.
pub fn pending(project: &str, item: u64) -> String {
    format!("{project}#{QUEUED}{item}")
}

/// The project and the queue's item of a build that waits; none where it is written otherwise.
pub fn waiting(text: &str) -> Option<(&str, u64)> {
    let (project, item) = text.rsplit_once('#')?;
    let item = item.strip_prefix(QUEUED)?.parse().ok()?;
    job("pending", project).ok().map(|_| (project, item))
}

/// `project#number/path`.
///
/// # Errors
/// `invalid_input` on `artifact`.
pub fn artifact(text: &str) -> Result<(Build<'_>, Vec<&str>), Failure> {
    let wrong = || {
        let sentence = "artifact must be written as folder/job#number/path";
        Failure::invalid("artifact", sentence).never_sent()
    };
    // No name of a job holds a #, while that of a file may.
    let (project, rest) = text.split_once('#').ok_or_else(wrong)?;
    let (number, path) = rest.split_once('/').ok_or_else(wrong)?;
    let number = number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
    let path: Vec<_> = path.split('/').collect();
    if path.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Err(wrong());
    }
    Ok((Build::of("artifact", project, number)?, path))
}

/// The name of a branch's job within a multibranch project: what would mean something else in a path is encoded, and
/// nothing else is.
pub fn of_branch(branch: &str) -> String {
    match branch {
        "." => return "%2E".to_owned(),
        ".." => return "%2E.".to_owned(),
        _ => {}
    }
    let mut name = String::with_capacity(branch.len());
    for c in branch.chars() {
        match c {
            '#' | '%' | '/' | '?' | '[' | ']' | '\\' => name += &format!("%{:02X}", u32::from(c)),
            _ => name.push(c),
        }
    }
    name
}

/// The number of the queue's item that an address names; of the rest of it nothing is believed.
pub fn item_at(address: &str) -> Option<u64> {
    let (_, rest) = address.rsplit_once("/queue/item/")?;
    rest.split('/').next()?.parse().ok()
}

/// The project that a job's address names.
pub fn project_at(address: &str) -> Option<String> {
    let path = address.split(['?', '#']).next()?;
    let mut parts = path.split('/').skip_while(|part| *part != "job");
    let mut names = vec![];
    while parts.next() == Some("job") {
        let name = percent_encoding::percent_decode_str(parts.next()?).decode_utf8().ok()?;
        names.push(name.into_owned());
    }
    (!names.is_empty()).then(|| names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j1_folders_of_any_depth_and_branches_are_named_as_jenkins_names_them() {
        assert_eq!(job("project", "api").unwrap(), ["job", "api"]);
        assert_eq!(
            job("project", "A/B/feature%2Fx").unwrap(),
            ["job", "A", "job", "B", "job", "feature%2Fx"]
        );
        for odd in ["", "/", "a//b", "../a", "a/."] {
            assert_eq!(
                job("project", odd).unwrap_err().field.as_deref(),
                Some("project"),
                "{odd}"
            );
        }
        for (branch, name) in [
            ("feature/x#1", "feature%2Fx%231"),
            ("a%b?c[d]\\e", "a%25b%3Fc%5Bd%5D%5Ce"),
            ("v1:2;ü & *@!", "v1:2;ü & *@!"),
            ("..", "%2E."),
        ] {
            assert_eq!(of_branch(branch), name);
        }
        assert_eq!(
            project_at("http://wrong/jenkins/job/A/job/feature%252Fx/").as_deref(),
            Some("A/feature%2Fx")
        );
        assert_eq!(project_at("http://wrong/jenkins/"), None);
    }

    #[test]
    fn builds_and_what_waits_are_told_apart() {
        let build = Build::named("run", "A/api#7").unwrap();
        assert_eq!((build.project, build.number), ("A/api", 7));
        assert_eq!(build.parts(&["stop"]), ["job", "A", "job", "api", "7", "stop"]);
        for odd in ["api", "api#", "api#0", "api#q3", "#7", "a//b#7"] {
            assert_eq!(
                Build::named("run", odd).err().unwrap().field.as_deref(),
                Some("run"),
                "{odd}"
            );
        }
        assert_eq!(waiting(&pending("A/api", 12)), Some(("A/api", 12)));
        for odd in ["A/api#12", "A/api#q", "q12", "#q12", "A//b#q1"] {
            assert_eq!(waiting(odd), None, "{odd}");
        }
    }

    #[test]
    fn j5_of_an_address_only_the_number_is_believed() {
        assert_eq!(item_at("http://wrong:8080/queue/item/17/"), Some(17));
        assert_eq!(item_at("https://h/jenkins/queue/item/17"), Some(17));
        assert_eq!(item_at("https://h/jenkins/queue/item/x/"), None);
        assert_eq!(item_at("."), None);
    }

    #[test]
    fn j13_an_artifact_keeps_each_part_of_its_path() {
        let (build, path) = artifact("A/api#7/out/a#1 b.txt").unwrap();
        assert_eq!(
            (build.project, build.number, path),
            ("A/api", 7, vec!["out", "a#1 b.txt"])
        );
        for odd in ["A/api#7", "A/api#7/", "A/api#7/../x", "A/api#0/x", "A/api/x"] {
            assert!(artifact(odd).is_err(), "{odd}");
        }
    }
}
