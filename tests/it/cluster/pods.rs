//! Waiting, exec, logs and files on volumes, before a real API server, kubelet and storage.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use maibot::cluster::diagnosis::Patience;
use maibot::cluster::exec::{Exec, ExecError};
use maibot::cluster::files::{EntryKind, Expect, FileError, Place, Refusal, SessionOptions, Sha256, Writing};
use maibot::cluster::pods::LogOptions;
use maibot::cluster::readiness::Rules;
use maibot::cluster::wait::{Goal, Progress, WaitError, WaitOptions, target_of};
use maibot::cluster::{Cluster, DeleteOptions, KubeSettings, PatchKind, Resource, WriteOptions};
use maibot::code::Code;
use serde_json::{Value, json};

use super::live::{Live, live};

const CORE: &str = "sengokucola/maibot:0.12.2";
const BUSYBOX: &str = "busybox:latest";

async fn connect(live: &Live) -> Cluster {
    let settings = KubeSettings {
        kubeconfig: Some(live.kubeconfig.clone()),
        namespace: Some(live.namespace.clone()),
        ..KubeSettings::default()
    };
    Cluster::connect(&settings, Arc::new(())).await.unwrap()
}

async fn create(cluster: &Cluster, object: Value) -> Value {
    let resource =
        cluster.resource(object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap()).await.unwrap();
    cluster.create(&resource, Some(cluster.namespace()), &object, &WriteOptions::default()).await.unwrap()
}

fn pod(name: &str, image: &str, command: &[&str]) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": false,
            "containers": [{"name": "main", "image": image, "imagePullPolicy": "IfNotPresent", "command": command}],
        },
    })
}

fn workload(kind: &str, name: &str, pod: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod["spec"]},
        },
    })
}

fn options(seconds: u64) -> WaitOptions {
    WaitOptions::new(Rules::Full, Duration::from_secs(seconds))
}

async fn wait(cluster: &Cluster, goals: Vec<Goal>, options: &WaitOptions) -> Result<Vec<String>, WaitError> {
    let mut told = Vec::new();
    let mut observe = |progress: Progress| {
        if let Progress::Status { object, state, detail, .. } = progress {
            told.push(format!("{}/{} {state:?} {detail}", object.kind, object.name));
        }
    };
    cluster.wait(goals, options, &mut observe).await?;
    Ok(told)
}

#[tokio::test]
async fn files_on_a_claim_are_changed_through_a_helper_pod() {
    let Some(live) = live("files_on_a_claim") else { return };
    let cluster = connect(&live).await;
    create(
        &cluster,
        json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }),
    )
    .await;
    let mut helper = pod("helper", CORE, &["sleep", "3600"]);
    helper["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    helper["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
    let mut quiet = |_| {};
    let own = cluster.start_pod(&helper, &options(120), &mut quiet).await.map_err(|(_, error)| error).unwrap();

    let before = cluster.requests();
    let session = SessionOptions::new(&own.namespace, &own.name, "main", &[("data", "/data")]);
    let mut files = cluster.files(&session).await.unwrap();
    let config = Place::new("data", "config/bot_config.toml");
    assert_eq!(files.stat(config, true).await.unwrap().kind, EntryKind::Absent);
    let text = "[bot]\nname = \"麦麦\" # 注释\n".repeat(2000);
    let writing = Writing { expect: Expect::Absent, parents: true, ..Writing::default() };
    let written = files.write(config, text.as_bytes(), &writing).await.unwrap();
    assert!(written.created);
    assert_eq!(files.read(config, 1 << 20).await.unwrap().bytes, text.as_bytes());
    let beside = Place::new("data", "config/bot_config.toml.old");
    files.copy(config, Some(written.sha256), beside, &Writing::default()).await.unwrap();
    let stale = Writing { expect: Expect::Content(Sha256::of(b"something else")), ..Writing::default() };
    let error = files.write(config, b"lost", &stale).await.unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::Changed));
    // More than any buffer on the way.
    let large: Vec<u8> = (0..8_000_000_u32).map(|number| (number * 7 % 253) as u8).collect();
    let blob = Place::new("data", "blob");
    files.write(blob, &large, &Writing::default()).await.unwrap();
    assert!(files.read(blob, 16 << 20).await.unwrap().bytes == large);
    let (entries, complete) = files.list(Place::new("data", ""), true, 100).await.unwrap();
    let names: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(
        (names, complete),
        (vec!["blob", "config", "config/bot_config.toml", "config/bot_config.toml.old"], true)
    );
    assert!(files.space(Place::new("data", "")).await.unwrap().free > 0);
    files.close().await.unwrap();
    assert_eq!(cluster.requests() - before, 1, "one exec for all of it");

    // What the container sees is what was written.
    let sum = cluster
        .exec(&Exec::new(&own.namespace, &own.name, "main", &["sha256sum", "/data/config/bot_config.toml.old"]))
        .await
        .unwrap();
    assert!(String::from_utf8_lossy(&sum.stdout).starts_with(&written.sha256.to_string()), "{sum:?}");

    cluster.delete_pod(&own, 0).await.unwrap();
    let pods = Resource::known("v1", "Pod").unwrap();
    let goal = Goal::deleted(pods.target(Some(&own.namespace), &own.name), Some(own.uid));
    wait(&cluster, vec![goal], &options(60)).await.unwrap();
}

