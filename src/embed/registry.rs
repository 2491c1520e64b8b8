//! What a gateway is made of: the kinds of its providers, and its operations.
//!
//! Invariant: a kind or an operation is known here or nowhere.

use std::fmt;
use std::sync::Arc;

use crate::catalogue::{Catalogue, Op};
use crate::config::{Known, KnownKind, Sends};
use crate::providers::http::Accepts;
use crate::providers::matrix::{MatrixRow, matrix};
use crate::providers::{KINDS, Kind, Provider};

/// The kinds of providers and the operations that a gateway knows: those that are built in, and a program's own. Cheap to
/// clone.
///
/// ```
/// use mosaic::catalogue::Page;
/// use mosaic::catalogue::git::{RepoList, RepoListInput};
/// use mosaic::config::{Config, ProviderConfig};
/// use mosaic::embed::Registry;
/// use mosaic::providers::{Connection, Credential, Handlers, Provider, Reply, Request};
/// use mosaic::{Failure, Mosaic};
///
/// /// A forge that has nothing.
/// struct Empty;
///
/// impl Provider for Empty {
///     fn connect(_: &Connection) -> Result<Self, Failure> {
///         Ok(Empty)
///     }
///
///     fn handlers() -> Handlers<Self> {
///         Handlers::new().on::<RepoList, _, _>(|_, _request: Request<RepoList>| async {
///             Ok(Reply::of(Page::new(vec![], None)))
///         })
///     }
///
///     async fn health(&self) -> Result<Credential, Failure> {
///         Ok(Credential::Unproven)
///     }
/// }
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let registry = Registry::built_in().kind::<Empty>("empty");
/// let config = Config::parse("[providers.mine]\nkind = \"empty\"", "mine.toml", [].into_iter(), &registry.known())?;
/// let gateway = Mosaic::builder(config.config).registry(registry).start().await?;
/// let list: RepoListInput = serde_json::from_str("{}")?;
/// assert!(gateway.call::<RepoList>(list).await?.value.items.is_empty());
/// gateway.shutdown().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Registry {
    kinds: Arc<[Kind]>,
    catalogue: Catalogue,
}

impl Registry {
    /// What is built in.
    pub fn built_in() -> Self {
        Registry {
            kinds: KINDS.into(),
            catalogue: Catalogue::built_in(),
        }
    }

    /// Adds a kind of providers, in the place of one of the same name: usable wherever a configuration or an order names a
    /// kind.
    #[must_use]
    pub fn kind<P: Provider>(mut self, name: &'static str) -> Self {
        let others = self.kinds.iter().copied().filter(|kind| kind.name != name);
        self.kinds = others.chain([Kind::of::<P>(name)]).collect();
        self
    }

    /// Adds an operation, in the place of one of the same name: it appears on every surface. Its declaration is kept for as
    /// long as the process runs, so make a registry once.
    #[must_use]
    pub fn operation<O: Op>(mut self) -> Self {
        self.catalogue = self.catalogue.with::<O>();
        self
    }

    /// The names that a configuration may use.
    pub fn known(&self) -> Known {
        let owned = |names: Vec<&'static str>| names.into_iter().map(str::to_owned).collect();
        let kind = |kind: &Kind| KnownKind {
            name: kind.name.to_owned(),
            operations: owned((kind.operations)()),
            credentials: (kind.accepts)().iter().map(Accepts::scheme).collect(),
            sends: match (kind.webhooks)() {
                None => Sends::Nothing,
                Some(webhooks) if webhooks.proofs.is_empty() => Sends::Unsigned,
                Some(webhooks) if webhooks.introduces() => Sends::Introduced,
                Some(_) => Sends::Signed,
            },
        };
        Known {
            kinds: self.kinds.iter().map(kind).collect(),
            operations: owned(
                self.catalogue
                    .operations()
                    .iter()
                    .map(|operation| operation.name)
                    .collect(),
            ),
        }
    }

    /// The operations.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Which kinds can do which operation.
    pub fn matrix(&self) -> Vec<MatrixRow> {
        matrix(&self.catalogue, &self.kinds)
    }

    pub(super) fn find(&self, name: &str) -> Option<Kind> {
        self.kinds.iter().copied().find(|kind| kind.name == name)
    }
}

impl Default for Registry {
    fn default() -> Self {
        Registry::built_in()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.kinds.iter().map(|kind| kind.name);
        f.debug_list().entries(kinds).finish_non_exhaustive()
    }
}
