//! Every operation as a method: `gateway.git().repo_get(input)`.
//!
//! Invariant: nothing is named here. The methods are those of the catalogue's table, and a call that is made by one is the same
//! as one that is made by its type.
//!
//! ```
//! use futures_util::StreamExt;
//! use mosaic::Kind;
//! use mosaic::catalogue::ai::{ChatEvent, ChatInput};
//! use mosaic::catalogue::git::RepoGetInput;
//! # use mosaic::{Mosaic, Secret, config::{BaseUrl, Config, ProviderConfig}, sandbox::{Sandbox, SandboxConfig}};
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let sandbox = Sandbox::start(SandboxConfig::default_pair()).await?;
//! # let mut config = Config::default();
//! # let mut secrets = Vec::new();
//! # for (name, kind) in [("github-a", "github"), ("openai-a", "openai")] {
//! #     let server = sandbox.server(name).expect("one of the pairs");
//! #     let provider = ProviderConfig::new(kind).at(BaseUrl::parse(server.base_url())?);
//! #     config.providers.insert(name.into(), provider);
//! #     secrets.push((name, Secret::new(server.token())));
//! # }
//! # let builder = secrets.into_iter().fold(Mosaic::builder(config), |all, (name, secret)| all.credential(name, secret));
//! # let gateway = builder.start().await?;
//! let repo = gateway.git().repo_get(RepoGetInput { repo: "acme/api".into() }).await?;
//! assert_eq!(repo.value.path, "acme/api");
//!
//! let missing = gateway.git().repo_get(RepoGetInput { repo: "acme/none".into() }).no_cache().await;
//! assert_eq!(missing.unwrap_err().kind, Kind::NotFound);
//!
//! let asked = ChatInput { model: "sandbox-small".into(), prompt: Some("Hello".into()), ..ChatInput::default() };
//! let mut events = gateway.ai().chat_stream(asked).stream().await?;
//! let mut told = String::new();
//! while let Some(event) = events.next().await {
//!     if let ChatEvent::Delta { text } = event? {
//!         told += &text;
//!     }
//! }
//! assert!(!told.is_empty());
//! # gateway.shutdown().await;
//! # sandbox.shutdown().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::mosaic::Mosaic;
use super::request::Request;
use crate::catalogue::Op;
use crate::catalogue::table::with_operations;

macro_rules! methods {
    ($($service:ident $accessor:ident { $($method:ident: $operation:ident,)* })*) => {
        $(
            #[doc = concat!("The operations of `", stringify!($service), "`, as methods; see [`Mosaic::", stringify!($service), "`].")]
            #[derive(Clone, Copy, Debug)]
            pub struct $accessor<'g>(&'g Mosaic);

            impl $accessor<'_> {
                $(
                    #[doc = concat!(
                        "A call of [`", stringify!($operation), "`](crate::catalogue::", stringify!($service), "::",
                        stringify!($operation), "), not sent yet."
                    )]
                    pub fn $method(self, input: <crate::catalogue::$service::$operation as Op>::Input) -> Request<crate::catalogue::$service::$operation> {
                        self.0.request(input)
                    }
                )*
            }
        )*

        impl Mosaic {
            $(
                #[doc = concat!("The operations of `", stringify!($service), "`, as methods: see [`operations`](crate::embed::operations).")]
                pub fn $service(&self) -> $accessor<'_> {
                    $accessor(self)
                }
            )*
        }

        #[cfg(test)]
        const METHODS: &[(&str, &str, &str)] = &[
            $($((stringify!($service), stringify!($method), <crate::catalogue::$service::$operation as Op>::DECLARATION.facts.name),)*)*
        ];
    };
}

with_operations!(methods);

#[cfg(test)]
mod tests {
    use super::METHODS;
    use crate::catalogue::OPERATIONS;

    #[test]
    fn every_method_is_called_as_its_operation() {
        assert_eq!(METHODS.len(), OPERATIONS.len());
        for (service, method, name) in METHODS {
            let called = name.strip_prefix(service).and_then(|rest| rest.strip_prefix('.'));
            assert_eq!(
                called.map(|rest| rest.replace('.', "_")).as_deref(),
                Some(*method),
                "{name}"
            );
        }
    }
}
