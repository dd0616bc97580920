//! TLS as a client: settings from files, and the handshake. Brokers and devices share it.
//!
//! The other end is always verified: against the named roots, or the system's when none are named.

use std::{io, path::Path, sync::Arc};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    },
};

use crate::config::Tls;

/// What is needed for a handshake.
pub(crate) type Client = Arc<ClientConfig>;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// The files do not do.
    #[error("{0}")]
    Settings(String),
    /// The two ends do not agree.
    #[error("{0}")]
    Handshake(#[from] io::Error),
}

/// Reads away from the runtime's threads: a file may lie on a disk that is slow to wake, or on a network.
#[cfg(feature = "modbus")]
pub(crate) async fn read(tls: Tls) -> Result<Client, TlsError> {
    let reading = tokio::task::spawn_blocking(move || read_now(&tls));
    reading.await.map_err(|error| TlsError::Settings(error.to_string()))?
}

/// Shakes hands over a connection to `host`, whose certificate must have that name.
pub(crate) async fn connect<S>(client: Client, host: &str, stream: S) -> Result<TlsStream<S>, TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = ServerName::try_from(host.to_owned()).map_err(|error| TlsError::Settings(error.to_string()))?;
    Ok(TlsConnector::from(client).connect(name, stream).await?)
}

/// Reads the files as they are now, on a thread that may wait.
pub(crate) fn read_now(tls: &Tls) -> Result<Client, TlsError> {
    let roots = match &tls.ca {
        Some(path) => roots_from(path)?,
        None => system_roots()?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Settings(error.to_string()))?
        .with_root_certificates(roots);
    let mut config = match (&tls.cert, &tls.key) {
        (Some(cert), Some(key)) => builder
            .with_client_auth_cert(certificates(cert)?, private_key(key)?)
            .map_err(|error| TlsError::Settings(format!("client certificate: {error}")))?,
        (None, _) | (_, None) => builder.with_no_client_auth(),
    };
    config.alpn_protocols = tls.alpn.iter().map(|name| name.clone().into_bytes()).collect();
    Ok(Arc::new(config))
}

fn roots_from(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| unreadable(path, &error))?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    // A single odd certificate in the system's store must not cost the uplink; an empty store does.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(TlsError::Settings("the system has no trusted root certificates; name a ca file".into()));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(path, &error))?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(|error| unreadable(path, &error))?;
    if found.is_empty() {
        return Err(TlsError::Settings(format!("{} holds no certificate", path.display())));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &impl std::fmt::Display) -> TlsError {
    TlsError::Settings(format!("{}: {error}", path.display()))
}
