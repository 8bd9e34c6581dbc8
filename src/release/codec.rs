//! A record as bytes: compact JSON as Go writes it, gzip, base64. The Secret's own base64 comes on top of that and
//! is the cluster room's business.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::model::{ApplyMethod, ChartRecord, Hook, HookRun, Info, Release, Status};
use super::{RecordError, Timestamp};
use crate::yaml::{Mapping, Value};

/// What the data of a Secret may hold, in bytes of the (once encoded) text.
pub const MAX_SECRET_BYTES: usize = 1_048_576;

/// A record that unpacks to more than this is refused: a Secret's megabyte of honest JSON never does.
const MAX_UNPACKED_BYTES: usize = 128 << 20;

/// The text that goes under the key `release` of the Secret.
///
/// # Errors
/// [`RecordError::TooLarge`] when a Secret could not hold it.
pub fn encode(release: &Release) -> Result<String, RecordError> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let packed = gzip
        .write_all(to_json(release, Spelling::Helm4).as_bytes())
        .and_then(|()| gzip.finish())
        .map_err(|error| RecordError::Gzip(error.to_string()))?;
    let text = STANDARD.encode(packed);
    if text.len() > MAX_SECRET_BYTES {
        return Err(RecordError::TooLarge { size: text.len(), limit: MAX_SECRET_BYTES });
    }
    Ok(text)
}

/// Reads what is under the key `release` of the Secret. Plain JSON without gzip is accepted, as in Helm.
///
/// # Errors
/// What Helm would say of the broken layer.
pub fn decode(text: &[u8]) -> Result<Release, RecordError> {
    let bytes = STANDARD.decode(text).map_err(|error| match error {
        base64::DecodeError::InvalidByte(offset, _) | base64::DecodeError::InvalidLastSymbol(offset, _) => {
            RecordError::Base64(offset)
        }
        _ => RecordError::Base64(text.len()),
    })?;
    let json = if bytes.len() > 3 && bytes.starts_with(&[0x1f, 0x8b, 0x08]) { gunzip(&bytes)? } else { bytes };
    if json.is_empty() {
        return Err(RecordError::Empty);
    }
    let document: Json = serde_json::from_slice(&json).map_err(|error| json_error(&json, &error))?;
    release_from(&document)
}

fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, RecordError> {
    let mut unpacked = Vec::new();
    let mut limited = flate2::read::GzDecoder::new(bytes).take(MAX_UNPACKED_BYTES as u64 + 1);
    limited.read_to_end(&mut unpacked).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => RecordError::Gzip("unexpected EOF".to_owned()),
        _ => RecordError::Gzip(format!("gzip: {error}")),
    })?;
    if unpacked.len() > MAX_UNPACKED_BYTES {
        return Err(RecordError::Bomb(MAX_UNPACKED_BYTES));
    }
    Ok(unpacked)
}

