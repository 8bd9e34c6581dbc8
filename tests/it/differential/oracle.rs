//! The Helm oracle (`tests/oracle`) as a process that answers line by line for as long as a test runs.
//!
//! Requests and answers are JSON lines. A request that ends the oracle (Go cannot survive unbounded recursion) or that
//! it does not answer in time has no answer; the process is started again and the rest goes on.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maibot::yaml::{Numbers, Value, json};

use crate::conformance::Helm;

/// How long an answer may take; the longest that are wanted take a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a Helm answers: the value or the error's full text.
pub(super) type Answer = Result<Value, String>;

/// The program of a Helm, if it has been built.
pub(super) fn program(helm: Helm) -> Option<PathBuf> {
    let (variable, name) = match helm {
        Helm::Four => ("MAIBOT_TEST_ORACLE", "helm-oracle"),
        Helm::Three => ("MAIBOT_TEST_ORACLE3", "helm-oracle3"),
    };
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/oracle").join(name);
    Some(std::env::var_os(variable).map_or_else(built, PathBuf::from)).filter(|path| path.exists())
}

/// A running oracle.
pub(super) struct Oracle {
    program: PathBuf,
    command: &'static str,
    process: Option<Process>,
}

struct Process {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Process {
    fn start(program: &Path, command: &str) -> Self {
        let mut child = Command::new(program)
            .arg(command)
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let (sender, answers) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        // Answers are taken off the pipe at once, so that neither side waits for the other while requests are written.
        std::thread::spawn(move || {
            for line in output.lines() {
                let Ok(line) = line else { break };
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let input = child.stdin.take();
        Self { child, input, answers }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Oracle {
    pub(super) fn new(helm: Helm, command: &'static str) -> Option<Self> {
        Some(Self { program: program(helm)?, command, process: None })
    }

    /// Sends requests; `None` in place of the answer to one that the oracle did not survive.
    pub(super) fn ask(&mut self, requests: &[&Value]) -> Vec<Option<Answer>> {
        let mut left: VecDeque<String> = requests.iter().map(|request| encode(request)).collect();
        let mut given = Vec::with_capacity(requests.len());
        while !left.is_empty() {
            let process = self.process.get_or_insert_with(|| Process::start(&self.program, self.command));
            let input = process.input.as_mut().unwrap();
            // A write fails when the process is gone; then an answer is missing below.
            let text: String = left.iter().map(|line| format!("{line}\n")).collect();
            let _ = input.write_all(text.as_bytes()).and_then(|()| input.flush());
            while !left.is_empty() {
                match process.answers.recv_timeout(PATIENCE) {
                    Ok(line) => given.push(Some(decode(&line))),
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                        given.push(None);
                        left.pop_front();
                        self.process = None;
                        break;
                    }
                }
                left.pop_front();
            }
        }
        given
    }

    pub(super) fn ask_one(&mut self, request: &Value) -> Option<Answer> {
        self.ask(&[request]).pop().flatten()
    }
}

fn decode(line: &str) -> Answer {
    let answer = json::read(line, Numbers::Exact).unwrap_or_else(|error| panic!("{error}: {line}"));
    match answer.get("error") {
        Some(Value::String(error)) => Err(error.clone()),
        // Our errors are text: bytes that are none become U+FFFD, one each.
        Some(error) => {
            let bytes = error.get("$bytes").and_then(Value::as_str).unwrap_or_else(|| panic!("{line}"));
            Err(json::lossy(&STANDARD.decode(bytes).unwrap()))
        }
        None => Ok(answer.get("ok").unwrap_or_else(|| panic!("neither ok nor error: {line}")).clone()),
    }
}

/// A value as the oracle reads it: a float has a point or an exponent, an integer has neither.
pub(super) fn encode(value: &Value) -> String {
    let mut text = String::new();
    encode_into(value, &mut text);
    text
}

fn encode_into(value: &Value, text: &mut String) {
    match value {
        Value::Float(float) => text.push_str(&format!("{float:?}")),
        Value::Sequence(list) => {
            text.push('[');
            for (index, item) in list.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                encode_into(item, text);
            }
            text.push(']');
        }
        Value::Mapping(map) => {
            text.push('{');
            for (index, (key, item)) in map.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                encode_into(&Value::from(key.as_str()), text);
                text.push_str(": ");
                encode_into(item, text);
            }
            text.push('}');
        }
        plain => text.push_str(&json::to_raw_json(plain).unwrap()),
    }
}