#[tokio::test]
async fn programs_run_in_a_container_and_their_ends_are_known() {
    let Some(live) = live("programs_run") else { return };
    let cluster = connect(&live).await;
    let mut quiet = |_| {};
    let sleeper = pod("sleeper", BUSYBOX, &["sleep", "3600"]);
    let own = cluster.start_pod(&sleeper, &options(120), &mut quiet).await.map_err(|(_, error)| error).unwrap();
    let exec = |command: &[&str]| Exec::new(&own.namespace, &own.name, "main", command);

    let outcome = cluster.exec(&exec(&["sh", "-c", "echo out; echo err >&2; exit 7"])).await.unwrap();
    assert_eq!(
        (outcome.stdout.as_slice(), outcome.stderr.as_slice(), outcome.exit_code),
        (&b"out\n"[..], &b"err\n"[..], 7)
    );
    let input = vec![b'x'; 300_000];
    let count = Exec { stdin: Some(input), ..exec(&["wc", "-c"]) };
    assert_eq!(String::from_utf8_lossy(&cluster.exec(&count).await.unwrap().stdout).trim(), "300000");
    for _ in 0..5 {
        let large = Exec { output_limit: 8 << 20, ..exec(&["head", "-c", "4000000", "/dev/zero"]) };
        assert_eq!(cluster.exec(&large).await.unwrap().stdout.len(), 4_000_000);
    }
    let error = cluster.exec(&exec(&["no-such-program"])).await.unwrap_err();
    assert!(matches!(error, ExecError::NoProgram { .. }), "{error:?}");
    let error = cluster.exec(&Exec { container: Some("other".into()), ..exec(&["true"]) }).await.unwrap_err();
    assert_eq!(error.code(), Code::Invalid, "{error:?}");
    let error = cluster.exec(&Exec { pod: "other".into(), ..exec(&["true"]) }).await.unwrap_err();
    assert_eq!(error.code(), Code::ObjectMissing, "{error:?}");
    let began = Instant::now();
    let killed = cluster.exec(&exec(&["sh", "-c", "kill -9 $$"])).await.unwrap();
    assert_eq!(killed.exit_code, 137);
    let slow = Exec { timeout: Duration::from_secs(1), ..exec(&["sleep", "30"]) };
    assert!(matches!(cluster.exec(&slow).await, Err(ExecError::TimedOut { .. })));
    assert!(began.elapsed() < Duration::from_secs(15));

    let session = SessionOptions::new(&own.namespace, &own.name, "main", &[("tmp", "/tmp")]);
    let Err(error) = cluster.files(&session).await else { panic!("busybox has no python3") };
    assert!(matches!(error, FileError::NoPython(_)), "{error:?}");
    // The Pod dies under a conversation.
    let dying = exec(&["sh", "-c", "echo begun; sleep 30"]);
    let (result, ()) = tokio::join!(cluster.exec(&dying), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        cluster.delete_pod(&own, 0).await.unwrap();
    });
    match result {
        Err(ExecError::Broken { .. }) => {}
        Ok(outcome) => assert_eq!(outcome.exit_code, 137, "{outcome:?}"),
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_log_is_followed_to_the_end_of_its_container() {
    let Some(live) = live("a_log_is_followed") else { return };
    let cluster = connect(&live).await;
    let script = "for n in 1 2 3 4 5 6; do echo line $n; sleep 0.3; done";
    let mut talker = pod("talker", BUSYBOX, &["sh", "-c", script]);
    talker["spec"]["restartPolicy"] = json!("Never");
    create(&cluster, talker).await;
    let lines: Vec<String> = tokio::time::timeout(
        Duration::from_mins(1),
        cluster
            .follow_logs(&live.namespace, "talker", LogOptions::default())
            .filter_map(|line| async { line.ok().map(|line| line.text) })
            .collect(),
    )
    .await
    .unwrap();
    assert_eq!(lines, ["line 1", "line 2", "line 3", "line 4", "line 5", "line 6"]);
    let tail = LogOptions { tail: Some(2), ..LogOptions::default() };
    assert_eq!(cluster.logs(&live.namespace, "talker", &tail).await.unwrap(), "line 5\nline 6\n");
}

#[tokio::test]
async fn workloads_get_ready_by_every_rule_and_with_few_requests() {
    let Some(live) = live("workloads_get_ready") else { return };
    let cluster = connect(&live).await;
    let sleeper = pod("x", BUSYBOX, &["sleep", "3600"]);
    let mut set = workload("StatefulSet", "core", &sleeper);
    set["spec"]["serviceName"] = json!("core");
    let mut patient = sleeper.clone();
    patient["spec"]["containers"][0]["readinessProbe"] =
        json!({"exec": {"command": ["true"]}, "initialDelaySeconds": 2, "periodSeconds": 1});
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "unused"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "core"},
        "spec": {"type": "LoadBalancer", "selector": {"app": "core"}, "ports": [{"port": 80}]}});
    let mut made = Vec::new();
    for object in [set, workload("Deployment", "napcat", &patient), claim, service] {
        made.push(create(&cluster, object).await);
    }
    let goals: Vec<Goal> = made.iter().cloned().map(Goal::ready).collect();
    let before = cluster.requests();
    let told = wait(&cluster, goals, &options(120)).await.unwrap();
    let spent = cluster.requests() - before;
    assert!(spent <= 7, "{spent} requests");
    for line in ["StatefulSet/core Ready ", "Deployment/napcat Ready ", "PersistentVolumeClaim/unused Ready "] {
        assert!(told.iter().any(|one| one == line), "{line}: {told:?}");
    }
    // By now Helm's rules see the same, claims excepted: there Helm waits for what does not come.
    for rules in [Rules::Watcher, Rules::Legacy] {
        let goals = made[..2].iter().map(|object| Goal { applied: None, ..Goal::ready(object.clone()) }).collect();
        wait(&cluster, goals, &WaitOptions { rules, ..options(30) }).await.unwrap();
        let goals = vec![Goal { applied: None, ..Goal::ready(made[2].clone()) }];
        let error = wait(&cluster, goals, &WaitOptions { rules, ..options(2) }).await.unwrap_err();
        assert_eq!(error.code(), Code::NotReady, "{rules:?}");
    }
    // Gone, Pods included.
    let resource = Resource::known("apps/v1", "StatefulSet").unwrap();
    let pods = cluster.pods_of(&made[0]).await.unwrap();
    assert_eq!(pods.len(), 1);
    cluster.delete(&resource, Some(&live.namespace), "core", &DeleteOptions::default()).await.unwrap();
    let uid = pods[0]["metadata"]["uid"].as_str().unwrap().to_owned();
    let goals = vec![Goal::deleted(target_of(&made[0]), None), Goal::deleted(target_of(&pods[0]), Some(uid))];
    wait(&cluster, goals, &options(60)).await.unwrap();
}