/// Go's words for the syntax errors that records in the wild show; otherwise the parser's own.
fn json_error(json: &[u8], error: &serde_json::Error) -> RecordError {
    if error.is_eof() {
        return RecordError::Json("unexpected end of JSON input".to_owned());
    }
    let line_start = json
        .split_inclusive(|byte| *byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum::<usize>();
    let at = line_start + error.column().saturating_sub(1);
    for literal in ["null", "true", "false"] {
        // The parser blames the byte after the good beginning of a literal.
        for good in (1..literal.len()).rev() {
            if at >= good && json[..at].ends_with(&literal.as_bytes()[..good]) {
                let found = json.get(at).copied().unwrap_or_default() as char;
                let expected = literal.as_bytes()[good] as char;
                return RecordError::Json(format!(
                    "invalid character '{found}' in literal {literal} (expecting '{expected}')"
                ));
            }
        }
    }
    RecordError::Json(error.to_string())
}

// ---------------------------------------------------------------------------------------------------------------
// Writing

/// Writes one JSON object, member by member, in the order of Go's struct fields.
struct Object(String);

impl Object {
    fn new() -> Self {
        Self("{".to_owned())
    }

    fn raw(&mut self, key: &str, json: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(key);
        self.0.push_str("\":");
        self.0.push_str(json);
    }

    fn value(&mut self, key: &str, value: &Json) {
        self.raw(key, &go_json(value));
    }

    fn text(&mut self, key: &str, text: &str) {
        self.value(key, &Json::from(text));
    }

    fn text_if_any(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.text(key, text);
        }
    }

    fn texts_if_any(&mut self, key: &str, texts: &[String]) {
        if !texts.is_empty() {
            self.value(key, &Json::from(texts.to_vec()));
        }
    }

    fn time(&mut self, key: &str, time: Option<Timestamp>, spelling: Spelling) {
        match (time, spelling) {
            (Some(time), _) => self.text(key, &time.rfc3339()),
            (None, Spelling::Helm3) => self.text(key, ""),
            (None, Spelling::Helm4) => {}
        }
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// Whose spelling of empty times and whose fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spelling {
    /// Helm 4: what is empty is left out.
    #[default]
    Helm4,
    /// Helm 3: empty times are empty texts, and there is no way of applying.
    Helm3,
}

/// JSON as `encoding/json` writes it: `<`, `>`, `&` and the two line separators escaped inside strings, which is the
/// only place where they can stand.
fn go_json(value: &Json) -> String {
    let plain = value.to_string();
    if !plain.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return plain;
    }
    let mut escaped = String::with_capacity(plain.len() + 16);
    for character in plain.chars() {
        match character {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The record as compact JSON, as Helm writes it; `-o json` of `install` prints it too.
pub fn to_json(release: &Release, spelling: Spelling) -> String {
    json(release, &info_json(&release.info, None, spelling), true, spelling)
}

/// The same without the chart and with the objects as they are now, given as JSON: what `status -o json` prints.
pub fn to_status_json(release: &Release, objects: Option<&str>, spelling: Spelling) -> String {
    json(release, &info_json(&release.info, objects, spelling), false, spelling)
}

fn json(release: &Release, info: &str, with_chart: bool, spelling: Spelling) -> String {
    let mut object = Object::new();
    object.text_if_any("name", &release.name);
    if !release.info.missing {
        object.raw("info", info);
    }
    if with_chart && !release.chart.missing {
        object.raw("chart", &chart_json(&release.chart, spelling));
    }
    if !release.config.is_empty() {
        object.value("config", &Value::Mapping(release.config.clone()).to_json());
    }
    object.text_if_any("manifest", &release.manifest);
    if !release.hooks.is_empty() {
        let hooks: Vec<String> = release.hooks.iter().map(|hook| hook_json(hook, spelling)).collect();
        object.raw("hooks", &format!("[{}]", hooks.join(",")));
    }
    if release.revision != 0 {
        object.value("version", &Json::from(release.revision));
    }
    object.text_if_any("namespace", &release.namespace);
    if let Some(method) = release.apply_method.filter(|_| spelling == Spelling::Helm4) {
        object.text("apply_method", method.word());
    }
    object.finish()
}

fn info_json(info: &Info, objects: Option<&str>, spelling: Spelling) -> String {
    let mut object = Object::new();
    object.time("first_deployed", info.first_deployed, spelling);
    object.time("last_deployed", info.last_deployed, spelling);
    object.time("deleted", info.deleted, spelling);
    object.text_if_any("description", &info.description);
    object.text_if_any("status", info.status.word());
    object.text_if_any("notes", &info.notes);
    if let Some(objects) = objects {
        object.raw("resources", objects);
    }
    object.finish()
}

fn chart_json(chart: &ChartRecord, spelling: Spelling) -> String {
    let mut object = Object::new();
    object.value("metadata", &Value::Mapping(chart.metadata.clone()).to_json());
    object.value("lock", &chart.lock.to_json());
    object.value("templates", &chart.templates.to_json());
    object.value("values", &Value::Mapping(chart.values.clone()).to_json());
    object.value("schema", &chart.schema.as_ref().map_or(Json::Null, |bytes| Json::from(STANDARD.encode(bytes))));
    if spelling == Spelling::Helm4 {
        object.text("schemamodtime", "0001-01-01T00:00:00Z");
    }
    object.value("files", &chart.files.to_json());
    object.finish()
}

fn hook_json(hook: &Hook, spelling: Spelling) -> String {
    let mut object = Object::new();
    object.text_if_any("name", &hook.name);
    object.text_if_any("kind", &hook.kind);
    object.text_if_any("path", &hook.path);
    object.text_if_any("manifest", &hook.manifest);
    object.texts_if_any("events", &hook.events);
    let mut run = Object::new();
    run.time("started_at", hook.last_run.started_at, spelling);
    run.time("completed_at", hook.last_run.completed_at, spelling);
    run.text("phase", &hook.last_run.phase);
    object.raw("last_run", &run.finish());
    if hook.weight != 0 {
        object.value("weight", &Json::from(hook.weight));
    }
    object.texts_if_any("delete_policies", &hook.delete_policies);
    object.texts_if_any("output_log_policies", &hook.output_log_policies);
    object.finish()
}

// ---------------------------------------------------------------------------------------------------------------
// Reading

/// A JSON object under the name that Go's decoder would put into its errors.
struct Fields<'a> {
    members: &'a serde_json::Map<String, Json>,
    path: &'static str,
}

impl<'a> Fields<'a> {
    /// `null` and absence read as Go reads them: the zero value.
    fn of(value: Option<&'a Json>, path: &'static str, go_type: &str) -> Result<Option<Self>, RecordError> {
        match value {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Object(members)) => Ok(Some(Self { members, path })),
            Some(other) => Err(mismatch(other, path, go_type)),
        }
    }

    /// Go matches member names without regard to case if no exact one is there.
    fn get(&self, key: &str) -> Option<&'a Json> {
        self.members
            .get(key)
            .or_else(|| self.members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value))
    }

    fn text(&self, key: &'static str) -> Result<String, RecordError> {
        match self.get(key) {
            None | Some(Json::Null) => Ok(String::new()),
            Some(Json::String(text)) => Ok(text.clone()),
            Some(other) => Err(mismatch(other, &format!("{}.{key}", self.path), "string")),
        }
    }

    fn texts(&self, key: &'static str) -> Result<Vec<String>, RecordError> {
        let list = self.list(key)?;
        list.iter()
            .map(|item| match item {
                Json::String(text) => Ok(text.clone()),
                other => Err(mismatch(other, &format!("{}.{key}", self.path), "string")),
            })
            .collect()
    }

    fn list(&self, key: &'static str) -> Result<&'a [Json], RecordError> {
        match self.get(key) {
            None | Some(Json::Null) => Ok(&[]),
            Some(Json::Array(list)) => Ok(list),
            Some(other) => Err(mismatch(other, &format!("{}.{key}", self.path), "[]*v1.Hook")),
        }
    }

    fn integer(&self, key: &'static str) -> Result<i64, RecordError> {
        match self.get(key) {
            None | Some(Json::Null) => Ok(0),
            Some(Json::Number(number)) if number.is_i64() => Ok(number.as_i64().unwrap_or_default()),
            Some(other) => Err(mismatch(other, &format!("{}.{key}", self.path), "int")),
        }
    }

    fn time(&self, key: &'static str) -> Result<Option<Timestamp>, RecordError> {
        Timestamp::parse(&self.text(key)?)
    }

    fn mapping(&self, key: &'static str) -> Result<Mapping, RecordError> {
        match self.get(key) {
            None | Some(Json::Null) => Ok(Mapping::new()),
            Some(Json::Object(members)) => {
                Ok(members.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect())
            }
            Some(other) => Err(mismatch(other, &format!("{}.{key}", self.path), "map[string]interface {}")),
        }
    }
}

