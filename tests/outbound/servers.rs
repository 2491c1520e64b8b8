//! Servers in front of a sandbox: one that ends TLS, one that is a proxy.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// An authority of our own.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate"))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// What a server shows that is called `name`; `adjust` makes it what it should not be.
    pub fn server(&self, name: &str, adjust: impl FnOnce(&mut CertificateParams)) -> ServerConfig {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        adjust(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("they belong together")
    }
}

/// A server, which ends with its handle.
pub struct Front {
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Front {
    /// The heads of the requests that a proxy was sent.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic while held").clone()
    }

    async fn start<F: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(TcpStream, Arc<Mutex<Vec<String>>>) -> F + Send + 'static,
    ) -> Front {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let kept = heads.clone();
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, kept.clone()));
            }
        });
        Front { address, heads, task }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Ends TLS in front of `to`.
pub async fn tls(config: ServerConfig, to: SocketAddr) -> Front {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Front::start(move |socket, _| {
        let acceptor = acceptor.clone();
        async move {
            // A client that does not trust us leaves during the handshake, or at any time after.
            let Ok(mut socket) = acceptor.accept(socket).await else {
                return;
            };
            let mut behind = TcpStream::connect(to).await.expect("it is up");
            let _ = copy_bidirectional(&mut socket, &mut behind).await;
        }
    })
    .await
}

/// A proxy that leads everything to `to`, wherever it was to go.
pub async fn proxy(to: SocketAddr) -> Front {
    Front::start(move |mut socket, heads| async move {
        let mut head = vec![];
        while !head.ends_with(b"\r\n\r\n") {
            // The client may look at the connection and leave.
            let Ok(byte) = socket.read_u8().await else { return };
            head.push(byte);
        }
        let text = String::from_utf8(head.clone()).expect("a head is text");
        heads.lock().expect("no panic while held").push(text.clone());
        let mut behind = TcpStream::connect(to).await.expect("it is up");
        if text.starts_with("CONNECT ") {
            socket
                .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
                .await
                .expect("it waits for it");
        } else {
            behind.write_all(&head).await.expect("it is up");
        }
        let _ = copy_bidirectional(&mut socket, &mut behind).await;
    })
    .await
}
