use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use maibot::action::install::{InstallSettings, install};
use maibot::action::uninstall::{UninstallSettings, uninstall};
use maibot::action::{Cancel, ChartSource, Event, Observer, UserValues, WaitFor};
use maibot::cluster::{Cluster, Environment, KubeSettings, Propagation};
use maibot::yaml::Value;

struct Print(Mutex<std::time::Instant>);
impl Observer for Print {
    fn event(&self, event: &Event) {
        eprintln!("{:?} {event:?}", self.0.lock().unwrap().elapsed());
    }
}

#[test]
fn smoke() {
    let Some(live) = super::live::live("smoke") else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let settings = KubeSettings {
            kubeconfig: Some(live.kubeconfig.clone()),
            namespace: Some(live.namespace.clone()),
            environment: Environment::default(),
            ..KubeSettings::default()
        };
        let cluster = Cluster::connect(&settings, Arc::new(())).await.unwrap();
        let values = UserValues::new(
            [("EULA_AGREE".to_owned(), Value::Bool(true)), ("PRIVACY_AGREE".to_owned(), Value::Bool(true))].into(),
        );
        let settings = InstallSettings {
            name: "mai".into(),
            chart: ChartSource::Embedded,
            values,
            create_namespace: false,
            wait: WaitFor::Ready,
            wait_for_jobs: false,
            timeout: Duration::from_secs(120),
            description: None,
            labels: BTreeMap::new(),
            replace: false,
            take_ownership: false,
            force_conflicts: false,
            skip_schema_validation: false,
        };
        let observer: Arc<dyn Observer> = Arc::new(Print(Mutex::new(std::time::Instant::now())));
        let release = install(&cluster, &settings, &observer, &Cancel::new()).await.unwrap_or_else(|f| panic!("{f:?}"));
        eprintln!("{} requests; {}", cluster.requests(), release.info.notes);
        eprintln!("{}", live.helm(&live.helm4, &["list"]));
        eprintln!("{}", live.helm(&live.helm3, &["status", "mai"]));
        let settings = UninstallSettings {
            name: "mai".into(),
            keep_history: false,
            delete_data: false,
            wait: true,
            timeout: Duration::from_secs(60),
            propagation: Propagation::Background,
            no_hooks: false,
            description: None,
        };
        let done = uninstall(&cluster, &settings, &observer, &Cancel::new()).await.unwrap_or_else(|f| panic!("{f:?}"));
        eprintln!("{done:?}");
    });
}
