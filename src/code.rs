//! Every stable message code and exit status, once.
//!
//! A code names one kind of trouble for good: it is never given a second meaning and never reused. Scripts may
//! match on it; `maibot explain CODE` prints its page. The exit status says what a script can do about it
//! (try again, ask for rights, repair values) and follows `sysexits.h` where that has a number.

/// The exit statuses of `maibot`, each with one meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Success = 0,
    /// Failed, with no better status; also every failure under `--helm-compat`.
    Failure = 1,
    /// Changes found (`diff`, plan).
    Changes = 2,
    /// Wrong command line.
    Usage = 64,
    /// Values, chart or templates are wrong; nothing was touched.
    Input = 65,
    /// The named thing is not there.
    NotFound = 66,
    /// The cluster or a registry cannot be reached.
    Unreachable = 69,
    /// A defect of `maibot` itself.
    Internal = 70,
    /// Another run holds the release.
    Locked = 73,
    /// A file or data on a volume could not be read or written safely.
    Data = 74,
    /// Refused for now, safe to try again.
    Temporary = 75,
    /// The server answered against the protocol.
    Protocol = 76,
    /// Not allowed by the cluster.
    Forbidden = 77,
    /// Refused by a check before anything was touched.
    Preflight = 78,
    /// The rollout failed and the old state was restored.
    RolledBack = 80,
    /// The rollout failed and was left as it is.
    RolloutFailed = 81,
    /// Interrupted; can be continued by the same command.
    Interrupted = 130,
}

impl Exit {
    /// Every exit status, in the order of their numbers.
    pub const ALL: &[Self] = &[
        Self::Success,
        Self::Failure,
        Self::Changes,
        Self::Usage,
        Self::Input,
        Self::NotFound,
        Self::Unreachable,
        Self::Internal,
        Self::Locked,
        Self::Data,
        Self::Temporary,
        Self::Protocol,
        Self::Forbidden,
        Self::Preflight,
        Self::RolledBack,
        Self::RolloutFailed,
        Self::Interrupted,
    ];

    /// The number the process ends with.
    pub const fn status(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.status())
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal => $exit:ident;)+) => {
        /// A stable message code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Every code, in the order of their identifiers.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The identifier, as printed: `MB` and four digits.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)+ }
            }

            /// The exit status of a run that ends with this code.
            pub const fn exit(self) -> Exit {
                match self { $(Self::$name => Exit::$exit,)+ }
            }
        }
    };
}

