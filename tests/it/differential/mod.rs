//! Differential fuzzing: random requests go to the Helm oracle (`tests/oracle`) and to the functions that answer the
//! recorded vectors; every answer has to be the same, error texts included.
//!
//! Requests are made from grammars ([`documents`], [`expressions`], …) and by changing recorded requests
//! ([`mutate`]). A difference is made small ([`shrink`]) and printed as a line of a file of cases. Without an oracle
//! the tests name themselves as skipped; `tests/oracle/build.sh` builds it, `make fuzz` runs long.
//!
//! | variable | meaning |
//! |---|---|
//! | `MAIBOT_FUZZ_CASES` | cases of each command (default: few, as part of the test run) |
//! | `MAIBOT_FUZZ_SEED` | seed of the run; `random` takes the time. The same seed gives the same cases |
//! | `MAIBOT_FUZZ_RECORD` | any value: differences are added to `tests/conformance/found-*-cases.json` |
//!
//! What Helm itself answers differently from time to time (Go's maps have no order) is no difference as long as ours
//! is among its answers; such requests are counted as unstable. Generators avoid what is always unstable.

#![allow(clippy::format_push_string, clippy::format_collect, reason = "texts are put together in the plainest way")]

mod calls;
mod charts;
mod documents;
mod expressions;
mod manifests;
mod mutate;
mod oracle;
mod random;
mod shrink;
mod templates;
mod toml;
mod values;
mod versions;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use maibot::yaml::Value;

use self::oracle::{Answer, Oracle};
use self::random::Random;
use crate::conformance::{COMMANDS, Helm, show};

/// The seed of a run that is not told another one.
const SEED: u64 = 20_261_122;

/// Requests that are under way at once.
const BATCH: usize = 48;

/// A run ends after so many differences.
const DIFFERENCES: usize = 12;

/// How often the oracle is asked whether it always says the same.
const REPEATS: usize = 24;

/// What is fuzzed: a command, and what makes its requests.
struct Subject {
    command: &'static str,
    generate: fn(&mut Random) -> Value,
    /// How many cases a short run has.
    short: u64,
    /// Whether Helm 3 is asked too.
    helm3: bool,
}

const fn subject(command: &'static str, generate: fn(&mut Random) -> Value, short: u64, helm3: bool) -> Subject {
    Subject { command, generate, short, helm3 }
}

fn seed() -> u64 {
    match std::env::var("MAIBOT_FUZZ_SEED") {
        Ok(word) if word == "random" => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap()
        }
        Ok(number) => number.parse().expect("MAIBOT_FUZZ_SEED is a number"),
        Err(_) => SEED,
    }
}

fn shown(answer: &Answer) -> Result<String, String> {
    answer.as_ref().map(show).map_err(Clone::clone)
}

/// What kind of answer it is: a value, or how the last part of the error's text begins. While a difference is made small
/// it may not become another one.
fn kind(answer: &Result<String, String>) -> String {
    match answer {
        Ok(_) => "a value".to_owned(),
        Err(error) => {
            let last = error.rsplit(": ").next().unwrap_or_default();
            last.split(' ').filter(|word| word.chars().all(char::is_alphabetic)).take(3).collect::<Vec<_>>().join(" ")
        }
    }
}

/// Ours; a panic is an answer that no Helm gives.
fn ours(command: &str, request: &Value, helm: Helm) -> Answer {
    let (_, answer) = COMMANDS.iter().find(|(known, _)| *known == command).unwrap();
    catch_unwind(AssertUnwindSafe(|| answer(request, helm))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(format!("maibot panicked: {}", text.unwrap_or("?")))
    })
}

/// One Helm beside ours.
struct Pair {
    command: &'static str,
    helm: Helm,
    oracle: Oracle,
}

impl Pair {
    fn new(command: &'static str, helm: Helm) -> Option<Self> {
        Some(Self { command, helm, oracle: Oracle::new(helm, command)? })
    }

    /// The kinds of both answers if they differ, and Helm's is the same when it is asked again.
    fn difference(&mut self, request: &Value) -> Option<(String, String)> {
        let given = shown(&ours(self.command, request, self.helm));
        let wanted = self.oracle.ask(&[request, request]);
        let [Some(wanted), Some(again)] = &wanted[..] else { return None };
        let wanted = shown(wanted);
        (wanted != given && wanted == shown(again)).then(|| (kind(&wanted), kind(&given)))
    }