fn mismatch(found: &Json, path: &str, go_type: &str) -> RecordError {
    let found = match found {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    RecordError::Json(if path.is_empty() {
        format!("json: cannot unmarshal {found} into Go value of type {go_type}")
    } else {
        format!("json: cannot unmarshal {found} into Go struct field {path} of type {go_type}")
    })
}

fn release_from(document: &Json) -> Result<Release, RecordError> {
    let Json::Object(members) = document else {
        return if document.is_null() { Ok(Release::default()) } else { Err(mismatch(document, "", "v1.Release")) };
    };
    let fields = Fields { members, path: "Release" };
    Ok(Release {
        name: fields.text("name")?,
        namespace: fields.text("namespace")?,
        revision: u32::try_from(fields.integer("version")?).unwrap_or_default(),
        info: info_from(Fields::of(fields.get("info"), "Info", "v1.Info")?)?,
        chart: chart_from(Fields::of(fields.get("chart"), "Chart", "v2.Chart")?)?,
        config: fields.mapping("config")?,
        manifest: fields.text("manifest")?,
        hooks: fields.list("hooks")?.iter().map(hook_from).collect::<Result<_, _>>()?,
        apply_method: match fields.text("apply_method")?.as_str() {
            "ssa" => Some(ApplyMethod::ServerSide),
            "csa" => Some(ApplyMethod::ClientSide),
            _ => None,
        },
        labels: std::collections::BTreeMap::new(),
        record_labels: std::collections::BTreeMap::new(),
    })
}

fn info_from(fields: Option<Fields<'_>>) -> Result<Info, RecordError> {
    let Some(fields) = fields else {
        return Ok(Info { status: Status::Other(String::new()), missing: true, ..Info::default() });
    };
    let status = fields.text("status")?;
    Ok(Info {
        first_deployed: fields.time("first_deployed")?,
        last_deployed: fields.time("last_deployed")?,
        deleted: fields.time("deleted")?,
        description: fields.text("description")?,
        status: if status.is_empty() { Status::Other(String::new()) } else { Status::parse(&status) },
        notes: fields.text("notes")?,
        missing: false,
    })
}

fn chart_from(fields: Option<Fields<'_>>) -> Result<ChartRecord, RecordError> {
    let Some(fields) = fields else { return Ok(ChartRecord { missing: true, ..ChartRecord::default() }) };
    let kept = |key| fields.get(key).cloned().map_or(Value::Null, Value::from);
    let schema = fields.text("schema")?;
    Ok(ChartRecord {
        metadata: fields.mapping("metadata")?,
        values: fields.mapping("values")?,
        schema: if schema.is_empty() { None } else { STANDARD.decode(schema.as_bytes()).ok() },
        lock: kept("lock"),
        templates: kept("templates"),
        files: kept("files"),
        missing: false,
    })
}

fn hook_from(hook: &Json) -> Result<Hook, RecordError> {
    let Some(fields) = Fields::of(Some(hook), "Hook", "v1.Hook")? else { return Ok(Hook::default()) };
    let last_run = match Fields::of(fields.get("last_run"), "HookExecution", "v1.HookExecution")? {
        None => HookRun::default(),
        Some(run) => HookRun {
            started_at: run.time("started_at")?,
            completed_at: run.time("completed_at")?,
            phase: run.text("phase")?,
        },
    };
    Ok(Hook {
        name: fields.text("name")?,
        kind: fields.text("kind")?,
        path: fields.text("path")?,
        manifest: fields.text("manifest")?,
        events: fields.texts("events")?,
        last_run,
        weight: fields.integer("weight")?,
        delete_policies: fields.texts("delete_policies")?,
        output_log_policies: fields.texts("output_log_policies")?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Release {
        let time = Timestamp::parse("2026-01-02T03:04:05.5Z").unwrap();
        Release {
            name: "mai".into(),
            namespace: "bot".into(),
            revision: 2,
            info: Info {
                first_deployed: time,
                last_deployed: time,
                description: "Install complete".into(),
                status: Status::Deployed,
                notes: "a <b> & 麦\n".into(),
                ..Info::default()
            },
            chart: ChartRecord {
                metadata: Mapping::from([("name".into(), "maibot".into()), ("version".into(), "1.0.0".into())]),
                schema: Some(b"{}".to_vec()),
                templates: Value::Sequence(vec![]),
                files: Value::Sequence(vec![]),
                ..ChartRecord::default()
            },
            config: Mapping::from([("n".into(), Value::Int(1_000_000))]),
            manifest: "---\n# Source: maibot/templates/a.yaml\nkind: ConfigMap\n".into(),
            apply_method: Some(ApplyMethod::ServerSide),
            ..Release::default()
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(decode(encode(&sample()).unwrap().as_bytes()).unwrap(), sample());
    }

    #[test]
    fn the_json_has_gos_field_order_and_escapes() {
        assert!(to_json(&sample(), Spelling::Helm4).starts_with(
            "{\"name\":\"mai\",\"info\":{\"first_deployed\":\"2026-01-02T03:04:05.5Z\",\"last_deployed\":\"2026-01-02T03:04:05.5Z\",\
             \"description\":\"Install complete\",\"status\":\"deployed\",\"notes\":\"a \\u003cb\\u003e \\u0026 麦\\n\"},\"chart\":{\"metadata\":"
        ));
    }

    #[test]
    fn a_record_that_no_secret_holds_is_refused_before_it_is_sent() {
        let mut release = sample();
        let mut noise = String::new();
        let mut state = 1_u64;
        while noise.len() < 2_000_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            noise += &state.to_string();
        }
        release.manifest = noise;
        assert!(matches!(encode(&release), Err(RecordError::TooLarge { .. })));
    }

    #[test]
    fn a_gzip_bomb_is_refused() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&vec![b' '; MAX_UNPACKED_BYTES + 2]).unwrap();
        let text = STANDARD.encode(gzip.finish().unwrap());
        assert!(matches!(decode(text.as_bytes()), Err(RecordError::Bomb(_))));
    }

    proptest! {
        #[test]
        fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode(&bytes);
            let _ = decode(STANDARD.encode(&bytes).as_bytes());
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(&bytes).unwrap();
            let _ = decode(STANDARD.encode(gzip.finish().unwrap()).as_bytes());
        }
    }
}
