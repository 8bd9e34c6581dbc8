//! Files on volumes: the real agent under this machine's python3, behind a websocket that breaks wherever it likes.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use maibot::cluster::Cluster;
use maibot::cluster::files::{
    EntryKind, Expect, FileError, FileSession, Place, Refusal, SessionOptions, Sha256, Writing,
};
use maibot::code::Code;
use proptest::prelude::*;

use super::exec_server::{Break, How, Plan, Protocol, ended, on, refused, run, scripted};
use super::server::FakeServer;

const PATH: &str = "/api/v1/namespaces/bot/pods/helper/exec";

/// A volume in a directory of its own, and a server whose execs reach it.
struct Bench {
    directory: tempfile::TempDir,
    server: FakeServer,
    cluster: Cluster,
    plan: Arc<Mutex<Plan>>,
}

impl Bench {
    async fn new() -> Self {
        let plan = Arc::new(Mutex::new(Plan::new()));
        let server = FakeServer::start().await;
        let shared = Arc::clone(&plan);
        server.on("GET", PATH, move |request| run(request, &shared.lock().unwrap()));
        let (cluster, _) = server.cluster().await;
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("volume")).unwrap();
        Self { directory, server, cluster, plan }
    }

    fn volume(&self) -> PathBuf {
        self.directory.path().join("volume")
    }

    fn options(&self) -> SessionOptions {
        let volume = self.volume();
        let mut options = SessionOptions::new("bot", "helper", "helper", &[("data", volume.to_str().unwrap())]);
        options.silence = Duration::from_secs(20);
        options
    }

    async fn session(&self) -> FileSession {
        self.cluster.files(&self.options()).await.unwrap()
    }

    fn put(&self, path: &str, content: &str) {
        fs::write(self.volume().join(path), content).unwrap();
    }

    fn content(&self, path: &str) -> String {
        fs::read_to_string(self.volume().join(path)).unwrap()
    }

    /// Names in the volume's top directory.
    fn names(&self) -> Vec<String> {
        names(&self.volume())
    }
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn data(path: &str) -> Place<'_> {
    Place::new("data", path)
}

fn refusal(error: &FileError) -> Refusal {
    error.refusal().unwrap_or_else(|| panic!("not a refusal: {error:?}"))
}

#[tokio::test]
async fn a_file_is_written_read_copied_and_found_over_one_exec() {
    let bench = Bench::new().await;
    let mut session = bench.session().await;
    assert!(session.python().starts_with("3."), "{}", session.python());

    assert_eq!(session.stat(data("bot_config.toml"), true).await.unwrap().kind, EntryKind::Absent);
    assert_eq!(session.stat(data("no/such/way"), false).await.unwrap().kind, EntryKind::Absent);
    let text = "[bot]\nname = \"麦麦\"\n";
    let writing = Writing { expect: Expect::Absent, mode: Some(0o640), ..Writing::default() };
    let written = session.write(data("bot_config.toml"), text.as_bytes(), &writing).await.unwrap();
    assert!(written.created && !written.unchanged);
    assert_eq!(written.sha256, Sha256::of(text.as_bytes()));
    assert_eq!(bench.content("bot_config.toml"), text);
    assert_eq!(written.entry.mode, 0o640);

    let read = session.read(data("bot_config.toml"), 1 << 20).await.unwrap();
    assert_eq!(read.bytes, text.as_bytes());
    assert_eq!(read.entry.mode, 0o640);

    let copy = session
        .copy(
            data("bot_config.toml"),
            Some(read.sha256),
            data("bot_config.toml.old"),
            &Writing { expect: Expect::Absent, ..Writing::default() },
        )
        .await
        .unwrap();
    assert_eq!(copy.sha256, read.sha256);
    assert_eq!(copy.entry.mtime_ns, read.entry.mtime_ns);
    let (one, other) = (bench.volume().join("bot_config.toml"), bench.volume().join("bot_config.toml.old"));
    assert_ne!(fs::metadata(one).unwrap().ino(), fs::metadata(other).unwrap().ino(), "a copy of its own");

    let (entries, complete) = session.list(data(""), false, 100).await.unwrap();
    assert!(complete);
    let listed: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(listed, ["bot_config.toml", "bot_config.toml.old"]);
    let space = session.space(data("")).await.unwrap();
    assert!(space.total >= space.free && space.free > 0 && !space.read_only);
    session.close().await.unwrap();
    assert_eq!(bench.server.requests().len(), 1, "all of this over one exec");
    assert_eq!(bench.names(), ["bot_config.toml", "bot_config.toml.old"]);
}

