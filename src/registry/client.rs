//! The parts of the OCI distribution protocol that charts need: manifests, tags, blobs, uploads, the ping of a login.
//!
//! One client speaks to one registry. The types of manifests are oci-client's; its own requests are not used, because
//! they know neither client certificates nor `Link` pages, size limits, retries or ranges. Everything that comes is
//! compared with its digest before it is given on. Steps are named in errors as oras-go names them.

use std::collections::HashSet;

use bytes::Bytes;
use http::header;
use http::{Method, StatusCode};
use oci_distribution::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
    OciDescriptor,
};
use url::Url;

use super::auth::Authenticator;
use super::error::Error;
use super::reference::{Digest, Reference, host_of};
use super::transport::{Call, Reply, Transport, Wanted, same_origin};

/// A manifest or index, compared with its digest.
#[derive(Debug, Clone)]
pub(super) struct RawManifest {
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) content: Bytes,
}

/// Speaks to the registry at one host.
pub(super) struct Client<'a> {
    transport: &'a Transport,
    auth: Authenticator,
    host: String,
    plain_http: bool,
}

impl<'a> Client<'a> {
    pub(super) fn new(transport: &'a Transport, auth: Authenticator, registry: &str, plain_http: bool) -> Self {
        Self { transport, auth, host: host_of(registry).to_owned(), plain_http }
    }

    pub(super) const fn auth(&mut self) -> &mut Authenticator {
        &mut self.auth
    }

    fn url(&self, path: &str) -> Result<Url, Error> {
        let scheme = if self.plain_http { "http" } else { "https" };
        let text = format!("{scheme}://{}/v2/{path}", self.host);
        text.parse().map_err(|error| Error::Reference(format!("{text}: {error}")))
    }

    async fn send(&self, scope: &str, call: Call) -> Result<(Call, Reply), Error> {
        self.auth.send(self.transport, &self.host, scope, call).await
    }

    /// Sends a request and reads its answer; a body that breaks off is asked for again.
    async fn fetch(&self, scope: &str, call: Call, wanted: &Wanted<'_>) -> Result<(Call, Head, Bytes), Error> {
        let (call, reply) = self.send(scope, call).await?;
        let head = Head { headers: reply.headers.clone(), url: reply.url.clone() };
        match self.transport.body(&call, reply, wanted).await {
            Err(Error::Network(network)) if network.cause.is_passing() => {
                let (headers, url, content) = self.transport.fetch(&call, wanted).await?;
                Ok((call, Head { headers, url }, content))
            }
            other => other.map(|content| (call, head, content)),
        }
    }

    /// Whether the registry speaks to us at all: the request that a login makes.
    pub(super) async fn ping(&self) -> Result<(), Error> {
        let call = Call::get(self.url("")?);
        let (call, reply) = self.send("", call).await?;
        match reply.status {
            StatusCode::OK => Ok(()),
            StatusCode::NOT_FOUND => Err(Error::NotFound(format!("{}/v2/", self.host))),
            _ => Err(self.transport.refusal(&call, reply).await),
        }
    }

    /// The manifest that a reference's tag or digest names.
    pub(super) async fn manifest(&self, reference: &Reference) -> Result<RawManifest, Error> {
        self.manifest_inner(reference).await.map_err(|error| error.during("FetchReference", "source"))
    }

