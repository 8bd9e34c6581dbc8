//! Waiting: what is asked for, what is told, and what happens when connections, permissions or Pods fail.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use maibot::cluster::diagnosis::Patience;
use maibot::cluster::readiness::Rules;
use maibot::cluster::wait::{Condition, Goal, Progress, State, WaitError, WaitOptions, Waited, target_of};
use maibot::cluster::{Cluster, Pace, Target};
use maibot::code::Code;
use serde_json::{Value, json};

use super::server::{Answer, Cut, FakeServer, Recorded};

const SETS: &str = "/apis/apps/v1/namespaces/bot/statefulsets";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/bot/deployments";
const PODS: &str = "/api/v1/namespaces/bot/pods";
const CLAIMS: &str = "/api/v1/namespaces/bot/persistentvolumeclaims";
const EVENTS: &str = "/api/v1/namespaces/bot/events";
const CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses";

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// The usual rules, faster.
fn options(rules: Rules, timeout: u64) -> WaitOptions {
    let mut options = WaitOptions::new(rules, ms(timeout));
    options.pace = Pace { first_delay: ms(20), longest_delay: ms(100), poll: ms(50), ..Pace::default() };
    options.patience = Patience {
        image_refused: ms(400),
        image_pull: ms(400),
        container_config: ms(400),
        container_create: ms(400),
        unschedulable: ms(400),
        volume: ms(400),
        refused: ms(400),
        restarts: 2,
    };
    options
}

fn workload(kind: &str, name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": name, "namespace": "bot"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}},
    })
}

/// A `StatefulSet` with so many of one Pod ready, by its controller.
fn set_ready(set: &mut Value, ready: i64) {
    set["status"] = json!({
        "observedGeneration": set["metadata"]["generation"], "replicas": 1, "readyReplicas": ready,
        "currentReplicas": 1, "updatedReplicas": 1, "availableReplicas": ready,
        "currentRevision": "r1", "updateRevision": "r1",
    });
}

/// A Pod of a workload, whose only container is in this state.
fn pod(name: &str, owner: &Value, status: &Value) -> Value {
    let app = owner["metadata"]["name"].clone();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "bot",
            "labels": {"app": app, "controller-revision-hash": "r1"},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": owner["kind"], "name": app,
                "uid": owner["metadata"]["uid"], "controller": true,
            }],
        },
        "spec": {"containers": [{"name": "core", "image": "x"}]},
        "status": status,
    })
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({
        "phase": "Pending",
        "containerStatuses": [{
            "name": "core", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": reason, "message": message}},
        }],
    })
}

fn crashed(restarts: i64) -> Value {
    json!({
        "phase": "Running",
        "containerStatuses": [{
            "name": "core", "ready": false, "restartCount": restarts,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
        }],
    })
}

fn running() -> Value {
    json!({
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "core", "ready": true, "restartCount": 0, "state": {"running": {}}}],
    })
}

fn warning(name: &str, about: &Value, reason: &str, message: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": name, "namespace": "bot"},
        "involvedObject": {"kind": about["kind"], "name": about["metadata"]["name"], "uid": about["metadata"]["uid"]},
        "type": "Warning", "reason": reason, "message": message,
        "lastTimestamp": jiff::Timestamp::now().to_string(),
    })
}

/// A server with objects, and what a wait on it tells.
struct Bench {
    server: Arc<FakeServer>,
    cluster: Cluster,
    told: Arc<Mutex<Vec<Progress>>>,
}

impl Bench {
    async fn new() -> Self {
        let server = Arc::new(FakeServer::with_store().await);
        let (cluster, _) = server.cluster().await;
        Self { server, cluster, told: Arc::default() }
    }

    fn put(&self, collection: &str, object: Value) -> Value {
        self.server.store(|store| store.put(collection, object))
    }

    fn change(&self, collection: &str, name: &str, change: impl FnOnce(&mut Value)) {
        self.server.store(|store| store.change(&format!("{collection}/{name}"), change));
    }

    fn remove(&self, collection: &str, name: &str) {
        self.server.store(|store| store.remove(&format!("{collection}/{name}")));
    }

    /// A `StatefulSet` just applied, and its goal.
    fn set(&self, name: &str) -> (Value, Goal) {
        let set = self.put(SETS, workload("StatefulSet", name));
        (set.clone(), Goal::ready(set))
    }

    fn ready(&self, name: &str) {
        self.change(SETS, name, |set| set_ready(set, 1));
    }

    async fn wait(&self, goals: Vec<Goal>, options: &WaitOptions) -> Result<Waited, WaitError> {
        let told = Arc::clone(&self.told);
        let mut observe = move |progress| told.lock().unwrap().push(progress);
        self.cluster.wait(goals, options, &mut observe).await
    }