#[tokio::test]
async fn a_replaced_file_keeps_mode_and_owner_and_is_replaced_only_if_it_is_the_expected_one() {
    let bench = Bench::new().await;
    bench.put("model_config.toml", "old");
    fs::set_permissions(bench.volume().join("model_config.toml"), fs::Permissions::from_mode(0o604)).unwrap();
    let mut session = bench.session().await;

    let wrong = Writing { expect: Expect::Content(Sha256::of(b"other")), ..Writing::default() };
    let error = session.write(data("model_config.toml"), b"new", &wrong).await.unwrap_err();
    let FileError::Refused { kind: Refusal::Changed, present, .. } = error else { panic!("{error:?}") };
    assert_eq!(present, Some(Sha256::of(b"old")));
    let absent = Writing { expect: Expect::Absent, ..Writing::default() };
    let error = session.write(data("model_config.toml"), b"new", &absent).await.unwrap_err();
    assert_eq!(refusal(&error), Refusal::Changed);
    assert_eq!(bench.content("model_config.toml"), "old");

    let right = Writing { expect: Expect::Content(Sha256::of(b"old")), ..Writing::default() };
    let written = session.write(data("model_config.toml"), b"new", &right).await.unwrap();
    assert_eq!((written.created, written.unchanged, written.entry.mode), (false, false, 0o604));
    assert_eq!(bench.content("model_config.toml"), "new");
    // The same again is settled already, whatever was expected: an answer that was lost can be asked for again.
    let again = session.write(data("model_config.toml"), b"new", &right).await.unwrap();
    assert!(again.unchanged);
    session.close().await.unwrap();
    assert_eq!(bench.names(), ["model_config.toml"]);
}

#[tokio::test]
async fn a_directory_in_the_place_of_a_file_is_reported_and_removed_only_if_empty_and_asked_for() {
    let bench = Bench::new().await;
    fs::create_dir(bench.volume().join("config.toml")).unwrap();
    fs::create_dir(bench.volume().join("full.toml")).unwrap();
    bench.put("full.toml/inside", "x");
    let mut session = bench.session().await;

    let entry = session.stat(data("config.toml"), true).await.unwrap();
    assert_eq!((entry.kind, entry.empty), (EntryKind::Directory, Some(true)));
    assert_eq!(session.stat(data("full.toml"), true).await.unwrap().empty, Some(false));
    let error = session.write(data("config.toml"), b"x", &Writing::default()).await.unwrap_err();
    assert_eq!(refusal(&error), Refusal::IsDirectory);
    let error = session.read(data("config.toml"), 100).await.unwrap_err();
    assert_eq!(refusal(&error), Refusal::IsDirectory);
    let removing = Writing { replace_empty_directory: true, ..Writing::default() };
    let error = session.write(data("full.toml"), b"x", &removing).await.unwrap_err();
    assert_eq!(refusal(&error), Refusal::NotEmpty);
    assert!(session.write(data("config.toml"), b"x", &removing).await.unwrap().created);
    assert_eq!(bench.content("config.toml"), "x");
    session.close().await.unwrap();
}

