//! Reference pages that are made from the program: they are current, or this test says how to make them so.

use maibot::cli::setting;
use maibot::ui::{Pages, reference_pages};

use super::Place;

/// Compares a page with what it is made from; `UPDATE_DOCS=1` writes it.
fn check(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let current = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(current == text, "docs/reference/{name} is out of date: run this test with UPDATE_DOCS=1");
}

#[test]
fn the_page_of_codes_is_current() {
    check("codes.md", &reference_pages(&Pages::load()));
}

#[test]
fn the_page_of_settings_is_current() {
    check("settings.md", &setting::reference());
}

#[test]
fn explain_prints_a_page_and_lists_all() {
    let place = Place::new();
    insta::assert_snapshot!("explain_en", place.run(&["explain", "MB5002"]).stdout);
    insta::assert_snapshot!("explain_zh", place.run(&["explain", "MB5002", "--lang=zh"]).stdout);
    let list = place.run(&["explain"]).stdout;
    assert_eq!(list.lines().count(), maibot::code::Code::ALL.len());
    let unknown = place.run(&["explain", "MB5999"]);
    assert_eq!(unknown.status, 64);
    assert!(unknown.stderr.contains("MB1006"), "{}", unknown.stderr);
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let place = Place::new();
    let ran = place.run(&["man", "pages"]);
    assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
    let mut names: Vec<String> = std::fs::read_dir(place.path().join("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.contains(&"maibot.1".to_owned()) && names.contains(&"maibot-get-values.1".to_owned()), "{names:?}");
    let page = std::fs::read_to_string(place.path().join("pages/maibot-install.1")).unwrap();
    assert!(page.starts_with(".ie") || page.starts_with(".TH"), "{page}");
    assert!(page.contains("create\\-namespace") && page.contains("maibot\\-install"), "{page}");
    assert!(place.run(&["man"]).stdout.contains(".TH maibot 1"));
}
