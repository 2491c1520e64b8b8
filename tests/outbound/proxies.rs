//! Proxies: who is asked through one, and what it may read.

use crate::harness::{process, sandbox};
use crate::servers::{Authority, proxy, tls};
use crate::{configuration, environment, forge, read};

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_is_asked_directly() {
    let sandbox = sandbox().await;
    let proxy = proxy(forge(&sandbox).address()).await;
    let at = format!("http://{}", proxy.address);
    let here = configuration(forge(&sandbox).base_url(), "", "");
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let (status, text) = read(&here, environment(forge(&sandbox).token(), &[(variable, &at)])).await;
        assert_eq!(status, 200, "{text}");
    }
    let set = format!("[outbound]\nproxy = \"{at}\"");
    let here = configuration(forge(&sandbox).base_url(), "", &set);
    assert_eq!(read(&here, environment(forge(&sandbox).token(), &[])).await.0, 200);
    assert_eq!(proxy.heads(), Vec::<String>::new());
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_goes_through_a_proxy_in_clear_only_where_that_is_set() {
    let sandbox = sandbox().await;
    let token = forge(&sandbox).token();
    let proxy = proxy(forge(&sandbox).address()).await;
    let at = format!("http://{}", proxy.address);
    let path = forge(&sandbox).base_url().replace(forge(&sandbox).origin(), "");
    let base = format!("http://forge.example{path}");
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("mosaic.toml");
    let check = |tables: &str, env: &[(&str, &str)]| {
        std::fs::write(&file, configuration(&base, "", tables)).expect("it is ours");
        process::run(
            &["check", "--config", file.to_str().expect("a plain path")],
            &environment(token, env),
        )
    };
    let by_setting = format!("[outbound]\nproxy = \"{at}\"");
    for (tables, env) in [("", &[("HTTP_PROXY", &*at)][..]), (&*by_setting, &[])] {
        let ended = check(tables, env);
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        for word in ["providers.forge", "base_url", "in clear"] {
            assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
        }
    }
    for (tables, env) in [
        ("", &[("HTTP_PROXY", &*at), ("NO_PROXY", "example")][..]),
        ("[outbound]\nno_proxy = [\"forge.example\"]", &[("HTTP_PROXY", &*at)]),
        ("[outbound]\nproxy = \"none\"", &[("HTTP_PROXY", &*at)]),
        ("", &[("HTTPS_PROXY", &*at)]),
        (&*by_setting, &[("NO_PROXY", "*")]),
    ] {
        check(tables, env).ok();
    }
    assert_eq!(proxy.heads(), Vec::<String>::new());

    let allowed = format!("{by_setting}\ncredentials_in_clear = true");
    let (status, text) = read(&configuration(&base, "", &allowed), environment(token, &[])).await;
    assert_eq!(status, 200, "{text}");
    let heads = proxy.heads();
    assert!(
        heads[0].starts_with("GET http://forge.example/") && heads[0].contains(token),
        "{heads:?}"
    );
    // `doctor` asks through it as well: the name means nothing to this machine.
    std::fs::write(&file, configuration(&base, "", &allowed)).expect("it is ours");
    let args = ["doctor", "--config", file.to_str().expect("a plain path")];
    let ended = process::run(&args, &environment(token, &[]));
    assert!(
        ended.stdout.contains("answers over http, through a proxy"),
        "{ended:#?}"
    );
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_tunnel_a_proxy_learns_the_name_alone() {
    let sandbox = sandbox().await;
    let authority = Authority::new("ours");
    let front = tls(authority.server("forge.example", |_| {}), forge(&sandbox).address()).await;
    let proxy = proxy(front.address).await;
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).expect("it is ours");
    let path = forge(&sandbox).base_url().replace(forge(&sandbox).origin(), "");
    let text = configuration(
        &format!("https://forge.example{path}"),
        "",
        &format!(
            "[outbound]\nca_file = \"{}\"\nproxy = \"http://{}\"",
            file.display(),
            proxy.address
        ),
    );
    let (status, text) = read(&text, environment(forge(&sandbox).token(), &[])).await;
    assert_eq!(status, 200, "{text}");
    let heads = proxy.heads();
    assert!(heads[0].starts_with("CONNECT forge.example:443 "), "{heads:?}");
    assert!(!heads.concat().contains(forge(&sandbox).token()), "{heads:?}");
    sandbox.shutdown().await;
}

#[test]
fn a_proxy_that_is_none_is_refused_without_its_password() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("mosaic.toml");
    for (tables, env, said) in [
        ("", &[("HTTPS_PROXY", "socks5://u:planted@h:1080")][..], "HTTPS_PROXY"),
        ("[outbound]\nproxy = \"http://u:planted@h:3128\"", &[], "outbound.proxy"),
        ("[outbound]\nproxy = \"planted\"", &[], "outbound.proxy"),
    ] {
        std::fs::write(&file, configuration("https://h.example", "", tables)).expect("it is ours");
        let args = ["check", "--config", file.to_str().expect("a plain path")];
        let ended = process::run(&args, &environment("tok", env));
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(
            ended.stderr.contains(said) && !ended.stderr.contains("planted"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn the_command_line_keeps_its_key_from_proxies_too() {
    let call = |env: &[(&str, &str)]| {
        let args = ["git", "repo", "get", "a/b", "--server", "http://gateway.example"];
        process::run(&args, &environment("", env))
    };
    let proxy = ("HTTP_PROXY", "http://127.0.0.1:1");
    let ended = call(&[proxy, ("MOSAIC_API_KEY", "planted-key-0123456789")]);
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(
        ended.stderr.contains("in clear") && !ended.stderr.contains("planted"),
        "{}",
        ended.stderr
    );
    // Without a key the proxy is asked; nobody is there.
    assert_ne!(call(&[proxy]).code, Some(2));
}