#[tokio::test]
async fn links_are_never_followed_and_paths_never_leave_the_root() {
    let bench = Bench::new().await;
    fs::create_dir(bench.directory.path().join("outside")).unwrap();
    fs::write(bench.directory.path().join("outside/secret"), "secret").unwrap();
    symlink("../outside", bench.volume().join("way")).unwrap();
    symlink("../outside/secret", bench.volume().join("file")).unwrap();
    symlink("nowhere", bench.volume().join("dangling")).unwrap();
    let mut session = bench.session().await;
    for path in ["way/secret", "file", "dangling"] {
        let error = session.read(data(path), 100).await.unwrap_err();
        assert_eq!(refusal(&error), Refusal::Symlink, "{path}");
        let writing = Writing { parents: true, ..Writing::default() };
        let error = session.write(data(path), b"x", &writing).await.unwrap_err();
        assert_eq!(refusal(&error), Refusal::Symlink, "{path}");
    }
    for path in ["../outside/secret", "/etc/passwd", "a/../../outside/secret", ".", "a//b", "a/./b", ""] {
        let error = session.read(data(path), 100).await.unwrap_err();
        assert_eq!(refusal(&error), Refusal::Invalid, "{path}");
        let error = session.write(data(path), b"x", &Writing::default()).await.unwrap_err();
        assert_eq!(refusal(&error), Refusal::Invalid, "{path}");
    }
    let error = session.read(Place::new("other", "x"), 100).await.unwrap_err();
    assert_eq!(refusal(&error), Refusal::Invalid);
    let (entries, _) = session.list(data(""), true, 100).await.unwrap();
    assert!(entries.iter().all(|entry| entry.kind == EntryKind::Symlink), "{entries:?}");
    assert_eq!(entries.len(), 3);
    session.close().await.unwrap();
    assert_eq!(fs::read_to_string(bench.directory.path().join("outside/secret")).unwrap(), "secret");
    assert_eq!(names(&bench.directory.path().join("outside")), ["secret"]);
}

#[tokio::test]
async fn what_is_no_regular_file_is_neither_read_nor_replaced_and_nothing_blocks() {
    let bench = Bench::new().await;
    let pipe = bench.volume().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut session = bench.session().await;
    assert_eq!(session.stat(data("pipe"), true).await.unwrap().kind, EntryKind::Other);
    assert_eq!(refusal(&session.read(data("pipe"), 10).await.unwrap_err()), Refusal::NotAFile);
    let error = session.write(data("pipe"), b"x", &Writing::default()).await.unwrap_err();
    assert_eq!(refusal(&error), Refusal::NotAFile);
    session.close().await.unwrap();
}

#[tokio::test]
async fn sizes_are_bounded_on_both_sides() {
    let bench = Bench::new().await;
    bench.put("large", &"x".repeat(5000));
    for number in 0..20 {
        bench.put(&format!("file-{number:02}"), "");
    }
    let mut options = bench.options();
    options.largest = 4096;
    let mut session = bench.cluster.files(&options).await.unwrap();
    assert_eq!(refusal(&session.read(data("large"), 1 << 30).await.unwrap_err()), Refusal::TooLarge);
    assert_eq!(session.read(data("file-00"), 0).await.unwrap().bytes, b"");
    let error = session.write(data("new"), &[0; 5000], &Writing::default()).await.unwrap_err();
    assert_eq!(refusal(&error), Refusal::TooLarge);
    let (entries, complete) = session.list(data(""), false, 5).await.unwrap();
    assert_eq!((entries.len(), complete), (5, false));
    session.close().await.unwrap();
}

#[tokio::test]
async fn names_that_are_no_text_are_shown_and_do_not_disturb() {
    use std::os::unix::ffi::OsStrExt as _;
    let bench = Bench::new().await;
    fs::write(bench.volume().join(std::ffi::OsStr::from_bytes(b"odd-\xff")), "x").unwrap();
    bench.put("名字", "y");
    let mut session = bench.session().await;
    let (entries, complete) = session.list(data(""), true, 10).await.unwrap();
    let shown: Vec<(&str, bool)> = entries.iter().map(|entry| (entry.path.as_str(), entry.exact)).collect();
    assert!(complete);
    assert_eq!(shown, [("odd-\\xff", false), ("名字", true)]);
    assert_eq!(session.read(data("名字"), 10).await.unwrap().bytes, b"y");
    session.close().await.unwrap();
}

