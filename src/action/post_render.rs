//! `--post-renderer`: a program of the user's that changes the rendered manifests.
//!
//! As Helm 3 does it: the program gets the manifest (without hooks) on its standard input, and what it prints is the
//! manifest from then on. Helm 4 takes only plugins here, which this tool does not have.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::Error;

/// The largest manifest that is taken back.
const MAX_OUTPUT: u64 = 100 * 1024 * 1024;
/// How much of what the program complains about is kept.
const MAX_COMPLAINT: u64 = 64 * 1024;

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostRenderer {
    program: PathBuf,
    arguments: Vec<String>,
}

impl PostRenderer {
    /// Finds the program: a path, or a name in `PATH`.
    ///
    /// # Errors
    /// If there is none that can be run.
    pub fn find(name: &str, arguments: Vec<String>) -> Result<Self, Error> {
        let missing = |reason: &str| Error::NoPostRenderer { name: name.to_owned(), reason: reason.to_owned() };
        if name.contains('/') {
            let path = PathBuf::from(name);
            return match path.metadata() {
                Ok(metadata) if metadata.is_file() && is_executable(&metadata) => {
                    let program = std::path::absolute(&path).unwrap_or(path);
                    Ok(Self { program, arguments })
                }
                Ok(metadata) if metadata.is_dir() => Err(missing("is a directory")),
                Ok(_) => Err(missing("permission denied")),
                Err(_) => Err(missing("no such file or directory")),
            };
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(name));
        let is_program = |path: &PathBuf| path.metadata().is_ok_and(|it| it.is_file() && is_executable(&it));
        match found.into_iter().find(is_program) {
            Some(program) if !name.is_empty() => Ok(Self { program, arguments }),
            _ => Err(missing("executable file not found in $PATH")),
        }
    }

    /// Runs the program over a manifest.
    ///
    /// # Errors
    /// If it cannot be started, fails, or answers with nothing or too much.
    pub(super) fn run(&self, manifest: &str) -> Result<String, Error> {
        let failed = |problem: String| Error::PostRenderer { program: self.program.display().to_string(), problem };
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let (Some(mut input), Some(output), Some(complaint)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed("it has no standard streams".to_owned()));
        };
        let (output, complaint) = std::thread::scope(|scope| {
            // A program that does not read to the end closes the pipe: its business.
            scope.spawn(move || input.write_all(manifest.as_bytes()));
            let complaint = scope.spawn(move || {
                let mut complaint = complaint;
                let mut kept = Vec::new();
                let _ = (&mut complaint).take(MAX_COMPLAINT).read_to_end(&mut kept);
                // The rest is read too, so that the program does not stop for want of room.
                let _ = std::io::copy(&mut complaint, &mut std::io::sink());
                kept
            });
            let mut kept = Vec::new();
            let read = output.take(MAX_OUTPUT + 1).read_to_end(&mut kept).map(|_| kept);
            (read, complaint.join().unwrap_or_default())
        });
        let status = child.wait().map_err(|error| failed(error.to_string()))?;
        let complaint = String::from_utf8_lossy(&complaint).into_owned();
        let output = output.map_err(|error| failed(error.to_string()))?;
        if output.len() as u64 > MAX_OUTPUT {
            return Err(failed(format!("it printed more than {MAX_OUTPUT} bytes")));
        }
        if !status.success() {
            let code = status.code().map_or_else(|| status.to_string(), |code| format!("exit status {code}"));
            return Err(Error::PostRendererFailed { program: self.program.display().to_string(), complaint, code });
        }
        String::from_utf8(output).map_err(|_| failed("what it printed is not UTF-8".to_owned()))
    }
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &std::fs::Metadata) -> bool {
    true
}
