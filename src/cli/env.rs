//! `maibot env`: the settings as variables of the environment, in Helm's format; Helm's first, ours after them.

use std::collections::BTreeMap;

use clap::Args;

use crate::cluster::default_namespace;
use crate::ui::{Failure, Helm, MASK, Printer};

use super::global::{Global, Sources};
use super::setting::Setting;

/// Show the settings as environment variables
#[derive(Debug, Clone, Args)]
pub(crate) struct EnvArgs {
    /// Only the value of this variable
    #[arg(value_name = "VARIABLE")]
    name: Option<String>,
}

/// Prints all variables, or the value of one; of one that does not exist an empty line, as Helm does.
pub(crate) fn run(args: &EnvArgs, sources: &Sources<'_>, global: &Global, printer: &Printer) -> Result<(), Failure> {
    let mut variables = variables(sources, global);
    if let Some(name) = &args.name {
        return printer.result(&format!("{}\n", variables.get(name.as_str()).map_or("", String::as_str)));
    }
    // The list is pasted into bug reports; a token is shown only when it is asked for by name. Helm shows it.
    if global.helm.is_none()
        && let Some(token) = variables.get_mut("HELM_KUBETOKEN").filter(|token| !token.is_empty())
    {
        MASK.clone_into(token);
    }
    let mut text = String::new();
    for (name, value) in &variables {
        text.push_str(name);
        text.push_str("=\"");
        text.push_str(value);
        text.push_str("\"\n");
    }
    printer.result(&text)
}

fn variables(sources: &Sources<'_>, global: &Global) -> BTreeMap<&'static str, String> {
    let text = |setting: Setting| sources.text(setting).unwrap_or_default();
    let kube = &global.kube;
    let mut variables = BTreeMap::from([
        ("HELM_BIN", std::env::args().next().unwrap_or_default()),
        ("HELM_CACHE_HOME", text(Setting::CacheHome)),
        ("HELM_CONFIG_HOME", text(Setting::ConfigHome)),
        ("HELM_DATA_HOME", text(Setting::DataHome)),
        ("HELM_DEBUG", global.debug.to_string()),
        ("HELM_PLUGINS", text(Setting::Plugins)),
        ("HELM_REGISTRY_CONFIG", text(Setting::RegistryConfig)),
        ("HELM_REPOSITORY_CACHE", text(Setting::RepositoryCache)),
        ("HELM_CONTENT_CACHE", text(Setting::ContentCache)),
        ("HELM_REPOSITORY_CONFIG", text(Setting::RepositoryConfig)),
        ("HELM_NAMESPACE", default_namespace(kube)),
        ("HELM_MAX_HISTORY", global.max_history.to_string()),
        ("HELM_BURST_LIMIT", kube.burst.to_string()),
        ("HELM_QPS", format!("{:.2}", kube.qps)),
        ("HELM_KUBECONTEXT", kube.context.clone().unwrap_or_default()),
        ("HELM_KUBETOKEN", text(Setting::KubeToken)),
        ("HELM_KUBEASUSER", kube.as_user.clone().unwrap_or_default()),
        ("HELM_KUBEASGROUPS", kube.as_groups.join(",")),
        ("HELM_KUBEAPISERVER", kube.server.clone().unwrap_or_default()),
        ("HELM_KUBECAFILE", text(Setting::KubeCaFile)),
        ("HELM_KUBEINSECURE_SKIP_TLS_VERIFY", kube.insecure_skip_tls_verify.to_string()),
        ("HELM_KUBETLS_SERVER_NAME", kube.tls_server_name.clone().unwrap_or_default()),
    ]);
    // Helm shows it only when the flag gave it.
    if let Some(kubeconfig) = sources.flag(Setting::Kubeconfig) {
        variables.insert("KUBECONFIG", kubeconfig);
    }
    match global.helm {
        Some(Helm::Three) => {
            variables.remove("HELM_CONTENT_CACHE");
        }
        Some(Helm::Four) => {}
        None => {
            let printer = &global.printer;
            variables.extend([
                ("MAIBOT_CONFIG", sources.configuration.path.display().to_string()),
                ("MAIBOT_EVENTS", if printer.records { "jsonl" } else { "text" }.to_owned()),
                ("MAIBOT_HELM_COMPAT", String::new()),
                ("MAIBOT_LANG", printer.language.tag().to_owned()),
            ]);
        }
    }
    variables
}