#[tokio::test]
async fn directories_are_made_and_removed_and_files_removed_only_if_known() {
    let bench = Bench::new().await;
    let mut session = bench.session().await;
    let error = session.make_directory(data("a/b"), &Writing::default()).await.unwrap_err();
    assert_eq!(refusal(&error), Refusal::Absent);
    let parents = Writing { parents: true, mode: Some(0o700), ..Writing::default() };
    assert!(session.make_directory(data("a/b"), &parents).await.unwrap());
    assert!(!session.make_directory(data("a/b"), &parents).await.unwrap());
    let deep = Writing { parents: true, ..Writing::default() };
    session.write(data("a/b/c/d"), b"x", &deep).await.unwrap();
    assert_eq!(refusal(&session.remove_directory(data("a/b")).await.unwrap_err()), Refusal::NotEmpty);
    let error = session.remove_file(data("a/b/c/d"), Sha256::of(b"y")).await.unwrap_err();
    assert_eq!(refusal(&error), Refusal::Changed);
    assert!(session.remove_file(data("a/b/c/d"), Sha256::of(b"x")).await.unwrap());
    assert!(!session.remove_file(data("a/b/c/d"), Sha256::of(b"x")).await.unwrap());
    assert!(session.remove_directory(data("a/b/c")).await.unwrap());
    assert!(!session.remove_directory(data("a/b/c")).await.unwrap());
    session.close().await.unwrap();
    assert_eq!(fs::metadata(bench.volume().join("a/b")).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn leftovers_of_a_killed_write_go_with_the_next_one_and_those_of_others_stay() {
    let bench = Bench::new().await;
    bench.put(".config.toml.maibot-0123456789abcdef.tmp", "half");
    bench.put(".other.toml.maibot-0123456789abcdef.tmp", "half");
    let mut session = bench.session().await;
    session.write(data("config.toml"), b"whole", &Writing::default()).await.unwrap();
    session.close().await.unwrap();
    assert_eq!(bench.names(), [".other.toml.maibot-0123456789abcdef.tmp", "config.toml"]);
}

/// Unmounts at the end.
struct Mounted(PathBuf);
impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_volume_is_reported_and_leaves_the_old_file() {
    // A small file system of its own needs rights; where there are none, /dev/full's error cannot be had on a file.
    let bench = Bench::new().await;
    let volume = bench.volume();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(&volume)
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        crate::skipped("fake::exec_files::a_full_volume_is_reported_and_leaves_the_old_file", "no right to mount");
        return;
    }
    let _mounted = Mounted(volume);
    bench.put("config.toml", "old");
    let mut session = bench.session().await;
    let error = session.write(data("config.toml"), &vec![b'x'; 200_000], &Writing::default()).await.unwrap_err();
    assert_eq!(refusal(&error), Refusal::NoSpace);
    assert_eq!(bench.content("config.toml"), "old");
    assert_eq!(bench.names(), ["config.toml"]);
    session.write(data("config.toml"), b"new", &Writing::default()).await.unwrap();
    session.close().await.unwrap();
    assert_eq!(bench.content("config.toml"), "new");
}

#[tokio::test]
async fn the_old_protocol_serves_as_well() {
    let bench = Bench::new().await;
    bench.plan.lock().unwrap().protocol = Protocol::V4;
    let mut session = bench.session().await;
    let content = vec![b'x'; 1 << 20];
    session.write(data("file"), &content, &Writing::default()).await.unwrap();
    assert_eq!(session.read(data("file"), 2 << 20).await.unwrap().bytes, content);
    session.close().await.unwrap();
}

#[tokio::test]
async fn a_container_without_python_is_told_clearly() {
    let server = FakeServer::start().await;
    server.on("GET", PATH, |request| {
        scripted(request, Protocol::V5, |mut socket| async move {
            let message = "error executing command in container: failed to exec in container: failed to start exec \
                \"1f\": OCI runtime exec failed: exec failed: unable to start container process: exec: \"python3\": \
                executable file not found in $PATH: unknown";
            socket.send(on(3, refused(message).to_string().as_bytes())).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
        })
    });
    let (cluster, _) = server.cluster().await;
    let options = SessionOptions::new("bot", "helper", "helper", &[]);
    let Err(error) = cluster.files(&options).await else { panic!("started") };
    assert!(matches!(error, FileError::NoPython(_)), "{error:?}");
    assert_eq!(error.code(), Code::HelperPod);
}

#[tokio::test]
async fn a_program_that_ends_with_a_complaint_is_quoted() {
    let server = FakeServer::start().await;
    server.on("GET", PATH, |request| {
        scripted(request, Protocol::V5, |mut socket| async move {
            socket.send(on(2, b"Traceback (most recent call last):\nMemoryError\n")).await.unwrap();
            socket.send(on(3, ended(1).to_string().as_bytes())).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
        })
    });
    let (cluster, _) = server.cluster().await;
    let Err(error) = cluster.files(&SessionOptions::new("bot", "helper", "helper", &[])).await else {
        panic!("started")
    };
    assert!(error.to_string().contains("MemoryError"), "{error}");
    assert!(error.to_string().contains("exit 1"), "{error}");
}

#[tokio::test]
async fn answers_that_make_no_sense_end_the_session() {
    let nonsense: [&[u8]; 5] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\nand more and more and more and more and more",
        // A frame that announces more than anybody asked for.
        &[b"MBF1\0\0\0\0\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff".as_slice(), &[0; 32], b"{}"].concat(),
        &[b"MBF1\0\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0".as_slice(), &[0; 32]].concat(),
        // The digest is wrong.
        &[b"MBF1\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0".as_slice(), &[0; 32], b"{}"].concat(),
        // And the number of the question, too.
        &[b"MBF1\0\0\0\x09\0\0\0\x02\0\0\0\0\0\0\0\0".as_slice(), &[7; 32], b"{}"].concat(),
    ];
    for bytes in nonsense {
        let server = FakeServer::start().await;
        let bytes = bytes.to_vec();
        server.on("GET", PATH, move |request| {
            let bytes = bytes.clone();
            scripted(request, Protocol::V5, |mut socket| async move {
                socket.send(on(1, &bytes)).await.unwrap();
                while let Some(Ok(_)) = socket.next().await {}
            })
        });
        let (cluster, _) = server.cluster().await;
        let options = SessionOptions::new("bot", "helper", "helper", &[]);
        let Err(error) = cluster.files(&options).await else { panic!("started") };
        assert!(matches!(error, FileError::Protocol { .. }), "{error:?}");
        assert!(error.ends_session());
    }
}

