//! Classic repositories that misbehave, and addresses of archives.

use maibot::code::Code;
use maibot::registry::{ChartRequest, Digest, Error, Fetched, Login, Notice};

use super::hostile::{Ours, ours};
use crate::fake::server::{Answer, FakeServer};

const ARCHIVE: &[u8] = b"an archive";
const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";

async fn fetch(ours: &Ours, repo: &str, version: Option<&str>) -> Result<Fetched, Error> {
    let request = ChartRequest {
        chart: "web".into(),
        repo: Some(repo.to_owned()),
        version: version.map(str::to_owned),
        ..ChartRequest::default()
    };
    ours.registry.fetch(&request).await
}

fn archive() -> Answer {
    Answer::Full { status: 200, headers: vec![], body: ARCHIVE.to_vec() }
}

/// A repository with this index, which has the archives of `web`.
async fn repository(index: &str) -> FakeServer {
    let server = FakeServer::start().await;
    let index = index.to_owned();
    server.on("GET", "/charts/index.yaml", move |_| Answer::text(200, "text/yaml", &index));
    server.on("GET", "/charts/web-*", |_| archive());
    server
}

fn index(entries: &str) -> String {
    format!("apiVersion: v1\nentries:\n  web:\n{entries}")
}

#[tokio::test]
async fn the_newest_fitting_version_comes_from_the_index() {
    let digest = Digest::of(ARCHIVE);
    let server = repository(&index(&format!(
        "  - {{version: 1.0.0, urls: [web-1.0.0.tgz], digest: {}}}\n  - {{version: 1.2.0, urls: [\"web-1.2.0.tgz\"]}}\n  - \
         {{version: 2.0.0-rc.1, urls: [web-2.tgz]}}\n",
        digest.hex()
    )))
    .await;
    let ours = ours(|_| {});
    let repo = format!("{}/charts", server.url());
    let name = |fetched: Result<Fetched, Error>| fetched.unwrap().file_name;
    assert_eq!(name(fetch(&ours, &repo, None).await), "web-1.2.0.tgz");
    assert_eq!(name(fetch(&ours, &repo, Some("~1.0.0")).await), "web-1.0.0.tgz");
    assert_eq!(name(fetch(&ours, &repo, Some("v1.0.0")).await), "web-1.0.0.tgz");
    assert!(ours.heard.all().iter().any(|notice| matches!(notice, Notice::NearestVersion { .. })));
    let error = fetch(&ours, &repo, Some("3")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("chart \"web\" version \"3\" not found in {repo} repository"));
    assert_eq!(error.code(), Code::ChartNotFound);
}

#[tokio::test]
async fn an_index_that_cannot_be_used_is_told() {
    for (content, text) in [
        ("", "empty index.yaml file"),
        ("entries: {}\n", "no API version specified"),
        ("<html></html>", ""),
        ("apiVersion: v1\nentries: [", ""),
        ("apiVersion: v1\nentries: {}\nentries: {}\n", "already"),
        (
            "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e]\n",
            "",
        ),
    ] {
        let server = repository(content).await;
        let repo = format!("{}/charts", server.url());
        let error = fetch(&ours(|_| {}), &repo, None).await.unwrap_err();
        assert_eq!(error.code(), Code::RegistryProtocol, "{content}: {error}");
        assert!(
            error.to_string().starts_with(&format!("looks like \"{repo}\" is not a valid chart repository")),
            "{error}"
        );
        assert!(error.to_string().contains(text), "{error}");
    }
    for entries in ["  - null\n", "  - {}\n", "  - {version: x}\n", "  - 1\n", ""] {
        let server = repository(&index(entries)).await;
        let error = fetch(&ours(|_| {}), &format!("{}/charts", server.url()), None).await.unwrap_err();
        assert_eq!(error.code(), Code::ChartNotFound, "{entries}: {error}");
    }
    let server = repository(&index("  - {version: 1.0.0, urls: []}\n")).await;
    let error = fetch(&ours(|_| {}), &format!("{}/charts", server.url()), None).await.unwrap_err();
    assert!(error.to_string().contains("has no downloadable URLs"), "{error}");
    let server = repository(&index("  - {version: 1.0.0, urls: [\"file:///etc/passwd\"]}\n")).await;
    let error = fetch(&ours(|_| {}), &format!("{}/charts", server.url()), None).await.unwrap_err();
    assert!(error.to_string().contains("not supported"), "{error}");
}

