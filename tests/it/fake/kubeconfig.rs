//! Finding the cluster as kubectl does: files, lists, contexts, overrides, Pods.

use std::ffi::OsString;
use std::path::Path;

use maibot::cluster::{Cluster, ConfigError, Environment, Error, KubeSettings, Token, contexts, default_namespace};
use tempfile::TempDir;

use super::server::{Answer, FakeServer, connect, quick_limits};

/// A kubeconfig with one context `name`, cluster and user of the same name.
fn kubeconfig(name: &str, server: &str, more_cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {name}\n\
         clusters:\n- name: {name}\n  cluster:\n    server: {server}\n{more_cluster}\
         contexts:\n- name: {name}\n  context: {{cluster: {name}, user: {name}, namespace: of-{name}}}\n\
         users:\n- name: {name}\n  user: {user}\n"
    )
}

fn write(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> std::path::PathBuf {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    path
}

fn list(paths: &[&Path]) -> KubeSettings {
    let environment = Environment { kubeconfig: Some(std::env::join_paths(paths).unwrap()), ..Environment::default() };
    KubeSettings { environment, limits: quick_limits(), ..KubeSettings::default() }
}

async fn ask(settings: &KubeSettings) -> Cluster {
    let (cluster, _) = connect(settings).await.unwrap();
    cluster.version().await.unwrap();
    cluster
}

async fn refusal(settings: &KubeSettings) -> ConfigError {
    match connect(settings).await.map(|_| ()).unwrap_err() {
        Error::Config(error) => error,
        other => panic!("{other:?}"),
    }
}

async fn server() -> FakeServer {
    let server = FakeServer::start().await;
    server.on("GET", "/version", |_| {
        Answer::ok(&serde_json::json!({ "major": "1", "minor": "34", "gitVersion": "v1.34.4" }))
    });
    server
}

#[tokio::test]
async fn missing_files_of_a_list_are_skipped_and_the_first_file_that_says_something_wins() {
    let (one, two) = (server().await, server().await);
    let folder = TempDir::new().unwrap();
    // A current context that is empty is none; the second file's holds.
    let first = write(
        &folder,
        "first",
        format!(
            "current-context: \"\"\nclusters:\n- name: shared\n  cluster: {{server: \"{}\"}}\n\
             users:\n- name: shared\n  user: {{token: first}}\n",
            one.url()
        ),
    );
    let second = write(&folder, "second", kubeconfig("shared", &two.url(), "", "{token: second}"));
    let missing = folder.path().join("missing");
    let cluster = ask(&list(&[&missing, &first, &second, &first])).await;
    assert_eq!((cluster.context(), cluster.namespace()), (Some("shared"), "of-shared"));
    assert_eq!(cluster.address(), one.url());
    assert_eq!(one.requests()[0].header("authorization"), Some("Bearer first"));
    assert_eq!(two.requests().len(), 0);
}

#[tokio::test]
async fn an_explicit_file_must_exist() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing");
    let settings = KubeSettings { kubeconfig: Some(missing.clone()), ..list(&[]) };
    assert_eq!(refusal(&settings).await.to_string(), format!("kubeconfig {}: no such file", missing.display()));
}

#[tokio::test]
async fn without_a_kubeconfig_the_error_names_where_was_looked() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing");
    let empty = write(&folder, "empty", "");
    let error = refusal(&list(&[&missing, &empty])).await;
    assert_eq!(
        error.to_string(),
        format!(
            "no kubeconfig found; looked at {} of KUBECONFIG (no such file), {} of KUBECONFIG (empty), the Pod's service \
             account (KUBERNETES_SERVICE_HOST is not set)",
            missing.display(),
            empty.display()
        )
    );
    assert_eq!(error.code().id(), "MB3001");

    let environment = Environment { home: Some(folder.path().to_owned()), ..Environment::default() };
    let error = refusal(&KubeSettings { environment, ..KubeSettings::default() }).await;
    let expected = folder.path().join(".kube/config");
    assert!(error.to_string().contains(&format!("{} (no such file)", expected.display())), "{error}");
}

