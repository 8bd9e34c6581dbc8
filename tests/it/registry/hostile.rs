//! A scripted registry that misbehaves in every way we could think of: nothing of it may hang, fill the memory, leak
//! credentials, or come out as a chart.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use maibot::code::Code;
use maibot::registry::{
    ChartRequest, Digest, Error, Fetched, Limits, Login, Notice, Notices, Package, Provenance, Registry,
    RegistrySettings,
};
use serde_json::{Value, json};

use crate::fake::server::{Answer, Cut, FakeServer};

/// Keeps notices.
#[derive(Default)]
pub(super) struct Heard(Mutex<Vec<Notice>>);

impl Heard {
    pub(super) fn all(&self) -> Vec<Notice> {
        self.0.lock().unwrap().clone()
    }

    fn retries(&self) -> Vec<Duration> {
        let delay = |notice| if let Notice::Retry { delay, .. } = notice { Some(delay) } else { None };
        self.all().into_iter().filter_map(delay).collect()
    }
}

impl Notices for Heard {
    fn notice(&self, notice: Notice) {
        self.0.lock().unwrap().push(notice);
    }
}

/// The same rules, faster and smaller.
pub(super) fn quick() -> Limits {
    Limits {
        connect: Duration::from_secs(5),
        answer: Duration::from_secs(5),
        idle: Duration::from_millis(300),
        download: Duration::from_secs(5),
        retries: 3,
        first_delay: Duration::from_millis(5),
        longest_delay: Duration::from_millis(20),
        longest_patience: Duration::from_secs(2),
        metadata: 64 << 10,
        chart: 256 << 10,
        provenance: 16 << 10,
        index: 256 << 10,
        values: 64 << 10,
        pages: 20,
        tags: 5000,
        helper: Duration::from_secs(5),
    }
}

/// The way to registries with a cache of its own.
pub(super) struct Ours {
    pub(super) registry: Registry,
    pub(super) heard: Arc<Heard>,
    pub(super) folder: tempfile::TempDir,
}

pub(super) fn ours(change: impl FnOnce(&mut RegistrySettings)) -> Ours {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = RegistrySettings {
        credentials_file: folder.path().join("config.json"),
        content_cache: Some(folder.path().join("content")),
        plain_http: true,
        limits: quick(),
        ..RegistrySettings::default()
    };
    change(&mut settings);
    let heard = Arc::new(Heard::default());
    let registry = Registry::new(settings, Arc::clone(&heard) as Arc<dyn Notices>).unwrap();
    Ours { registry, heard, folder }
}

impl Ours {
    async fn pull(&self, server: &FakeServer, version: &str) -> Result<Fetched, Error> {
        let chart = format!("oci://127.0.0.1:{}/charts/web", server.port());
        self.registry.fetch(&ChartRequest { chart, version: Some(version.into()), ..ChartRequest::default() }).await
    }
}

const ARCHIVE: &[u8] = &[7; 100_000];

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(content).as_str(), "size": content.len() })
}

fn manifest() -> Value {
    json!({
        "schemaVersion": 2,
        "config": descriptor(maibot::registry::CONFIG_MEDIA_TYPE, b"{}"),
        "layers": [descriptor(maibot::registry::CHART_MEDIA_TYPE, ARCHIVE)],
    })
}

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

fn answer_manifest(manifest: &Value) -> Answer {
    Answer::text(200, MANIFEST_TYPE, &manifest.to_string())
}

fn answer_blob(content: &[u8]) -> Answer {
    Answer::Full { status: 200, headers: vec![], body: content.to_vec() }
}

fn blob_path(content: &[u8]) -> String {
    format!("/v2/charts/web/blobs/{}", Digest::of(content))
}

/// A registry that has the chart; scripts that were added before come first.
fn well_behaved(server: &FakeServer) {
    server.on("GET", "/v2/charts/web/manifests/*", |_| answer_manifest(&manifest()));
    server.on("GET", &blob_path(ARCHIVE), |_| answer_blob(ARCHIVE));
}

