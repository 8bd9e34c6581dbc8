//! Pushing a chart: its archive, its provenance and its configuration become blobs and a manifest.
//!
//! The manifest is, byte for byte, the one that Helm 4.2 makes of the same archive (`pkg/registry/client.go`), so that
//! both tools give one chart one digest.

use std::collections::BTreeMap;

use bytes::Bytes;
use oci_distribution::manifest::{OciDescriptor, OciImageManifest};

use super::error::Error;
use super::reference::{Digest, Reference};
use super::settings::Notice;
use super::{CHART_MEDIA_TYPE, CONFIG_MEDIA_TYPE, PROVENANCE_MEDIA_TYPE, Registry};
use crate::yaml::json::escape_html;

/// What is pushed.
#[derive(Debug, Clone)]
pub struct Package {
    /// The chart's name.
    pub name: String,
    /// The chart's version.
    pub version: String,
    /// The archive.
    pub archive: Bytes,
    /// The provenance file.
    pub provenance: Option<Bytes>,
    /// `Chart.yaml` as JSON.
    pub config: Bytes,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
}

/// What was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The reference, with its tag as the registry has it.
    pub reference: Reference,
    /// The digest of the manifest.
    pub digest: Digest,
}

fn descriptor(media_type: &str, content: &[u8]) -> OciDescriptor {
    OciDescriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(content).to_string(),
        size: i64::try_from(content.len()).unwrap_or(i64::MAX),
        urls: None,
        annotations: None,
        artifact_type: None,
    }
}

/// The manifest of a package.
fn manifest(package: &Package) -> Result<Bytes, Error> {
    let mut layers = vec![descriptor(CHART_MEDIA_TYPE, &package.archive)];
    layers.extend(package.provenance.as_ref().map(|content| descriptor(PROVENANCE_MEDIA_TYPE, content)));
    layers.sort_by(|one, other| one.digest.cmp(&other.digest));
    let manifest = OciImageManifest {
        schema_version: 2,
        media_type: None,
        config: descriptor(CONFIG_MEDIA_TYPE, &package.config),
        layers,
        subject: None,
        artifact_type: None,
        annotations: Some(package.annotations.clone()),
    };
    let text = serde_json::to_string(&manifest).map_err(|error| Error::Push(error.to_string()))?;
    Ok(escape_html(&text).into())
}

impl Registry {
    /// Pushes a package below `target`, such as `oci://host/charts`.
    ///
    /// # Errors
    /// If the target is no place for it, or the registry refuses.
    pub async fn push(&self, target: &str, package: Package) -> Result<Pushed, Error> {
        let folder = target.strip_prefix(super::SCHEME).unwrap_or(target).trim_end_matches('/');
        let reference = Reference::parse(&format!("{folder}/{}", package.name))?;
        if reference.tag().is_some() || reference.digest().is_some() {
            return Err(Error::Reference(format!("{target} names a version; the chart's own is used")));
        }
        let reference = reference.at_version(&package.version)?;
        let manifest = manifest(&package)?;
        let client = self.client(reference.registry(), true);
        // A manifest that is there vouches for its blobs; only the tag may still be missing.
        if !client.has_manifest(&reference, &Digest::of(&manifest)).await? {
            for content in [Some(package.config), Some(package.archive), package.provenance].into_iter().flatten() {
                client.upload(&reference, content).await?;
            }
        }
        let digest = client.put_manifest(&reference, manifest).await?;
        self.notices.notice(Notice::Pushed { reference: reference.to_string(), digest: digest.to_string() });
        Ok(Pushed { reference, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::{Package, manifest};

    #[test]
    fn the_manifest_is_helms() {
        let package = Package {
            name: "a".into(),
            version: "1.0.0".into(),
            archive: b"archive".as_slice().into(),
            provenance: None,
            config: b"{}".as_slice().into(),
            annotations: [("k".to_owned(), "<&>".to_owned())].into(),
        };
        let text = String::from_utf8(manifest(&package).unwrap().to_vec()).unwrap();
        assert_eq!(
            text,
            "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/vnd.cncf.helm.config.v1+json\",\"digest\":\
             \"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":2},\"layers\":[{\
             \"mediaType\":\"application/vnd.cncf.helm.chart.content.v1.tar+gzip\",\"digest\":\
             \"sha256:5c68f2b2a1e1d6b3a5b3d2a02f5e6ee87b1a3d0d7ab5e6cf7f2ddf9a9b8e9f70\",\"size\":7}],\"annotations\":{\"k\":\
             \"\\u003c\\u0026\\u003e\"}}"
                .replace(
                    "sha256:5c68f2b2a1e1d6b3a5b3d2a02f5e6ee87b1a3d0d7ab5e6cf7f2ddf9a9b8e9f70",
                    super::Digest::of(b"archive").as_str()
                )
        );
    }
}
