//! Loading, and what must not be loaded.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::{Compression, write::GzEncoder};

use super::*;
use crate::values::Compat;
use crate::yaml::Value;

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.2.3\n";

fn chart_of(files: &[(&str, &str)], compat: Compat) -> Result<Chart, String> {
    let files = files.iter().map(|(name, text)| File::new((*name).to_owned(), text.as_bytes().to_vec())).collect();
    from_files(files, compat).map_err(|error| error.to_string())
}

fn loaded(files: &[(&str, &str)]) -> Chart {
    chart_of(files, Compat::Helm4).unwrap()
}

fn refusal(chart_yaml: &str) -> String {
    chart_of(&[("Chart.yaml", chart_yaml)], Compat::Helm4).unwrap_err()
}

fn names(files: &[File]) -> Vec<&str> {
    files.iter().map(|file| &*file.name).collect()
}

/// A gzipped tar of these entries.
fn archive_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    archive_with(|tar| {
        for (name, data) in entries {
            append(tar, name, tar::EntryType::Regular, data.len() as u64, data);
        }
    })
}

fn archive_with(fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut tar = Vec::new();
    fill(&mut tar);
    tar.extend([0; 1024]);
    gzipped(&tar)
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// One entry, whose header says whatever it is told.
fn append(tar: &mut Vec<u8>, name: &str, kind: tar::EntryType, size: u64, data: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_mtime(1_700_000_000);
    header.set_cksum();
    tar.extend(header.as_bytes());
    tar.extend(data);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

fn unpacked(entries: &[(&str, &[u8])]) -> Result<Chart, String> {
    archive::from_archive(&archive_of(entries), Compat::Helm4).map_err(|error| error.to_string())
}

#[test]
fn files_go_where_helm_puts_them() {
    let chart = loaded(&[
        (".helmignore", ""),
        (
            "Chart.lock",
            "digest: sha256:1\ngenerated: \"2024-01-02T03:04:05Z\"\ndependencies: [{name: db, version: 1.0.0}]",
        ),
        ("Chart.yaml", CHART),
        ("README.md", "read me"),
        ("charts/.hidden/Chart.yaml", "broken: ["),
        ("charts/_hidden.tgz", "no archive"),
        ("charts/db-1.0.0.tgz.prov", "signed"),
        ("charts/db/Chart.yaml", "name: db\nversion: 1.0.0"),
        ("charts/db/templates/db.yaml", "kind: DB"),
        ("charts/db/crds/two.YML", ""),
        ("crds/one.yaml", ""),
        ("crds/notes.txt", ""),
        ("templates/NOTES.txt", "hello"),
        ("templates/_helpers.tpl", ""),
        ("values.schema.json", "{}"),
        ("values.yaml", "a: 1\n---\nb: 1000000\n"),
    ]);
    assert_eq!(chart.full_name(), "web-1.2.3");
    assert_eq!(names(&chart.templates), ["templates/NOTES.txt", "templates/_helpers.tpl"]);
    assert_eq!(
        names(&chart.files),
        [".helmignore", "README.md", "charts/db-1.0.0.tgz.prov", "crds/one.yaml", "crds/notes.txt"]
    );
    assert_eq!(chart.raw.len(), 16);
    assert_eq!(chart.schema.as_deref(), Some(b"{}".as_slice()));
    let lock = chart.lock.as_ref().unwrap();
    assert_eq!((&*lock.digest, &*lock.generated), ("sha256:1", "2024-01-02T03:04:05Z"));
    assert_eq!(lock.dependencies[0].name, "db");
    assert_eq!(chart.values().unwrap().get("b"), Some(&Value::Float(1e6)));
    let [db] = &chart.dependencies[..] else { panic!("{:?}", chart.dependencies) };
    assert_eq!(db.metadata.name, "db");
    assert_eq!(db.metadata.api_version, "v1");
    assert_eq!(names(&db.templates), ["templates/db.yaml"]);
    let crds: Vec<_> = chart.crds().into_iter().map(|(path, _)| path).collect();
    assert_eq!(crds, ["web/crds/one.yaml", "web/charts/db/crds/two.YML"]);
    assert_eq!(chart.tree().len(), 2);
}

#[test]
fn helm_3_reads_one_document_of_the_values() {
    let files = [("Chart.yaml", CHART), ("values.yaml", "a: 1\n---\nb: 2\n")];
    assert_eq!(chart_of(&files, Compat::Helm3).unwrap().values_map().unwrap().len(), 1);
}

#[test]
fn the_order_of_files_does_not_matter() {
    let chart =
        loaded(&[("requirements.yaml", "dependencies: [{name: db}]"), ("values.yaml", ""), ("Chart.yaml", CHART)]);
    assert_eq!(chart.metadata.dependencies()[0].name, "db");
}

#[test]
fn requirements_belong_to_charts_of_version_1() {
    let files = |chart: &'static str| {
        [
            ("Chart.yaml", chart),
            ("requirements.yaml", "dependencies: [{name: db, alias: base, import-values: [x, {child: a, parent: b}]}]"),
            ("requirements.lock", "digest: x"),
        ]
    };
    let old = loaded(&files("apiVersion: v1\nname: web\nversion: 1.2.3\n"));
    assert_eq!(names(&old.files), ["requirements.yaml", "requirements.lock"]);
    assert_eq!(old.metadata.dependencies()[0].used_name(), "base");
    assert_eq!(old.lock.unwrap().digest, "x");
    assert_eq!(old.warnings, []);
    let new = loaded(&files(CHART));
    assert_eq!(names(&new.files), Vec::<&str>::new());
    assert_eq!(new.metadata.dependencies().len(), 1);
    assert_eq!(new.warnings, [LoadWarning::Requirements, LoadWarning::RequirementsLock]);
    assert!(new.warnings[0].helm3_line().starts_with("load.go:120: Warning: Dependencies are handled in Chart.yaml"));
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_file() {
    let text = format!("\u{feff}{CHART}");
    let chart = unpacked(&[("web/Chart.yaml", text.as_bytes()), ("web/a.txt", "\u{feff}x".as_bytes())]).unwrap();
    assert_eq!(&*chart.files[0].data, b"x");
}

#[test]
fn a_chart_without_its_file_is_none() {
    assert_eq!(chart_of(&[], Compat::Helm4).unwrap_err(), "Chart.yaml file is missing");
    assert_eq!(chart_of(&[("values.yaml", "a: 1")], Compat::Helm4).unwrap_err(), "Chart.yaml file is missing");
}

#[test]
fn metadata_is_checked_in_helms_order_and_words() {
    for (chart_yaml, expected) in [
        ("version: 1.0.0", "validation: chart.metadata.name is required"),
        ("name: .", "validation: chart.metadata.name \".\" is not allowed"),
        ("name: ..", "validation: chart.metadata.name \"..\" is not allowed"),
        ("name: ../x", "validation: chart.metadata.name \"../x\" is invalid"),
        ("name: a/b", "validation: chart.metadata.name \"a/b\" is invalid"),
        ("name: a", "validation: chart.metadata.version is required"),
        ("name: a\nversion: one", "validation: chart.metadata.version \"one\" is invalid"),
        ("name: a\nversion: 1\ntype: x", "validation: chart.metadata.type must be application or library"),
        ("name: a\nversion: 1\nmaintainers: [null]", "validation: maintainers must not contain empty or null nodes"),
        (
            "name: a\nversion: 1\ndependencies: [{name: b}, null]",
            "validation: dependencies must not contain empty or null nodes",
        ),
        (
            "name: a\nversion: 1\ndependencies: [{name: b, alias: \"c\\nd\"}]",
            "validation: dependency \"b\" has disallowed characters in the alias",
        ),
        (
            "name: a\nversion: 1\ndependencies: [{name: b, alias: ../c}]",
            "validation: dependency \"b\" has disallowed characters in the alias",
        ),
        (
            "name: a\nversion: 1\ndependencies: [{name: b}, {name: c, alias: b}]",
            "validation: more than one dependency with name or alias \"b\"",
        ),
        (
            "name: [a]",
            "cannot load Chart.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go \
             struct field Metadata.name of type string",
        ),
        (
            "- a",
            "cannot load Chart.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type v2.Metadata",
        ),
    ] {
        assert_eq!(refusal(chart_yaml), expected, "{chart_yaml}");
    }
}

#[test]
fn control_characters_are_dropped_from_metadata() {
    let chart = loaded(&[(
        "Chart.yaml",
        "apiVersion: v2\nname: \"we\\eb\"\nversion: 1.0.0\ndescription: \"a\\tb\\x07\\u200bc\\x1b[31m\"\nkeywords: [\"x\\ny\"]\nmaintainers: [{name: \"M\\rN\"}]",
    )]);
    assert_eq!(chart.metadata.name, "web");
    assert_eq!(chart.metadata.description, "a bc[31m");
    assert_eq!(chart.metadata.keywords.as_deref(), Some(["x y".to_owned()].as_slice()));
    assert_eq!(chart.metadata.maintainers.as_deref().unwrap()[0].name, "M N");
    assert!(refusal("name: a\nversion: \"1.0.0\\n\"").contains("is invalid"));
}

#[test]
fn values_must_be_a_map() {
    let wrong =
        |values: &'static str| chart_of(&[("Chart.yaml", CHART), ("values.yaml", values)], Compat::Helm4).unwrap_err();
    assert!(wrong("[a]").starts_with("cannot load values.yaml: cannot unmarshal yaml document:"));
    assert!(wrong("a").contains("cannot unmarshal string into Go value"));
}

#[test]
fn a_broken_subchart_is_named_with_its_parents() {
    let error = chart_of(
        &[("Chart.yaml", CHART), ("charts/db/charts/x/Chart.yaml", "name: x"), ("charts/db/Chart.yaml", CHART)],
        Compat::Helm4,
    );
    assert_eq!(
        error.unwrap_err(),
        "error unpacking subchart db in web: error unpacking subchart x in web: validation: chart.metadata.version is required"
    );
    for (name, text, expected) in [
        ("charts/README.md", "", "error unpacking subchart README.md in web: Chart.yaml file is missing"),
        ("charts/db.tgz", "no archive", "error unpacking subchart db.tgz in web: gzip: invalid header"),
        ("charts/db.tgz", "", "error unpacking subchart db.tgz in web: EOF"),
        (
            "charts/db.tgz/Chart.yaml",
            CHART,
            "error unpacking subchart tar in web: expected db.tgz, got db.tgz/Chart.yaml",
        ),
    ] {
        assert_eq!(chart_of(&[("Chart.yaml", CHART), (name, text)], Compat::Helm4).unwrap_err(), expected);
    }
}

#[test]
fn archives_within_a_chart_are_unpacked() {
    let inner = archive_of(&[("db/Chart.yaml", b"name: db\nversion: 2.0.0"), ("db/values.yaml", b"a: 1")]);
    let chart = unpacked(&[("any/Chart.yaml", CHART.as_bytes()), ("any/charts/db-2.0.0.tgz", &inner)]).unwrap();
    assert_eq!(chart.dependencies[0].full_name(), "db-2.0.0");
    assert_eq!(chart.modified.unwrap().as_second(), 1_700_000_000);
}

#[test]
fn names_that_lead_out_of_an_archive_are_refused() {
    for (name, expected) in [
        ("../../malformed", "chart illegally references parent directory"),
        ("/foo/../../malformed", "chart illegally references parent directory"),
        ("web/../../x", "chart illegally references parent directory"),
        ("web/..x", "chart illegally references parent directory"),
        ("./.", "chart illegally contains content outside the base directory: \"./.\""),
        ("no-folder", "chart illegally contains content outside the base directory: \"no-folder\""),
        ("//foo", "chart illegally contains absolute paths"),
        ("\\\\foo", "chart illegally contains absolute paths"),
        ("\\..\\..\\foo", "chart illegally references parent directory"),
        ("\\.\\c:\\\\foo", "chart contains illegally named files"),
        ("/./c://foo", "chart contains illegally named files"),
        ("Chart.yaml/x", "chart yaml not in base directory"),
        ("web/only.txt", "Chart.yaml file is missing"),
    ] {
        assert_eq!(unpacked(&[(name, b"x")]).unwrap_err(), expected, "{name}");
    }
    // An absolute name loses its slash, and folders are separated either way.
    assert!(unpacked(&[("/Chart.yaml", CHART.as_bytes())]).is_ok());
    let windows = unpacked(&[("c:\\Chart.yaml", CHART.as_bytes()), ("web\\templates\\a.yaml", b"")]).unwrap();
    assert_eq!(names(&windows.templates), ["templates/a.yaml"]);
}

#[test]
fn a_link_in_an_archive_is_an_empty_file() {
    let bytes = archive_with(|tar| {
        append(tar, "web/Chart.yaml", tar::EntryType::Regular, CHART.len() as u64, CHART.as_bytes());
        append(tar, "web/passwd", tar::EntryType::Symlink, 0, b"");
        append(tar, "web/templates/", tar::EntryType::Directory, 0, b"");
    });
    let chart = archive::from_archive(&bytes, Compat::Helm4).unwrap();
    assert_eq!((names(&chart.files), chart.files[0].data.len()), (vec!["passwd"], 0));
    assert!(chart.templates.is_empty());
}

#[test]
fn large_files_and_bombs_are_refused_before_they_fill_the_memory() {
    let refused = |bytes: &[u8], compat| archive::from_archive(bytes, compat).unwrap_err().to_string();
    let size = usize::try_from(MAX_FILE_SIZE).unwrap();
    let large = vec![0; size + 1];
    assert_eq!(
        refused(&archive_of(&[("web/a", &large)]), Compat::Helm4),
        "decompressed chart file \"web/a\" is larger than the maximum file size 5242880"
    );
    let bomb = archive_with(|tar| {
        for _ in 0..21 {
            append(tar, "web/a", tar::EntryType::Regular, MAX_FILE_SIZE, &large[..size]);
        }
    });
    assert_eq!(refused(&bomb, Compat::Helm4), "decompressed chart is larger than the maximum size 104857600");
    assert_eq!(refused(&bomb, Compat::Helm3), "decompressed chart is larger than the maximum file size 104857600");
    // A header may lie about the size; nothing is set aside for it.
    let lie = archive_with(|tar| append(tar, "web/a", tar::EntryType::Regular, MAX_FILE_SIZE, b"short"));
    assert_eq!(refused(&lie, Compat::Helm4), "unexpected EOF");
    let huge = archive_with(|tar| append(tar, "web/a", tar::EntryType::Regular, 1 << 32, b""));
    assert_eq!(refused(&huge, Compat::Helm4), "decompressed chart is larger than the maximum size 104857600");
    // A name as long as the memory.
    let name = archive_with(|tar| append(tar, "././@LongLink", tar::EntryType::GNULongName, 1 << 32, &large));
    assert!(archive::from_archive(&name, Compat::Helm4).is_err());
}

#[test]
fn many_small_bombs_in_one_chart_count_together() {
    let zeros = vec![0; usize::try_from(MAX_FILE_SIZE).unwrap()];
    let inner = archive_with(|tar| {
        append(tar, "x/Chart.yaml", tar::EntryType::Regular, CHART.len() as u64, CHART.as_bytes());
        for _ in 0..19 {
            append(tar, "x/a", tar::EntryType::Regular, zeros.len() as u64, &zeros);
        }
    });
    let names: Vec<String> = (0..6).map(|number| format!("web/charts/c{number}.tgz")).collect();
    let mut entries = vec![("web/Chart.yaml", CHART.as_bytes())];
    entries.extend(names.iter().map(|name| (name.as_str(), &inner[..])));
    assert!(unpacked(&entries).unwrap_err().ends_with("decompressed chart is larger than the maximum size 104857600"));
}

#[test]
fn what_is_no_archive_is_refused() {
    let refused = |bytes: &[u8]| archive::from_archive(bytes, Compat::Helm4).unwrap_err();
    assert_eq!(refused(b""), ChartError::Damaged("EOF".to_owned()));
    assert_eq!(refused(b"hello"), ChartError::Damaged("unexpected EOF".to_owned()), "shorter than a header");
    assert_eq!(refused(b"hello, world"), ChartError::GzipHeader);
    assert_eq!(refused(&archive_of(&[])), ChartError::EmptyArchive);
    let folders = archive_with(|tar| append(tar, "web/", tar::EntryType::Directory, 0, b""));
    assert_eq!(refused(&folders), ChartError::EmptyArchive);
    let whole = archive_of(&[("web/Chart.yaml", CHART.as_bytes())]);
    assert_eq!(refused(&whole[..whole.len() / 2]), ChartError::Damaged("unexpected EOF".to_owned()));
    assert!(matches!(refused(&gzipped(&[b'x'; 2048])), ChartError::Damaged(_)));
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn load_text(path: &Path, compat: Compat) -> Result<Chart, String> {
    load(path, compat, Links::Inside).map_err(|error| error.to_string())
}

#[test]
fn a_folder_is_read_without_what_it_ignores() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            (".helmignore", "*.bak\n/secret/\n"),
            ("Chart.yaml", CHART),
            ("a.bak", ""),
            ("secret/key", ""),
            ("templates/b.yaml", ""),
            ("templates/a.yaml", ""),
            ("templates/.a.yaml.swp", ""),
            ("templates.txt", ""),
        ],
    );
    let chart = load_text(folder.path(), Compat::Helm4).unwrap();
    assert_eq!(
        names(&chart.raw),
        [".helmignore", "Chart.yaml", "templates/a.yaml", "templates/b.yaml", "templates.txt"]
    );
    assert!(chart.modified.is_some());
}

