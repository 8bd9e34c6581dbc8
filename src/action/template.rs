//! `template --dry-run=server`: a chart is rendered for the cluster that is there, and what comes of it is held against
//! that cluster. Nothing is written.
//!
//! What Helm checks here, in its order (`pkg/action/install.go`): every object's kind is served, and no object that
//! exists belongs to somebody else. It does not look at fields, because every supported server offers to do that when
//! something is written. So that a typing error is not found only then, each object can also be sent to the server as an
//! apply that is not stored: unlike a schema, that passes defaulting, admission and the rules between fields. Where the
//! server cannot be asked (no right to write, a namespace that is still to be made) that is told, and is no error.

use std::collections::BTreeMap;

use futures::StreamExt as _;

use super::build::{self, Source, Trust};
use super::objects::Planned;
use super::ownership::{self, Owner};
use super::prepare::{self, Template, TemplateFailure, TemplateSettings};
use super::surroundings::{self, Access};
use super::{Cancel, Error, Notice};
use crate::cluster::{self, Cluster, Denial, WriteOptions};
use crate::render::RenderError;
use crate::render::manifest::{Order, read_stored};

/// Objects that are checked at the same time.
const AT_ONCE: usize = 8;

/// What a cluster is asked for `template`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    /// What the render may ask.
    pub access: Access,
    /// Whether kinds and owners are checked.
    pub validate: bool,
    /// Whether the API server is asked to check every object.
    pub check_objects: bool,
    /// Whether objects of others would be taken over.
    pub take_ownership: bool,
}

/// Renders for `template` beside a cluster, and checks what comes of it.
///
/// # Errors
/// Whatever is wrong with name, values, chart or objects, and what the cluster says.
pub async fn template_on_server(
    cluster: &Cluster,
    settings: &TemplateSettings,
    server: Server,
    cancel: &Cancel,
    notices: &mut dyn FnMut(Notice),
) -> Result<Template, TemplateFailure> {
    let own = settings.clone();
    let work =
        move |surroundings: &_, notices: &mut dyn FnMut(Notice)| prepare::template_in(surroundings, &own, notices);
    let template = surroundings::beside(cluster, server.access, cancel, notices, work).await??;
    if server.validate {
        tokio::select! {
            result = Box::pin(validate(cluster, settings, server, &template, notices)) => result?,
            () = cancel.cancelled() => return Err(Error::Interrupted.into()),
        }
    }
    Ok(template)
}

async fn validate(
    cluster: &Cluster,
    settings: &TemplateSettings,
    server: Server,
    template: &Template,
    notices: &mut dyn FnMut(Notice),
) -> Result<(), Error> {
    let owner = Owner { release: &settings.release, namespace: &settings.namespace };
    let sources: Vec<Source> = if template.crds.is_empty() {
        template.rendered.sorted.documents.iter().flat_map(prepare::sources).collect()
    } else {
        // They are part of the manifest, but no documents of the templates.
        let all = read_stored(&template.rendered.manifest, Order::Install, settings.options.compat);
        all.map_err(RenderError::from)?.iter().flat_map(prepare::sources).collect()
    };
    let objects = build::build(cluster, owner, sources, Trust::Nothing).await?;
    if !settings.is_upgrade {
        ownership::check_each(cluster, owner, &objects, server.take_ownership, settings.options.compat).await?;
    }
    if server.check_objects { check_objects(cluster, &objects, notices).await } else { Ok(()) }
}

/// Lets the API server look at every object as if it were applied.
async fn check_objects(cluster: &Cluster, objects: &[Planned], notices: &mut dyn FnMut(Notice)) -> Result<(), Error> {
    // What others manage is no matter of what the templates say.
    let options = WriteOptions { dry_run: true, force: true, ..WriteOptions::default() };
    let checks = objects.iter().map(|object| async {
        let namespace = object.namespace.as_deref();
        if object.makes_name() {
            cluster.create(&object.resource, namespace, &object.body, &options).await.map(drop)
        } else {
            cluster.apply(&object.resource, namespace, &object.name, &object.body, &options).await.map(drop)
        }
    });
    let results: Vec<_> = futures::stream::iter(checks).buffered(AT_ONCE).collect().await;
    let mut unchecked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut first = None;
    for (object, result) in objects.iter().zip(results) {
        match result {
            Ok(()) => {}
            Err(error) if cannot_be_asked(&error) => {
                let reference = object.reference();
                unchecked.entry(error.to_string()).or_default().push(format!("{}/{}", reference.kind, reference.name));
            }
            Err(error) => {
                first.get_or_insert(error);
            }
        }
    }
    for (reason, objects) in unchecked {
        notices(Notice::Unchecked { objects, reason });
    }
    first.map_or(Ok(()), |error| Err(error.into()))
}

/// Whether a refusal says nothing about the object itself.
fn cannot_be_asked(error: &cluster::Error) -> bool {
    match error {
        cluster::Error::Forbidden(_)
        | cluster::Error::NotFound { .. }
        | cluster::Error::Denied { denial: Denial::NamespaceTerminating, .. } => true,
        // A webhook that does more than look cannot be asked for nothing.
        cluster::Error::Invalid { message, .. } | cluster::Error::Refused { message, .. } => {
            message.contains("does not support dry run")
        }
        _ => false,
    }
}
