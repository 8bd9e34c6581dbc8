//! The flags that give values, in the order in which Helm applies them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Compat;
use super::set::{SetError, SetKind, Touched, apply};
use crate::code::Code;
use crate::yaml::{
    self, Mapping, Numbers, Origin, Origins, Source, Sources, Value, json, merge, read_documents,
    read_documents_with_origins, read_mapping, read_mapping_with_origins,
};

/// What was given on the command line. The order among flags of one kind counts, that among kinds does not: files,
/// then `--set-json`, `--set`, `--set-string`, `--set-file`, `--set-literal`; later ones win.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `-f`, `--values`: names of files.
    pub files: Vec<String>,
    /// `--set-json`.
    pub set_json: Vec<String>,
    /// `--set`.
    pub set: Vec<String>,
    /// `--set-string`.
    pub set_string: Vec<String>,
    /// `--set-file`.
    pub set_file: Vec<String>,
    /// `--set-literal`.
    pub set_literal: Vec<String>,
}

/// Gives a named file's content, or the text of the error.
pub type Reader<'a> = &'a mut dyn FnMut(&str) -> Result<Vec<u8>, String>;

/// The user's values.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The values, nulls included.
    pub values: Mapping,
    /// Where they came from; empty if that was not asked for.
    pub origins: Origins,
    /// What the origins name.
    pub sources: Sources,
    /// The texts of the files among them, by name; [`Given::place`] takes lines from them.
    pub(super) texts: BTreeMap<String, Arc<str>>,
}

/// Why the user's values cannot be had. The texts are Helm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValuesError {
    /// A values file cannot be read.
    #[error("{problem}")]
    File {
        /// The file as it was named.
        name: String,
        /// The reader's words.
        problem: String,
    },
    /// A values file is not YAML, or no map.
    #[error("failed to parse {name}: {error}")]
    Yaml {
        /// The file as it was named.
        name: String,
        /// What is wrong with it, and where.
        error: yaml::Error,
    },
    /// A `--set` expression is wrong.
    #[error("failed parsing {} data: {error}", .kind.flag())]
    Set {
        /// The flag.
        kind: SetKind,
        /// The expression.
        expression: String,
        /// What is wrong with it.
        error: SetError,
    },
    /// A `--set-json` expression is wrong; Helm does not say why, [`SetError`] does.
    #[error("failed parsing --set-json data {expression}")]
    SetJson {
        /// The expression.
        expression: String,
        /// What is wrong with it.
        error: SetError,
    },
    /// A whole object given to `--set-json` is not JSON.
    #[error("failed parsing --set-json data JSON: {expression}")]
    SetObject {
        /// The expression.
        expression: String,
        /// What is wrong with it.
        error: json::JsonError,
    },
}

impl ValuesError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Yaml { .. } => Code::ValuesSyntax,
            Self::File { .. } | Self::Set { error: SetError::File(_), .. } => Code::LocalFile,
            Self::Set { .. } | Self::SetJson { .. } | Self::SetObject { .. } => Code::SetSyntax,
        }
    }
}

impl Flags {
    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The user's values. `read` gets the names of values files and of `--set-file`, in the order of use. `numbers`
    /// tells how those of files are read. Origins are followed if `with_origins`.
    pub fn collect(
        &self,
        compat: Compat,
        numbers: Numbers,
        with_origins: bool,
        read: Reader<'_>,
    ) -> Result<Given, ValuesError> {
        let mut given = Given::default();
        for name in &self.files {
            given.add_file(name, compat, numbers, with_origins, read)?;
        }
        for expression in &self.set_json {
            let trimmed = expression.trim();
            if compat == Compat::Helm4 && trimmed.starts_with('{') {
                given.add_object(expression, trimmed, with_origins)?;
            } else {
                given.add_expression(SetKind::Json, expression, compat, with_origins, read)?;
            }
        }
        for (kind, expressions) in [
            (SetKind::Typed, &self.set),
            (SetKind::Text, &self.set_string),
            (SetKind::File, &self.set_file),
            (SetKind::Literal, &self.set_literal),
        ] {
            for expression in expressions {
                given.add_expression(kind, expression, compat, with_origins, read)?;
            }
        }
        Ok(given)
    }
}