#[test]
fn folders_and_files_that_are_no_charts_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path();
    write(
        top,
        &[("empty/x", ""), ("nine/Chart.yaml", "apiVersion: v9"), ("list/Chart.yaml", "[]"), ("a.yaml", "a: 1")],
    );
    write(
        top,
        &[
            ("a.txt", "hello"),
            ("long.txt", &"hello ".repeat(100)),
            ("bad.tgz", "\u{1f}"),
            ("ig/.helmignore", "a/**"),
            ("ig/Chart.yaml", CHART),
        ],
    );
    let shown = top.display();
    for (name, compat, expected) in [
        ("empty", Compat::Helm4, format!("unable to detect chart at {shown}/empty/Chart.yaml: open {shown}/empty/Chart.yaml: no such file or directory")),
        ("empty", Compat::Helm3, "Chart.yaml file is missing".to_owned()),
        ("nine", Compat::Helm4, "unsupported chart version".to_owned()),
        ("nine", Compat::Helm3, "validation: chart.metadata.name is required".to_owned()),
        ("list", Compat::Helm4, "cannot load Chart.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type loader.chartBase".to_owned()),
        ("a.yaml", Compat::Helm4, format!("file '{shown}/a.yaml' seems to be a YAML file, but expected a gzipped archive")),
        ("a.txt", Compat::Helm4, format!("file '{shown}/a.txt' does not appear to be a gzipped archive; got 'application/octet-stream'")),
        ("long.txt", Compat::Helm3, format!("file '{shown}/long.txt' does not appear to be a gzipped archive; got 'text/plain; charset=utf-8'")),
        ("absent", Compat::Helm4, format!("stat {shown}/absent: no such file or directory")),
        ("ig", Compat::Helm4, "double-star (**) syntax is not supported".to_owned()),
    ] {
        assert_eq!(load_text(&top.join(name), compat).unwrap_err(), expected);
    }
}