    async fn manifest_inner(&self, reference: &Reference) -> Result<RawManifest, Error> {
        let selector = reference.selector().ok_or_else(|| Error::Reference(format!("{reference} names no version")))?;
        let url = self.url(&format!("{}/manifests/{selector}", reference.repository()))?;
        let accepted = [
            IMAGE_MANIFEST_MEDIA_TYPE,
            IMAGE_MANIFEST_LIST_MEDIA_TYPE,
            OCI_IMAGE_MEDIA_TYPE,
            OCI_IMAGE_INDEX_MEDIA_TYPE,
        ];
        let call = Call::get(url).header(header::ACCEPT, &accepted.join(", "));
        let wanted = Wanted { what: "the manifest", size: None, limit: self.transport.limits.metadata };
        let result = self.fetch(&pull_scope(reference), call, &wanted).await;
        let (call, head, content) = match result {
            Err(Error::Refused(refusal)) if refusal.status == 404 => {
                return Err(Error::NotFound(reference.to_string()));
            }
            other => other?,
        };
        let text = |name| head.headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        let promised = match (reference.digest(), text("docker-content-digest")) {
            (Some(digest), _) => Some(digest.clone()),
            (None, Some(digest)) => Some(
                Digest::parse(digest).map_err(|_| call.broken(format!("invalid digest {digest:?} of the manifest")))?,
            ),
            (None, None) => None,
        };
        let actual = promised.as_ref().map_or_else(|| Digest::of(&content), |digest| digest.same_kind_of(&content));
        if let Some(expected) = promised.filter(|expected| *expected != actual) {
            return Err(Error::Digest {
                what: reference.to_string(),
                expected: expected.to_string(),
                actual: actual.to_string(),
            });
        }
        let media_type = text("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Ok(RawManifest { digest: actual, media_type, content })
    }

    /// The digest that a reference's tag stands for.
    pub(super) async fn resolve(&self, reference: &Reference) -> Result<Digest, Error> {
        // A manifest is small, and read as a whole its digest need not be believed.
        self.manifest_inner(reference).await.map(|manifest| manifest.digest)
    }

    /// All tags of a repository, as the registry writes them.
    pub(super) async fn tags(&self, reference: &Reference) -> Result<Vec<String>, Error> {
        #[derive(serde::Deserialize)]
        struct Page {
            #[serde(default)]
            tags: Option<Vec<String>>,
        }
        let limits = &self.transport.limits;
        let wanted = Wanted { what: "a page of tags", size: None, limit: limits.metadata };
        let mut call = Call::get(self.url(&format!("{}/tags/list", reference.repository()))?);
        let mut seen = HashSet::new();
        let mut tags = Vec::new();
        loop {
            if !seen.insert(call.url.clone()) {
                return Err(call.broken("the pages of tags lead in a circle"));
            }
            if seen.len() > limits.pages {
                return Err(Error::TooLarge { what: "the list of tags, in pages,".into(), limit: limits.pages as u64 });
            }
            let (asked, head, content) = self.fetch(&pull_scope(reference), call, &wanted).await?;
            let page: Page = serde_json::from_slice(&content)
                .map_err(|error| asked.broken(format!("failed to decode response: {error}")))?;
            tags.extend(page.tags.unwrap_or_default());
            if tags.len() > limits.tags {
                return Err(Error::TooLarge { what: "the list of tags, in tags,".into(), limit: limits.tags as u64 });
            }
            let Some(link) = head.headers.get(header::LINK) else { return Ok(tags) };
            let link = link.to_str().ok().and_then(next_link);
            let next = link.ok_or_else(|| asked.broken("invalid next link")).and_then(|link| {
                head.url.join(link).map_err(|error| asked.broken(format!("invalid next link {link:?}: {error}")))
            })?;
            // The next page gets our credentials.
            if !same_origin(&asked.url, &next) {
                return Err(asked.broken(format!("the next page of tags is on another host: {next}")));
            }
            call = Call::get(next);
        }
    }

    /// The content that a descriptor describes.
    pub(super) async fn blob(
        &self,
        reference: &Reference,
        descriptor: &OciDescriptor,
        what: &str,
        limit: u64,
    ) -> Result<Bytes, Error> {
        self.blob_inner(reference, descriptor, what, limit).await.map_err(|error| error.during("Fetch", "source"))
    }

    async fn blob_inner(
        &self,
        reference: &Reference,
        descriptor: &OciDescriptor,
        what: &str,
        limit: u64,
    ) -> Result<Bytes, Error> {
        let digest = Digest::parse(&descriptor.digest)?;
        let size = u64::try_from(descriptor.size)
            .map_err(|_| Error::Manifest(format!("{what} has the impossible size {}", descriptor.size)))?;
        if size > limit {
            return Err(Error::TooLarge { what: what.to_owned(), limit });
        }
        let url = self.url(&format!("{}/blobs/{digest}", reference.repository()))?;
        let (call, reply) = self.send(&pull_scope(reference), Call::get(url)).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Err(Error::NotFound(format!("{}@{digest}", reference.without_version())));
        }
        let wanted = Wanted { what, size: Some(size), limit };
        let content = self.transport.download(&call, reply, &wanted).await?;
        if !digest.fits(&content) {
            return Err(Error::Digest {
                what: what.to_owned(),
                expected: digest.to_string(),
                actual: digest.same_kind_of(&content).to_string(),
            });
        }
        Ok(content)
    }

    /// Whether the registry has a manifest of this digest.
    pub(super) async fn has_manifest(&self, reference: &Reference, digest: &Digest) -> Result<bool, Error> {
        let answer = async {
            let url = self.url(&format!("{}/manifests/{digest}", reference.repository()))?;
            let call = Call::new(Method::HEAD, url).header(header::ACCEPT, OCI_IMAGE_MEDIA_TYPE);
            let (call, reply) = self.send(&push_scope(reference), call).await?;
            match reply.status {
                StatusCode::OK => Ok(true),
                StatusCode::NOT_FOUND => Ok(false),
                _ => Err(self.transport.refusal(&call, reply).await),
            }
        };
        answer.await.map_err(|error: Error| error.during("Exists", "destination"))
    }