    /// Waits while something else happens.
    async fn wait_while(
        &self,
        goals: Vec<Goal>,
        options: &WaitOptions,
        doing: impl Future<Output = ()>,
    ) -> Result<Waited, WaitError> {
        tokio::join!(self.wait(goals, options), doing).0
    }

    fn told(&self) -> Vec<Progress> {
        self.told.lock().unwrap().clone()
    }

    /// `Kind/name STATE detail` for every status told.
    fn statuses(&self) -> Vec<String> {
        self.told()
            .into_iter()
            .filter_map(|progress| match progress {
                Progress::Status { object, state, detail, .. } => {
                    Some(format!("{}/{} {state:?} {detail}", object.kind, object.name).trim_end().to_owned())
                }
                _ => None,
            })
            .collect()
    }

    fn requests_to(&self, path: &str) -> Vec<Recorded> {
        self.server.requests().into_iter().filter(|request| request.path == path).collect()
    }
}

async fn pause(milliseconds: u64) {
    tokio::time::sleep(ms(milliseconds)).await;
}

fn not_ready(error: WaitError) -> (Vec<maibot::cluster::wait::NotReady>, bool) {
    match error {
        WaitError::NotReady { not_ready, timed_out, .. } => (not_ready, timed_out),
        WaitError::Cluster(error) => panic!("{error:?}"),
    }
}

fn claim(name: &str, class: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "bot"},
        "spec": {"storageClassName": class}, "status": {"phase": "Pending"},
    })
}

#[tokio::test]
async fn what_the_apply_has_shown_to_be_ready_is_not_asked_for() {
    let bench = Bench::new().await;
    let mut set = bench.put(SETS, workload("StatefulSet", "core"));
    set_ready(&mut set, 1);
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "core", "namespace": "bot"},
        "spec": {"type": "LoadBalancer"}});
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "core", "namespace": "bot"}});
    let goals = vec![Goal::ready(set), Goal::ready(service), Goal::ready(map)];
    bench.wait(goals, &options(Rules::Full, 1000)).await.unwrap();
    assert_eq!(bench.server.lines(), Vec::<String>::new());
    assert_eq!(bench.statuses(), ["StatefulSet/core Ready", "Service/core Ready", "ConfigMap/core Ready"]);
}

#[tokio::test]
async fn a_rollout_takes_one_request_a_kind_and_is_told_step_by_step() {
    let bench = Bench::new().await;
    let (core, one) = bench.set("core");
    let (_, other) = bench.set("adapter");
    let doing = async {
        pause(80).await;
        bench.change(SETS, "core", |set| set_ready(set, 0));
        let made = pod("core-0", &core, &waiting("ContainerCreating", ""));
        bench.put(PODS, made);
        pause(80).await;
        bench.change(PODS, "core-0", |pod| pod["status"] = running());
        bench.ready("core");
        pause(40).await;
        bench.ready("adapter");
    };
    bench.wait_while(vec![one, other], &options(Rules::Full, 20_000), doing).await.unwrap();
    let statuses = bench.statuses();
    let of = |object: &str| -> Vec<&str> {
        let own = statuses.iter().filter_map(|line| line.strip_prefix(object));
        own.map(str::trim).collect()
    };
    assert_eq!(of("StatefulSet/core "), ["Waiting not observed yet", "Waiting ready 0/1", "Ready"]);
    assert_eq!(of("Pod/core-0 "), ["Waiting ContainerCreating", "Ready ready 1/1"]);
    let requests = bench.server.requests();
    let lines: Vec<String> = requests
        .iter()
        .map(|request| format!("{} {}", request.path, request.query("labelSelector").unwrap_or_default()))
        .collect();
    assert_eq!(lines, [format!("{SETS} "), format!("{PODS} app in (adapter,core)")]);
    assert!(requests.iter().all(|request| request.query("watch") == Some("true")));
    let parent = bench.told().into_iter().find_map(|progress| match progress {
        Progress::Status { object, parent, .. } if object.kind == "Pod" => parent,
        _ => None,
    });
    assert_eq!(parent.unwrap().name, "core");
}

#[tokio::test]
async fn a_single_object_is_watched_by_its_name() {
    let bench = Bench::new().await;
    let (_, goal) = bench.set("core");
    let doing = async {
        pause(50).await;
        bench.ready("core");
    };
    bench.wait_while(vec![goal], &options(Rules::Full, 20_000), doing).await.unwrap();
    assert_eq!(bench.requests_to(SETS)[0].query("fieldSelector"), Some("metadata.name=core"));
}

#[tokio::test]
async fn connections_that_break_again_and_again_lose_nothing() {
    for end in [Some(Cut::Reset), Some(Cut::Close), None] {
        let bench = Bench::new().await;
        let (core, goal) = bench.set("core");
        let doing = async {
            for _ in 0..5 {
                pause(60).await;
                bench.server.store(|store| store.end_watches(end));
            }
            // Happens while nobody listens.
            bench.put(PODS, pod("core-0", &core, &running()));
            bench.ready("core");
        };
        bench.wait_while(vec![goal], &options(Rules::Full, 20_000), doing).await.unwrap();
    }
}