#[tokio::test]
async fn a_silent_agent_is_left_in_time() {
    let server = FakeServer::start().await;
    server.on("GET", PATH, |request| {
        scripted(request, Protocol::V5, |mut socket| async move { while let Some(Ok(_)) = socket.next().await {} })
    });
    let (cluster, _) = server.cluster().await;
    let mut options = SessionOptions::new("bot", "helper", "helper", &[]);
    options.silence = Duration::from_millis(300);
    let Err(error) = cluster.files(&options).await else { panic!("started") };
    assert!(matches!(error, FileError::Silent { .. }), "{error:?}");
}

#[tokio::test]
async fn an_operation_that_was_left_half_way_ends_the_session() {
    let bench = Bench::new().await;
    let mut session = bench.session().await;
    {
        let reading = session.stat(data("x"), false);
        tokio::pin!(reading);
        // Begun, and dropped before the answer.
        assert!(futures::poll!(&mut reading).is_pending());
    }
    let error = session.stat(data("x"), false).await.unwrap_err();
    assert!(matches!(error, FileError::Protocol { .. }), "{error:?}");
}

const OLD: &str = "old = true\n";

fn new_content() -> String {
    "new = true\n".repeat(700)
}

/// One write over a plan; says whether it was answered.
async fn attempt(bench: &Bench, plan: Plan) -> Result<(), FileError> {
    *bench.plan.lock().unwrap() = plan;
    let mut session = bench.cluster.files(&bench.options()).await?;
    let expect = Expect::Content(Sha256::of(OLD.as_bytes()));
    let written =
        session.write(data("config.toml"), new_content().as_bytes(), &Writing { expect, ..Writing::default() }).await?;
    assert_eq!(written.sha256, Sha256::of(new_content().as_bytes()));
    session.close().await
}

