//! What a login needs from files, read at each connect, so that a renewed certificate or password needs no restart.

use super::link::LinkError;
use crate::{
    config::{self, Transport, Uplink as Config},
    tls,
};

/// The content of the files as they are now.
pub(super) struct Credentials {
    /// User name and, where there is one, password.
    pub(super) login: Option<(String, Option<String>)>,
    /// For a broker that speaks TLS.
    pub(super) tls: Option<tls::Client>,
}

impl Credentials {
    /// Reads away from the runtime's threads: a file may lie on a disk that is slow to wake, or on a network.
    pub(super) async fn read(config: &Config) -> Result<Self, LinkError> {
        let config = config.clone();
        let reading = tokio::task::spawn_blocking(move || Self::read_now(&config));
        reading.await.map_err(|error| LinkError::Lost(error.to_string()))?
    }

    fn read_now(config: &Config) -> Result<Self, LinkError> {
        let is_tls = config.url.transport == Transport::Tls;
        let tls = is_tls.then(|| tls::read_now(&config.tls)).transpose();
        let tls = tls.map_err(|error| LinkError::Tls(error.to_string()))?;
        Ok(Self { login: login(config)?, tls })
    }
}

fn login(config: &Config) -> Result<Option<(String, Option<String>)>, LinkError> {
    let Some(username) = config.username.clone() else { return Ok(None) };
    let password = config.password.as_ref().map(config::Secret::read).transpose()?;
    Ok(Some((username, password.map(|text| text.expose().to_owned()))))
}
