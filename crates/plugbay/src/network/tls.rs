//! TLS with the machine's own root certificates.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

use super::NetworkError;
use super::dial::Connection;
use super::target::Target;

/// How servers prove who they are.
#[derive(Debug, Default)]
pub(super) struct Tls {
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    /// With roots of the caller's choice.
    #[cfg(test)]
    pub(super) fn with_roots(roots: RootCertStore) -> Self {
        Self { config: OnceCell::new_with(Some(config(roots).unwrap())) }
    }

    /// Speaks TLS over a connection. The certificate has to be for the very host that was decided.
    pub(super) async fn wrap(
        &self,
        target: &Target,
        tcp: TcpStream,
    ) -> Result<Connection, NetworkError> {
        let host = target.host();
        let failed = |reason: String| NetworkError::Tls { host: host.to_string(), reason };
        let config = self.config.get_or_try_init(from_machine).await.map_err(failed)?;
        let name = match host.address() {
            Some(address) => ServerName::IpAddress(address.into()),
            None => ServerName::try_from(host.as_str().to_owned())
                .map_err(|error| failed(error.to_string()))?,
        };
        let tls = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await;
        Ok(Box::new(tls.map_err(|error| failed(error.to_string()))?))
    }
}

/// Reading the certificates takes files and milliseconds, which are not this thread's to spend.
async fn from_machine() -> Result<Arc<ClientConfig>, String> {
    let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs)
        .await
        .map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map_or(String::new(), |error| format!(": {error}"));
        return Err(format!("this machine has no root certificates{why}"));
    }
    config(roots)
}

fn config(roots: RootCertStore) -> Result<Arc<ClientConfig>, String> {
    // Named, because rustls would panic where another crate of the program enables a second one.
    let cryptography = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(cryptography)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // What a server remembers of one plugin is not for it to recognise another by.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
