//! The page of the API's description, in a browser: it needs nothing from elsewhere, and tries calls.

use crate::harness::tools::{browser, drive};
use crate::harness::{Setup, Stage};

/// The only key.
const TOKEN: &str = "planted-token-of-the-page-60d1";

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_loads_the_page_from_us_alone_and_tries_calls() {
    let Some(node) = browser() else { return };
    let setup = Setup {
        tables: "[keys.page]\nkey = \"env:PAGE_KEY\"\ntenant = \"acme\"\n[tenants.acme]\n".to_owned(),
        env: vec![("PAGE_KEY".to_owned(), TOKEN.to_owned())],
        ..Setup::default()
    };
    let stage = Stage::open(setup).await;
    let base = format!("http://{}", stage.gateway.public);
    drive(node, "described/page.cjs", &base, TOKEN).await;
    assert!(stage.asked("github") > 0, "the call that was tried was made");
    stage.close().await;
}
