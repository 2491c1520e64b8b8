//! The data that every forge's sandbox starts from, in no vendor's form.
//!
//! Two instances serve the same paths and numbers; only texts that name the instance differ.
//!
//! Invariant: the same instance name gives the same data, ids included.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// Repositories in the organisation `many`: four pages of thirty.
const MANY: usize = 120;
/// Issues of `acme/web`: more than one page.
const WEB_ISSUES: u64 = 35;
/// When everything was made.
pub(crate) const SEEDED_AT: &str = "2026-01-05T09:00:00Z";

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
    /// Sorted by path.
    pub files: Arc<[FileSeed]>,
}

#[derive(Clone, Debug)]
pub(crate) struct FileSeed {
    pub path: &'static str,
    pub content: Bytes,
    /// The id that git gives to this content.
    pub blob: String,
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

/// The id of an object, as git computes it.
pub(crate) fn git_id(kind: &str, content: &[u8]) -> String {
    let mut object = format!("{kind} {}\0", content.len()).into_bytes();
    object.extend_from_slice(content);
    let id = digest(&SHA1_FOR_LEGACY_USE_ONLY, &object);
    id.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl FileSeed {
    fn new(path: &'static str, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        Self {
            path,
            blob: git_id("blob", &content),
            content,
        }
    }
}

impl BranchSeed {
    fn new(repo: &str, name: &'static str, protected: bool, mut files: Vec<FileSeed>) -> Self {
        files.sort_by_key(|file| file.path);
        let tree: String = files.iter().map(|file| file.blob.as_str()).collect();
        Self {
            name,
            commit: git_id("commit", format!("{repo} {name} {tree}").as_bytes()),
            protected,
            files: files.into(),
        }
    }
}

impl ForgeSeed {
    /// The content for the instance of this name.
    pub fn new(instance: &str) -> Self {
        let mut repos = vec![api(instance), web(instance)];
        repos.extend((1..=MANY).map(|n| generated(instance, n)));
        Self {
            user: "sandbox-user",
            repos,
        }
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
    RepoSeed {
        org: "acme",
        name: "api".to_owned(),
        description: format!("The public API of acme, served by {instance}"),
        language: "Rust",
        branches: vec![
            BranchSeed::new("acme/api", "main", true, files("main")),
            BranchSeed::new("acme/api", "develop", false, files("develop")),
            BranchSeed::new("acme/api", "release/1.4", true, files("release/1.4")),
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
        branches: vec![BranchSeed::new("acme/web", "main", true, files)],
        issues: issues.collect(),
    }
}

fn generated(instance: &str, n: usize) -> RepoSeed {
    let name = format!("repo-{n:03}");
    let path = format!("many/{name}");
    RepoSeed {
        org: "many",
        description: format!("Generated repository {n}, served by {instance}"),
        language: "Shell",
        branches: vec![BranchSeed::new(
            &path,
            "main",
            false,
            vec![readme(instance, &path, "main")],
        )],
        issues: Vec::new(),
        name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_git() {
        // `git hash-object` of an empty file and of "hello\n".
        assert_eq!(git_id("blob", b""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(git_id("blob", b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

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
