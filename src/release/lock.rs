//! The lock of a release: one Lease a release, held while a run works on it. This file is the pure half: who holds
//! it, and when another run may take it. The rules follow client-go's leader election: the holder's clock is never
//! compared with ours, only whether its renewals are seen to go on. One thing is added: a holder on this very
//! machine whose process is gone is known to be dead at once.

use std::fmt;
use std::time::{Duration, Instant};

/// How long a lease lasts without renewal.
pub const LEASE_SECONDS: i32 = 30;

/// How often the holder renews.
pub const RENEW_EVERY: Duration = Duration::from_secs(10);

/// The name of the Lease for a release.
pub fn lease_name(release: &str) -> String {
    format!("maibot.lock.{release}")
}

/// Who holds a lock: enough to find the process again on the machine it runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The host's name.
    pub host: String,
    /// The boot of that host (changes at every start) and the namespace its process numbers count in.
    pub boot: String,
    /// The process.
    pub process: u32,
    /// When the process began, in the kernel's ticks since boot: tells a reused number from the same process.
    pub started: u64,
    /// Tells two runs apart where nothing else does.
    pub nonce: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}/{}/{}", self.host, self.boot, self.process, self.started, self.nonce)
    }
}

impl Identity {
    /// Reads what [`Identity`]'s `Display` wrote; anything else is somebody else's holder.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let identity = Self {
            host: parts.next()?.to_owned(),
            boot: parts.next()?.to_owned(),
            process: parts.next()?.parse().ok()?,
            started: parts.next()?.parse().ok()?,
            nonce: parts.next()?.to_owned(),
        };
        parts.next().is_none().then_some(identity)
    }

    /// In words for people: `host (process 4711)`.
    pub fn in_words(text: &str) -> String {
        Self::parse(text)
            .map_or_else(|| text.to_owned(), |identity| format!("{} (process {})", identity.host, identity.process))
    }
}

/// What can be said of a holder's process from where we stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// It runs on this machine.
    Alive,
    /// It ran on this machine and is gone.
    Dead,
    /// It runs elsewhere, or we cannot look.
    Unknown,
}

/// Looks at processes of this machine.
pub trait Processes {
    /// The identity of the calling process.
    fn own(&self) -> Identity;
    /// Whether the process of this identity still runs.
    fn liveness(&self, identity: &Identity) -> Liveness;
}

/// What a look at the Lease found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The holder's identity; empty when the lock was released.
    pub holder: String,
    /// The renewal as written; only its changes matter.
    pub renewed: String,
    /// How long it lasts without renewal.
    pub duration: Duration,
}

/// What may be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody holds it.
    Free,
    /// Its holder died or stopped renewing; it may be taken over.
    Abandoned,
    /// Its holder is alive on this machine, or was seen to renew.
    Held,
    /// Its holder is somewhere else and may be dead: look again after this time.
    LookAgain(Duration),
}

/// Watches one Lease over time.
#[derive(Debug, Default)]
pub struct Watcher {
    seen: Option<(Holding, Instant)>,
    renewals: u32,
}

impl Watcher {
    /// Judges what was found at `now`.
    pub fn judge(&mut self, found: &Holding, processes: &impl Processes, now: Instant) -> Verdict {
        if found.holder.is_empty() {
            return Verdict::Free;
        }
        match Identity::parse(&found.holder).map_or(Liveness::Unknown, |identity| processes.liveness(&identity)) {
            Liveness::Dead => return Verdict::Abandoned,
            Liveness::Alive => return Verdict::Held,
            Liveness::Unknown => {}
        }
        match &self.seen {
            Some((before, since)) if before == found => {
                let age = now.saturating_duration_since(*since);
                match found.duration.checked_sub(age) {
                    None | Some(Duration::ZERO) => Verdict::Abandoned,
                    Some(remaining) => Verdict::LookAgain(remaining),
                }
            }
            seen => {
                // A renewal between two looks proves that the holder lives.
                if seen.is_some() {
                    self.renewals += 1;
                }
                self.seen = Some((found.clone(), now));
                if self.renewals > 0 { Verdict::Held } else { Verdict::LookAgain(found.duration) }
            }
        }
    }
}

/// The processes of the machine this program runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalProcesses;