#[tokio::test]
async fn an_archive_has_the_digest_of_the_index_or_is_not_used() {
    let digest = Digest::of(b"another one");
    let server =
        repository(&index(&format!("  - {{version: 1.0.0, urls: [web-1.0.0.tgz], digest: {}}}\n", digest.hex()))).await;
    let error = fetch(&ours(|_| {}), &format!("{}/charts", server.url()), None).await.unwrap_err();
    assert_eq!(error.code(), Code::ChartDigest, "{error}");
}

#[tokio::test]
async fn a_login_goes_to_another_host_only_when_told_to() {
    let other = FakeServer::start().await;
    other.on("GET", "/web-1.0.0.tgz", |_| archive());
    let server =
        repository(&index(&format!("  - {{version: 1.0.0, urls: [\"{}/web-1.0.0.tgz\"]}}\n", other.url()))).await;
    let repo = format!("{}/charts", server.url());
    let login = Login::new("user", "secret");
    fetch(&ours(|settings| settings.login = Some(login.clone())), &repo, None).await.unwrap();
    assert_eq!(server.requests()[0].header("authorization"), Some(BASIC));
    assert_eq!(other.requests()[0].header("authorization"), None);
    let told = ours(|settings| {
        settings.login = Some(login.clone());
        settings.pass_credentials = true;
    });
    fetch(&told, &repo, None).await.unwrap();
    assert_eq!(other.requests()[1].header("authorization"), Some(BASIC));

    // A redirect is not where it was told to.
    let elsewhere = format!("{}/web-1.0.0.tgz", other.url());
    let server = FakeServer::start().await;
    server.on("GET", "/a.tgz", move |_| Answer::text(302, "text/plain", "").with_header("location", &elsewhere));
    let request = ChartRequest { chart: format!("{}/a.tgz", server.url()), ..ChartRequest::default() };
    let fetched = told.registry.fetch(&request).await.unwrap();
    assert_eq!((fetched.archive.as_ref(), fetched.file_name.as_str()), (ARCHIVE, "a.tgz"));
    assert_eq!(server.requests()[0].header("authorization"), Some(BASIC));
    assert_eq!(other.requests()[2].header("authorization"), None);
}

#[tokio::test]
async fn addresses_give_whole_archives_of_bounded_size_or_nothing() {
    let server = FakeServer::start().await;
    server.on("GET", "/large.tgz", |_| Answer::Full { status: 200, headers: vec![], body: vec![7; 300 << 10] });
    server.on("GET", "/endless.tgz", |_| {
        let (sender, answer) = Answer::live();
        tokio::spawn(async move {
            while sender.send(Ok(vec![7; 64 << 10])).is_ok() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        });
        answer
    });
    let ours = ours(|_| {});
    let fetch = async |path: &str| {
        let request = ChartRequest { chart: format!("{}{path}", server.url()), ..ChartRequest::default() };
        ours.registry.fetch(&request).await.unwrap_err()
    };
    for path in ["/large.tgz", "/endless.tgz"] {
        let error = fetch(path).await;
        assert!(error.to_string().contains("the chart is larger than 262144 bytes"), "{error}");
    }
    let missing = fetch("/missing.tgz").await;
    // The server's own words.
    assert_eq!(missing.to_string(), format!("failed to fetch {}/missing.tgz : 404 X", server.url()));
    for path in ["/", "/x/..%2f", "/a%00b"] {
        assert_eq!(fetch(path).await.code(), Code::ChartReference, "{path}");
    }
}

#[tokio::test]
async fn the_index_and_the_archive_are_kept_for_offline_use() {
    let server = repository(&index("  - {version: 1.0.0, urls: [web-1.0.0.tgz]}\n")).await;
    let repo = format!("{}/charts", server.url());
    let online = ours(|_| {});
    fetch(&online, &repo, None).await.unwrap();
    let asked = server.requests().len();
    let content = online.folder.path().join("content");
    let offline = ours(|settings| {
        settings.content_cache = Some(content);
        settings.offline = true;
    });
    assert_eq!(fetch(&offline, &repo, None).await.unwrap().archive.as_ref(), ARCHIVE);
    assert_eq!(server.requests().len(), asked, "nothing is asked");
    let empty = ours(|settings| settings.offline = true);
    assert_eq!(fetch(&empty, &repo, None).await.unwrap_err().code(), Code::ChartNotFound);
}