#[test]
fn an_archive_file_is_loaded_and_its_damage_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web-1.2.3.tgz");
    fs::write(&path, archive_of(&[("web/Chart.yaml", CHART.as_bytes())])).unwrap();
    assert_eq!(load_text(&path, Compat::Helm4).unwrap().full_name(), "web-1.2.3");
    fs::write(&path, archive_of(&[("web/../../x", b"")])).unwrap();
    assert_eq!(load_text(&path, Compat::Helm4).unwrap_err(), "unable to load chart archive");
    assert_eq!(load_text(&path, Compat::Helm3).unwrap_err(), "chart illegally references parent directory");
    let error = load(&path, Compat::Helm4, Links::Inside).unwrap_err();
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "chart illegally references parent directory");
    fs::write(&path, archive_of(&[("web/a", b"")])).unwrap();
    assert_eq!(load_text(&path, Compat::Helm4).unwrap_err(), "unable to detect chart version, no Chart.yaml found");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was unpacked");
}

#[cfg(unix)]
#[test]
fn links_are_followed_only_inside_the_chart_unless_asked() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().join("web");
    write(
        folder.path(),
        &[("web/Chart.yaml", CHART), ("web/files/a.txt", "inside"), ("outside.txt", "secret"), ("out/b.txt", "")],
    );
    symlink("files/a.txt", top.join("link.txt")).unwrap();
    symlink("files", top.join("more")).unwrap();
    let chart = load_text(&top, Compat::Helm4).unwrap();
    assert_eq!(names(&chart.files), ["files/a.txt", "link.txt", "more/a.txt"]);
    assert!(
        matches!(&chart.warnings[..], [LoadWarning::Link { target, .. }, _] if target.ends_with("web/files/a.txt"))
    );
    for (target, name) in [("../outside.txt", "x.txt"), ("../out", "y")] {
        symlink(target, top.join(name)).unwrap();
        assert!(load_text(&top, Compat::Helm4).unwrap_err().contains("leads out of the chart"));
        assert!(load(&top, Compat::Helm4, Links::All).is_ok());
        fs::remove_file(top.join(name)).unwrap();
    }
    symlink("../outside.txt", top.join("x.txt")).unwrap();
    write(&top, &[(".helmignore", "x.txt")]);
    assert!(load_text(&top, Compat::Helm4).is_ok(), "what is ignored may lead anywhere");
}

