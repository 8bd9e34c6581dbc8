//! Bytes as a template of a chart: through lexer, parser and evaluator to text or to an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maibot::chart::{self, File};
use maibot::render::ReleaseInfo;
use maibot::render::gotemplate::host::Host;
use maibot::render::helm::{Capabilities, Request, render};
use maibot::values::{Compat, coalesce};
use maibot::yaml::Mapping;

#[derive(Debug)]
struct Outside;

impl Host for Outside {
    fn now(&self) -> i128 {
        0
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), String> {
        buffer.fill(7);
        Ok(())
    }
}

const VALUES: &str = "s: text\nn: 3\nl: [a, 1, null]\nm: {a: 1, b: {c: x}}\n";

fuzz_target!(|bytes: &[u8]| {
    for compat in [Compat::Helm4, Compat::Helm3] {
        let files = vec![
            File::new("Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n".as_bytes().to_vec()),
            File::new("values.yaml", VALUES.as_bytes().to_vec()),
            File::new("templates/_p.tpl", b"{{ define \"a\" }}{{ . }}{{ end }}".to_vec()),
            File::new("templates/t.yaml", bytes.to_vec()),
        ];
        let loaded = chart::from_files(files, compat).expect("a chart");
        let user = Mapping::new();
        let (chart, decided) = chart::process_dependencies(&loaded, &user, compat, &mut Vec::new()).expect("no dependencies");
        let values = coalesce(&decided, &user, compat, &mut Vec::new()).expect("values");
        let release = ReleaseInfo { name: "r".into(), namespace: "n".into(), revision: 1, is_upgrade: false };
        let capabilities = Capabilities::assumed(compat);
        let _ = render(&Request {
            chart: &chart,
            values: &values,
            release: &release,
            capabilities: &capabilities,
            host: &Outside,
            compat,
            strict: false,
            lint: false,
            enable_dns: false,
        });
    }
});
