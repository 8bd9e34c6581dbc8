//! Streams and signals: a reader that goes away, a disk that is full, an interrupt.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Place, scrub};

/// The program as a plain process, for tests that hold its ends.
fn process(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_maibot"));
    scrub(|name| {
        command.env_remove(name);
    });
    command.env("HOME", place.path()).env("LANG", "en_US.UTF-8").current_dir(place.path()).args(arguments);
    command
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let place = Place::new();
    let mut child = process(&place, &["explain"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Nobody reads: the pipe is closed before the program has written.
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_under_the_result_is_a_failure_with_a_code() {
    let place = Place::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = process(&place, &["explain"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("MB1011"), "{stderr}");
}

#[test]
fn a_closed_stderr_is_nobodys_concern() {
    let place = Place::new();
    let mut child = process(&place, &["instal"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(64));
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    let place = Place::new();
    let has_colour = |arguments: &[&str]| place.run(arguments).stderr.contains('\u{1b}');
    assert!(!has_colour(&["instal"]));
    assert!(has_colour(&["instal", "--color", "always"]));
    assert!(has_colour(&["instal", "--colour=always"]));
    assert!(!has_colour(&["instal", "--color", "never"]));
    let ran = place.command(&["instal"]).env("HELM_COLOR", "always").output().unwrap();
    assert!(ran.stderr.contains(&0x1b));
    let ran = place.command(&["instal"]).env("HELM_COLOR", "always").env("NO_COLOR", "1").output().unwrap();
    assert!(!ran.stderr.contains(&0x1b));
}

/// A server that takes connections and never answers, so that a command is in the middle of something.
fn silent_server() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

#[test]
#[cfg(unix)]
fn a_second_interrupt_ends_the_run_at_once() {
    let place = Place::new();
    let (listener, server) = silent_server();
    let mut child = process(&place, &["list", "--kube-apiserver", &server])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The request is under way once the connection is there.
    let _connection = listener.accept().unwrap();
    let interrupt = |child: &std::process::Child| {
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    };
    interrupt(&child);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("interrupt"), "{line}");
    let started = Instant::now();
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(started.elapsed() < Duration::from_secs(5));
}
