//! TLS: a certificate and its key from two files, looked at again now and then, so that a renewed one needs no restart.

use crate::database::lock;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The files are looked at this often at most.
const LOOK: Duration = Duration::from_secs(30);

/// What new connections are encrypted with.
pub(crate) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: Mutex<Current>,
}

struct Current {
    looked: Instant,
    changed: [Option<SystemTime>; 2],
    acceptor: TlsAcceptor,
}

impl Tls {
    /// Reads both files; an error names the one that is wrong.
    pub(crate) fn new(certificate: PathBuf, key: PathBuf) -> Result<Tls> {
        let current = Current {
            looked: Instant::now(),
            changed: [changed(&certificate), changed(&key)],
            acceptor: read(&certificate, &key)?,
        };
        Ok(Tls {
            certificate,
            key,
            current: Mutex::new(current),
        })
    }

    /// The acceptor for a new connection. While a renewal is half written or wrong, the one before holds.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let mut current = lock(&self.current);
        if current.looked.elapsed() >= LOOK {
            current.looked = Instant::now();
            let now = [changed(&self.certificate), changed(&self.key)];
            if now != current.changed {
                match read(&self.certificate, &self.key) {
                    Ok(acceptor) => {
                        current.acceptor = acceptor;
                        current.changed = now;
                    }
                    Err(error) => eprintln!("web: the certificate before is kept: {error:#}"),
                }
            }
        }
        current.acceptor.clone()
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}

fn read(certificate: &Path, key: &Path) -> Result<TlsAcceptor> {
    let name = |path: &Path| format!("cannot read {}", path.display());
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| name(certificate))?;
    if chain.is_empty() {
        bail!("{}: no certificate in it (PEM)", certificate.display());
    }
    let private = PrivateKeyDer::from_pem_file(key).with_context(|| name(key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| {
            format!(
                "{} and {} do not go together",
                certificate.display(),
                key.display()
            )
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
