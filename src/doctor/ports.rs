//! Whether the listeners' addresses are free, or ours already.
//!
//! Invariant: a bound address is let go before the check ends.

use std::io::ErrorKind;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::failures::Fault;
use crate::wire::client;

use super::{Finding, PATIENCE};

pub(super) async fn check(config: &Config) -> [Finding; 2] {
    [
        listener("server.listen", config.server.listen).await,
        listener("admin.listen", config.admin.listen).await,
    ]
}

async fn listener(key: &str, address: SocketAddr) -> Finding {
    let finding = Finding::of("ports", key);
    match TcpListener::bind(address).await {
        Ok(_) => finding.ok(format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            if is_gateway(address).await {
                finding.ok(format!("a gateway listens on {address} already"))
            } else {
                finding.failed(
                    format!("{address} is taken by another program"),
                    format!("Stop that program, or choose another {key}."),
                )
            }
        }
        Err(error) => finding.failed(
            format!("{address} cannot be bound: {error}"),
            format!("Choose an address of this machine for {key}, with a port that its user may bind."),
        ),
    }
}

/// Both listeners answer a path that nobody has in the same words, and those are ours.
async fn is_gateway(address: SocketAddr) -> bool {
    let asked = async {
        let client = client::build(client::builder().ok()?.no_proxy()).ok()?;
        let reply = client.get(format!("http://{address}/no-such-path")).send().await.ok()?;
        let problem: Value = reply.json().await.ok()?;
        Some(problem.get("code")? == Fault::NoRoute.code())
    };
    matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Some(true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::CheckStatus;

    #[tokio::test]
    async fn free_foreign_and_impossible_addresses_are_told_apart() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        // It closes each connection without a word.
        let closing = tokio::spawn(async move { while taken.accept().await.is_ok() {} });
        assert_eq!(listener("server.listen", address).await.verdict, CheckStatus::Failed);
        closing.abort();
        assert!(closing.await.unwrap_err().is_cancelled());
        assert_eq!(listener("server.listen", address).await.verdict, CheckStatus::Ok);
        // 192.0.2.0/24 is for documentation: no machine has it (RFC 5737).
        let elsewhere = listener("admin.listen", ([192, 0, 2, 1], 1).into()).await;
        assert_eq!(elsewhere.verdict, CheckStatus::Failed);
    }
}
