//! The real cluster the tests run on, and the programs beside ours: kubectl and both Helms.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// Consent, as every installation needs it.
pub(super) const CONSENT: &str = "EULA_AGREE=true,PRIVACY_AGREE=true";

/// What `rig env` told, and a namespace of the test's own that is deleted at its end.
pub(super) struct Live {
    pub(super) kubeconfig: PathBuf,
    kubectl: PathBuf,
    pub(super) helm3: PathBuf,
    pub(super) helm4: PathBuf,
    pub(super) audit: Option<PathBuf>,
    pub(super) namespace: String,
    home: tempfile::TempDir,
}

/// The cluster, with a namespace for the test of this name; nothing if there is none, which is told.
pub(super) fn live(test: &str) -> Option<Live> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let Some(kubeconfig) = variable("MAIBOT_TEST_KUBECONFIG") else {
        crate::skipped(&format!("cluster::{test}"), "no cluster");
        return None;
    };
    let need = |name: &str| variable(name).unwrap_or_else(|| panic!("{name} is not set"));
    let short: String = test.replace('_', "-").chars().take(40).collect();
    let live = Live {
        kubeconfig,
        kubectl: need("MAIBOT_TEST_KUBECTL"),
        helm3: need("MAIBOT_TEST_HELM3"),
        helm4: need("MAIBOT_TEST_HELM4"),
        audit: variable("MAIBOT_TEST_AUDIT_LOG"),
        namespace: format!("t-{}-{}", short.trim_end_matches('-'), std::process::id()),
        home: tempfile::tempdir().unwrap(),
    };
    live.kubectl(["create", "namespace", &live.namespace]);
    Some(live)
}

impl Drop for Live {
    fn drop(&mut self) {
        if std::env::var_os("MAIBOT_TEST_KEEP").is_none() {
            let _ = self.command(&self.kubectl).args(["delete", "namespace", &self.namespace, "--wait=false"]).output();
        }
    }
}

/// What a run of our program ended with.
pub(super) struct Ended {
    pub(super) status: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ended {
    fn of(output: &Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Its standard output; the run must have succeeded.
    pub(super) fn ok(self) -> String {
        assert_eq!(self.status, Some(0), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self.stdout
    }
}

impl Live {
    /// A program with nothing in its environment but this cluster.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("TZ", "UTC")
            .env("LANG", "C.UTF-8")
            .current_dir(self.home.path());
        command
    }

    /// Our program in the test's namespace, not started yet.
    pub(super) fn maibot<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_maibot")));
        command.args(arguments).args(["-n", &self.namespace]);
        command
    }

    /// Runs our program in the test's namespace.
    pub(super) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ended {
        Ended::of(&self.maibot(arguments).output().unwrap())
    }

    /// Installs release `mai` with consent and further arguments.
    pub(super) fn install(&self, further: &[&str]) -> Ended {
        self.run(["install", "mai", "--set", CONSENT, "--timeout", "180s"].iter().chain(further))
    }

    /// Real Helm in the test's namespace; must succeed.
    pub(super) fn helm<S: AsRef<OsStr>>(&self, helm: &Path, arguments: impl IntoIterator<Item = S>) -> String {
        let mut command = self.command(helm);
        command.args(arguments).args(["-n", &self.namespace]);
        text_of(&mut command)
    }

    /// Real Helm in the test's namespace, however it ends.
    pub(super) fn helm_ends<S: AsRef<OsStr>>(&self, helm: &Path, arguments: impl IntoIterator<Item = S>) -> Ended {
        let mut command = self.command(helm);
        Ended::of(&command.args(arguments).args(["-n", &self.namespace]).output().unwrap())
    }

    /// Writes a file below the folder in which programs run.
    pub(super) fn file(&self, name: &str, text: &str) {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes a chart with these files beside its `Chart.yaml`; it is used as `./NAME`.
    pub(super) fn chart(&self, name: &str, files: &[(&str, &str)]) {
        self.file(&format!("{name}/Chart.yaml"), &format!("apiVersion: v2\nname: {name}\nversion: 0.1.0\n"));
        for (path, text) in files {
            self.file(&format!("{name}/{path}"), text);
        }
    }

    /// What our program asked for in the test's namespace so far and was carried out: verb, resource and address of each
    /// request. Nothing if this cluster's audit log cannot be read.
    pub(super) fn requests(&self) -> Option<Vec<(String, String, String)>> {
        let log = std::fs::read_to_string(self.audit.as_ref()?).unwrap();
        let events = log.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        let text =
            |event: &Json, pointer: &str| event.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
        let ours = events.filter(|event| {
            text(event, "/userAgent").starts_with("maibot/") && text(event, "/objectRef/namespace") == self.namespace
        });
        Some(
            ours.map(|event| (text(&event, "/verb"), text(&event, "/objectRef/resource"), text(&event, "/requestURI")))
                .collect(),
        )
    }

    /// kubectl in the test's namespace; must succeed.
    pub(super) fn kubectl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        text_of(self.command(&self.kubectl).args(["-n", &self.namespace]).args(arguments))
    }

    /// kubectl reading objects from text; must succeed.
    pub(super) fn kubectl_with(&self, input: &str, arguments: &[&str]) -> String {
        let file = self.home.path().join("input.yaml");
        std::fs::write(&file, input).unwrap();
        self.kubectl(arguments.iter().map(OsStr::new).chain([OsStr::new("-f"), file.as_os_str()]))
    }

    /// Objects of the test's namespace.
    pub(super) fn objects(&self, kind: &str) -> Vec<Json> {
        let list: Json = serde_json::from_str(&self.kubectl(["get", kind, "-o", "json"])).unwrap();
        list["items"].as_array().unwrap().clone()
    }

    /// Names of objects of the test's namespace, sorted.
    pub(super) fn names(&self, kind: &str) -> Vec<String> {
        let mut names: Vec<String> =
            self.objects(kind).iter().map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    /// A file as a running container sees it.
    pub(super) fn read(&self, workload: &str, path: &str) -> String {
        self.kubectl(["exec", workload, "--", "cat", path])
    }

    /// What the bot's health page says, asked from inside its own container.
    pub(super) fn health(&self, release: &str) -> String {
        let ask = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8001/api/webui/health').read().decode())";
        self.kubectl(["exec", &format!("statefulset/{release}-maibot-core"), "--", "python3", "-c", ask])
    }
}

/// Tries until it is true, for a minute at most.
pub(super) fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let began = Instant::now();
    while !check() {
        assert!(began.elapsed() < Duration::from_mins(1), "{what} did not come true");
        std::thread::sleep(Duration::from_millis(250));
    }
}

/// The standard output of a run that must succeed.
fn text_of(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}
