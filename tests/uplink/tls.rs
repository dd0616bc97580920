//! TLS to the broker: whom we trust, who we are, and which protocol we name.

use std::{net::Ipv4Addr, path::PathBuf, sync::Arc};

use tempfile::TempDir;
use tidegate::{
    config::{MqttProtocol, Tls, Transport, Uplink},
    uplink::State,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer},
        server::WebPkiClientVerifier,
    },
};

use super::{
    BOTH,
    support::{Memory, Mosquitto, config, embedded, free_port, start, within},
};

/// A certificate with its key, and both as files.
struct Identity {
    certified: rcgen::CertifiedKey<rcgen::KeyPair>,
    cert: PathBuf,
    key: PathBuf,
}

impl Identity {
    fn new(folder: &TempDir, name: &str) -> Self {
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let write = |name: String, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let cert = write(format!("{name}.pem"), certified.cert.pem());
        let key = write(format!("{name}.key"), certified.signing_key.serialize_pem());
        Self { certified, cert, key }
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.certified.cert.der().clone()
    }

    /// A server that is this identity, takes clients with that certificate only, and speaks `mqtt`.
    fn server_for(&self, client: &Self) -> ServerConfig {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(client.certificate()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let key = PrivateKeyDer::try_from(self.certified.signing_key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(vec![self.certificate()], key)
            .unwrap();
        config.alpn_protocols = vec![b"mqtt".to_vec()];
        config
    }
}

fn over_tls(port: u16, protocol: MqttProtocol, tls: Tls) -> Uplink {
    let mut config = config(port, protocol);
    (config.url.transport, config.url.host, config.tls) = (Transport::Tls, "localhost".into(), tls);
    config
}

#[tokio::test]
async fn tls_delivers_to_the_right_certificate_and_refuses_a_wrong_one() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let (own, other) = (Identity::new(&folder, "own"), Identity::new(&folder, "other"));
    let settings = format!("certfile {}\nkeyfile {}\n", own.cert.display(), own.key.display());
    let _broker = Mosquitto::start(folder.path(), port, &settings).await;

    for protocol in BOTH {
        let mut config = over_tls(port, protocol, Tls { ca: Some(other.cert.clone()), ..Tls::default() });
        let mut refused = start(config.clone(), Memory::new());
        refused.error("TLS").await;
        refused.stop().await;

        config.tls.ca = Some(own.cert.clone());
        let outbox = Memory::new();
        outbox.fill(20);
        let mut running = start(config, outbox.clone());
        outbox.drained().await;
        within(running.status.wait_for(|status| status.state == State::Connected)).await.unwrap();
        running.stop().await;
    }
}

#[tokio::test]
async fn tls_to_a_plain_port_hints_at_the_port_and_a_closed_port_is_no_lost_connection() {
    for protocol in BOTH {
        // Mosquitto ends the connection over a packet that it does not understand.
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let own = Identity::new(&folder, "own");
        let broker = Mosquitto::start(folder.path(), port, "").await;
        let config = over_tls(port, protocol, Tls { ca: Some(own.cert), ..Tls::default() });

        let mut running = start(config, Memory::new());
        running.error(&format!("does port {port} speak TLS")).await;
        drop(broker);
        running.error("cannot connect: ").await;

        running.stop().await;
    }
}

#[tokio::test]
async fn a_broker_that_asks_sees_our_certificate_and_the_protocol_we_name() {
    for protocol in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let (server, client) = (Identity::new(&folder, "server"), Identity::new(&folder, "client"));
        let (_broker, behind, _stop) = embedded().await;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tls = TlsAcceptor::from(Arc::new(server.server_for(&client)));
        let stranger = Tls { ca: Some(server.cert.clone()), ..Tls::default() };
        let known = Tls {
            cert: Some(client.cert.clone()),
            key: Some(client.key.clone()),
            alpn: vec!["mqtt".into()],
            ..stranger.clone()
        };

        let refused = start(over_tls(port, protocol, stranger), Memory::new());
        let turned_away = tls.accept(listener.accept().await.unwrap().0).await;
        assert!(turned_away.is_err(), "a client without certificate was let in");
        refused.stop().await;

        let outbox = Memory::new();
        outbox.fill(20);
        let running = start(over_tls(port, protocol, known), outbox.clone());
        let mut accepted = loop {
            // What is left of the stranger's attempts is still in the queue.
            if let Ok(accepted) = within(tls.accept(listener.accept().await.unwrap().0)).await {
                break accepted;
            }
        };
        assert_eq!(accepted.get_ref().1.alpn_protocol(), Some(&b"mqtt"[..]));
        assert_eq!(accepted.get_ref().1.peer_certificates(), Some(&[client.certificate()][..]));
        let mut broker = TcpStream::connect((Ipv4Addr::LOCALHOST, behind)).await.unwrap();
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut accepted, &mut broker) => panic!("the connection ended"),
            () = outbox.drained() => {}
        }
        drop((accepted, broker));
        running.stop().await;
    }
}