impl LocalProcesses {
    fn boot() -> String {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let namespace = std::fs::read_link("/proc/self/ns/pid")
            .map(|link| link.to_string_lossy().chars().filter(char::is_ascii_digit).collect::<String>())
            .unwrap_or_default();
        if boot.trim().is_empty() || namespace.is_empty() {
            return String::new();
        }
        format!("{}-{namespace}", boot.trim())
    }

    /// The 22nd field of `/proc/PID/stat`, counted after the command's closing parenthesis.
    fn started(process: u32) -> Option<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let fields = &stat[stat.rfind(')')? + 1..];
        // A zombie holds nothing any more.
        if fields.split_whitespace().next() == Some("Z") {
            return None;
        }
        fields.split_whitespace().nth(19)?.parse().ok()
    }
}

impl Processes for LocalProcesses {
    fn own(&self) -> Identity {
        let process = std::process::id();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
            .ok()
            .map(|name| name.trim().to_owned())
            .or_else(|| std::env::var("HOSTNAME").ok())
            .or_else(|| std::env::var("COMPUTERNAME").ok())
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "host".to_owned())
            .replace('/', "-");
        let nanoseconds = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map(|since| since.as_nanos())
            .unwrap_or_default();
        Identity {
            host,
            boot: Self::boot(),
            process,
            started: Self::started(process).unwrap_or_default(),
            nonce: format!("{nanoseconds:x}"),
        }
    }

    fn liveness(&self, identity: &Identity) -> Liveness {
        if identity.boot.is_empty() || identity.boot != Self::boot() {
            return Liveness::Unknown;
        }
        match Self::started(identity.process) {
            Some(started) if started == identity.started => Liveness::Alive,
            _ => Liveness::Dead,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Told(Liveness);

    impl Processes for Told {
        fn own(&self) -> Identity {
            LocalProcesses.own()
        }
        fn liveness(&self, _: &Identity) -> Liveness {
            self.0
        }
    }

    fn holding(renewed: &str) -> Holding {
        Holding {
            holder: "host/boot-1/7/8/9".to_owned(),
            renewed: renewed.to_owned(),
            duration: Duration::from_secs(30),
        }
    }

    #[test]
    fn an_identity_survives_writing_and_reading() {
        let own = LocalProcesses.own();
        assert_eq!(Identity::parse(&own.to_string()), Some(own));
        assert_eq!(Identity::parse("somebody"), None);
    }

    #[test]
    fn a_released_lock_is_free() {
        let found = Holding { holder: String::new(), ..holding("a") };
        assert_eq!(Watcher::default().judge(&found, &Told(Liveness::Unknown), Instant::now()), Verdict::Free);
    }

    #[test]
    fn a_dead_process_of_this_machine_is_known_at_once() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let mut identity = LocalProcesses.own();
        identity.process = child.id();
        child.wait().unwrap();
        assert_eq!(LocalProcesses.liveness(&identity), Liveness::Dead);
        let found = Holding { holder: identity.to_string(), ..holding("a") };
        assert_eq!(Watcher::default().judge(&found, &LocalProcesses, Instant::now()), Verdict::Abandoned);
    }

    #[test]
    fn this_very_process_is_alive() {
        assert_eq!(LocalProcesses.liveness(&LocalProcesses.own()), Liveness::Alive);
    }

    #[test]
    fn a_reused_process_number_is_not_the_holder() {
        let identity = Identity { started: 1, ..LocalProcesses.own() };
        assert_eq!(LocalProcesses.liveness(&identity), Liveness::Dead);
    }

    #[test]
    fn another_machine_is_waited_for_as_long_as_its_lease_lasts() {
        let mut watcher = Watcher::default();
        let start = Instant::now();
        let elsewhere = Told(Liveness::Unknown);
        assert_eq!(watcher.judge(&holding("a"), &elsewhere, start), Verdict::LookAgain(Duration::from_secs(30)));
        let later = start + Duration::from_secs(29);
        assert_eq!(watcher.judge(&holding("a"), &elsewhere, later), Verdict::LookAgain(Duration::from_secs(1)));
        assert_eq!(watcher.judge(&holding("a"), &elsewhere, start + Duration::from_secs(30)), Verdict::Abandoned);
    }

    #[test]
    fn a_holder_seen_to_renew_lives() {
        let mut watcher = Watcher::default();
        let start = Instant::now();
        let elsewhere = Told(Liveness::Unknown);
        watcher.judge(&holding("a"), &elsewhere, start);
        assert_eq!(watcher.judge(&holding("b"), &elsewhere, start + Duration::from_secs(12)), Verdict::Held);
    }
}
