//! The `mosaic` program: the command line, given what it runs gateways with.
//!
//! Invariant: nothing but wiring is here.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    mosaic::cli::main(std::env::args_os(), mosaic::program::Program).await
}