#[tokio::test]
async fn the_file_in_the_home_directory_is_found_and_an_empty_list_does_not_hide_it() {
    let server = server().await;
    let folder = TempDir::new().unwrap();
    write(&folder, ".kube/config", kubeconfig("home", &server.url(), "", "{}"));
    for list in [None, Some(OsString::from("")), Some(OsString::from(":"))] {
        let environment =
            Environment { home: Some(folder.path().to_owned()), kubeconfig: list, ..Environment::default() };
        let cluster = ask(&KubeSettings { environment, ..KubeSettings::default() }).await;
        assert_eq!(cluster.context(), Some("home"));
    }
    assert_eq!(server.requests()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_broken_file_is_named_with_its_line_but_not_with_its_content() {
    let folder = TempDir::new().unwrap();
    for content in [
        "users:\n- name: a\n  user: {token: top-secret\n",
        "users:\n- name: a\n  user: top-secret\n",
        "users:\n- name: a\n  user:\n    token: [top-secret]\n",
        "current-context: {a: \"top-secret\"}\n",
        "top-secret",
    ] {
        let path = write(&folder, "broken", content);
        let error = refusal(&list(&[&path])).await.to_string();
        assert!(error.starts_with(&format!("kubeconfig {}: ", path.display())), "{error}");
        assert!(!error.contains("top-secret"), "{error}");
        assert!(error.contains("line "), "{error}");
    }
    let path = write(&folder, "broken", b"\xC3\x28");
    assert!(refusal(&list(&[&path])).await.to_string().ends_with("not text in UTF-8 or UTF-16"));
    let path = write(&folder, "broken", "kind: Pod\n");
    assert!(refusal(&list(&[&path])).await.to_string().ends_with("its kind is \"Pod\" and not \"Config\""));
    assert!(refusal(&list(&[folder.path()])).await.to_string().contains("directory"));
}

#[tokio::test]
async fn files_of_windows_tools_are_read() {
    let server = server().await;
    let folder = TempDir::new().unwrap();
    let text = kubeconfig("wide", &server.url(), "", "{}");
    let wide = |big: bool| {
        let mark = if big { vec![0xFE, 0xFF] } else { vec![0xFF, 0xFE] };
        let units = text.encode_utf16().flat_map(move |unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
        mark.into_iter().chain(units).collect::<Vec<u8>>()
    };
    for bytes in [wide(true), wide(false), [b"\xEF\xBB\xBF", text.as_bytes()].concat()] {
        let path = write(&folder, "config", bytes);
        ask(&list(&[&path])).await;
    }
}

#[tokio::test]
async fn empty_texts_are_as_good_as_none() {
    let server = server().await;
    let folder = TempDir::new().unwrap();
    let more = "    certificate-authority: \"\"\n    certificate-authority-data: \"\"\n    proxy-url: \"\"\n    tls-server-name: \"\"\n";
    let user = "{token: \"\", tokenFile: \"\", username: \"\", password: \"\", client-certificate: \"\", \
                client-certificate-data: \"\", client-key: \"\", client-key-data: \"\", as: \"\"}";
    let path = write(&folder, "config", kubeconfig("a", &server.url(), more, user));
    ask(&list(&[&path])).await;
    let request = &server.requests()[0];
    assert_eq!((request.header("authorization"), request.header("impersonate-user")), (None, None));
}

#[tokio::test]
async fn a_context_that_is_missing_or_leads_nowhere_is_named_with_what_there_is() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "config", kubeconfig("there", "http://127.0.0.1:1", "", "{}"));
    let settings = KubeSettings { context: Some("elsewhere".into()), ..list(&[&path]) };
    assert_eq!(refusal(&settings).await.to_string(), "context \"elsewhere\" does not exist; available: there");

    let dangling = "contexts:\n- name: b\n  context: {cluster: gone, user: gone}\n- name: a\n  context: {cluster: c, user: gone}\n\
                    clusters:\n- name: c\n  cluster: {server: \"http://127.0.0.1:1\"}\n";
    let path = write(&folder, "config", dangling);
    assert_eq!(refusal(&list(&[&path])).await.to_string(), "no current context is set; available: a, b");
    let of = |context: &str| KubeSettings { context: Some(context.into()), ..list(&[&path]) };
    assert_eq!(refusal(&of("b")).await.to_string(), "cluster \"gone\" does not exist; available: c");
    assert_eq!(refusal(&of("a")).await.to_string(), "auth info \"gone\" does not exist; available: none");
    let path = write(
        &folder,
        "config",
        "current-context: a\ncontexts:\n- name: a\n  context: {cluster: a}\nclusters:\n- name: a\n  cluster: {}\n",
    );
    assert_eq!(refusal(&list(&[&path])).await.to_string(), "context \"a\": its cluster has no server");
}

#[tokio::test]
async fn relative_paths_start_at_the_file_they_stand_in() {
    let server = server().await;
    let folder = TempDir::new().unwrap();
    // As an editor leaves it: with a newline at the end.
    write(&folder, "deep/tokens/mine", "from-file\n");
    let path = write(&folder, "deep/config", kubeconfig("a", &server.url(), "", "{tokenFile: tokens/mine}"));
    ask(&list(&[&path])).await;
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer from-file"));
    let path = write(
        &folder,
        "deep/config",
        kubeconfig("a", "https://127.0.0.1:1", "    certificate-authority: ca.crt\n", "{}"),
    );
    let error = refusal(&list(&[&path])).await;
    let expected = folder.path().join("deep/ca.crt");
    assert!(error.to_string().starts_with(&format!("certificate-authority {}: ", expected.display())), "{error}");
}

#[tokio::test]
async fn a_token_file_is_kept_for_a_while_and_read_again_after_a_refusal() {
    let server = FakeServer::start().await;
    server.on("GET", "/version", |request| match request.header("authorization") {
        Some("Bearer old") => Answer::refusal(401, "Unauthorized", "Unauthorized"),
        _ => Answer::ok(&serde_json::json!({ "major": "1", "minor": "34", "gitVersion": "v1.34.4" })),
    });
    let folder = TempDir::new().unwrap();
    let token = write(&folder, "token", "first");
    let path = write(&folder, "config", kubeconfig("a", &server.url(), "", "{tokenFile: token}"));
    let (cluster, _) = connect(&list(&[&path])).await.unwrap();
    cluster.version().await.unwrap();
    std::fs::write(&token, "second").unwrap();
    cluster.version().await.unwrap();
    std::fs::remove_file(&token).unwrap();
    cluster.version().await.unwrap();
    let sent = |server: &FakeServer| {
        server.requests().iter().map(|request| request.header("authorization").unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(sent(&server), ["Bearer first"; 3]);

    std::fs::write(&token, "old").unwrap();
    let (cluster, _) = connect(&list(&[&path])).await.unwrap();
    assert!(matches!(cluster.version().await.unwrap_err(), Error::Unauthorized { .. }));
    std::fs::write(&token, "new").unwrap();
    cluster.version().await.unwrap();
    assert_eq!(sent(&server)[3..], ["Bearer old", "Bearer old", "Bearer old", "Bearer new"]);
}

#[tokio::test]
async fn flags_stand_above_the_kubeconfig() {
    let server = server().await;
    let folder = TempDir::new().unwrap();
    let more = "    tls-server-name: old.example\n";
    let user =
        "{token: old, as: bob, as-groups: [x], client-certificate-data: bm9uc2Vuc2U=, client-key-data: bm9uc2Vuc2U=}";
    let path = write(&folder, "config", kubeconfig("a", "https://elsewhere.invalid", more, user));
    let settings = KubeSettings {
        server: Some(server.url()),
        token: Some(Token::new("new")),
        namespace: Some("mine".into()),
        as_user: Some("jane".into()),
        ..list(&[&path])
    };
    let cluster = ask(&settings).await;
    assert_eq!((cluster.namespace(), cluster.address()), ("mine", server.url().as_str()));
    let request = &server.requests()[0];
    assert_eq!(request.header("authorization"), Some("Bearer new"));
    assert_eq!((request.header("impersonate-user"), request.headers("impersonate-group")), (Some("jane"), vec!["x"]));
}

#[tokio::test]
async fn groups_need_a_user() {
    let settings = KubeSettings {
        server: Some("http://127.0.0.1:1".into()),
        as_groups: vec!["dev".into()],
        ..KubeSettings::default()
    };
    assert_eq!(refusal(&settings).await, ConfigError::GroupsWithoutUser);
}

#[tokio::test]
async fn an_authority_and_the_insecure_flag_exclude_each_other_unless_the_flag_came_later() {
    let folder = TempDir::new().unwrap();
    let more = "    insecure-skip-tls-verify: true\n    certificate-authority: ca.crt\n";
    let path = write(&folder, "config", kubeconfig("a", "https://127.0.0.1:1", more, "{}"));
    assert_eq!(refusal(&list(&[&path])).await, ConfigError::InsecureWithAuthority("a".into()));
    let more = "    certificate-authority: missing.crt\n";
    let path = write(&folder, "config", kubeconfig("a", "https://127.0.0.1:1", more, "{}"));
    let settings = KubeSettings { insecure_skip_tls_verify: true, ..list(&[&path]) };
    connect(&settings).await.unwrap();
    let ca = write(&folder, "not-pem", "hello\n");
    let settings = KubeSettings { ca_file: Some(ca), ..list(&[&path]) };
    assert_eq!(refusal(&settings).await.to_string(), "certificate-authority: holds no certificate in PEM");
    let more = "    certificate-authority-data: \"%%%\"\n";
    let path = write(&folder, "config", kubeconfig("a", "https://127.0.0.1:1", more, "{}"));
    let error = refusal(&list(&[&path])).await.to_string();
    assert!(error.starts_with("certificate-authority-data: not base64: "), "{error}");
}

#[tokio::test]
async fn half_an_identity_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "config", kubeconfig("a", "https://127.0.0.1:1", "", "{client-certificate-data: YQ==}"));
    assert_eq!(refusal(&list(&[&path])).await.to_string(), "client-key: missing beside the certificate");
    let path = write(&folder, "config", kubeconfig("a", "https://127.0.0.1:1", "", "{client-key-data: YQ==}"));
    assert_eq!(refusal(&list(&[&path])).await.to_string(), "client-certificate: missing beside the key");
}

#[tokio::test]
async fn an_address_is_read_as_client_go_reads_it() {
    let folder = TempDir::new().unwrap();
    for (server, more, expected) in [
        ("127.0.0.1:1", "", "http://127.0.0.1:1"),
        ("127.0.0.1:1", "    insecure-skip-tls-verify: true\n", "https://127.0.0.1:1"),
        ("https://user:secret@127.0.0.1:1/a/", "", "https://127.0.0.1:1/a"),
        ("\"https://[::1]:1\"", "", "https://[::1]:1"),
    ] {
        let path = write(&folder, "config", kubeconfig("a", server, more, "{}"));
        let (cluster, _) = connect(&list(&[&path])).await.unwrap();
        assert_eq!(cluster.address(), expected);
    }
    for (server, why) in [
        ("ftp://user:secret@host", "an API server speaks http or https"),
        ("https://", "not a URL"),
        ("https://a b", "not a URL"),
    ] {
        let path = write(&folder, "config", kubeconfig("a", server, "", "{}"));
        let error = refusal(&list(&[&path])).await.to_string();
        assert!(error.contains(why) && !error.contains("secret"), "{server}: {error}");
    }
}

#[tokio::test]
async fn in_a_pod_the_service_account_is_used() {
    let folder = TempDir::new().unwrap();
    write(&folder, "token", "pod-token\n");
    write(&folder, "namespace", "of-pod\n");
    let environment = Environment {
        service_host: Some("fd00::1".into()),
        service_port: Some("443".into()),
        service_account: Some(folder.path().to_owned()),
        ..Environment::default()
    };
    let settings = KubeSettings { environment: environment.clone(), ..KubeSettings::default() };
    let (cluster, _) = connect(&settings).await.unwrap();
    assert_eq!((cluster.address(), cluster.namespace()), ("https://[fd00::1]:443", "of-pod"));
    assert_eq!(default_namespace(&settings), "of-pod");

    let server = server().await;
    let settings = KubeSettings { server: Some(server.url()), ..settings };
    ask(&settings).await;
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer pod-token"));

    // A kubeconfig comes first.
    let path = write(&folder, "config", kubeconfig("a", &server.url(), "", "{}"));
    let settings = KubeSettings { kubeconfig: Some(path), environment, ..KubeSettings::default() };
    assert_eq!(ask(&settings).await.context(), Some("a"));
}

#[tokio::test]
async fn contexts_are_listed_without_a_network() {
    let folder = TempDir::new().unwrap();
    let one = write(&folder, "one", kubeconfig("b", "http://127.0.0.1:1", "", "{exec: {command: /no/such/program}}"));
    let two = write(&folder, "two", kubeconfig("a", "http://127.0.0.1:1", "", "{}"));
    let listed = contexts(&list(&[&one, &two])).unwrap();
    let names: Vec<_> = listed.iter().map(|context| (context.name.as_str(), context.current)).collect();
    assert_eq!(names, [("a", false), ("b", true)]);
    assert_eq!(listed[0].namespace.as_deref(), Some("of-a"));
    assert_eq!(contexts(&list(&[&folder.path().join("missing")])).unwrap(), []);
    assert_eq!(default_namespace(&list(&[&one])), "of-b");
    assert_eq!(default_namespace(&list(&[&folder.path().join("missing")])), "default");
}

#[tokio::test]
async fn ways_to_authenticate_that_kubectl_dropped_are_refused_by_name() {
    let folder = TempDir::new().unwrap();
    for name in ["gcp", "azure"] {
        let user = format!("{{auth-provider: {{name: {name}, config: {{cmd-path: /no/such}}}}}}");
        let path = write(&folder, "config", kubeconfig("a", "http://127.0.0.1:1", "", &user));
        assert_eq!(refusal(&list(&[&path])).await, ConfigError::AuthProvider(name.into()));
    }
}