codes! {
    // 10xx: the command line and the settings.
    /// The command line cannot be understood.
    Usage = "MB1001" => Usage;
    /// A question would have to be asked and there is no terminal.
    NoTerminal = "MB1002" => Usage;
    /// The configuration file of `maibot` is wrong.
    Settings = "MB1003" => Usage;
    /// This version does not offer that yet.
    Unsupported = "MB1004" => Usage;
    /// A file named on the command line cannot be read or written.
    LocalFile = "MB1005" => Input;
    /// No page for that code.
    UnknownCode = "MB1006" => Usage;
    /// Interrupted by a signal.
    Interrupted = "MB1010" => Interrupted;
    /// Writing the result failed.
    Output = "MB1011" => Failure;

    // 20xx: values and charts.
    /// A values file is not YAML.
    ValuesSyntax = "MB2001" => Input;
    /// A `--set` expression is wrong.
    SetSyntax = "MB2002" => Input;
    /// Values do not fit the chart's schema.
    ValuesSchema = "MB2003" => Input;
    /// EULA and privacy policy are not agreed to.
    Consent = "MB2004" => Input;
    /// The chart is broken.
    Chart = "MB2005" => Input;
    /// A template failed.
    Template = "MB2006" => Input;
    /// A rendered document is not a Kubernetes object.
    Manifest = "MB2007" => Input;
    /// The image version does not fit these templates.
    ImageVersion = "MB2008" => Input;
    /// TOML inside the values is wrong.
    ConfigSyntax = "MB2009" => Input;
    /// Names derived from the release's name get too long or invalid.
    ReleaseName = "MB2010" => Input;
    /// A value does not fit its place among the chart's defaults and one of the two is ignored.
    ValuesIgnored = "MB2011" => Input;
    /// The post-renderer cannot be run, or fails.
    PostRenderer = "MB2012" => Input;
    /// The chart has something strange about it.
    ChartOdd = "MB2013" => Input;
    /// A chart did not pass the linter.
    Lint = "MB2014" => Failure;
    /// The values have a key that the chart has no use for.
    ValuesUnknown = "MB2015" => Input;

    // 30xx: the cluster.
    /// No usable kubeconfig.
    Kubeconfig = "MB3001" => Unreachable;
    /// The API server cannot be reached.
    Unreachable = "MB3002" => Unreachable;
    /// The API server does not know the caller (401).
    Unauthorized = "MB3003" => Forbidden;
    /// The API server does not allow it (403).
    Forbidden = "MB3004" => Forbidden;
    /// The API server does not know the kind.
    UnknownKind = "MB3005" => Input;
    /// Another field manager owns a field (409).
    Conflict = "MB3006" => Failure;
    /// The API server refused an object as invalid (422).
    Invalid = "MB3007" => Input;
    /// The API server asks to slow down (429), or fails (5xx), after all retries.
    Overloaded = "MB3008" => Temporary;
    /// The API server's answer cannot be understood.
    Protocol = "MB3009" => Protocol;
    /// An exec or log stream broke.
    Stream = "MB3010" => Temporary;
    /// The object changed under our hands and kept changing.
    Raced = "MB3011" => Temporary;
    /// An object that has to be there is not.
    ObjectMissing = "MB3012" => NotFound;
    /// An admission rule or a quota refuses the object (403).
    Denied = "MB3013" => Input;
    /// The namespace is being deleted.
    NamespaceTerminating = "MB3014" => Temporary;
    /// The kubeconfig's credential plugin failed.
    CredentialPlugin = "MB3015" => Unreachable;
    /// The namespace is not there.
    NamespaceMissing = "MB3016" => NotFound;

    // 40xx: releases.
    /// There is no such release.
    ReleaseNotFound = "MB4001" => NotFound;
    /// The name is taken.
    NameInUse = "MB4002" => Preflight;
    /// An object exists that belongs to nobody or to another release.
    Ownership = "MB4003" => Preflight;
    /// Another run holds the lock.
    Locked = "MB4004" => Locked;
    /// The lock was lost while working.
    LockLost = "MB4005" => Locked;
    /// A release record cannot be decoded.
    Record = "MB4006" => Failure;
    /// A release record would exceed what a Secret can hold.
    RecordTooLarge = "MB4007" => Input;
    /// An operation of Helm or of an earlier run is in progress.
    Pending = "MB4008" => Locked;
    /// The confirmation does not name the release.
    NotConfirmed = "MB4009" => Usage;
    /// Objects could not be deleted.
    DeleteFailed = "MB4010" => Failure;

    // 50xx: workloads.
    /// Not ready in time.
    NotReady = "MB5001" => RolloutFailed;
    /// An image cannot be pulled.
    ImagePull = "MB5002" => RolloutFailed;
    /// A container keeps crashing.
    CrashLoop = "MB5003" => RolloutFailed;
    /// A Pod cannot be scheduled.
    Unschedulable = "MB5004" => RolloutFailed;
    /// A volume cannot be bound or mounted.
    Volume = "MB5005" => RolloutFailed;
    /// A container cannot be created or started.
    ContainerStart = "MB5006" => RolloutFailed;
    /// A hook failed.
    Hook = "MB5007" => RolloutFailed;
    /// An admission rule or quota refuses the Pods.
    PodRefused = "MB5008" => RolloutFailed;
    /// A container was killed for want of memory.
    OutOfMemory = "MB5009" => RolloutFailed;
    /// A Pod was evicted, or lost with its node.
    PodLost = "MB5010" => RolloutFailed;
    /// A Job failed.
    JobFailed = "MB5011" => RolloutFailed;

    // 60xx: the application step.
    /// The helper Pod did not start.
    HelperPod = "MB6001" => Data;
    /// A file on a volume could not be written or read back.
    VolumeFile = "MB6002" => Data;
    /// A configuration file on a volume is broken.
    VolumeConfig = "MB6003" => Data;
    /// A claim that has to be there is being deleted.
    ClaimTerminating = "MB6004" => Temporary;

    // 70xx: registries and chart repositories.
    /// The chart's address, reference or version cannot be understood.
    ChartReference = "MB7001" => Usage;
    /// There is no such chart, or no such version of it.
    ChartNotFound = "MB7002" => NotFound;
    /// The registry or repository cannot be reached.
    RegistryUnreachable = "MB7003" => Unreachable;
    /// The registry or repository does not let us in (401, 403).
    RegistryUnauthorized = "MB7004" => Forbidden;
    /// The registry or repository asks to slow down (429), or fails (5xx), after all retries.
    RegistryOverloaded = "MB7005" => Temporary;
    /// The registry's or repository's answer cannot be used.
    RegistryProtocol = "MB7006" => Protocol;
    /// A chart is not what its digest says.
    ChartDigest = "MB7007" => Protocol;
    /// A chart's signature is missing, or not in order.
    ChartSignature = "MB7008" => Input;
    /// A file of registry credentials, or a credential helper, cannot be used.
    RegistryCredentials = "MB7009" => Usage;
    /// There is no key to sign a chart with, or it does not sign.
    SigningKey = "MB7010" => Usage;

    // 90xx: defects.
    /// A defect of `maibot`.
    Internal = "MB9001" => Internal;
}

impl Code {
    /// The code with this identifier, upper or lower case.
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.id().eq_ignore_ascii_case(id))
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.id())
    }
}