/// What holds after any attempt, and that a second one without trouble settles everything.
async fn check(bench: &Bench, result: Result<(), FileError>, plan: &Plan, what: &str) {
    // The program may still be at it; it ends by itself.
    for _ in 0..1000 {
        if plan.ended.load(Ordering::SeqCst) > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let content = bench.content("config.toml");
    match &result {
        Ok(()) => assert_eq!(content, new_content(), "{what}: a success without the content"),
        Err(error) => {
            assert!(content == OLD || content == new_content(), "{what}: {error}: neither old nor new");
            assert!(error.ends_session(), "{what}: {error:?}");
        }
    }
    attempt(bench, Plan::new()).await.unwrap_or_else(|error| panic!("{what}: again: {error}"));
    assert_eq!(bench.content("config.toml"), new_content(), "{what}");
    assert_eq!(bench.names(), ["config.toml"], "{what}: something was left behind");
    bench.put("config.toml", OLD);
}

#[tokio::test]
async fn a_stream_cut_at_any_byte_leaves_the_old_file_or_the_new_one() {
    let bench = Bench::new().await;
    bench.put("config.toml", OLD);
    let whole = Plan::new();
    attempt(&bench, whole.clone()).await.unwrap();
    bench.put("config.toml", OLD);
    let (input, output) = (whole.input.load(Ordering::SeqCst), whole.output.load(Ordering::SeqCst));
    assert!(input > 20_000 && output > 300, "{input} {output}");

    // Every byte around the ends of the frames, and steps in between.
    let step = |total: usize, count: usize| (0..count).map(move |number| total * number / count);
    let mut cuts: Vec<Break> = step(input, 12).chain(input - 112..input - 108).map(Break::Input).collect();
    cuts.extend([input - 54, input - 52, input - 1, input].map(Break::Input));
    cuts.extend(step(output, 14).chain([output - 1, output]).map(Break::Output));
    cuts.push(Break::Status);
    let (mut failures, mut survivors) = (0, 0);
    for (number, at) in cuts.iter().enumerate() {
        let how = if number % 2 == 0 { How::Reset } else { How::Closed };
        let plan = Plan { at: *at, how, kill: number % 3 == 0, ..Plan::new() };
        let result = attempt(&bench, plan.clone()).await;
        let full = matches!(at, Break::Input(n) if *n == input) || matches!(at, Break::Output(n) if *n == output);
        assert_eq!(result.is_ok(), full, "{at:?} {how:?}: {result:?}");
        failures += usize::from(result.is_err());
        survivors += usize::from(result.is_err() && bench.content("config.toml") != OLD);
        check(&bench, result, &plan, &format!("{at:?} {how:?}")).await;
    }
    assert!(failures > 30, "{failures}");
    assert!(survivors > 0, "no cut ever came after the file was put in place");
}

#[tokio::test]
async fn an_agent_killed_at_any_moment_leaves_the_old_file_or_the_new_one() {
    let bench = Bench::new().await;
    bench.put("config.toml", OLD);
    let whole = Plan::new();
    attempt(&bench, whole.clone()).await.unwrap();
    bench.put("config.toml", OLD);
    // The last frames after the write are the two of the farewell.
    let input = whole.input.load(Ordering::SeqCst) - 120;
    for micros in (0..4000).step_by(250) {
        let kill_after = Some(Duration::from_micros(micros));
        let plan = Plan { at: Break::Input(input), kill_after, ..Plan::new() };
        let result = attempt(&bench, plan.clone()).await;
        check(&bench, result, &plan, &format!("killed after {micros} µs")).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_content_comes_back_as_it_was_written(contents in proptest::collection::vec(
        proptest::collection::vec(any::<u8>(), 0..9000), 1..5))
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new().await;
            let mut session = bench.session().await;
            let mut expect = Expect::Absent;
            for content in &contents {
                session.write(data("file"), content, &Writing { expect, ..Writing::default() }).await.unwrap();
                let read = session.read(data("file"), 1 << 20).await.unwrap();
                assert_eq!(&read.bytes, content);
                expect = Expect::Content(read.sha256);
            }
            session.close().await.unwrap();
        });
    }
}
