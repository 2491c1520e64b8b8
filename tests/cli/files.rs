//! Files on their way from a provider to the disk, at every surface.

use std::net::{Ipv4Addr, SocketAddr};

use futures_util::TryStreamExt;
use mosaic::catalogue::docs::{ExportFormat, PageExport, PageExportInput, PageGet, PageGetInput};
use mosaic::config::{BaseUrl, Config, ProviderConfig};
use mosaic::embed::serve::{self, Serving};
use mosaic::providers::http::http_client;
use mosaic::sandbox::{Sandbox, SandboxConfig};
use mosaic::{Kind, Mosaic, Secret};
use serde_json::{Value, json};

use crate::recorder::{Ran, mosaic, ran};

/// A gateway in front of the sandbox's BookStack, and a page of it.
pub struct Rig {
    pub sandbox: Sandbox,
    pub gateway: Mosaic,
    serving: Serving,
    pub page: String,
}

impl Rig {
    pub async fn start() -> Self {
        let sandbox = Sandbox::start(SandboxConfig::default_pair()).await.unwrap();
        let wiki = sandbox.server("bookstack-a").unwrap();
        let mut config = Config::default();
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        (config.server.listen, config.admin.listen) = (free, free);
        let provider = ProviderConfig::new("bookstack").at(BaseUrl::parse(wiki.base_url()).unwrap());
        config.providers.insert("wiki".to_owned(), provider);
        let builder = Mosaic::builder(config).credential("wiki", Secret::new(wiki.token()));
        let gateway = builder.start().await.unwrap();
        let serving = serve::serve(&gateway).await.unwrap();
        let listed: Value = http_client()
            .unwrap()
            .get(format!("{}/pages", wiki.base_url()))
            .header("authorization", format!("Token {}", wiki.token()))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        Rig {
            page: listed["data"][0]["id"].to_string(),
            sandbox,
            gateway,
            serving,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.serving.public)
    }

    pub async fn run(&self, line: &[&str]) -> Ran {
        let mut command = mosaic(line);
        command.env("MOSAIC_URL", self.url());
        tokio::task::spawn_blocking(move || ran(&mut command)).await.unwrap()
    }

    fn input(&self, format: ExportFormat) -> PageExportInput {
        PageExportInput {
            page: self.page.as_str().into(),
            format,
        }
    }

    pub async fn stop(self) {
        self.serving.stop(&self.gateway).await;
        self.sandbox.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_exported_to_a_file() {
    let rig = Rig::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.pdf");
    let output = format!("--output={}", path.display());
    let line = [
        "docs", "page", "export", &rig.page, "--format", "pdf", &output, "--json",
    ];
    let told = rig.run(&line).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    let file = std::fs::read(&path).unwrap();
    let told: Value = serde_json::from_str(&told.out).unwrap();
    let expected = json!({"output": path, "bytes": file.len(), "media_type": "application/pdf"});
    assert_eq!(told, expected);
    assert!(file.starts_with(b"%PDF-1.4") && file.ends_with(b"%%EOF\n"));

    let printed = rig
        .run(&["docs", "page", "export", &rig.page, "--format", "markdown"])
        .await;
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert!(printed.out.starts_with("# "), "{printed:?}");

    let before = std::fs::read_dir(folder.path()).unwrap().count();
    let missing = folder.path().join("missing.pdf");
    let output = format!("--output={}", missing.display());
    let told = rig
        .run(&["docs", "page", "export", "99999", "--format", "pdf", &output])
        .await;
    assert_eq!(told.code, Some(3), "{told:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rest_gives_a_file_as_it_is() {
    let rig = Rig::start().await;
    for (format, media_type, begins) in [
        ("pdf", "application/pdf", "%PDF"),
        ("html", "text/html; charset=utf-8", "<!doctype html>"),
        ("markdown", "text/markdown; charset=utf-8", "# "),
        ("text", "text/plain; charset=utf-8", ""),
    ] {
        let url = format!("{}/v1/docs/pages/{}/export?format={format}", rig.url(), rig.page);
        let reply = http_client().unwrap().get(url).send().await.unwrap();
        assert_eq!(reply.status(), 200, "{format}");
        let headers = reply.headers().clone();
        assert_eq!(headers["content-type"], media_type);
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["x-mosaic-provider"], "wiki");
        let disposition = headers["content-disposition"].to_str().unwrap();
        assert!(
            disposition.starts_with("attachment; filename*=UTF-8''"),
            "{disposition}"
        );
        let bytes = reply.bytes().await.unwrap();
        assert_eq!(headers["content-length"], bytes.len().to_string().as_str());
        assert!(String::from_utf8_lossy(&bytes).starts_with(begins), "{format}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_gets_its_bytes() {
    let rig = Rig::start().await;
    let file = rig.gateway.request::<PageExport>(rig.input(ExportFormat::Text)).file();
    let file = file.await.unwrap();
    assert_eq!(&*file.media_type, "text/plain; charset=utf-8");
    assert!(file.name.as_deref().is_some_and(|name| name.ends_with(".txt")));
    let pieces: Vec<_> = file.bytes.try_collect().await.unwrap();
    assert_eq!(pieces.concat().len() as u64, file.length.unwrap());

    // A file is no value, and a value is no file.
    let refused = rig.gateway.call::<PageExport>(rig.input(ExportFormat::Pdf)).await;
    assert_eq!(refused.unwrap_err().kind, Kind::InvalidInput);
    let input = PageGetInput {
        page: rig.page.as_str().into(),
        format: Default::default(),
    };
    let refused = rig.gateway.request::<PageGet>(input).file().await;
    assert_eq!(refused.unwrap_err().kind, Kind::InvalidInput);
    rig.stop().await;
}