#[tokio::test]
async fn a_first_watch_that_breaks_is_followed_by_a_list_for_nobody_knows_what_it_has_left_out() {
    let bench = Bench::new().await;
    let (_, one) = bench.set("core");
    let (_, other) = bench.set("adapter");
    bench.ready("core");
    bench.ready("adapter");
    // Breaks off after the first of two objects.
    let core = bench.server.store(|store| store.get(&format!("{SETS}/core")).cloned()).unwrap();
    bench.server.once("GET", SETS, Answer::watch(&[json!({"type": "ADDED", "object": core})], Some(Cut::Close)));
    bench.wait(vec![one, other], &options(Rules::Full, 20_000)).await.unwrap();
    let kinds: Vec<bool> = bench.requests_to(SETS).iter().map(|request| request.query("watch").is_some()).collect();
    assert_eq!(kinds, [true, false], "a watch, then a list");
}

#[tokio::test]
async fn a_server_that_ends_every_watch_at_once_is_not_stormed() {
    let bench = Bench::new().await;
    let (_, goal) = bench.set("core");
    bench.server.script(|request| {
        let watch = request.query("watch").is_some() && request.path.starts_with("/a");
        watch.then(|| Answer::watch(&[], None))
    });
    // At the usual pace: half a second, one, two, four.
    let options = WaitOptions { pace: Pace::default(), ..options(Rules::Full, 3000) };
    let (objects, timed_out) = not_ready(bench.wait(vec![goal], &options).await.unwrap_err());
    assert!(timed_out && objects.len() == 1);
    let requests = bench.requests_to(SETS).len();
    assert!((2..=6).contains(&requests), "{requests} requests in 3 s");
}

#[tokio::test]
async fn an_expired_watch_is_listed_anew() {
    let bench = Bench::new().await;
    let (_, goal) = bench.set("core");
    let doing = async {
        pause(50).await;
        // Makes the second watch one from a known version.
        bench.server.store(|store| store.end_watches(None));
        pause(100).await;
        bench.change(SETS, "core", |set| set_ready(set, 0));
        bench.server.store(|store| store.end_watches(Some(Cut::Close)));
        bench.put(SETS, workload("StatefulSet", "other"));
        bench.server.store(super::store::Store::compact);
        pause(150).await;
        bench.ready("core");
    };
    bench.wait_while(vec![goal], &options(Rules::Full, 20_000), doing).await.unwrap();
    let lists = bench.requests_to(SETS).iter().filter(|request| request.query("watch").is_none()).count();
    assert!(lists >= 2, "{:?}", bench.server.lines());
}

#[tokio::test]
async fn a_refused_watch_becomes_polling_and_that_is_told() {
    let bench = Bench::new().await;
    let (_, goal) = bench.set("core");
    bench.server.script(|request| {
        let watch = request.query("watch").is_some() && request.path == SETS;
        let message = "statefulsets.apps is forbidden: User \"eve\" cannot watch resource \"statefulsets\" in API group \
            \"apps\" in the namespace \"bot\"";
        watch.then(|| Answer::refusal(403, "Forbidden", message))
    });
    let doing = async {
        // The watch, and two looks.
        while bench.requests_to(SETS).len() < 3 {
            pause(10).await;
        }
        bench.ready("core");
    };
    bench.wait_while(vec![goal], &options(Rules::Full, 20_000), doing).await.unwrap();
    let polling: Vec<Progress> =
        bench.told().into_iter().filter(|progress| matches!(progress, Progress::Polling { .. })).collect();
    let [Progress::Polling { what, error }] = polling.as_slice() else { panic!("{polling:?}") };
    assert_eq!((what.kind.as_str(), error.code()), ("StatefulSet", Code::Forbidden));
}

#[tokio::test]
async fn where_lists_are_refused_too_the_objects_are_asked_for_by_name() {
    let bench = Bench::new().await;
    let (_, one) = bench.set("core");
    let (_, other) = bench.set("adapter");
    bench.server.script(|request| {
        let message = "statefulsets.apps is forbidden: User \"eve\" cannot list resource \"statefulsets\" in API group \
            \"apps\" in the namespace \"bot\"";
        (request.path == SETS).then(|| Answer::refusal(403, "Forbidden", message))
    });
    let doing = async {
        pause(120).await;
        bench.ready("core");
        bench.ready("adapter");
    };
    bench.wait_while(vec![one, other], &options(Rules::Full, 20_000), doing).await.unwrap();
    assert!(!bench.requests_to(&format!("{SETS}/core")).is_empty());
}

