//! TLS of the doors that speak it: given PEM files, or a throw-away certificate authority (FX-2).

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::TlsOptions;
use engine::{Error, ErrorKind, Result};

/// The first byte of a TLS handshake record.
pub(crate) const HANDSHAKE: u8 = 0x16;

/// Who the server is: its certificate chain and key, the same on every door.
pub(crate) struct TlsIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl TlsIdentity {
    /// Reads or makes the certificate; a generated authority is on disk when this returns.
    ///
    /// # Errors
    /// `Config`, naming the file that cannot be read, used or written.
    pub(crate) fn new(options: &TlsOptions) -> Result<Self> {
        let identity = match options {
            TlsOptions::Generate { ca_file } => generate(ca_file)?,
            TlsOptions::Files { cert, key } => read(cert, key)?,
        };
        Ok(identity)
    }

    /// The server side of TLS for a protocol by its name in ALPN.
    ///
    /// # Errors
    /// `Config` when key and certificate do not fit.
    pub(crate) fn server_config(&self, protocol: &[u8]) -> Result<Arc<ServerConfig>> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder.with_no_client_auth().with_single_cert(self.chain.clone(), self.key.clone_key())
            })
            .map_err(|e| fault(format!("The TLS certificate and key cannot be used: {e}")))?;
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(Arc::new(config))
    }
}

fn read(cert: &Path, key: &Path) -> Result<TlsIdentity> {
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| fault(format!("--tls-cert {}: {e}", cert.display())))?;
    if chain.is_empty() {
        return Err(fault(format!("--tls-cert {}: the file holds no certificate", cert.display())));
    }
    let key =
        PrivateKeyDer::from_pem_file(key).map_err(|e| fault(format!("--tls-key {}: {e}", key.display())))?;
    Ok(TlsIdentity { chain, key })
}

fn generate(ca_file: &Path) -> Result<TlsIdentity> {
    let (ca_pem, identity) = issue().map_err(|e| fault(format!("--tls: no certificate can be made: {e}")))?;
    std::fs::write(ca_file, ca_pem)
        .map_err(|e| fault(format!("--tls-ca-file {}: {e}", ca_file.display())))?;
    Ok(identity)
}

fn issue() -> Result<(String, TlsIdentity), rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "altertable-mock local CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

    let mut subjects: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    subjects.extend(host_name());
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(subjects)?;
    params.distinguished_name.push(DnType::CommonName, "altertable-mock");
    let leaf = params.signed_by(&key, &ca)?;
    let chain = vec![leaf.der().clone(), ca.der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    Ok((ca.pem(), TlsIdentity { chain, key }))
}

/// The name that other machines and containers know this one by.
fn host_name() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    (!name.is_empty()).then_some(name)
}

fn fault(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}