    /// Uploads a blob, unless the registry has it.
    pub(super) async fn upload(&self, reference: &Reference, content: Bytes) -> Result<(), Error> {
        self.upload_inner(reference, content).await.map_err(|error| error.during("Push", "destination"))
    }

    async fn upload_inner(&self, reference: &Reference, content: Bytes) -> Result<(), Error> {
        let digest = Digest::of(&content);
        let scope = push_scope(reference);
        let known = Call::new(Method::HEAD, self.url(&format!("{}/blobs/{digest}", reference.repository()))?);
        let (known, reply) = self.send(&scope, known).await?;
        match reply.status {
            StatusCode::OK => return Ok(()),
            StatusCode::NOT_FOUND => {}
            _ => return Err(self.transport.refusal(&known, reply).await),
        }
        let mut attempt = 0;
        loop {
            match self.upload_once(reference, &scope, &digest, content.clone()).await {
                // The session is lost with the connection: a new one is begun.
                Err(Error::Network(network)) if network.cause.is_passing() && attempt < 2 => attempt += 1,
                other => return other,
            }
        }
    }

    async fn upload_once(
        &self,
        reference: &Reference,
        scope: &str,
        digest: &Digest,
        content: Bytes,
    ) -> Result<(), Error> {
        let begin = Call::new(Method::POST, self.url(&format!("{}/blobs/uploads/", reference.repository()))?);
        let (begin, reply) = self.send(scope, begin).await?;
        if reply.status != StatusCode::ACCEPTED {
            return Err(self.transport.refusal(&begin, reply).await);
        }
        let location = reply.header(header::LOCATION).ok_or_else(|| begin.broken("no Location of the upload"))?;
        let mut location =
            reply.url.join(location).map_err(|error| begin.broken(format!("the upload's Location: {error}")))?;
        // Behind a proxy that ends TLS some registries believe that they speak without: the way stays as it was.
        if begin.url.scheme() == "https" && location.scheme() == "http" && location.host() == begin.url.host() {
            let _ = location.set_scheme("https");
            let _ = location.set_port(begin.url.port());
        }
        // Some forget the port they are reached at.
        if location.host() == begin.url.host() && location.port().is_none() {
            let _ = location.set_port(begin.url.port());
        }
        if !same_origin(&begin.url, &location) {
            return Err(begin.broken(format!("the upload's Location is on another host: {location}")));
        }
        location.query_pairs_mut().append_pair("digest", digest.as_str());
        let put = Call::new(Method::PUT, location).body("application/octet-stream", content);
        let (put, reply) = self.send(scope, put).await?;
        match reply.status {
            StatusCode::CREATED => Ok(()),
            _ => Err(self.transport.refusal(&put, reply).await),
        }
    }

    /// Uploads a manifest under a reference's tag.
    pub(super) async fn put_manifest(&self, reference: &Reference, content: Bytes) -> Result<Digest, Error> {
        let digest = Digest::of(&content);
        let selector = reference.selector().unwrap_or(digest.as_str());
        let url = self.url(&format!("{}/manifests/{selector}", reference.repository()))?;
        let call = Call::new(Method::PUT, url).body(OCI_IMAGE_MEDIA_TYPE, content);
        let answer = async {
            let (call, reply) = self.send(&push_scope(reference), call).await?;
            if reply.status != StatusCode::CREATED {
                return Err(self.transport.refusal(&call, reply).await);
            }
            match reply.header("docker-content-digest") {
                Some(stored) if stored != digest.as_str() => Err(Error::Digest {
                    what: reference.to_string(),
                    expected: digest.to_string(),
                    actual: stored.chars().take(200).collect(),
                }),
                _ => Ok(digest),
            }
        };
        answer.await.map_err(|error| error.during("PushReference", "destination"))
    }
}

/// The head of an answer whose body was read.
struct Head {
    headers: http::HeaderMap,
    url: Url,
}

fn pull_scope(reference: &Reference) -> String {
    format!("repository:{}:pull", reference.repository())
}

fn push_scope(reference: &Reference) -> String {
    format!("repository:{}:pull,push", reference.repository())
}

/// The address in `<…>; rel="next"`.
fn next_link(link: &str) -> Option<&str> {
    link.trim_start().strip_prefix('<')?.split_once('>').map(|(address, _)| address)
}

#[cfg(test)]
mod tests {
    use super::next_link;

    #[test]
    fn the_next_page_is_between_angle_brackets() {
        assert_eq!(next_link("</v2/a/tags/list?last=b&n=1>; rel=\"next\""), Some("/v2/a/tags/list?last=b&n=1"));
        assert_eq!(next_link("/v2/a"), None);
        assert_eq!(next_link("</v2/a"), None);
    }
}