/// What can be wrong with a workload, and what has to be found out about it.
struct Trouble {
    name: &'static str,
    change: fn(&mut Value),
    code: Code,
    words: &'static str,
}

#[tokio::test]
async fn troubles_of_pods_are_found_named_and_proved() {
    let Some(live) = live("troubles_of_pods") else { return };
    let cluster = connect(&live).await;
    let troubles = [
        Trouble {
            name: "no-image",
            change: |spec| spec["containers"][0]["image"] = json!("registry.invalid/nothing:1"),
            code: Code::ImagePull,
            words: "ErrImagePull",
        },
        Trouble {
            name: "odd-image",
            change: |spec| spec["containers"][0]["image"] = json!("a b"),
            code: Code::ImagePull,
            words: "InvalidImageName",
        },
        Trouble {
            name: "crashes",
            change: |spec| spec["containers"][0]["command"] = json!(["sh", "-c", "echo last words; exit 3"]),
            code: Code::CrashLoop,
            words: "exit 3",
        },
        Trouble {
            name: "no-program",
            change: |spec| spec["containers"][0]["command"] = json!(["no-such-program"]),
            code: Code::ContainerStart,
            words: "no-such-program",
        },
        Trouble {
            name: "too-large",
            change: |spec| spec["containers"][0]["resources"] = json!({"requests": {"memory": "900Gi"}}),
            code: Code::Unschedulable,
            words: "Insufficient memory",
        },
        Trouble {
            name: "no-config",
            change: |spec| {
                spec["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "missing"}}]);
            },
            code: Code::ContainerStart,
            words: "configmap \"missing\" not found",
        },
        Trouble {
            name: "no-claim",
            change: |spec| {
                spec["volumes"] = json!([{"name": "x", "persistentVolumeClaim": {"claimName": "missing"}}]);
            },
            code: Code::Volume,
            words: "persistentvolumeclaim \"missing\" not found",
        },
        Trouble {
            name: "no-mount",
            change: |spec| {
                spec["volumes"] = json!([{"name": "x", "configMap": {"name": "missing"}}]);
                spec["containers"][0]["volumeMounts"] = json!([{"name": "x", "mountPath": "/x"}]);
            },
            code: Code::Volume,
            words: "FailedMount",
        },
        Trouble {
            name: "refused",
            change: |spec| spec["containers"][0]["resources"] = json!({"limits": {"cpu": "900"}}),
            code: Code::PodRefused,
            words: "exceeded quota",
        },
    ];
    create(
        &cluster,
        json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"},
            "spec": {"hard": {"limits.cpu": "800"}}}),
    )
    .await;
    // A quota on a limit asks for that limit everywhere.
    create(
        &cluster,
        json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "usual"},
            "spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "1m"}}]}}),
    )
    .await;
    let short = Duration::from_secs(6);
    let patience = Patience {
        image_refused: short,
        image_pull: short,
        container_config: short,
        container_create: short,
        unschedulable: short,
        volume: short,
        refused: short,
        restarts: 2,
    };
    let mut waits = Vec::new();
    for (number, trouble) in troubles.iter().enumerate() {
        let mut template = pod("x", BUSYBOX, &["sleep", "3600"]);
        (trouble.change)(&mut template["spec"]);
        let kind = if number % 2 == 0 { "StatefulSet" } else { "Deployment" };
        let mut object = workload(kind, trouble.name, &template);
        if kind == "StatefulSet" {
            object["spec"]["serviceName"] = json!("x");
        }
        let goal = Goal::ready(create(&cluster, object).await);
        // Without a probe a container is ready in the moment before it crashes.
        let settle = Duration::from_secs(5);
        let events_after = Duration::from_secs(2);
        let options = WaitOptions { patience: patience.clone(), events_after, settle, ..options(150) };
        let cluster = cluster.clone();
        waits.push(async move { wait(&cluster, vec![goal], &options).await });
    }
    let results = futures::future::join_all(waits).await;
    for (trouble, result) in troubles.iter().zip(results) {
        let Err(WaitError::NotReady { not_ready, timed_out, elapsed }) = result else {
            panic!("{}: {result:?}", trouble.name)
        };
        let found = &not_ready[0];
        assert!(!timed_out, "{}: not before time was over: {found:?}", trouble.name);
        assert_eq!(found.code, trouble.code, "{}: {found:?}", trouble.name);
        let everything = format!("{found:?}");
        assert!(everything.contains(&trouble.words.escape_debug().to_string()), "{}: {everything}", trouble.name);
        assert!(elapsed < Duration::from_mins(2), "{}: {elapsed:?}", trouble.name);
        if trouble.name == "crashes" {
            let lines: Vec<&String> =
                found.evidence.iter().flat_map(|one| &one.logs).flat_map(|log| &log.lines).collect();
            assert_eq!(lines, ["last words"]);
        }
    }
}

