//! The `mosaic` program: the command line, given what it runs gateways with.
//!
//! Invariant: nothing but wiring is here.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use mimalloc::MiMalloc;
use mosaic::program::{Program, outlive_hangups};
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let runtime = match Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime is to be had: {error}");
            return ExitCode::FAILURE;
        }
    };
    let args: Vec<_> = std::env::args_os().collect();
    let code = runtime.block_on(async {
        outlive_hangups(&args);
        mosaic::cli::main(args, Program).await
    });
    // What is still asked of the system, such as an address of a name server that is silent, is wanted no more.
    runtime.shutdown_background();
    code
}