#[tokio::test]
async fn who_may_see_nothing_is_told_so_at_once() {
    let bench = Bench::new().await;
    let (_, goal) = bench.set("core");
    bench.server.script(|request| {
        let message = "statefulsets.apps \"core\" is forbidden: User \"eve\" cannot get resource \"statefulsets\" in API \
            group \"apps\" in the namespace \"bot\"";
        request.path.starts_with(SETS).then(|| Answer::refusal(403, "Forbidden", message))
    });
    let began = Instant::now();
    let error = bench.wait(vec![goal], &options(Rules::Full, 20_000)).await.unwrap_err();
    assert_eq!(error.code(), Code::Forbidden);
    assert!(began.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn who_may_not_see_pods_can_wait_all_the_same() {
    let bench = Bench::new().await;
    let (_, goal) = bench.set("core");
    bench.server.script(|request| {
        let message = "pods is forbidden: User \"eve\" cannot list resource \"pods\" in API group \"\" in the namespace \
            \"bot\"";
        (request.path == PODS).then(|| Answer::refusal(403, "Forbidden", message))
    });
    let doing = async {
        pause(120).await;
        bench.ready("core");
    };
    bench.wait_while(vec![goal], &options(Rules::Full, 20_000), doing).await.unwrap();
    assert!(bench.told().iter().any(|progress| matches!(progress, Progress::Blind { what, .. } if what.kind == "Pod")));
}

#[tokio::test]
async fn a_server_that_fails_for_a_while_is_waited_for() {
    let bench = Bench::new().await;
    let (_, goal) = bench.set("core");
    bench.ready("core");
    let failures = Mutex::new(0);
    bench.server.script(move |request| {
        let mut failures = failures.lock().unwrap();
        *failures += 1;
        (request.path == SETS && *failures < 14).then(|| Answer::refusal(503, "ServiceUnavailable", "starting"))
    });
    bench.wait(vec![goal], &options(Rules::Full, 20_000)).await.unwrap();
    assert!(bench.told().iter().any(|progress| matches!(progress, Progress::Retrying { .. })));
}

#[tokio::test]
async fn a_connection_that_died_silently_is_noticed_at_the_end_of_its_window() {
    let bench = Bench::new().await;
    let (_, goal) = bench.set("core");
    bench.ready("core");
    bench.server.once("GET", SETS, Answer::watch(&[], Some(Cut::Silence)));
    let mut options = options(Rules::Full, 10_000);
    options.pace.window = Duration::from_secs(1);
    options.pace.slack = ms(200);
    let waited = bench.wait(vec![goal], &options).await.unwrap();
    assert!(waited.elapsed >= ms(1200), "{:?}", waited.elapsed);
    assert_eq!(bench.requests_to(SETS)[0].query("timeoutSeconds"), Some("1"));
}

#[tokio::test]
async fn time_that_is_over_is_explained_with_states_exits_warnings_and_last_lines() {
    let bench = Bench::new().await;
    let (core, goal) = bench.set("core");
    bench.change(SETS, "core", |set| set_ready(set, 0));
    let made = bench.put(PODS, pod("core-0", &core, &crashed(1)));
    bench.put(EVENTS, warning("e1", &made, "BackOff", "Back-off restarting failed container core"));
    bench.server.on("GET", &format!("{PODS}/core-0/log"), |request| {
        assert_eq!((request.query("tailLines"), request.query("container")), (Some("5"), Some("core")));
        Answer::text(200, "text/plain", "line one\n未确认升级，启动已取消。\n")
    });
    let mut options = options(Rules::Full, 3000);
    options.events_after = ms(50);
    let error = bench.wait(vec![goal], &options).await.unwrap_err();
    assert_eq!(error.code(), Code::CrashLoop);
    let text = error.to_string();
    assert!(text.starts_with("not ready after ") && text.contains(" s: StatefulSet/core: Pod/core-0"), "{text}");
    let (objects, timed_out) = not_ready(error);
    assert!(timed_out);
    let evidence = &objects[0].evidence[0];
    assert_eq!(evidence.object.name, "core-0");
    assert_eq!(evidence.troubles[0].exit.as_ref().unwrap().code, 1);
    assert_eq!(evidence.warnings, ["BackOff: Back-off restarting failed container core"]);
    assert_eq!(evidence.logs[0].lines, ["line one", "未确认升级，启动已取消。"]);
    assert_eq!(evidence.logs[0].container, "core");
}

#[tokio::test]
async fn logs_that_do_not_come_do_not_hold_the_answer_up_for_long() {
    let bench = Bench::new().await;
    let (core, goal) = bench.set("core");
    bench.put(PODS, pod("core-0", &core, &crashed(1)));
    bench.server.on("GET", &format!("{PODS}/core-0/log"), |_| Answer::Cut(Cut::Silence));
    let began = Instant::now();
    let (objects, _) = not_ready(bench.wait(vec![goal], &options(Rules::Full, 2000)).await.unwrap_err());
    assert!(objects[0].evidence[0].logs.is_empty());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_ends_the_wait_after_its_patience_and_not_before() {
    let bench = Bench::new().await;
    let (core, goal) = bench.set("core");
    bench.change(SETS, "core", |set| set_ready(set, 0));
    let refused = "failed to pull and unpack image \"x\": not found";
    bench.put(PODS, pod("core-0", &core, &waiting("ErrImagePull", refused)));
    let doing = async {
        // kubelet alternates; the older of them do not repeat the cause.
        for _ in 0..3 {
            pause(60).await;
            let back_off = waiting("ImagePullBackOff", "Back-off pulling image \"x\"");
            bench.change(PODS, "core-0", |pod| pod["status"] = back_off);
            pause(60).await;
            bench.change(PODS, "core-0", |pod| pod["status"] = waiting("ErrImagePull", refused));
        }
    };
    let began = Instant::now();
    let error = bench.wait_while(vec![goal], &options(Rules::Full, 20_000), doing).await.unwrap_err();
    let elapsed = began.elapsed();
    assert!((ms(400)..ms(15_000)).contains(&elapsed), "{elapsed:?}");
    assert_eq!(error.code(), Code::ImagePull);
    assert!(error.to_string().contains("not found"), "{error}");
    let (_, timed_out) = not_ready(error);
    assert!(!timed_out);
}

#[tokio::test]
async fn a_rollout_that_stumbles_and_recovers_is_never_called_failed() {
    let bench = Bench::new().await;
    let (core, goal) = bench.set("core");
    bench.change(SETS, "core", |set| set_ready(set, 0));
    let made = bench.put(PODS, pod("core-0", &core, &json!({"phase": "Pending"})));
    let stumbles = [
        json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient memory."}]}),
        waiting("ContainerCreating", ""),
        waiting("ErrImagePull", "i/o timeout"),
        waiting("ContainerCreating", ""),
        waiting("CreateContainerConfigError", "configmap \"core\" not found"),
        waiting("CreateContainerError", "name is reserved"),
        crashed(1),
        running(),
    ];
    let doing = async {
        bench.put(EVENTS, warning("e1", &made, "FailedMount", "MountVolume.SetUp failed"));
        for status in stumbles {
            pause(250).await;
            bench.change(PODS, "core-0", |pod| pod["status"] = status);
        }
        bench.ready("core");
    };
    let mut options = options(Rules::Full, 20_000);
    // Each state is left long before its patience is over.
    let long = ms(5000);
    options.patience = Patience {
        image_refused: long,
        image_pull: long,
        container_config: long,
        container_create: long,
        unschedulable: long,
        volume: long,
        refused: long,
        restarts: 2,
    };
    bench.wait_while(vec![goal], &options, doing).await.unwrap();
    let failed: Vec<String> = bench.statuses().into_iter().filter(|line| line.contains("Failed ")).collect();
    assert_eq!(failed, Vec::<String>::new());
}

#[tokio::test]
async fn a_container_that_keeps_crashing_ends_the_wait_at_its_second_restart() {
    let bench = Bench::new().await;
    let (core, goal) = bench.set("core");
    bench.change(SETS, "core", |set| set_ready(set, 0));
    bench.put(PODS, pod("core-0", &core, &crashed(0)));
    let doing = async {
        for restarts in 1..=2 {
            pause(150).await;
            bench.change(PODS, "core-0", |pod| pod["status"] = running());
            bench.change(PODS, "core-0", |pod| pod["status"] = crashed(restarts));
        }
    };
    let error = bench.wait_while(vec![goal], &options(Rules::Full, 20_000), doing).await.unwrap_err();
    assert_eq!(error.code(), Code::CrashLoop);
    let (objects, _) = not_ready(error);
    assert_eq!(objects[0].evidence[0].troubles[0].restarts, 2);
}

#[tokio::test]
async fn crashes_of_before_the_wait_do_not_count() {
    let bench = Bench::new().await;
    let (core, goal) = bench.set("core");
    bench.change(SETS, "core", |set| set_ready(set, 0));
    bench.put(PODS, pod("core-0", &core, &crashed(7)));
    let doing = async {
        pause(500).await;
        bench.change(PODS, "core-0", |pod| pod["status"] = running());
        bench.ready("core");
    };
    bench.wait_while(vec![goal], &options(Rules::Full, 20_000), doing).await.unwrap();
}

#[tokio::test]
async fn an_old_pod_of_a_deployment_may_crash_while_the_new_one_comes() {
    let bench = Bench::new().await;
    let deployment = bench.put(DEPLOYMENTS, workload("Deployment", "napcat"));
    let goal = Goal::ready(deployment.clone());
    bench.change(DEPLOYMENTS, "napcat", |deployment| {
        deployment["status"] = json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 1});
    });
    let of = |name: &str, hash: &str, status: &Value| {
        let mut made = pod(name, &deployment, status);
        made["metadata"]["labels"] = json!({"app": "napcat", "pod-template-hash": hash});
        made["metadata"]["ownerReferences"][0]["kind"] = json!("ReplicaSet");
        made["metadata"]["ownerReferences"][0]["name"] = json!(format!("napcat-{hash}"));
        bench.put(PODS, made);
    };
    of("napcat-old-x", "old", &crashed(0));
    let doing = async {
        pause(100).await;
        for restarts in 1..4 {
            bench.change(PODS, "napcat-old-x", |pod| pod["status"] = crashed(restarts));
            if restarts == 1 {
                of("napcat-new-y", "new", &waiting("ContainerCreating", ""));
            }
            pause(60).await;
        }
        bench.change(DEPLOYMENTS, "napcat", |deployment| {
            deployment["status"] = json!({"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1,
                "readyReplicas": 1, "availableReplicas": 1});
        });
    };
    bench.wait_while(vec![goal], &options(Rules::Full, 20_000), doing).await.unwrap();
}

#[tokio::test]
async fn an_impossible_image_name_ends_the_wait_at_once() {
    let bench = Bench::new().await;
    let (core, goal) = bench.set("core");
    bench.change(SETS, "core", |set| set_ready(set, 0));
    bench.put(PODS, pod("core-0", &core, &waiting("InvalidImageName", "couldn't parse image name \"a b\"")));
    let began = Instant::now();
    let error = bench.wait(vec![goal], &options(Rules::Full, 20_000)).await.unwrap_err();
    assert_eq!(error.code(), Code::ImagePull);
    assert!(began.elapsed() < ms(15_000));
}

#[tokio::test]
async fn pods_that_are_refused_are_found_in_the_events_of_their_workload() {
    let bench = Bench::new().await;
    let (core, goal) = bench.set("core");
    bench.change(SETS, "core", |set| {
        set["status"] = json!({"observedGeneration": 1, "replicas": 0});
    });
    let message =
        "create Pod core-0 in StatefulSet core failed error: pods \"core-0\" is forbidden: exceeded quota: small";
    bench.put(EVENTS, warning("e1", &core, "FailedCreate", message));
    let mut options = options(Rules::Full, 20_000);
    options.events_after = ms(100);
    let error = bench.wait(vec![goal], &options).await.unwrap_err();
    assert_eq!(error.code(), Code::PodRefused);
    assert!(error.to_string().contains("exceeded quota: small"), "{error}");
    assert_eq!(bench.requests_to(EVENTS)[0].query("fieldSelector"), Some("type=Warning"));
}

#[tokio::test]
async fn a_mount_that_goes_on_failing_is_a_trouble_with_volumes() {
    let bench = Bench::new().await;
    let (core, goal) = bench.set("core");
    bench.change(SETS, "core", |set| set_ready(set, 0));
    let made = bench.put(PODS, pod("core-0", &core, &waiting("ContainerCreating", "")));
    bench.put(EVENTS, warning("e1", &made, "FailedMount", "Unable to attach or mount volumes"));
    let mut options = options(Rules::Full, 20_000);
    options.events_after = ms(100);
    let error = bench.wait(vec![goal], &options).await.unwrap_err();
    assert_eq!(error.code(), Code::Volume);
}

#[tokio::test]
async fn an_old_warning_is_no_present_trouble() {
    let bench = Bench::new().await;
    let (core, goal) = bench.set("core");
    bench.change(SETS, "core", |set| set["status"] = json!({"observedGeneration": 1, "replicas": 0}));
    let mut old = warning("e1", &core, "FailedCreate", "exceeded quota");
    old["lastTimestamp"] = json!("2024-01-01T00:00:00Z");
    bench.put(EVENTS, old);
    let mut options = options(Rules::Full, 1500);
    options.events_after = ms(50);
    let error = bench.wait(vec![goal], &options).await.unwrap_err();
    let (objects, timed_out) = not_ready(error);
    assert!(timed_out);
    assert_eq!(objects[0].code, Code::NotReady);
}

#[tokio::test]
async fn a_claim_that_waits_for_its_first_consumer_holds_nobody_up() {
    let bench = Bench::new().await;
    bench.put(
        CLASSES,
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "late"}, "volumeBindingMode": "WaitForFirstConsumer"}),
    );
    bench.put(
        CLASSES,
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "soon"}, "volumeBindingMode": "Immediate"}),
    );
    let late = Goal::ready(bench.put(CLAIMS, claim("late", "late")));
    bench.wait(vec![late.clone()], &options(Rules::Full, 3000)).await.unwrap();
    assert_eq!(bench.requests_to(&format!("{CLASSES}/late")).len(), 1);

    let soon = Goal::ready(bench.put(CLAIMS, claim("soon", "soon")));
    let (objects, _) = not_ready(bench.wait(vec![soon, late], &options(Rules::Full, 3000)).await.unwrap_err());
    let names: Vec<&str> = objects.iter().map(|object| object.object.name.as_str()).collect();
    assert_eq!(names, ["soon"]);
}

