//! The data that every forge's sandbox starts from, in no vendor's form.
//!
//! Two instances serve the same paths and numbers; only texts that name the instance differ.
//!
//! Invariant: the same instance name gives the same data, ids included.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;

use super::forge::{Blob, Commit, Signature, Snapshot};

/// Repositories in the organisation `many`: four pages of thirty.
const MANY: usize = 120;
/// Issues of `acme/web`: more than one page.
const WEB_ISSUES: u64 = 35;
/// When everything was made.
pub(crate) const SEEDED_AT: &str = "2026-01-05T09:00:00Z";
/// Who the sandbox's credential belongs to.
pub(crate) const USER: &str = "sandbox-user";
/// Somebody else, who opened the seeded pull requests.
pub(crate) const GUEST: &str = "sandbox-guest";

/// A larger file than GitHub puts into JSON. Made once: it is the same everywhere, and hashing it takes a while.
static LARGE_FILE: LazyLock<FileSeed> = LazyLock::new(|| {
    let line = b"0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\n";
    FileSeed::new("data/large.txt", line.repeat(1_200_000 / line.len() + 1))
});

/// A forge's content.
#[derive(Clone, Debug)]
pub(crate) struct ForgeSeed {
    /// Who the sandbox's credential belongs to.
    pub user: &'static str,
    pub repos: Vec<RepoSeed>,
}

#[derive(Clone, Debug)]
pub(crate) struct RepoSeed {
    pub org: &'static str,
    pub name: String,
    pub description: String,
    pub language: &'static str,
    /// The first is the default branch.
    pub branches: Vec<BranchSeed>,
    pub issues: Vec<IssueSeed>,
}

#[derive(Clone, Debug)]
pub(crate) struct BranchSeed {
    pub name: &'static str,
    /// Id of its last commit.
    pub commit: String,
    pub protected: bool,
    /// All that it is made of, oldest first.
    pub commits: Vec<Arc<Commit>>,
}

/// A file of a seed.
#[derive(Clone, Debug)]
struct FileSeed {
    path: Arc<str>,
    blob: Blob,
}

#[derive(Clone, Debug)]
pub(crate) struct IssueSeed {
    pub number: u64,
    pub title: String,
    pub body: String,
    pub open: bool,
    pub labels: &'static [&'static str],
    /// It is a pull request, which forges list among the issues.
    pub is_pull: bool,
}

impl FileSeed {
    fn new(path: &str, content: impl Into<Bytes>) -> Self {
        Self {
            path: path.into(),
            blob: Blob::new(content),
        }
    }
}

/// A commit of the sandbox's user when everything was made.
pub(crate) fn seeded_commit(tree: Snapshot, parent: Option<&Commit>, message: &str) -> Arc<Commit> {
    let who = Signature::of(USER, SEEDED_AT);
    let parents: Vec<&Commit> = parent.into_iter().collect();
    Arc::new(Commit::new(tree, &parents, who.clone(), who, message))
}

impl BranchSeed {
    /// A branch that starts after `root` with these files.
    fn new(name: &'static str, protected: bool, root: &Arc<Commit>, files: Vec<FileSeed>) -> Self {
        let tree = files.into_iter().map(|file| (file.path, file.blob)).collect();
        let head = seeded_commit(tree, Some(root), &format!("Seed {name}\n"));
        Self {
            name,
            commit: head.id.clone(),
            protected,
            commits: vec![root.clone(), head],
        }
    }
}

/// The commit that a repository begins with.
fn root(readme: &FileSeed) -> Arc<Commit> {
    let tree = [(readme.path.clone(), readme.blob.clone())].into_iter().collect();
    seeded_commit(tree, None, "Initial commit\n")
}

impl ForgeSeed {
    /// The content for the instance of this name.
    pub fn new(instance: &str) -> Self {
        let mut repos = vec![api(instance), web(instance)];
        repos.extend((1..=MANY).map(|n| generated(instance, n)));
        Self { user: USER, repos }
    }
}

fn readme(instance: &str, repo: &str, branch: &str) -> FileSeed {
    FileSeed::new(
        "README.md",
        format!("# {repo}\n\nServed by {instance} from branch {branch}. Grüße aus dem Sandkasten.\n"),
    )
}