#[cfg(unix)]
#[test]
fn circles_of_links_dead_links_and_devices_are_refused() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path();
    write(top, &[("Chart.yaml", CHART), ("files/a.txt", "")]);
    for (target, name, expected) in [
        ("..", "files/up", "it leads back to a folder above it"),
        ("self", "self", "symbolic link"),
        ("nowhere", "dead", "no such file or directory"),
    ] {
        symlink(target, top.join(name)).unwrap();
        let error = load_text(top, Compat::Helm4).unwrap_err();
        assert!(error.starts_with("error evaluating symlink") && error.contains(expected), "{error}");
        fs::remove_file(top.join(name)).unwrap();
    }
    let socket = std::os::unix::net::UnixListener::bind(top.join("socket")).unwrap();
    assert_eq!(
        load_text(top, Compat::Helm4).unwrap_err(),
        format!("cannot load irregular file {}/socket as it has file mode type bits set", top.display())
    );
    drop(socket);
    fs::remove_file(top.join("socket")).unwrap();
    fs::write(top.join("large"), vec![0; usize::try_from(MAX_FILE_SIZE).unwrap() + 1]).unwrap();
    assert_eq!(
        load_text(top, Compat::Helm4).unwrap_err(),
        "chart file \"large\" is larger than the maximum file size 5242880"
    );
}