#[tokio::test]
async fn a_claim_in_use_has_to_be_bound() {
    let bench = Bench::new().await;
    bench.put(
        CLASSES,
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "late"}, "volumeBindingMode": "WaitForFirstConsumer"}),
    );
    let goal = Goal::ready(bench.put(CLAIMS, claim("data", "late")));
    bench.put(
        PODS,
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "any", "namespace": "bot"},
            "spec": {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]},
            "status": {"phase": "Pending"},
        }),
    );
    let doing = async {
        pause(400).await;
        bench.change(CLAIMS, "data", |claim| claim["status"]["phase"] = json!("Bound"));
    };
    let waited = bench.wait_while(vec![goal], &options(Rules::Full, 20_000), doing).await.unwrap();
    assert!(waited.elapsed >= ms(350), "{:?}", waited.elapsed);
}

#[tokio::test]
async fn deletion_is_awaited_by_uid_and_explained_by_finalizers() {
    let bench = Bench::new().await;
    let mut held = claim("held", "x");
    held["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
    held["metadata"]["deletionTimestamp"] = json!("2024-01-01T00:00:00Z");
    let held = bench.put(CLAIMS, held);
    let again = bench.put(CLAIMS, claim("again", "x"));
    let uid = |object: &Value| object["metadata"]["uid"].as_str().unwrap().to_owned();
    let missing = Target { name: "missing".into(), ..target_of(&again) };
    let goals = vec![
        Goal::deleted(missing, None),
        Goal::deleted(target_of(&again), Some("another-uid".into())),
        Goal::deleted(target_of(&held), Some(uid(&held))),
    ];
    let doing = async {
        pause(200).await;
        bench.change(CLAIMS, "held", |claim| claim["metadata"]["finalizers"] = json!([]));
    };
    bench.wait_while(goals, &options(Rules::Full, 20_000), doing).await.unwrap();
    let statuses = bench.statuses();
    let held_line =
        "PersistentVolumeClaim/held Terminating held by finalizers: kubernetes.io/pvc-protection".to_owned();
    assert!(statuses.contains(&held_line), "{statuses:?}");
    assert!(statuses.contains(&"PersistentVolumeClaim/held Absent".to_owned()), "{statuses:?}");
    let requests = bench.requests_to(CLAIMS);
    assert_eq!(requests.len(), 2, "one list and one watch");
    assert!(requests.iter().all(|request| request.header("accept").unwrap().contains("PartialObjectMetadata")));

    let (objects, _) = not_ready(
        bench.wait(vec![Goal::deleted(target_of(&again), None)], &options(Rules::Full, 200)).await.unwrap_err(),
    );
    assert_eq!((objects[0].code, objects[0].reason.as_str()), (Code::DeleteFailed, "still there"));
}

#[tokio::test]
async fn an_object_that_is_gone_is_missed_until_it_is_there() {
    let bench = Bench::new().await;
    let (_, goal) = bench.set("core");
    let doing = async {
        pause(80).await;
        bench.remove(SETS, "core");
        pause(80).await;
        bench.put(SETS, workload("StatefulSet", "core"));
        bench.ready("core");
    };
    bench.wait_while(vec![goal.clone()], &options(Rules::Full, 20_000), doing).await.unwrap();
    bench.remove(SETS, "core");
    let absent = Goal { applied: None, ..goal };
    let mut options = options(Rules::Full, 400);
    options.pace.window = Duration::from_secs(1);
    let (objects, _) = not_ready(bench.wait(vec![absent], &options).await.unwrap_err());
    assert!(matches!(objects[0].code, Code::ObjectMissing | Code::NotReady), "{:?}", objects[0]);
}

#[tokio::test]
async fn helms_watcher_does_not_end_early_but_ends_when_nothing_is_left_to_wait_for() {
    let bench = Bench::new().await;
    let (core, one) = bench.set("core");
    let (_, other) = bench.set("adapter");
    bench.change(SETS, "core", |set| set_ready(set, 0));
    bench.put(PODS, pod("core-0", &core, &crashed(3)));
    let doing = async {
        pause(500).await;
        bench.ready("adapter");
    };
    let began = Instant::now();
    let error = bench.wait_while(vec![one, other], &options(Rules::Watcher, 20_000), doing).await.unwrap_err();
    assert!((ms(450)..ms(15_000)).contains(&began.elapsed()), "{:?}", began.elapsed());
    let (objects, timed_out) = not_ready(error);
    assert!(!timed_out);
    assert_eq!((objects.len(), objects[0].reason.as_str()), (1, "1 pods have failed"));
}

#[tokio::test]
async fn a_failed_hook_job_ends_the_wait_with_its_pods_last_words() {
    let bench = Bench::new().await;
    let jobs = "/apis/batch/v1/namespaces/bot/jobs";
    let job = bench.put(
        jobs,
        json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "hook", "namespace": "bot"},
            "spec": {"selector": {"matchLabels": {"app": "hook"}}},
        }),
    );
    bench.put(
        PODS,
        pod(
            "hook-abc",
            &job,
            &json!({
                "phase": "Failed",
                "containerStatuses": [{"name": "core", "ready": false, "restartCount": 0,
                    "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}],
            }),
        ),
    );
    bench.server.on("GET", &format!("{PODS}/hook-abc/log"), |_| Answer::text(200, "text/plain", "FileNotFoundError\n"));
    let doing = async {
        pause(150).await;
        bench.change(jobs, "hook", |job| {
            job["status"] =
                json!({"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]});
        });
    };
    let error = bench.wait_while(vec![Goal::ready(job)], &options(Rules::Finished, 20_000), doing).await.unwrap_err();
    assert_eq!(error.code(), Code::JobFailed);
    let (objects, _) = not_ready(error);
    assert_eq!(objects[0].reason, "BackoffLimitExceeded");
    assert_eq!(objects[0].evidence[0].logs[0].lines, ["FileNotFoundError"]);
}

#[tokio::test]
async fn everything_has_to_stay_ready_for_as_long_as_is_asked_for() {
    let bench = Bench::new().await;
    let (_, goal) = bench.set("core");
    bench.ready("core");
    let doing = async {
        pause(150).await;
        bench.change(SETS, "core", |set| set_ready(set, 0));
        pause(150).await;
        bench.ready("core");
    };
    let options = WaitOptions { settle: ms(1500), ..options(Rules::Full, 20_000) };
    let waited = bench.wait_while(vec![goal], &options, doing).await.unwrap();
    assert!(waited.elapsed >= ms(1750), "{:?}", waited.elapsed);
}

#[tokio::test]
async fn a_pod_of_our_own_is_made_awaited_and_deleted_by_its_uid() {
    let bench = Bench::new().await;
    let helper = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "helper", "namespace": "bot"},
        "spec": {"containers": [{"name": "core", "image": "x"}]}});
    let doing = async {
        pause(150).await;
        bench.change(PODS, "helper", |pod| pod["status"] = waiting("ContainerCreating", ""));
        pause(50).await;
        bench.change(PODS, "helper", |pod| pod["status"] = running());
    };
    let mut observe = |_| {};
    let options = options(Rules::Full, 20_000);
    let (own, ()) = tokio::join!(bench.cluster.start_pod(&helper, &options, &mut observe), doing);
    let own = own.map_err(|(_, error)| error).unwrap();
    assert_eq!(own.name, "helper");
    bench.cluster.delete_pod(&own, 0).await.unwrap();
    let request = bench.server.requests().pop().unwrap();
    assert_eq!(request.method, "DELETE");
    assert_eq!(request.json()["preconditions"]["uid"], json!(own.uid));
}