/// Bytes as they go over the wire.
fn raw(head: &str, body: &[u8]) -> Answer {
    Answer::Raw([head.replace('\n', "\r\n").as_bytes(), b"\r\n\r\n", body].concat())
}

#[tokio::test]
async fn a_passing_trouble_is_waited_out() {
    let server = FakeServer::start().await;
    server.once(
        "GET",
        "/v2/charts/web/manifests/1.0.0",
        Answer::text(429, "text/plain", "").with_header("retry-after", "1"),
    );
    server.once("GET", "/v2/charts/web/manifests/1.0.0", Answer::text(503, "text/html", "<html>"));
    server.once("GET", "/v2/charts/web/manifests/1.0.0", Answer::Cut(Cut::Reset));
    server.once("GET", &blob_path(ARCHIVE), Answer::text(500, "text/plain", ""));
    server.once("GET", &blob_path(ARCHIVE), Answer::Cut(Cut::Close));
    well_behaved(&server);
    let ours = ours(|_| {});
    let began = Instant::now();
    let fetched = ours.pull(&server, "1.0.0").await.unwrap();
    assert_eq!((fetched.archive.as_ref(), fetched.file_name.as_str()), (ARCHIVE, "web-1.0.0.tgz"));
    assert!(began.elapsed() >= Duration::from_secs(1), "the server asked for a second");
    assert_eq!(ours.heard.retries().len(), 5, "{:?}", ours.heard.all());
    assert_eq!(ours.heard.retries()[0], Duration::from_secs(1));
}

