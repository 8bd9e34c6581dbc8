//! The start script of core, run by real shells in a folder that looks like the image's.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with what the image has, and a `python` that prints what it was started with.
struct Image {
    folder: TempDir,
}

impl Image {
    fn new() -> Self {
        let image = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(image.path("bin")).unwrap();
        fs::create_dir_all(image.path("app/data")).unwrap();
        fs::create_dir_all(image.path("app/config")).unwrap();
        fs::create_dir_all(image.path("app/plugins/hello_world")).unwrap();
        fs::write(image.path("app/plugins/hello_world/plugin.py"), "").unwrap();
        fs::write(image.path("app/bot.py"), "").unwrap();
        // A program that was just written might be busy when another test forks; a link never is.
        symlink("/bin/echo", image.path("bin/python")).unwrap();
        image
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, shell: &str) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/files/k8s-init.sh");
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        Command::new(shell).arg(script).current_dir(self.path("app")).env("PATH", path).output().unwrap()
    }

    fn starts(&self, shell: &str) {
        let output = self.start(shell);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!((output.status.code(), &*out, &*err), (Some(0), "bot.py\n", ""));
    }

    fn fails(&self, shell: &str) -> String {
        let output = self.start(shell);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    }
}

/// The shell of the image, a Debian, is dash; the others must do as well where they are installed.
fn shells() -> Vec<&'static str> {
    let shells: Vec<_> = ["sh", "dash", "bash"]
        .into_iter()
        .filter(|shell| Command::new(shell).arg("-c").arg("exit 0").status().is_ok_and(|status| status.success()))
        .collect();
    assert!(shells.contains(&"sh"));
    shells
}

#[test]
fn the_programs_folders_become_links_to_the_volumes() {
    for shell in shells() {
        let image = Image::new();
        fs::create_dir(image.path("app/statistics")).unwrap();
        image.starts(shell);
        let links_to = |name: &str, target: &str| {
            assert_eq!(
                fs::canonicalize(image.path("app").join(name)).unwrap(),
                fs::canonicalize(image.path(target)).unwrap()
            );
            assert!(fs::symlink_metadata(image.path("app").join(name)).unwrap().is_symlink());
        };
        links_to("plugins", "app/data/plugins");
        links_to("logs", "app/data/logs");
        links_to("maibot_statistics.html", "app/statistics/index.html");
        assert!(fs::read_dir(image.path("app/data/plugins")).unwrap().next().is_none());
    }
}

#[test]
fn starting_again_keeps_what_lies_on_the_volumes() {
    for shell in shells() {
        let image = Image::new();
        fs::create_dir_all(image.path("app/data/plugins/mine")).unwrap();
        fs::create_dir(image.path("app/statistics")).unwrap();
        fs::write(image.path("app/statistics/index.html"), "page").unwrap();
        image.starts(shell);
        fs::write(image.path("app/logs/today.log"), "line").unwrap();
        image.starts(shell);
        assert!(image.path("app/data/plugins/mine").is_dir());
        assert_eq!(fs::read_to_string(image.path("app/data/logs/today.log")).unwrap(), "line");
        assert_eq!(fs::read_to_string(image.path("app/maibot_statistics.html")).unwrap(), "page");
        assert!(!image.path("app/data/plugins/plugins").exists());
    }
}

#[test]
fn without_a_volume_for_the_statistics_nothing_is_linked_there() {
    let image = Image::new();
    image.starts("sh");
    assert!(!image.path("app/maibot_statistics.html").exists());
}

#[test]
fn the_env_file_is_found_among_the_configuration_unless_it_is_mounted_itself() {
    for shell in shells() {
        let image = Image::new();
        fs::write(image.path("app/config/.env"), "HOST=0.0.0.0\n").unwrap();
        image.starts(shell);
        image.starts(shell);
        assert_eq!(fs::read_to_string(image.path("app/.env")).unwrap(), "HOST=0.0.0.0\n");

        let image = Image::new();
        fs::write(image.path("app/.env"), "HOST=1\n").unwrap();
        fs::write(image.path("app/config/.env"), "HOST=2\n").unwrap();
        image.starts(shell);
        assert_eq!(fs::read_to_string(image.path("app/.env")).unwrap(), "HOST=1\n");
    }
}

#[test]
fn a_folder_in_place_of_a_file_is_told_and_nothing_is_removed() {
    for shell in shells() {
        for file in [".env", "config/bot_config.toml", "config/model_config.toml"] {
            let image = Image::new();
            fs::create_dir_all(image.path("app").join(file)).unwrap();
            let message = image.fails(shell);
            assert!(message.starts_with("k8s-init: ") && message.contains(file), "{message}");
            assert!(image.path("app/plugins/hello_world").is_dir());
        }
    }
}

#[test]
fn a_link_that_points_elsewhere_is_turned_round() {
    let image = Image::new();
    fs::create_dir(image.path("elsewhere")).unwrap();
    fs::write(image.path("elsewhere/keep"), "").unwrap();
    symlink(image.path("elsewhere"), image.path("app/logs")).unwrap();
    image.starts("sh");
    assert_eq!(fs::read_link(image.path("app/logs")).unwrap(), fs::canonicalize(image.path("app/data/logs")).unwrap());
    assert!(image.path("elsewhere/keep").exists());
}
