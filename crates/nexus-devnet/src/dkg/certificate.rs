//! The certificate of an operator's service: self-signed, like those of real operators, for this machine only.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivatePkcs8KeyDer},
};

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It couldn't be made.
    #[error("making a self-signed certificate")]
    Make(#[from] rcgen::Error),
    /// TLS can't be spoken with it.
    #[error("setting up TLS")]
    Tls(#[from] tokio_rustls::rustls::Error),
}

/// Draws a key, signs a certificate with it and sets up TLS.
pub(super) fn make_acceptor() -> Result<TlsAcceptor, CertificateError> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names)?;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
