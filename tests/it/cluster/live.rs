//! The real cluster the tests run on, and the programs beside ours: kubectl and both Helms.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What `rig env` told.
pub(super) struct Live {
    pub(super) kubeconfig: PathBuf,
    kubectl: PathBuf,
    pub(super) helm3: PathBuf,
    pub(super) helm4: PathBuf,
    /// A namespace of the test's own, deleted at its end.
    pub(super) namespace: String,
    home: tempfile::TempDir,
}

/// The cluster, with a namespace for the test of this name; nothing if there is none, which is told.
pub(super) fn live(test: &str) -> Option<Live> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let Some(kubeconfig) = variable("MAIBOT_TEST_KUBECONFIG") else {
        crate::skipped(&format!("cluster::{test}"), "no cluster");
        return None;
    };
    let need = |name: &str| variable(name).unwrap_or_else(|| panic!("{name} is not set"));
    let live = Live {
        kubeconfig,
        kubectl: need("MAIBOT_TEST_KUBECTL"),
        helm3: need("MAIBOT_TEST_HELM3"),
        helm4: need("MAIBOT_TEST_HELM4"),
        namespace: format!(
            "t-{}-{}",
            test.replace('_', "-").chars().take(40).collect::<String>().trim_end_matches('-'),
            std::process::id()
        ),
        home: tempfile::tempdir().unwrap(),
    };
    live.kubectl(&["create", "namespace", &live.namespace]);
    Some(live)
}

impl Drop for Live {
    fn drop(&mut self) {
        if std::env::var_os("MAIBOT_TEST_KEEP").is_none() {
            let _ = self.command(&self.kubectl).args(["delete", "namespace", &self.namespace, "--wait=false"]).output();
        }
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

    /// A run of our program in the test's namespace.
    pub(super) fn maibot(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_maibot")));
        command.args(arguments).args(["-n", &self.namespace]);
        command
    }

    /// A run of real Helm in the test's namespace; must succeed.
    pub(super) fn helm(&self, helm: &Path, arguments: &[&str]) -> String {
        let output = self.command(helm).args(arguments).args(["-n", &self.namespace]).output().unwrap();
        text_of(&format!("helm {arguments:?}"), &output)
    }

    /// kubectl in the test's namespace; must succeed.
    pub(super) fn kubectl(&self, arguments: &[&str]) -> String {
        let output = self.command(&self.kubectl).args(["-n", &self.namespace]).args(arguments).output().unwrap();
        text_of(&format!("kubectl {arguments:?}"), &output)
    }
}

/// The standard output of a run that succeeded.
pub(super) fn text_of(what: &str, output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}