fn api(instance: &str) -> RepoSeed {
    let files = |branch| {
        vec![
            readme(instance, "acme/api", branch),
            FileSeed::new(
                "Cargo.toml",
                "[package]\nname = \"api\"\nversion = \"1.4.0\"\nedition = \"2024\"\n",
            ),
            FileSeed::new("src/main.rs", "fn main() {\n    println!(\"acme api\");\n}\n"),
            FileSeed::new("src/http/mod.rs", "pub mod routes;\n"),
            FileSeed::new("docs/a file with spaces.md", "Paths may hold spaces and ünïcödé.\n"),
            FileSeed::new("assets/logo.bin", (0..=255).cycle().take(1_000).collect::<Vec<u8>>()),
            FileSeed::new("assets/empty", ""),
            LARGE_FILE.clone(),
        ]
    };
    let issue = |number, title: &str, open, labels, is_pull| IssueSeed {
        number,
        title: title.to_owned(),
        body: format!("Seeded by {instance}."),
        open,
        labels,
        is_pull,
    };
    let root = root(&readme(instance, "acme/api", "main"));
    let branch = |name, protected| BranchSeed::new(name, protected, &root, files(name));
    RepoSeed {
        org: "acme",
        name: "api".to_owned(),
        description: format!("The public API of acme, served by {instance}"),
        language: "Rust",
        branches: vec![
            branch("main", true),
            branch("develop", false),
            branch("release/1.4", true),
        ],
        issues: vec![
            issue(1, "Login fails with an empty password", true, &["bug"][..], false),
            issue(
                2,
                "Document the rate limits",
                true,
                &["documentation", "help wanted"][..],
                false,
            ),
            issue(3, "Raise the connect timeout", true, &["enhancement"][..], true),
            issue(4, "Panic on a malformed date", false, &["bug"][..], false),
            issue(5, "Return 422 for a missing title", false, &[][..], true),
            issue(6, "Grüße: umlauts in titles 🚀", true, &[][..], false),
        ],
    }
}

fn web(instance: &str) -> RepoSeed {
    let issues = (1..=WEB_ISSUES).map(|number| IssueSeed {
        number,
        title: format!("Web issue {number}"),
        body: format!("Seeded by {instance}."),
        open: number % 5 != 0,
        labels: if number % 2 == 0 { &["bug"] } else { &[] },
        is_pull: number % 7 == 0,
    });
    let files = vec![
        readme(instance, "acme/web", "main"),
        FileSeed::new("index.html", "<!doctype html>\n<title>acme</title>\n"),
        FileSeed::new("package.json", "{\"name\": \"web\", \"version\": \"2.0.1\"}\n"),
    ];
    RepoSeed {
        org: "acme",
        name: "web".to_owned(),
        description: format!("The web site of acme, served by {instance}"),
        language: "TypeScript",
        branches: vec![BranchSeed::new("main", true, &root(&files[0]), files)],
        issues: issues.collect(),
    }
}

fn generated(instance: &str, n: usize) -> RepoSeed {
    let name = format!("repo-{n:03}");
    let readme = readme(instance, &format!("many/{name}"), "main");
    RepoSeed {
        org: "many",
        description: format!("Generated repository {n}, served by {instance}"),
        language: "Shell",
        branches: vec![BranchSeed::new("main", false, &root(&readme), vec![readme])],
        issues: Vec::new(),
        name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_instances_share_every_path_and_differ_in_their_texts() {
        let (a, b) = (ForgeSeed::new("a"), ForgeSeed::new("b"));
        let paths = |seed: &ForgeSeed| {
            seed.repos
                .iter()
                .map(|repo| format!("{}/{}", repo.org, repo.name))
                .collect::<Vec<_>>()
        };
        assert_eq!(paths(&a), paths(&b));
        assert_eq!(a.repos.len(), 2 + MANY);
        assert!(
            a.repos
                .iter()
                .zip(&b.repos)
                .all(|(a, b)| a.description != b.description)
        );
    }
}
