//! Credential plugins.

use std::os::unix::fs::PermissionsExt as _;

use maibot::cluster::{ConfigError, Environment, Error, KubeSettings, Signal};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::server::{Answer, FakeServer, connect, quick_limits};

const VERSION: &str = "client.authentication.k8s.io/v1";

/// A plugin in a folder of its own, run by `/bin/sh`, that counts its runs in the file `runs`.
struct Plugin {
    folder: TempDir,
}

impl Plugin {
    fn new(script: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("plugin");
        let runs = folder.path().join("runs");
        std::fs::write(&path, format!("#!/bin/sh\necho run >> '{}'\n{script}\n", runs.display())).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    /// One that prints this status.
    fn printing(status: &Value) -> Self {
        let answer = json!({ "kind": "ExecCredential", "apiVersion": VERSION, "status": status });
        Self::new(&format!("echo '{answer}'"))
    }

    fn runs(&self) -> usize {
        std::fs::read_to_string(self.folder.path().join("runs")).unwrap_or_default().lines().count()
    }

    /// Settings whose kubeconfig, in the plugin's folder, calls it by a relative path; `more` goes into `exec`.
    fn settings(&self, server: &str, more: &str) -> KubeSettings {
        let path = self.folder.path().join("config");
        let content = format!(
            "current-context: a\n\
             contexts:\n- name: a\n  context: {{cluster: a, user: a}}\n\
             clusters:\n- name: a\n  cluster:\n    server: {server}\n    extensions:\n\
             \x20   - name: client.authentication.k8s.io/exec\n      extension: {{audience: bots}}\n\
             users:\n- name: a\n  user:\n    exec: {{apiVersion: {VERSION}, command: ./plugin, interactiveMode: Never{more}}}\n"
        );
        std::fs::write(&path, content).unwrap();
        KubeSettings { kubeconfig: Some(path), limits: quick_limits(), ..KubeSettings::default() }
    }
}

async fn server() -> FakeServer {
    let server = FakeServer::start().await;
    server.on("GET", "/version", |_| Answer::ok(&json!({ "major": "1", "minor": "34", "gitVersion": "v1.34.4" })));
    server
}

async fn refusal(settings: &KubeSettings) -> ConfigError {
    match connect(settings).await.map(|_| ()).unwrap_err() {
        Error::Config(error) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_plugin_runs_once_for_many_requests() {
    let server = server().await;
    let plugin = Plugin::printing(&json!({ "token": "abc", "expirationTimestamp": "2999-01-01T00:00:00Z" }));
    let (cluster, _) = connect(&plugin.settings(&server.url(), "")).await.unwrap();
    for _ in 0..3 {
        cluster.version().await.unwrap();
    }
    assert_eq!(plugin.runs(), 1);
    assert!(server.requests().iter().all(|request| request.header("authorization") == Some("Bearer abc")));
}

#[tokio::test]
async fn a_token_about_to_expire_is_renewed() {
    let server = server().await;
    let plugin = Plugin::printing(&json!({ "token": "abc", "expirationTimestamp": "2001-01-01T00:00:00Z" }));
    let (cluster, _) = connect(&plugin.settings(&server.url(), "")).await.unwrap();
    cluster.version().await.unwrap();
    assert_eq!(plugin.runs(), 2);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let server = FakeServer::start().await;
    server.once("GET", "/version", Answer::refusal(401, "Unauthorized", "Unauthorized"));
    server.once("GET", "/version", Answer::ok(&json!({ "major": "1", "minor": "34", "gitVersion": "v1.34.4" })));
    server.on("GET", "/version", |_| Answer::refusal(401, "Unauthorized", "Unauthorized"));
    let plugin = Plugin::printing(&json!({ "token": "abc" }));
    let (cluster, _) = connect(&plugin.settings(&server.url(), "")).await.unwrap();
    cluster.version().await.unwrap();
    assert_eq!(plugin.runs(), 2);
    let error = cluster.version().await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    assert!(error.to_string().contains("credential plugin"), "{error}");
    assert_eq!((plugin.runs(), server.requests().len()), (3, 4));
}

#[tokio::test]
async fn a_plugin_is_told_what_the_kubeconfig_says() {
    let server = server().await;
    let plugin = Plugin::new(&format!(
        "printf '%s' \"$KUBERNETES_EXEC_INFO\" > info; printf '%s' \"$1 $MINE\" > given; \
         echo '{{\"kind\":\"ExecCredential\",\"apiVersion\":\"{VERSION}\",\"status\":{{\"token\":\"t\"}}}}'"
    ));
    let folder = plugin.folder.path().display().to_string();
    let script = std::fs::read_to_string(plugin.folder.path().join("plugin")).unwrap();
    let script =
        script.replace("> info", &format!("> '{folder}/info'")).replace("> given", &format!("> '{folder}/given'"));
    std::fs::write(plugin.folder.path().join("plugin"), script).unwrap();
    let more = ", args: [one], env: [{name: MINE, value: two}], provideClusterInfo: true";
    connect(&plugin.settings(&server.url(), more)).await.unwrap();
    let info: Value = serde_json::from_slice(&std::fs::read(plugin.folder.path().join("info")).unwrap()).unwrap();
    assert_eq!(
        info,
        json!({
            "kind": "ExecCredential", "apiVersion": VERSION,
            "spec": { "interactive": false, "cluster": { "server": server.url(), "config": { "audience": "bots" } } },
        })
    );
    assert_eq!(std::fs::read_to_string(plugin.folder.path().join("given")).unwrap(), "one two");
}

#[tokio::test]
async fn a_failing_plugin_is_named_with_what_it_said() {
    let plugin =
        Plugin::new("echo 'token: top-secret'; echo 'session expired' >&2; echo 'run: cloud login' >&2; exit 3");
    let settings = plugin.settings("http://127.0.0.1:1", ", args: [top-secret]");
    let Err(Error::Config(error)) = connect(&settings).await.map(|_| ()) else { panic!("it worked") };
    let command = plugin.folder.path().join("./plugin");
    assert_eq!(
        error.to_string(),
        format!(
            "credential plugin {}: it failed (exit status: 3): session expired\nrun: cloud login",
            command.display()
        )
    );
    assert_eq!(error.code().id(), "MB3015");
    assert!(!format!("{error:?}").contains("top-secret"));
}

#[tokio::test]
async fn what_a_plugin_says_is_signalled_while_it_runs() {
    let server = server().await;
    let plugin = Plugin::new(&format!(
        "echo 'open a browser' >&2; echo '{{\"kind\":\"ExecCredential\",\"apiVersion\":\"{VERSION}\",\"status\":{{\"token\":\"t\"}}}}'"
    ));
    let (_, heard) = connect(&plugin.settings(&server.url(), "")).await.unwrap();
    let all = heard.all();
    assert!(matches!(&all[..], [Signal::Plugin { line, .. }] if line == "open a browser"), "{all:?}");
}

#[tokio::test]
async fn a_missing_plugin_is_named_with_the_hint_on_how_to_get_it() {
    let plugin = Plugin::new("");
    let mut settings = plugin.settings("http://127.0.0.1:1", ", installHint: \"brew install foo\"");
    let content = std::fs::read_to_string(settings.kubeconfig.as_ref().unwrap()).unwrap();
    let path = plugin.folder.path().join("other");
    std::fs::write(&path, content.replace("./plugin", "maibot-no-such-plugin")).unwrap();
    settings.kubeconfig = Some(path);
    assert_eq!(
        refusal(&settings).await.to_string(),
        "credential plugin maibot-no-such-plugin: no such program (brew install foo)"
    );
}

#[tokio::test]
async fn nonsense_of_a_plugin_is_refused_and_not_repeated() {
    let credential =
        |status: Value| json!({ "kind": "ExecCredential", "apiVersion": VERSION, "status": status }).to_string();
    for (output, why) in [
        ("top-secret".to_owned(), "no ExecCredential"),
        (String::new(), "no ExecCredential"),
        (json!({ "kind": "Secret", "token": "top-secret" }).to_string(), "no ExecCredential"),
        (credential(json!({})), "neither a token nor a client certificate"),
        (credential(json!({ "clientCertificateData": "top-secret" })), "certificate without a key"),
        (credential(json!({ "token": "top-secret", "expirationTimestamp": "soon" })), "no time"),
        (credential(json!({ "token": "top\nsecret" })), "characters"),
        (
            json!({ "kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1beta1",
                    "status": { "token": "top-secret" } })
            .to_string(),
            "another apiVersion",
        ),
    ] {
        let plugin = Plugin::new(&format!("cat <<'END'\n{output}\nEND"));
        let error = refusal(&plugin.settings("http://127.0.0.1:1", "")).await;
        assert!(error.to_string().contains(why), "{error}");
        assert!(!format!("{error:?}").contains("top"), "{error:?}");
    }
}

#[tokio::test]
async fn a_plugin_may_write_yaml() {
    let server = server().await;
    let plugin =
        Plugin::new(&format!("printf 'kind: ExecCredential\\napiVersion: {VERSION}\\nstatus:\\n  token: abc\\n'"));
    let (cluster, _) = connect(&plugin.settings(&server.url(), "")).await.unwrap();
    cluster.version().await.unwrap();
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer abc"));
}

#[tokio::test]
async fn a_plugin_that_must_ask_needs_a_terminal() {
    let plugin = Plugin::printing(&json!({ "token": "abc" }));
    let mut settings = plugin.settings("http://127.0.0.1:1", "");
    let path = settings.kubeconfig.clone().unwrap();
    let content = std::fs::read_to_string(&path).unwrap().replace("Never", "Always");
    std::fs::write(&path, content).unwrap();
    assert!(refusal(&settings).await.to_string().contains("there is no terminal"));
    assert_eq!(plugin.runs(), 0);
    settings.environment = Environment { terminal: true, ..Environment::default() };
    connect(&settings).await.unwrap();
    assert_eq!(plugin.runs(), 1);
}

#[tokio::test]
async fn versions_that_client_go_dropped_are_refused() {
    let plugin = Plugin::printing(&json!({ "token": "abc" }));
    let settings = plugin.settings("http://127.0.0.1:1", "");
    let path = settings.kubeconfig.clone().unwrap();
    let content = std::fs::read_to_string(&path).unwrap().replace(VERSION, "client.authentication.k8s.io/v1alpha1");
    std::fs::write(&path, content).unwrap();
    assert!(refusal(&settings).await.to_string().contains("invalid apiVersion"));
    assert_eq!(plugin.runs(), 0);
}