#[tokio::test]
async fn patience_has_an_end() {
    let server = FakeServer::start().await;
    server.on("GET", "/v2/*", |_| Answer::text(503, "text/plain", ""));
    let error = ours(|_| {}).pull(&server, "1.0.0").await.unwrap_err();
    assert_eq!(error.code(), Code::RegistryOverloaded);
    assert_eq!(server.requests().len(), 4, "one attempt and three more");

    let server = FakeServer::start().await;
    server.on("GET", "/v2/*", |_| Answer::text(429, "text/plain", "").with_header("retry-after", "86400"));
    let began = Instant::now();
    let error = ours(|_| {}).pull(&server, "1.0.0").await.unwrap_err();
    assert_eq!((error.code(), server.requests().len()), (Code::RegistryOverloaded, 1), "{error}");
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn nobody_there_and_no_such_name_are_told_at_once() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ours = ours(|_| {});
    let request = |chart: String| ChartRequest { chart, version: Some("1".into()), ..ChartRequest::default() };
    let error = ours.registry.fetch(&request(format!("oci://{closed}/a"))).await.unwrap_err();
    assert!(error.to_string().ends_with(&format!("dial tcp {closed}: connect: connection refused")), "{error}");
    let error = ours.registry.fetch(&request("oci://nobody.invalid/a".into())).await.unwrap_err();
    assert!(error.to_string().ends_with("dial tcp: lookup nobody.invalid: no such host"), "{error}");
    assert!(ours.heard.retries().is_empty());
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_off() {
    let server = FakeServer::start().await;
    let path = blob_path(ARCHIVE);
    let head = format!("HTTP/1.1 200 OK\ncontent-length: {}\netag: \"x\"", ARCHIVE.len());
    server.once("GET", &path, raw(&head, &ARCHIVE[..40_000]));
    server.on("GET", &path, |request| {
        assert_eq!(request.header("range"), Some("bytes=40000-"));
        assert_eq!(request.header("if-range"), Some("\"x\""));
        Answer::Full {
            status: 206,
            headers: vec![("content-range".into(), format!("bytes 40000-99999/{}", ARCHIVE.len()))],
            body: ARCHIVE[40_000..].to_vec(),
        }
    });
    well_behaved(&server);
    let ours = ours(|_| {});
    assert_eq!(ours.pull(&server, "1.0.0").await.unwrap().archive.as_ref(), ARCHIVE);
    assert_eq!(ours.heard.retries().len(), 1);
}

#[tokio::test]
async fn a_server_without_ranges_starts_anew() {
    let server = FakeServer::start().await;
    let path = blob_path(ARCHIVE);
    let head = format!("HTTP/1.1 200 OK\ncontent-length: {}", ARCHIVE.len());
    server.once("GET", &path, raw(&head, &ARCHIVE[..40_000]));
    server.once("GET", &path, Answer::text(416, "text/plain", ""));
    // A chunked answer that ends properly but too early.
    server.once("GET", &path, raw("HTTP/1.1 200 OK\ntransfer-encoding: chunked", b"3\r\n\x07\x07\x07\r\n0\r\n\r\n"));
    well_behaved(&server);
    assert_eq!(ours(|_| {}).pull(&server, "1.0.0").await.unwrap().archive.as_ref(), ARCHIVE);
}

#[tokio::test]
async fn a_range_that_is_not_the_one_asked_for_is_refused() {
    let server = FakeServer::start().await;
    let path = blob_path(ARCHIVE);
    let head = format!("HTTP/1.1 200 OK\ncontent-length: {}", ARCHIVE.len());
    server.once("GET", &path, raw(&head, &ARCHIVE[..40_000]));
    server.on("GET", &path, |_| Answer::Full {
        status: 206,
        headers: vec![("content-range".into(), "bytes 1-99999/100000".into())],
        body: ARCHIVE[1..].to_vec(),
    });
    well_behaved(&server);
    let error = ours(|_| {}).pull(&server, "1.0.0").await.unwrap_err();
    assert!(error.to_string().contains("another range"), "{error}");
}

#[tokio::test]
async fn a_download_that_never_ends_ends() {
    // Cut again and again.
    let server = FakeServer::start().await;
    let head = format!("HTTP/1.1 200 OK\ncontent-length: {}", ARCHIVE.len());
    server.on("GET", &blob_path(ARCHIVE), move |_| raw(&head, &ARCHIVE[..10]));
    well_behaved(&server);
    let error = ours(|_| {}).pull(&server, "1.0.0").await.unwrap_err();
    assert_eq!(error.code(), Code::RegistryUnreachable, "{error}");
    // Silent in the middle.
    let server = FakeServer::start().await;
    let senders = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&senders);
    server.on("GET", &blob_path(ARCHIVE), move |_| {
        let (sender, answer) = Answer::live();
        sender.send(Ok(vec![7; 10])).unwrap();
        keep.lock().unwrap().push(sender);
        answer
    });
    well_behaved(&server);
    let began = Instant::now();
    let error = ours(|_| {}).pull(&server, "1.0.0").await.unwrap_err();
    assert!(error.to_string().contains("nothing came"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
    // A byte now and then, for ever.
    let server = FakeServer::start().await;
    server.on("GET", &blob_path(ARCHIVE), move |_| {
        let (sender, answer) = Answer::live();
        tokio::spawn(async move {
            while sender.send(Ok(vec![7])).is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        answer
    });
    well_behaved(&server);
    let began = Instant::now();
    let limits = Limits { download: Duration::from_secs(1), ..quick() };
    let error = ours(|settings| settings.limits = limits).pull(&server, "1.0.0").await.unwrap_err();
    assert!(error.to_string().contains("no end after 1 s"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn content_is_what_its_digest_says_or_nothing() {
    let wrong = || {
        let mut content = ARCHIVE.to_vec();
        content[500] ^= 1;
        content
    };
    // The blob.
    let server = FakeServer::start().await;
    server.on("GET", &blob_path(ARCHIVE), move |_| answer_blob(&wrong()));
    well_behaved(&server);
    let ours = ours(|_| {});
    assert_eq!(ours.pull(&server, "1.0.0").await.unwrap_err().code(), Code::ChartDigest);
    let kept = walk(&ours.folder.path().join("content"));
    assert!(!kept.iter().any(|name| name.contains(".chart")), "{kept:?}");
    // The manifest against its header.
    let server = FakeServer::start().await;
    let other = Digest::of(b"x").to_string();
    server.on("GET", "/v2/charts/web/manifests/*", move |_| {
        answer_manifest(&manifest()).with_header("docker-content-digest", &other)
    });
    assert_eq!(super::hostile::ours(|_| {}).pull(&server, "1.0.0").await.unwrap_err().code(), Code::ChartDigest);
    // The manifest against the reference.
    let server = FakeServer::start().await;
    well_behaved(&server);
    let chart = format!("oci://127.0.0.1:{}/charts/web@{}", server.port(), Digest::of(b"x"));
    let request = ChartRequest { chart, ..ChartRequest::default() };
    assert_eq!(ours.registry.fetch(&request).await.unwrap_err().code(), Code::ChartDigest);
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            names.extend(walk(&entry.path()));
        } else {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names
}

#[tokio::test]
async fn sizes_are_bounded() {
    let refused = async |change: fn(&mut Value)| {
        let server = FakeServer::start().await;
        let mut changed = manifest();
        change(&mut changed);
        server.on("GET", "/v2/charts/web/manifests/*", move |_| answer_manifest(&changed));
        server.on("GET", "/v2/charts/web/blobs/*", |_| {
            let (sender, answer) = Answer::live();
            tokio::spawn(async move {
                while sender.send(Ok(vec![7; 64 << 10])).is_ok() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            });
            answer
        });
        let error = ours(|_| {}).pull(&server, "1.0.0").await.unwrap_err();
        assert_eq!(error.code(), Code::RegistryProtocol, "{error}");
        error.to_string()
    };
    assert!(refused(|_| {}).await.contains("larger than 100000 bytes"), "more than announced");
    assert!(
        refused(|manifest| manifest["layers"][0]["size"] = json!(1_u64 << 50)).await.contains("larger than 262144")
    );
    assert!(refused(|manifest| manifest["layers"][0]["size"] = json!(-1)).await.contains("impossible size"));
    assert!(refused(|manifest| manifest["x"] = json!("y".repeat(100_000))).await.contains("the manifest is larger"));
}

#[tokio::test]
async fn what_is_no_chart_is_told_in_helms_words() {
    for (change, text) in [
        (
            json!({"config": {"mediaType": "application/vnd.oci.image.config.v1+json"}}),
            "could not load config with mediatype",
        ),
        (json!({"layers": []}), "does not contain a layer with mediatype application/vnd.cncf.helm.chart.content"),
        (
            json!({"config": {"mediaType": "x"}, "layers": []}),
            "manifest does not contain minimum number of descriptors (2), descriptors found: 1",
        ),
        (json!({"layers": "x"}), "cannot be read"),
        (json!({"schemaVersion": []}), "cannot be read"),
        (json!({"mediaType": "application/vnd.oci.image.index.v1+json"}), "cannot be read"),
    ] {
        let server = FakeServer::start().await;
        let mut changed = manifest();
        for (key, value) in change.as_object().unwrap() {
            match value {
                Value::Object(inner) => {
                    for (name, value) in inner {
                        changed[key][name] = value.clone();
                    }
                }
                value => changed[key] = value.clone(),
            }
        }
        server.on("GET", "/v2/charts/web/manifests/*", move |_| answer_manifest(&changed));
        let error = ours(|_| {}).pull(&server, "1.0.0").await.unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.code(), Code::RegistryProtocol);
    }
    for body in ["", "<html>", "null", "[]", "{", "\u{0}"] {
        let server = FakeServer::start().await;
        server.on("GET", "/v2/*", move |_| Answer::text(200, "text/html", body));
        assert_eq!(ours(|_| {}).pull(&server, "1.0.0").await.unwrap_err().code(), Code::RegistryProtocol, "{body}");
    }
}

#[tokio::test]
async fn an_index_is_followed_to_the_chart_in_it() {
    let server = FakeServer::start().await;
    let inner = manifest().to_string();
    let image = json!({ "schemaVersion": 2, "config": descriptor("x", b"{}"), "layers": [] }).to_string();
    let entry = |content: &str| json!({ "mediaType": MANIFEST_TYPE, "digest": Digest::of(content.as_bytes()).as_str(), "size": content.len() });
    let index = json!({ "schemaVersion": 2, "manifests": [entry(&image), entry(&inner)] });
    for content in [image, inner] {
        let path = format!("/v2/charts/web/manifests/{}", Digest::of(content.as_bytes()));
        server.on("GET", &path, move |_| Answer::text(200, MANIFEST_TYPE, &content));
    }
    server.on("GET", "/v2/charts/web/manifests/1.0.0", move |_| {
        Answer::text(200, "application/vnd.oci.image.index.v1+json", &index.to_string())
    });
    well_behaved(&server);
    assert_eq!(ours(|_| {}).pull(&server, "1.0.0").await.unwrap().archive.as_ref(), ARCHIVE);
}

#[tokio::test]
async fn pages_of_tags_are_followed_and_bounded() {
    let page = |tags: &Value, link: Option<String>| {
        let answer = Answer::ok(&json!({ "name": "charts/web", "tags": tags }));
        match link {
            Some(link) => answer.with_header("link", &link),
            None => answer,
        }
    };
    // Three pages, an opaque cursor, an address without a host and one with.
    let server = FakeServer::start().await;
    let absolute = format!("<{}/v2/charts/web/tags/list?cursor=b>; rel=\"next\"", server.url());
    server.on("GET", "/v2/charts/web/tags/list", move |request| match request.query("cursor") {
        None => {
            page(&json!(["0.9.0", "latest", "1"]), Some("</v2/charts/web/tags/list?cursor=a>; rel=\"next\"".into()))
        }
        Some("a") => page(&json!(null), Some(absolute.clone())),
        _ => page(&json!(["1.2.0_x", "1.1.0"]), None),
    });
    well_behaved(&server);
    let fetched = ours(|_| {}).pull(&server, "^1").await.unwrap();
    assert_eq!(fetched.file_name, "web-1.2.0+x.tgz");

    let refused = async |answer: fn(usize) -> Answer| {
        let server = FakeServer::start().await;
        let mut number = 0;
        server.on("GET", "/v2/charts/web/tags/list", move |_| {
            number += 1;
            answer(number)
        });
        let error = ours(|_| {}).pull(&server, "^1").await.unwrap_err();
        assert_eq!(error.code(), Code::RegistryProtocol, "{error}");
        error.to_string()
    };
    let endless = refused(|number| {
        Answer::ok(&json!({"tags": []})).with_header("link", &format!("<?last={number}>; rel=\"next\""))
    });
    assert!(endless.await.contains("in pages"));
    let circle = refused(|_| Answer::ok(&json!({"tags": []})).with_header("link", "</v2/charts/web/tags/list>"));
    assert!(circle.await.contains("circle"));
    let many = refused(|number| {
        let tags: Vec<String> = (0..1000).map(|tag| format!("1.{number}.{tag}")).collect();
        Answer::ok(&json!({ "tags": tags })).with_header("link", &format!("<?last={number}>"))
    });
    assert!(many.await.contains("in tags"));
    let elsewhere = refused(|_| Answer::ok(&json!({"tags": []})).with_header("link", "<http://other.invalid/x>"));
    assert!(elsewhere.await.contains("another host"));
    for link in ["x", "<x", "<http://[>"] {
        let server = FakeServer::start().await;
        server
            .on("GET", "/v2/charts/web/tags/list", move |_| Answer::ok(&json!({"tags": []})).with_header("link", link));
        let error = ours(|_| {}).pull(&server, "^1").await.unwrap_err();
        assert!(error.to_string().contains("invalid next link"), "{error}");
    }
    let junk = refused(|_| Answer::text(200, "text/html", "<html>"));
    assert!(junk.await.contains("failed to decode response"));
}

/// A login for the host of a server.
fn with_login(settings: &mut RegistrySettings) {
    settings.login = Some(Login::new("user", "secret"));
}

const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";

#[tokio::test]
async fn a_redirect_takes_no_credentials_to_another_origin() {
    let (server, other) = (FakeServer::start().await, FakeServer::start().await);
    let elsewhere = format!("{}/stored/blob?sig=1", other.url());
    server.on("GET", "/v2/*", move |request| {
        match (request.header("authorization"), request.path.contains("/blobs/")) {
            (None, _) => Answer::text(401, "text/plain", "").with_header("www-authenticate", "Basic realm=\"x\""),
            (Some(BASIC), true) => Answer::text(307, "text/plain", "").with_header("location", &elsewhere),
            (Some(BASIC), false) => answer_manifest(&manifest()),
            other => panic!("{other:?}"),
        }
    });
    other.on("GET", "/stored/blob", |_| answer_blob(ARCHIVE));
    let ours = ours(with_login);
    assert_eq!(ours.pull(&server, "1.0.0").await.unwrap().archive.as_ref(), ARCHIVE);
    let there = other.requests();
    assert_eq!(there.len(), 1);
    assert_eq!(there[0].header("authorization"), None);
    // The second request needs no challenge any more.
    assert_eq!(server.requests().len(), 3, "{:?}", server.lines());

    // A challenge of the other host is not ours to answer.
    other.on("GET", "/stored/*", |_| {
        Answer::text(401, "text/plain", "").with_header("www-authenticate", "Basic realm=\"give it to me\"")
    });
    let elsewhere = format!("{}/stored/2", other.url());
    let server = FakeServer::start().await;
    server.on("GET", "/v2/*", move |_| Answer::text(302, "text/plain", "").with_header("location", &elsewhere));
    let error = super::hostile::ours(with_login).pull(&server, "1.0.0").await.unwrap_err();
    assert_eq!(error.code(), Code::RegistryUnauthorized, "{error}");
    assert!(other.requests().iter().all(|request| request.header("authorization").is_none()));
}

#[tokio::test]
async fn redirects_lead_nowhere_unsafe_and_not_for_ever() {
    for (location, text) in [
        ("/v2/charts/web/manifests/1.0.0", "stopped after 10 redirects"),
        ("file:///etc/passwd", "redirect from http to file is not followed"),
        ("http://[", "redirect to no address"),
    ] {
        let server = FakeServer::start().await;
        server.on("GET", "/v2/*", move |_| Answer::text(302, "text/plain", "").with_header("location", location));
        let error = ours(|_| {}).pull(&server, "1.0.0").await.unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert!(server.requests().len() <= 11);
    }
}

#[tokio::test]
async fn tokens_are_bought_once_and_used_again() {
    let server = FakeServer::start().await;
    let realm = format!("{}/token?x=1", server.url());
    server.on("GET", "/token", |request| {
        assert_eq!(request.header("authorization"), Some(BASIC));
        assert_eq!((request.query("x"), request.query("service")), (Some("1"), Some("s")));
        assert_eq!(request.queries("scope"), ["repository:charts/web:pull"]);
        Answer::ok(&json!({ "token": "T" }))
    });
    server.on("GET", "/v2/*", move |request| {
        match (request.header("authorization"), request.path.contains("/blobs/")) {
            (Some("Bearer T"), true) => answer_blob(ARCHIVE),
            (Some("Bearer T"), false) => answer_manifest(&manifest()),
            _ => Answer::text(401, "text/plain", "").with_header(
                "www-authenticate",
                &format!("Bearer realm=\"{realm}\",service=\"s\",scope=\"repository:charts/web:pull\""),
            ),
        }
    });
    ours(with_login).pull(&server, "1.0.0").await.unwrap();
    assert_eq!(server.lines().iter().filter(|line| line.contains("/token")).count(), 1);
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn an_identity_token_buys_an_access_token() {
    let server = FakeServer::start().await;
    let realm = format!("{}/token", server.url());
    server.on("POST", "/token", |request| {
        let form = String::from_utf8(request.body.clone()).unwrap();
        assert_eq!(
            form,
            "grant_type=refresh_token&refresh_token=I%26D&service=s&client_id=maibot&scope=repository%3Acharts%2Fweb%3Apull"
        );
        Answer::ok(&json!({ "access_token": "T" }))
    });
    server.on("GET", "/v2/*", move |request| match request.header("authorization") {
        Some("Bearer T") if request.path.contains("/blobs/") => answer_blob(ARCHIVE),
        Some("Bearer T") => answer_manifest(&manifest()),
        _ => Answer::text(401, "text/plain", "")
            .with_header("www-authenticate", &format!("Bearer realm=\"{realm}\",service=\"s\"")),
    });
    let ours = ours(|_| {});
    let auths = json!({ "auths": { format!("127.0.0.1:{}", server.port()): { "identitytoken": "I&D" } } });
    std::fs::write(ours.folder.path().join("config.json"), auths.to_string()).unwrap();
    ours.pull(&server, "1.0.0").await.unwrap();
}

#[tokio::test]
async fn token_services_that_misbehave_get_nothing_and_give_nothing() {
    // Where credentials must not go they do not go.
    for realm in ["http://10.1.2.3/token", "ftp://x/token", "token", "http://169.254.169.254/latest"] {
        let server = FakeServer::start().await;
        server.on("GET", "/v2/*", move |_| {
            Answer::text(401, "text/plain", "").with_header("www-authenticate", &format!("Bearer realm=\"{realm}\""))
        });
        let error = ours(with_login).pull(&server, "1.0.0").await.unwrap_err();
        assert_eq!(error.code(), Code::RegistryProtocol, "{error}");
        assert!(error.to_string().contains("bearer realm"), "{error}");
    }
    // Answers that are no tokens.
    for (answer, code) in [
        ("<html>".to_owned(), Code::RegistryProtocol),
        ("{}".to_owned(), Code::RegistryProtocol),
        (json!({ "token": "a\nb" }).to_string(), Code::RegistryCredentials),
        (json!({ "token": "a".repeat(200_000) }).to_string(), Code::RegistryProtocol),
    ] {
        let server = FakeServer::start().await;
        let realm = format!("{}/token", server.url());
        server.on("GET", "/token", move |_| Answer::text(200, "application/json", &answer));
        server.on("GET", "/v2/*", move |_| {
            Answer::text(401, "text/plain", "").with_header("www-authenticate", &format!("Bearer realm=\"{realm}\""))
        });
        let error = ours(with_login).pull(&server, "1.0.0").await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    // A token that is not accepted either.
    let server = FakeServer::start().await;
    let realm = format!("{}/token", server.url());
    server.on("GET", "/token", |_| Answer::ok(&json!({ "token": "T" })));
    server.on("GET", "/v2/*", move |_| {
        Answer::json(401, &json!({"errors": [{"code": "DENIED", "message": "no"}]}))
            .with_header("www-authenticate", &format!("Bearer realm=\"{realm}\""))
    });
    let error = ours(with_login).pull(&server, "1.0.0").await.unwrap_err();
    assert!(error.to_string().ends_with("response status code 401: denied: no"), "{error}");
    assert_eq!(server.requests().len(), 3, "{:?}", server.lines());
}

#[tokio::test]
async fn a_login_is_for_the_named_host_only() {
    let (server, other) = (FakeServer::start().await, FakeServer::start().await);
    // The index of a repository leads to a registry on another host.
    let index = format!(
        "apiVersion: v1\nentries:\n  web:\n  - version: 1.0.0\n    urls: [\"oci://127.0.0.1:{}/charts/web:1.0.0\"]\n",
        other.port()
    );
    server.on("GET", "/index.yaml", move |_| Answer::text(200, "text/yaml", &index));
    other.on("GET", "/v2/*", |_| {
        Answer::text(401, "text/plain", "").with_header("www-authenticate", "Basic realm=\"x\"")
    });
    let request = ChartRequest { chart: "web".into(), repo: Some(server.url()), ..ChartRequest::default() };
    let error = ours(with_login).registry.fetch(&request).await.unwrap_err();
    assert_eq!(error.code(), Code::RegistryUnauthorized, "{error}");
    assert!(other.requests().iter().all(|request| request.header("authorization").is_none()));
    assert_eq!(server.requests()[0].header("authorization"), Some(BASIC));
}

#[tokio::test]
async fn an_upload_goes_to_no_other_host_and_is_begun_anew_when_it_breaks() {
    let package = || Package {
        name: "web".into(),
        version: "1.0.0".into(),
        archive: ARCHIVE.into(),
        provenance: None,
        config: b"{}".as_slice().into(),
        annotations: std::collections::BTreeMap::new(),
    };
    let server = FakeServer::start().await;
    let target = format!("oci://127.0.0.1:{}/charts", server.port());
    server.on("HEAD", "/v2/*", |_| Answer::text(404, "text/plain", ""));
    server.once("PUT", "/upload", Answer::Cut(Cut::Reset));
    server.on("POST", "/v2/charts/web/blobs/uploads/", |_| {
        Answer::text(202, "text/plain", "").with_header("location", "/upload?state=a%2Fb")
    });
    server.on("PUT", "/upload", |request| {
        assert_eq!(request.query("state"), Some("a/b"));
        assert_eq!(request.query("digest"), Some(Digest::of(&request.body).as_str()));
        Answer::text(201, "text/plain", "")
    });
    server.on("PUT", "/v2/charts/web/manifests/1.0.0", |_| Answer::text(201, "text/plain", ""));
    let ours = ours(with_login);
    let pushed = ours.registry.push(&target, package()).await.unwrap();
    assert_eq!(pushed.reference.to_string(), format!("127.0.0.1:{}/charts/web:1.0.0", server.port()));

    let other = FakeServer::start().await;
    let server = FakeServer::start().await;
    let target = format!("oci://127.0.0.1:{}/charts", server.port());
    let elsewhere = format!("{}/upload", other.url());
    server.on("HEAD", "/v2/*", |_| Answer::text(404, "text/plain", ""));
    server.on("POST", "/v2/*", move |_| Answer::text(202, "text/plain", "").with_header("location", &elsewhere));
    let error = ours.registry.push(&target, package()).await.unwrap_err();
    assert!(error.to_string().contains("another host"), "{error}");
    assert!(other.requests().is_empty());

    // The registry says that it keeps something else.
    let server = FakeServer::start().await;
    let target = format!("oci://127.0.0.1:{}/charts", server.port());
    server.on("HEAD", "/v2/*", |request| {
        Answer::text(if request.path.contains("/blobs/") { 200 } else { 404 }, "text/plain", "")
    });
    server.on("PUT", "/v2/*", |_| Answer::text(201, "text/plain", "").with_header("docker-content-digest", "sha256:0"));
    assert_eq!(ours.registry.push(&target, package()).await.unwrap_err().code(), Code::ChartDigest);
}

#[tokio::test]
async fn provenance_is_required_wished_for_or_left_alone() {
    let server = FakeServer::start().await;
    let mut signed = manifest();
    signed["layers"].as_array_mut().unwrap().push(descriptor(maibot::registry::PROVENANCE_MEDIA_TYPE, b"signed"));
    server.on("GET", "/v2/charts/web/manifests/2.0.0", move |_| answer_manifest(&signed));
    server.on("GET", &blob_path(b"signed"), |_| answer_blob(b"signed"));
    well_behaved(&server);
    let ours = ours(|_| {});
    let fetch = async |version: &str, provenance| {
        let chart = format!("oci://127.0.0.1:{}/charts/web", server.port());
        let request = ChartRequest { chart, version: Some(version.into()), provenance, repo: None };
        ours.registry.fetch(&request).await
    };
    assert_eq!(fetch("2.0.0", Provenance::No).await.unwrap().provenance, None);
    for wish in [Provenance::IfThere, Provenance::Required] {
        assert_eq!(fetch("2.0.0", wish).await.unwrap().provenance.as_deref(), Some(b"signed".as_slice()));
    }
    assert_eq!(fetch("1.0.0", Provenance::IfThere).await.unwrap().provenance, None);
    assert!(ours.heard.all().iter().any(|notice| matches!(notice, Notice::NoProvenance { .. })));
    assert_eq!(fetch("1.0.0", Provenance::Required).await.unwrap_err().code(), Code::ChartSignature);
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_does_not_stop_a_pull() {
    let server = FakeServer::start().await;
    well_behaved(&server);
    let file = tempfile::NamedTempFile::new().unwrap();
    let ours = ours(|settings| settings.content_cache = Some(file.path().join("below-a-file")));
    assert_eq!(ours.pull(&server, "1.0.0").await.unwrap().archive.as_ref(), ARCHIVE);
    assert!(ours.heard.all().iter().any(|notice| matches!(notice, Notice::UnusableCache { .. })));
}