#[tokio::test]
async fn a_pod_of_our_own_that_does_not_come_up_says_why_and_is_handed_back() {
    let bench = Bench::new().await;
    let helper = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "helper", "namespace": "bot"},
        "spec": {"containers": [{"name": "core", "image": "x"}]}});
    let doing = async {
        pause(150).await;
        bench.change(PODS, "helper", |pod| pod["status"] = waiting("ErrImagePull", "no such host"));
    };
    let mut observe = |_| {};
    let options = options(Rules::Full, 20_000);
    let (own, ()) = tokio::join!(bench.cluster.start_pod(&helper, &options, &mut observe), doing);
    let (own, error) = own.unwrap_err();
    assert_eq!(own.unwrap().name, "helper");
    assert_eq!(error.code(), Code::ImagePull);
    // The name is taken now.
    let (own, error) = bench.cluster.start_pod(&helper, &options, &mut observe).await.unwrap_err();
    assert_eq!((own, error.code()), (None, Code::Raced));
}

#[tokio::test]
async fn a_helper_pod_that_ends_instead_of_running_is_a_failure() {
    let bench = Bench::new().await;
    let made = bench.put(
        PODS,
        json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "helper", "namespace": "bot"},
        "spec": {"containers": [{"name": "core", "image": "x"}]},
        "status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}}),
    );
    let goal = Goal { object: target_of(&made), condition: Condition::Running, applied: None };
    let error = bench.wait(vec![goal], &options(Rules::Full, 20_000)).await.unwrap_err();
    assert_eq!(error.code(), Code::PodLost);
    assert!(error.to_string().contains("low on resource"), "{error}");
    assert!(bench.told().iter().any(|progress| matches!(progress, Progress::Status { state: State::Failed, .. })));
}

#[test]
fn a_wait_can_be_moved_between_threads() {
    fn check(_: impl Send) {}
    #[allow(dead_code, reason = "it only has to compile")]
    fn never(cluster: &Cluster, options: &WaitOptions) {
        let mut observe = |_| {};
        check(cluster.wait(Vec::new(), options, &mut observe));
    }
}