    /// All that the oracle says when it is asked again and again, and when another process of it is asked, whose memory is
    /// laid out otherwise: some answers tell addresses.
    fn answers(&mut self, request: &Value) -> BTreeSet<Result<String, String>> {
        let requests = vec![request; REPEATS];
        let mut answers = self.oracle.ask(&requests);
        if let Some(mut other) = Oracle::new(self.helm, self.command) {
            answers.extend(other.ask(&requests));
        }
        answers.iter().flatten().map(shown).collect()
    }
}

/// What came out of a run.
#[derive(Default)]
struct Tally {
    compared: u64,
    errors: u64,
    unstable: u64,
    unanswered: u64,
    differences: Vec<String>,
}

fn run(subject: &Subject, helm: Helm, seed: u64, cases: u64) -> Option<Tally> {
    let mut pair = Pair::new(subject.command, helm)?;
    let mut tally = Tally::default();
    let mut index = 0;
    while index < cases && tally.differences.len() < DIFFERENCES {
        let end = cases.min(index + BATCH as u64);
        let requests: Vec<(u64, Value)> =
            (index..end).map(|case| (case, (subject.generate)(&mut Random::of_case(seed, case)))).collect();
        let wanted = pair.oracle.ask(&requests.iter().map(|(_, request)| request).collect::<Vec<_>>());
        for ((case, request), wanted) in requests.iter().zip(wanted) {
            let given = ours(subject.command, request, helm);
            let Some(wanted) = wanted else {
                // Go has died of it; then it is enough that ours has not.
                tally.unanswered += 1;
                println!("the oracle has no answer to {}", oracle::encode(request));
                continue;
            };
            tally.compared += 1;
            tally.errors += u64::from(wanted.is_err());
            if shown(&wanted) != shown(&given) {
                let answers = pair.answers(request);
                if answers.contains(&shown(&given)) {
                    tally.unstable += 1;
                } else if answers.len() > 1 {
                    tally.unstable += 1;
                    println!("unstable, and ours is not among {} answers: {}", answers.len(), oracle::encode(request));
                } else {
                    let kinds = Some((kind(&shown(&wanted)), kind(&shown(&given))));
                    let steady = |pair: &mut Pair, smaller: &Value| pair.answers(smaller).len() == 1;
                    let small = shrink::shrink(request, &mut |smaller| {
                        pair.difference(smaller) == kinds && steady(&mut pair, smaller)
                    });
                    tally.differences.push(difference(subject, helm, &mut pair, &small, seed, *case));
                }
            }
        }
        index = end;
    }
    Some(tally)
}

/// A difference as text: a line of a file of cases, what is wanted and what is given.
fn difference(subject: &Subject, helm: Helm, pair: &mut Pair, request: &Value, seed: u64, case: u64) -> String {
    let wanted = pair.oracle.ask_one(request).unwrap_or_else(|| Err("no answer".to_owned()));
    let given = ours(subject.command, request, helm);
    let line = case_line(subject, request);
    if std::env::var_os("MAIBOT_FUZZ_RECORD").is_some() {
        record(subject.command, &line);
    }
    format!(
        "{} for {helm:?} (seed {seed}, case {case}):\n  {line}\n    wanted {:?}\n    given  {:?}",
        subject.command,
        shown(&wanted),
        shown(&given)
    )
}

/// A request with both Helms' answers, as the files of cases have it.
fn case_line(subject: &Subject, request: &Value) -> String {
    let mut case = request.as_mapping().cloned().unwrap_or_default();
    let ask = |helm| Oracle::new(helm, subject.command)?.ask_one(request);
    let helm4 = ask(Helm::Four);
    let helm3 = if subject.helm3 { ask(Helm::Three) } else { None };
    let named = |answer: &Answer| match answer {
        Ok(value) => ("ok".to_owned(), value.clone()),
        Err(error) => ("error".to_owned(), Value::from(error.as_str())),
    };
    if let Some(answer) = &helm4 {
        case.extend([named(answer)]);
    }
    if let Some(answer) = helm3.filter(|answer| helm4.as_ref().is_none_or(|other| shown(other) != shown(answer))) {
        case.insert("helm3".to_owned(), Value::Mapping([named(&answer)].into()));
    }
    oracle::encode(&Value::Mapping(case))
}