impl Given {
    fn add_file(
        &mut self,
        name: &str,
        compat: Compat,
        numbers: Numbers,
        with_origins: bool,
        read: Reader<'_>,
    ) -> Result<(), ValuesError> {
        let text = read(name).map_err(|problem| ValuesError::File { name: name.to_owned(), problem })?;
        let result = match (compat, with_origins) {
            (Compat::Helm4, true) => read_documents_with_origins(&text, numbers, name, &mut self.sources),
            (Compat::Helm3, true) => read_mapping_with_origins(&text, numbers, name, &mut self.sources),
            (Compat::Helm4, false) => read_documents(&text, numbers).map(|map| (map, Origins::default())),
            (Compat::Helm3, false) => read_mapping(&text, numbers).map(|map| (map, Origins::default())),
        };
        let (map, origins) = result.map_err(|error| ValuesError::Yaml { name: name.to_owned(), error })?;
        if with_origins {
            self.origins.merge(origins, &self.values, &map);
            // Standard input that is named twice has nothing more to say.
            if !text.is_empty() {
                self.texts.insert(name.to_owned(), yaml::source_text(&text).into());
            }
        }
        merge(&mut self.values, map);
        Ok(())
    }

    fn add_object(&mut self, expression: &str, object: &str, with_origins: bool) -> Result<(), ValuesError> {
        let wrong = |error| ValuesError::SetObject { expression: expression.to_owned(), error };
        let Value::Mapping(map) = json::read(object, Numbers::Helm).map_err(wrong)? else { return Ok(()) };
        if with_origins {
            let origins = self.whole(SetKind::Json, expression, &map);
            self.origins.merge(origins, &self.values, &map);
        }
        merge(&mut self.values, map);
        Ok(())
    }

    /// Origins of a map that one argument holds. JSON is YAML as far as places go; if some is not, everything comes from
    /// the whole argument.
    fn whole(&mut self, kind: SetKind, expression: &str, map: &Mapping) -> Origins {
        fn fill(map: &Mapping, origin: Origin) -> Origins {
            let mut origins = Origins::new(origin);
            for (key, value) in map {
                let inner = value.as_mapping().map_or_else(|| Origins::new(origin), |inner| fill(inner, origin));
                origins.insert(key.clone(), inner);
            }
            origins
        }
        let source = self.sources.add(Source::Flag { flag: kind.flag(), argument: expression.to_owned() });
        if let Some(origins) = yaml::origins(expression.as_bytes(), source) {
            return origins;
        }
        let start = yaml::Position { offset: 0, line: 1, column: 1 };
        let end = yaml::Position { offset: expression.len(), line: 1, column: expression.chars().count() + 1 };
        fill(map, Origin { source, key: None, value: yaml::Span { start, end } })
    }

    fn add_expression(
        &mut self,
        kind: SetKind,
        expression: &str,
        compat: Compat,
        with_origins: bool,
        read: Reader<'_>,
    ) -> Result<(), ValuesError> {
        let mut read = |name: &str| read(name).map(|bytes| json::lossy(&bytes));
        let mut touched: Vec<Touched> = Vec::new();
        let note = with_origins.then_some(&mut touched);
        apply(kind, compat, expression, &mut self.values, &mut read, note).map_err(|error| {
            let expression = expression.to_owned();
            match kind {
                SetKind::Json => ValuesError::SetJson { expression, error },
                _ => ValuesError::Set { kind, expression, error },
            }
        })?;
        if !touched.is_empty() {
            let source = self.sources.add(Source::Flag { flag: kind.flag(), argument: expression.to_owned() });
            for Touched { path, key, value } in touched {
                self.origins.set(&path, Origin { source, key: Some(key), value });
            }
        }
        Ok(())
    }
}
