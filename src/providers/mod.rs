//! Drivers: what each provider's own API looks like, kept behind the engine's `Driver` trait.
//!
//! Invariant: a provider's name appears in its own folder and in one row of [`KINDS`], nowhere else in the product.
//!
//! To add a driver: a folder with `mod.rs` (the [`Provider`] implementation and its table of handlers), `wire.rs` (private
//! wire types) and `convert.rs` (pure converters), and one row in [`KINDS`].

mod ai;
mod anthropic;
mod bookstack;
mod ci;
pub mod connection;
#[doc(hidden)]
pub mod directory;
mod forge;
mod gitea;
mod github;
mod gitlab;
pub mod handlers;
pub mod http;
mod jenkins;
#[doc(hidden)]
pub mod matrix;
#[doc(hidden)]
pub mod models;
mod notion;
mod openai;
#[doc(hidden)]
pub mod table;
mod tracker;
pub mod webhooks;
mod woodpecker;

pub use connection::Connection;
pub use handlers::{Handlers, Reply, Request};
pub use http::{Beside, Host, Passing, Setting};
pub use mosaic_actors::driver::Credential;
pub use table::{Kind, Provider};

/// Every kind of provider that is built in.
pub static KINDS: &[Kind] = &[
    Kind::of::<anthropic::Anthropic>("anthropic"),
    Kind::of::<bookstack::BookStack>("bookstack"),
    Kind::of::<gitea::Gitea>("gitea"),
    Kind::of::<github::GitHub>("github"),
    Kind::of::<gitlab::GitLab>("gitlab"),
    Kind::of::<jenkins::Jenkins>("jenkins"),
    Kind::of::<notion::Notion>("notion"),
    Kind::of::<openai::OpenAi>("openai"),
    Kind::of::<woodpecker::Woodpecker>("woodpecker"),
];

#[cfg(test)]
mod tests {
    use super::KINDS;
    use super::http::endpoint::tests::connection;

    #[test]
    fn the_reference_tells_where_the_api_of_each_kind_mostly_is() {
        let reference = include_str!("../../config/mosaic.toml");
        let mut told = 0;
        for kind in KINDS {
            let Some(base) = kind.base() else { continue };
            let words = format!("{} {}", kind.name, base.own);
            assert!(reference.contains(&words), "{words}");
            told += 1;
        }
        assert!(told >= 6, "of most kinds it is told: {told}");
    }

    #[test]
    fn each_kind_tells_of_the_settings_that_its_driver_reads() {
        for kind in KINDS {
            let mut connection = connection(Some("http://localhost:1"));
            connection.settings.insert("no_such".to_owned(), 1.into());
            let refused = (kind.connect)(&connection).err().expect("no kind has it");
            let (_, known) = refused.message().rsplit_once("which has ").expect("it lists its own");
            let known = known.split(';').next().unwrap_or_default().replace(" and ", ", ");
            let known: Vec<&str> = known.split(", ").filter(|name| *name != "none").collect();
            let told: Vec<&str> = (kind.settings)().iter().map(|setting| setting.name).collect();
            assert_eq!(told, known, "{}", kind.name);
        }
    }
}
