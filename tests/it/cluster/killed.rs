//! A run that is killed at any moment, and the same command again.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::live::{CONSENT, Live, live};

/// How many runs are killed.
const KILLS: u32 = 30;

fn spawn(live: &Live) -> std::process::Child {
    live.maibot(["install", "mai", "--set", CONSENT, "--timeout", "180s"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Random numbers that can be had again: the seed is printed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Kills so many runs of one release, each time followed by the same command again; returns how long a whole run took.
fn kill_runs(live: &Live, seed: u64, kills: u32) -> Duration {
    let mut random = Random(seed);
    // How long a whole run takes here, so that the moments are spread over all of it.
    let began = Instant::now();
    live.install(&[]).ok();
    let whole = began.elapsed();
    let clean_up = || {
        live.run(["uninstall", "mai", "--delete-data", "--confirm", "mai", "--wait", "--timeout", "120s"]).ok();
    };
    clean_up();

    let mut killed = 0;
    while killed < kills {
        let mut run = spawn(live);
        let moment = Duration::from_millis(random.next() % u64::try_from(whole.as_millis()).unwrap().max(1));
        std::thread::sleep(moment);
        if run.try_wait().unwrap().is_none() {
            run.kill().unwrap();
            killed += 1;
            run.wait().unwrap();
            let again = live.install(&[]);
            assert_eq!(
                again.status,
                Some(0),
                "killed after {moment:?} of {whole:?} (seed {seed}):\n{}\n{}",
                again.stdout,
                again.stderr
            );
        }
        assert!(live.run(["status", "mai"]).ok().contains("STATUS: deployed"), "after {moment:?}");
        assert!(live.health("mai").contains("healthy"), "after {moment:?}");
        assert_eq!(live.helm(&live.helm4, ["list", "-q"]), "mai\n");
        let leftovers: Vec<String> = live
            .names("pod")
            .into_iter()
            .chain(live.names("secret"))
            .filter(|name| name.ends_with("-files") || name.starts_with("maibot.journal"))
            .collect();
        assert_eq!(leftovers, Vec::<String>::new(), "after {moment:?}");
        clean_up();
    }
    whole
}

#[test]
fn an_installation_killed_at_thirty_random_moments_is_finished_by_the_same_command() {
    // Waiting is most of the work, so three releases in three namespaces are killed side by side.
    let Some(places) = ["killed_one", "killed_two", "killed_three"].map(live).into_iter().collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let seed = std::env::var("MAIBOT_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        u64::try_from(now.as_nanos() & 0xffff_ffff).unwrap() | 1
    });
    println!("MAIBOT_TEST_SEED={seed}");
    let each = KILLS / u32::try_from(places.len()).unwrap();
    std::thread::scope(|scope| {
        let runs: Vec<_> = places
            .iter()
            .zip(0_u64..)
            .map(|(live, number)| scope.spawn(move || kill_runs(live, seed.wrapping_add(number * 7_919), each)))
            .collect();
        for run in runs {
            let whole = run.join().expect("all runs of this release were finished by the same command");
            println!("killed at {each} moments within {whole:?}: {each} of {each} end in a working release");
        }
    });
}
