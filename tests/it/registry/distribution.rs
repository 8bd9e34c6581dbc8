//! A registry of the distribution project in a process of its own, and both Helms.
//!
//! The programs come from the variables that `tests/cluster/rig` prints; without them the tests name themselves as
//! skipped. `tls/` holds an authority, a certificate for 127.0.0.1 and one for a client, made once with OpenSSL for these
//! tests (valid for a hundred years; the authority's key is thrown away).

use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cli::{Place, Ran, scrub};
use crate::skipped;

/// The programs, if they are there.
pub(crate) struct Programs {
    registry: PathBuf,
    pub(crate) helm3: PathBuf,
    pub(crate) helm4: PathBuf,
}

impl Programs {
    /// The programs, or a word that `test` is skipped.
    pub(crate) fn find(test: &str) -> Option<Self> {
        let program = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let found = (program("MAIBOT_TEST_REGISTRY"), program("MAIBOT_TEST_HELM3"), program("MAIBOT_TEST_HELM4"));
        let (Some(registry), Some(helm3), Some(helm4)) = found else {
            skipped(test, "MAIBOT_TEST_REGISTRY, MAIBOT_TEST_HELM3 and MAIBOT_TEST_HELM4 name no programs");
            return None;
        };
        Some(Self { registry, helm3, helm4 })
    }

    /// Both Helms with the version that `--helm-compat` knows them by.
    pub(super) fn helms(&self) -> [(&'static str, &Path); 2] {
        [("3", &self.helm3), ("4", &self.helm4)]
    }
}

/// How a registry behaves.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// It asks for the user `user` with the password `secret`.
    pub(crate) login: bool,
    /// It speaks TLS.
    pub(crate) tls: bool,
    /// It wants a client certificate.
    pub(crate) client_certificate: bool,
}

/// A running registry; it ends when dropped.
pub(crate) struct Distribution {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Distribution {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of `tls/`.
pub(super) fn certificate(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/registry/tls").join(name).display().to_string()
}

/// The password `secret` of the user `user`, as bcrypt keeps it.
const HTPASSWD: &str = "user:$2a$04$pylj9lct2xUBc1WosGCea.11F3s3Y0m8h09i6GZK9Lk9fUYLl6dJ.\n";

impl Distribution {
    pub(crate) fn start(programs: &Programs, options: Options) -> Self {
        // Another process may take a free port before the registry does.
        (0..5).find_map(|_| Self::try_start(programs, options)).expect("a registry that listens")
    }

    fn try_start(programs: &Programs, options: Options) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{inmemory: {{}}}}\nhttp:\n  addr: \
             127.0.0.1:{port}\n"
        );
        if options.tls {
            let (cert, key) = (certificate("server.crt"), certificate("server.key"));
            let _ = write!(config, "  tls:\n    certificate: {cert}\n    key: {key}\n");
            if options.client_certificate {
                let _ = writeln!(config, "    clientcas: [{}]", certificate("ca.crt"));
            }
        }
        if options.login {
            let path = folder.path().join("htpasswd");
            std::fs::write(&path, HTPASSWD).unwrap();
            let _ = writeln!(config, "auth: {{htpasswd: {{realm: test, path: {}}}}}", path.display());
        }
        let path = folder.path().join("config.yml");
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new(&programs.registry);
        // The registry reads its configuration from variables too.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REGISTRY_") || name.starts_with("OTEL_"))
        {
            command.env_remove(name);
        }
        command.env("OTEL_TRACES_EXPORTER", "none");
        let child =
            command.arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut started = Self { child, port, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if started.child.try_wait().unwrap().is_some() {
                return None;
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(started);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `oci://127.0.0.1:PORT/PATH`.
    pub(crate) fn oci(&self, path: &str) -> String {
        format!("oci://{}/{path}", self.host())
    }
}

/// Runs a Helm with the home of a place, in its folder.
pub(super) fn helm(place: &Place, program: &Path, arguments: &[&str]) -> Ran {
    helm_with(place, program, arguments, &[])
}

/// The same with variables.
pub(super) fn helm_with(place: &Place, program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(program);
    scrub(|name| {
        command.env_remove(name);
    });
    command.env_remove("DOCKER_CONFIG").envs(variables.iter().copied());
    Ran::of(command.env("HOME", place.path()).current_dir(place.path()).args(arguments).output().unwrap())
}

/// The chart `web`, packaged by Helm into the place.
pub(super) fn package(place: &Place, programs: &Programs, version: &str) -> String {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/charts/web/chart");
    let ran = helm(place, &programs.helm4, &["package", chart.to_str().unwrap(), "--version", version]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    format!("web-{version}.tgz")
}