/// Adds a case to the file of those that were found.
fn record(command: &str, line: &str) {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/conformance/found-{command}-cases.json"));
    let empty = format!("{{\"command\": \"{command}\", \"helm\": \"4.2.4\", \"cases\": [\n]}}\n");
    let file = std::fs::read_to_string(&path).unwrap_or(empty);
    let body = line.strip_prefix('{').unwrap();
    if file.contains(body) {
        return;
    }
    let number = file.lines().filter(|line| line.contains("\"id\": \"found/")).count() + 1;
    let rest = file.strip_suffix("\n]}\n").expect("a file of cases");
    let comma = if number > 1 { "," } else { "" };
    let case = format!("{{\"id\": \"found/{number:03}\", \"group\": \"found\", {body}");
    std::fs::write(&path, format!("{rest}{comma}\n{case}\n]}}\n")).unwrap();
}

/// Runs a subject against both Helms.
fn fuzz(test: &str, subject: &Subject) {
    if !COMMANDS.iter().any(|(known, _)| *known == subject.command) {
        return crate::skipped(test, &format!("nothing answers `{}` yet", subject.command));
    }
    let seed = seed();
    let cases = std::env::var("MAIBOT_FUZZ_CASES").map_or(subject.short, |text| text.parse().expect("a number"));
    let mut differences = Vec::new();
    for helm in [Helm::Four, Helm::Three] {
        let cases = match helm {
            Helm::Four => cases,
            Helm::Three if subject.helm3 => cases.div_ceil(4),
            Helm::Three => continue,
        };
        // Other cases for Helm 3, not the first ones again.
        let seed = if helm == Helm::Three { seed.wrapping_add(1) } else { seed };
        let Some(tally) = run(subject, helm, seed, cases) else {
            return crate::skipped(test, "the Helm oracle is not built (tests/oracle/build.sh)");
        };
        println!(
            "fuzz {} Helm {helm:?}: seed {seed}, {} compared ({} of them errors), {} unstable in Helm, {} without an \
             answer, {} differences",
            subject.command,
            tally.compared,
            tally.errors,
            tally.unstable,
            tally.unanswered,
            tally.differences.len()
        );
        let allowed = tally.compared / 20;
        assert!(tally.unstable <= allowed, "{} of {} are unstable in Helm", tally.unstable, tally.compared);
        assert!(tally.unanswered <= 1 + cases / 500, "{} of {cases} ended the oracle", tally.unanswered);
        differences.extend(tally.differences);
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn random_yaml_is_read_and_written_as_in_helm() {
    fuzz("random_yaml_is_read_and_written_as_in_helm", &subject("yaml", documents::request, 900, false));
}

#[test]
fn random_set_flags_give_what_helm_gives() {
    fuzz("random_set_flags_give_what_helm_gives", &subject("strvals", expressions::request, 500, true));
}

#[test]
fn random_manifests_are_split_and_sorted_as_in_helm() {
    fuzz("random_manifests_are_split_and_sorted_as_in_helm", &subject("sort", manifests::request, 400, true));
}

#[test]
fn random_charts_coalesce_as_in_helm() {
    fuzz("random_charts_coalesce_as_in_helm", &subject("coalesce", charts::request, 300, true));
}

#[test]
fn random_upgrades_take_over_values_as_in_helm() {
    fuzz("random_upgrades_take_over_values_as_in_helm", &subject("upgrade", charts::upgrade, 400, true));
}

#[test]
fn random_constraints_hold_as_in_helm() {
    fuzz("random_constraints_hold_as_in_helm", &subject("semver", versions::request, 600, false));
}

#[test]
fn random_toml_is_read_and_written_as_in_helm() {
    fuzz("random_toml_is_read_and_written_as_in_helm", &subject("toml", toml::request, 400, false));
}

#[test]
fn random_templates_render_as_in_helm() {
    fuzz("random_templates_render_as_in_helm", &subject("render", templates::request, 1_200, true));
}