#[test]
fn folders_too_deep_and_charts_too_deep_are_refused() {
    let deep = format!("{}Chart.yaml", "charts/x/".repeat(80));
    let mut files = vec![(deep, CHART.to_owned())];
    for depth in 0..80 {
        files.push((format!("{}Chart.yaml", "charts/x/".repeat(depth)), CHART.to_owned()));
    }
    let files = files.into_iter().map(|(name, text)| File::new(name, text.into_bytes())).collect();
    assert!(from_files(files, Compat::Helm4).unwrap_err().to_string().ends_with("charts are nested more than 64 deep"));
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("Chart.yaml", CHART), (&format!("{}a", "d/".repeat(140)), "")]);
    assert_eq!(load_text(folder.path(), Compat::Helm4).unwrap_err(), "charts are nested more than 128 deep");
}

#[test]
fn dependencies_that_are_off_go_and_aliases_are_copies() {
    let chart = loaded(&[
        (
            "Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.2.3\ndependencies:\n- {name: db, version: ~1.0, alias: one, condition: one.enabled}\n\
             - {name: db, version: ~1.0, alias: two}\n- {name: spare, version: '*', condition: spare.enabled}\n- {name: absent, version: 1}\n",
        ),
        ("values.yaml", "spare: {enabled: false}\n"),
        ("charts/db/Chart.yaml", "name: db\nversion: 1.0.3"),
        ("charts/db/values.yaml", "size: 1"),
        ("charts/db/templates/a.yaml", "a"),
        ("charts/spare/Chart.yaml", "name: spare\nversion: 1.0.3"),
        ("charts/extra/Chart.yaml", "name: extra\nversion: 1.0.3"),
    ]);
    let (processed, _) = process_dependencies(&chart, &Mapping::new(), Compat::Helm4, &mut Vec::new()).unwrap();
    let inside: Vec<_> = processed.dependencies.iter().map(|inner| &*inner.metadata.name).collect();
    assert_eq!(inside, ["extra", "one", "two"]);
    assert_eq!(names(&processed.dependencies[2].templates), ["templates/a.yaml"]);
    let declared: Vec<_> = processed.metadata.dependencies().iter().map(|it| (&*it.name, it.enabled)).collect();
    assert_eq!(declared, [("one", true), ("two", true), ("absent", true)]);
    assert_eq!(processed.values().unwrap().at(&["two", "size"]), Some(&Value::Float(1.0)));
    let off =
        Mapping::from([("one".to_owned(), Value::Mapping(Mapping::from([("enabled".to_owned(), false.into())])))]);
    let (processed, _) = process_dependencies(&chart, &off, Compat::Helm4, &mut Vec::new()).unwrap();
    assert_eq!(processed.dependencies.len(), 2);
}
