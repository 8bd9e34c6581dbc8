//! Charts over the network: OCI registries, classic repositories, plain addresses, and the cache before them.
//!
//! Owns references, the choice of a version, credentials, transport, the content cache and the check of signatures. It
//! gives and takes bytes: what a chart archive holds is `chart`'s business. Rules and texts are those of Helm 4.2
//! (`pkg/registry`, `pkg/downloader`, `pkg/getter`, `pkg/repo`) and of oras-go below it; where we differ, the
//! difference is one of safety: a login typed on the command line goes to the named host only, an `Authorization`
//! header never crosses to another origin, sizes and times are bounded, cached content is verified.

mod auth;
mod cache;
mod cleartext;
mod client;
mod connect;
mod credentials;
mod error;
mod fetch;
mod keyring;
mod login;
mod provenance;
mod push;
mod reference;
mod repository;
mod settings;
mod transport;

use std::sync::Arc;

pub use error::{Cause, Error, Network, Refusal};
pub use fetch::{ChartRequest, Fetched, Provenance};
pub use provenance::{ProvenanceError, SigningKey, Verified, verify};
pub use push::{Package, Pushed};
pub use reference::{Digest, Reference, SCHEME, is_oci};
pub use settings::{Limits, Login, Notice, Notices, RegistrySettings, TlsSettings};

use auth::Authenticator;
use cache::Cache;
use client::Client;
use credentials::Credentials;
use transport::Transport;

/// The media type of a chart's configuration: `Chart.yaml` as JSON.
pub const CONFIG_MEDIA_TYPE: &str = "application/vnd.cncf.helm.config.v1+json";
/// The media type of a chart archive.
pub const CHART_MEDIA_TYPE: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// The media type of a chart archive in registries of old.
pub const OLD_CHART_MEDIA_TYPE: &str = "application/tar+gzip";
/// The media type of a provenance file.
pub const PROVENANCE_MEDIA_TYPE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

/// The way to registries and repositories. Nothing is read or sent before the first request.
pub struct Registry {
    settings: RegistrySettings,
    transport: Transport,
    cache: Option<Cache>,
    notices: Arc<dyn Notices>,
}

impl Registry {
    /// With these settings.
    ///
    /// # Errors
    /// If a certificate or key cannot be read.
    pub fn new(settings: RegistrySettings, notices: Arc<dyn Notices>) -> Result<Self, Error> {
        let transport = Transport::new(&settings, Arc::clone(&notices))?;
        let cache = settings.content_cache.clone().map(Cache::new);
        Ok(Self { settings, transport, cache, notices })
    }

    /// A client of one registry. It alone gets the login of the command line if `named` says so.
    fn client(&self, registry: &str, named: bool) -> Client<'_> {
        let credentials = Credentials::new(&self.settings, Arc::clone(&self.notices));
        let typed = self.settings.login.clone().filter(|_| named);
        let typed = typed.map(|login| (reference::host_of(registry).to_owned(), login));
        Client::new(&self.transport, Authenticator::new(credentials, typed), registry, self.settings.plain_http)
    }

    /// Whether a login was typed on the command line.
    pub const fn has_login(&self) -> bool {
        self.settings.login.is_some()
    }

    /// The versions of a chart in a registry, newest first.
    ///
    /// # Errors
    /// If the reference is none, or the registry does not answer.
    pub async fn versions(&self, reference: &str) -> Result<Vec<String>, Error> {
        let reference = Reference::parse(reference)?;
        let tags = self.tags(&self.client(reference.registry(), true), &reference).await?;
        Ok(tags.into_iter().map(|version| version.original().to_owned()).collect())
    }
}
