//! Times our engine within one process, as the oracle's command `bench` times Helm's: JSON lines in, JSON lines out.
//!
//! A request is `{"files": {path: text}, "values": text, "rounds": n}`, the answer `{"ok": {"nanoseconds": […],
//! "bytes": n}}` or `{"error": text}`. A round is what Helm's engine does in one: templates parsed and run. Loading the chart
//! and putting its values together is not timed.

use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use maibot::chart::{self, File};
use maibot::render::ReleaseInfo;
use maibot::render::gotemplate::host::Host;
use maibot::render::helm::{Capabilities, Request, render};
use maibot::values::{Compat, coalesce};
use maibot::yaml::{Mapping, Numbers, Value, json, read_documents};

/// The program's own allocator.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

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

fn answer(request: &Value) -> Result<Value, Box<dyn std::error::Error>> {
    let compat = Compat::Helm4;
    let none = Mapping::new();
    let files = request.get("files").and_then(Value::as_mapping).unwrap_or(&none);
    let files =
        files.iter().map(|(path, text)| File::new(path.clone(), text.as_str().unwrap_or_default().as_bytes().to_vec()));
    let loaded = chart::from_files(files.collect(), compat)?;
    let values = request.get("values").and_then(Value::as_str).unwrap_or_default();
    let user = read_documents(values.as_bytes(), Numbers::Helm)?;
    let mut warnings = Vec::new();
    let (chart, decided) = chart::process_dependencies(&loaded, &user, compat, &mut warnings)?;
    let values = coalesce(&decided, &user, compat, &mut warnings)?;
    let release = ReleaseInfo { name: "rel".into(), namespace: "ns".into(), revision: 1, is_upgrade: false };
    let capabilities = Capabilities::assumed(compat);
    let request_of_engine = Request {
        chart: &chart,
        values: &values,
        release: &release,
        capabilities: &capabilities,
        host: &Outside,
        compat,
        strict: false,
        lint: false,
        enable_dns: false,
    };
    let mut took = Vec::new();
    let mut bytes = 0;
    for _ in 0..request.get("rounds").and_then(Value::as_i64).unwrap_or(1) {
        let began = Instant::now();
        let files = render(&request_of_engine).map_err(|error| error.to_string())?;
        took.push(Value::Int(i64::try_from(began.elapsed().as_nanos())?));
        bytes = files.iter().map(|file| file.text.len()).sum();
    }
    Ok(Value::Mapping(Mapping::from([
        ("nanoseconds".to_owned(), Value::Sequence(took)),
        ("bytes".to_owned(), Value::Int(i64::try_from(bytes)?)),
    ])))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request = json::read(&line?, Numbers::Exact)?;
        let (key, value) = match answer(&request) {
            Ok(value) => ("ok", value),
            Err(error) => ("error", Value::String(error.to_string())),
        };
        writeln!(out, "{}", json::to_raw_json(&Value::Mapping(Mapping::from([(key.to_owned(), value)])))?)?;
        out.flush()?;
    }
    Ok(())
}