#[tokio::test]
async fn a_container_out_of_memory_is_told_as_such() {
    let Some(live) = live("out_of_memory") else { return };
    let cluster = connect(&live).await;
    // BusyBox's tail keeps a line without end in memory.
    let mut greedy = pod("greedy", BUSYBOX, &["tail", "/dev/zero"]);
    greedy["spec"]["containers"][0]["resources"] = json!({"limits": {"memory": "32Mi"}});
    // Or it counts as ready in the moment before its end.
    greedy["spec"]["containers"][0]["readinessProbe"] = json!({"exec": {"command": ["false"]}});
    let goal = Goal::ready(create(&cluster, workload("Deployment", "greedy", &greedy)).await);
    let error = wait(&cluster, vec![goal], &options(150)).await.unwrap_err();
    assert_eq!(error.code(), Code::OutOfMemory, "{error:?}");
}

#[tokio::test]
async fn a_broken_pod_that_holds_its_update_up_is_found_and_freed() {
    let Some(live) = live("holds_update_up") else { return };
    let cluster = connect(&live).await;
    let mut broken = pod("x", BUSYBOX, &["sh", "-c", "exit 1"]);
    broken["spec"]["containers"][0]["readinessProbe"] =
        json!({"exec": {"command": ["true"]}, "initialDelaySeconds": 1});
    let mut set = workload("StatefulSet", "core", &broken);
    set["spec"]["serviceName"] = json!("core");
    let made = create(&cluster, set).await;
    wait(&cluster, vec![Goal::ready(made.clone())], &options(120)).await.unwrap_err();
    let sets = Resource::known("apps/v1", "StatefulSet").unwrap();
    let mend =
        json!([{"op": "replace", "path": "/spec/template/spec/containers/0/command", "value": ["sleep", "3600"]}]);
    let writing = WriteOptions::default();
    cluster.patch(&sets, Some(&live.namespace), "core", None, PatchKind::Json, &mend, &writing).await.unwrap();
    // Mended, and yet nothing happens.
    let error =
        wait(&cluster, vec![Goal { applied: None, ..Goal::ready(made.clone()) }], &options(6)).await.unwrap_err();
    let WaitError::NotReady { not_ready, .. } = error else { panic!("{error:?}") };
    assert!(not_ready[0].evidence[0].holds_update_up, "{not_ready:?}");
    let seen = cluster.get(&sets, Some(&live.namespace), "core").await.unwrap();
    let holding = cluster.pods_holding_update_up(&seen).await.unwrap();
    assert_eq!(holding.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>(), ["core-0"]);
    cluster.delete_pod(&holding[0], 0).await.unwrap();
    wait(&cluster, vec![Goal { applied: None, ..Goal::ready(made) }], &options(60)).await.unwrap();
    let seen = cluster.get(&sets, Some(&live.namespace), "core").await.unwrap();
    assert_eq!(cluster.pods_holding_update_up(&seen).await.unwrap(), []);
}
