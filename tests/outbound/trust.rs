//! Certificates: why they are not trusted, and how they come to be.

use mosaic::providers::Connection;
use mosaic::providers::http::HttpClient;
use mosaic::wire::client::Outbound;
use mosaic::wire::tls::authorities;
use mosaic_actors::error::Kind;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, date_time_ymd};
use serde_json::json;
use std::time::Duration;

use crate::harness::{process, sandbox};
use crate::servers::{Authority, tls};
use crate::{configuration, environment, forge, read, upstream};

fn soundly(_: &mut CertificateParams) {}

fn long_ago(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
}

fn some_day(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2201, 1, 1);
    params.not_after = date_time_ymd(2202, 1, 1);
}

fn as_an_authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

fn for_clients(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_handshake_says_why() {
    let sandbox = sandbox().await;
    let (ours, other, of_our_name) = (Authority::new("ours"), Authority::new("other"), Authority::new("ours"));
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, ours.pem()).expect("it is ours");
    let outbound = Outbound {
        authorities: authorities("ca_file", &file).expect("it is one"),
        ..Outbound::default()
    };
    let client = HttpClient::new(&outbound, Duration::from_secs(4)).expect("a client");
    let rows = [
        (other.server("localhost", soundly), "unknown issuer"),
        (of_our_name.server("localhost", soundly), "unknown issuer"),
        (other.server("localhost", as_an_authority), "self-signed"),
        (ours.server("localhost", long_ago), "expired"),
        (ours.server("localhost", some_day), "not valid yet"),
        (ours.server("elsewhere.example", soundly), "wrong name"),
        (ours.server("localhost", for_clients), "not one for servers"),
    ];
    for (config, said) in rows {
        let front = tls(config, forge(&sandbox).address()).await;
        let connection = Connection {
            http: client.clone(),
            ..upstream::connection(&format!("https://localhost:{}", front.address.port()))
        };
        let failure = upstream::ask("github", &connection, "git.repo.get", json!({"repo": "acme/api"}))
            .await
            .expect_err(said);
        assert_eq!((failure.kind, failure.unsent), (Kind::Network, true), "{said}");
        assert!(failure.message().contains(said), "{said}: {failure}");
    }
    let no_tls = format!("https://{}", forge(&sandbox).address());
    let failure = upstream::ask(
        "github",
        &upstream::connection(&no_tls),
        "git.repo.get",
        json!({"repo": "a/b"}),
    )
    .await
    .expect_err("no TLS there");
    assert!(failure.message().contains("does not speak TLS"), "{failure}");
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_authority_is_a_setting_of_all_or_of_one() {
    let sandbox = sandbox().await;
    let authority = Authority::new("ours");
    let front = tls(authority.server("localhost", soundly), forge(&sandbox).address()).await;
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).expect("it is ours");
    let path = forge(&sandbox).base_url().replace(forge(&sandbox).origin(), "");
    let base = format!("https://localhost:{}{path}", front.address.port());
    let trusted = format!("ca_file = \"{}\"", file.display());
    let env = environment(forge(&sandbox).token(), &[]);
    let (status, text) = read(&configuration(&base, "", ""), env.clone()).await;
    assert!(status >= 500 && text.contains("unknown issuer"), "{status}: {text}");
    for (of_one, of_all) in [(&*trusted, String::new()), ("", format!("[outbound]\n{trusted}"))] {
        let (status, text) = read(&configuration(&base, of_one, &of_all), env.clone()).await;
        assert_eq!(status, 200, "{text}");
    }
    // `doctor` looks by the same ways.
    for (more, said) in [("", "unknown issuer"), (&*trusted, "answers over https")] {
        let config = folder.path().join("mosaic.toml");
        std::fs::write(&config, configuration(&base, more, "")).expect("it is ours");
        let ended = process::run(
            &["doctor", "--json", "--config", config.to_str().expect("a plain path")],
            &env,
        );
        assert!(ended.stdout.contains(said), "{said}: {ended:#?}");
    }
    sandbox.shutdown().await;
}

#[test]
fn a_file_that_holds_no_authority_is_refused_by_its_key() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let (file, config) = (folder.path().join("ca.pem"), folder.path().join("mosaic.toml"));
    let env = environment("tok", &[]);
    for (content, said) in [
        ("", "holds no certificate"),
        (
            "-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n",
            "cannot be read",
        ),
        ("-----BEGIN CERTIFICATE-----\nplanted-secret", "not PEM"),
        (
            "-----BEGIN PRIVATE KEY-----\ncGxhbnRlZA==\n-----END PRIVATE KEY-----\n",
            "holds no certificate",
        ),
    ] {
        std::fs::write(&file, content).expect("it is ours");
        let line = format!("ca_file = \"{}\"", file.display());
        for (text, key) in [
            (configuration("https://h.example", &line, ""), "providers.forge"),
            (
                configuration("https://h.example", "", &format!("[outbound]\n{line}")),
                "outbound.ca_file",
            ),
        ] {
            std::fs::write(&config, text).expect("it is ours");
            let ended = process::run(&["check", "--config", config.to_str().expect("a plain path")], &env);
            assert_eq!(ended.code, Some(2), "{ended:#?}");
            assert!(
                ended.stderr.contains(key) && ended.stderr.contains("ca_file"),
                "{}",
                ended.stderr
            );
            assert!(
                ended.stderr.contains(said) && !ended.stderr.contains("planted"),
                "{}",
                ended.stderr
            );
        }
    }
}
