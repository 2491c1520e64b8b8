//! A large file through the gateway: `cargo bench --bench transfer [-- --mebibytes N]`.
//!
//! A forge of this process streams a file of zeroes; it is fetched from there, and through `mosaic serve`. Told are the
//! time of the one as a ratio of the other's, and by how much the gateway's resident memory grew meanwhile, which is a bound
//! that is kept: the bench fails beyond it.
//!
//! Invariant: only loopback is used, and the file is never whole in anybody's memory.

#[path = "../tests/harness/mod.rs"]
mod harness;

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use futures_util::{StreamExt, stream};
use harness::Gateway;
use tokio::net::TcpListener;

type Failed = Box<dyn Error + Send + Sync>;

/// A gigabyte; a tenth of it where it is only to be seen that it works (`cargo test` gives no `--bench`).
const MEBIBYTES: usize = 1_024;
const MEBIBYTES_SHORT: usize = 100;
const PIECE: usize = 64 << 10;
/// How many fetch it at once.
const CALLERS: usize = 4;
/// What the gateway's memory may grow by, whatever is carried: buffers of both sides of each transfer, and what the
/// allocator keeps.
const MOST_GROWTH_KIB: u64 = 48 << 10;
/// The configuration lets a transfer take so long.
const LIMIT: Duration = Duration::from_secs(600);

fn mebibytes() -> Result<usize, Failed> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let bench = args.iter().any(|arg| arg == "--bench");
    match args.iter().position(|arg| arg == "--mebibytes") {
        Some(at) => Ok(args.get(at + 1).ok_or("--mebibytes needs a number")?.parse()?),
        None if bench => Ok(MEBIBYTES),
        None => Ok(MEBIBYTES_SHORT),
    }
}

/// A forge that knows one file.
async fn forge(size: usize) -> Result<String, Failed> {
    let file = move |request: Request| async move {
        if request.uri().path().ends_with("/version") {
            return Response::new(Body::from(r#"{"version":"1.26.1"}"#));
        }
        let pieces = stream::repeat_with(|| Ok::<_, Failed>(Bytes::from_static(&[0; PIECE]))).take(size / PIECE);
        let mut response = Response::new(Body::from_stream(pieces));
        response.headers_mut().insert("content-length", size.into());
        response
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(file)).await });
    Ok(url)
}

/// Fetches a file by several callers at once, and forgets it piece by piece.
async fn fetch(url: &str, size: usize) -> Result<Duration, Failed> {
    let client = harness::http::Client::new().0;
    let started = Instant::now();
    let fetches = (0..CALLERS).map(|_| {
        let (client, url) = (client.clone(), url.to_owned());
        tokio::spawn(async move {
            let reply = client.get(url).timeout(LIMIT).send().await?;
            let status = reply.status();
            let mut pieces = reply.bytes_stream();
            let mut came = 0;
            while let Some(piece) = pieces.next().await {
                came += piece?.len();
            }
            match came == size {
                true => Ok::<_, Failed>(()),
                false => Err(format!("{came} bytes of {size} came, status {status}").into()),
            }
        })
    });
    for fetched in fetches.collect::<Vec<_>>() {
        fetched.await??;
    }
    Ok(started.elapsed())
}

async fn measure() -> Result<(), Failed> {
    let size = mebibytes()? << 20;
    let forge = forge(size).await?;
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n\
         [providers.forge]\nkind = \"gitea\"\nbase_url = \"{forge}/api/v1\"\nhealth_check = false\n"
    );
    let gateway = Gateway::serve(&config, vec![]).await;
    let process = &gateway.program;
    let direct = format!("{forge}/api/v1/repos/acme/api/raw/large.bin");
    let through = format!("http://{}/v1/git/repos/acme%2Fapi/raw/large.bin", gateway.public);
    let before = process.memory_kib("VmRSS");
    let (alone, behind) = (fetch(&direct, size).await?, fetch(&through, size).await?);
    let growth = process.memory_kib("VmHWM").saturating_sub(before);
    println!(
        "{CALLERS} transfers of {} MiB at once: through the gateway / direct {:.2}; its memory was {before} KiB, and \
         grew by {growth} KiB at most",
        size >> 20,
        behind.as_secs_f64() / alone.as_secs_f64(),
    );
    gateway.program.signal("TERM");
    gateway.program.ended().ok();
    match growth <= MOST_GROWTH_KIB {
        true => Ok(()),
        false => Err(format!("the gateway's memory grew by {growth} KiB, beyond {MOST_GROWTH_KIB}").into()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("transfer: {error}");
            ExitCode::FAILURE
        }
    }
}
