//! The `mosaic` program: the command line, given what it runs gateways with.
//!
//! Invariant: nothing but wiring is here.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use mosaic::cli::{LocalCalls, Problem, Runtime};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use serde_json::Value;

/// A build without a gateway: the client's half of the command line.
struct ClientOnly;

fn not_linked<T: Send + 'static>(what: &'static str) -> BoxFuture<Result<T, Problem>> {
    let failure = Failure::new(Kind::Unsupported, format!("{what} is not linked in this build"));
    Box::pin(async move { Err(failure.into()) })
}

impl Runtime for ClientOnly {
    fn serve(&self, _config: PathBuf) -> BoxFuture<Result<(), Problem>> {
        not_linked("the server")
    }
    fn check(&self, _config: PathBuf) -> BoxFuture<Result<Value, Problem>> {
        not_linked("the configuration's check")
    }
    fn demo(&self, _once: bool) -> BoxFuture<Result<(), Problem>> {
        not_linked("the demonstration")
    }
    fn sandbox(&self, _config: Option<PathBuf>) -> BoxFuture<Result<(), Problem>> {
        not_linked("the sandbox")
    }
    fn local(&self, _config: Option<PathBuf>) -> BoxFuture<Result<Box<dyn LocalCalls>, Problem>> {
        not_linked("the local gateway")
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    mosaic::cli::main(std::env::args_os(), ClientOnly).await
}
