//! The data that templates are given: one map for each chart, as Helm puts it together.
//!
//! Maps are shared: what a template writes into `.Values` of a subchart shows in its parent's, and `.Subcharts` holds
//! the very maps that the templates of these charts get.

use std::rc::Rc;

use super::structure::{Field, Shape, Struct, no_method};
use super::{Request, Template, files};
use crate::chart::{Chart, Dependency, Metadata};
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{Entries, Kind, List, ListType, Map, MapType, NamedList, NamedMap, Value};
use crate::values::Compat;
use crate::yaml;

static VALUES: NamedMap =
    NamedMap { name: "common.Values", missing: Value::default, is_any: true, method: values_method };
static VALUES_3: NamedMap =
    NamedMap { name: "chartutil.Values", missing: Value::default, is_any: true, method: values_method };

/// Helm's type for values.
const fn values_type(compat: Compat) -> MapType {
    match compat {
        Compat::Helm4 => MapType::Named(&VALUES),
        Compat::Helm3 => MapType::Named(&VALUES_3),
    }
}

/// The methods that values have in Helm and templates can call.
fn values_method(name: &str) -> Option<&'static Function> {
    static METHODS: [Function; 3] = [
        Function::new("AsMap", &[], Type::Map, |_, args| {
            Ok(match args.first().and_then(Value::as_map) {
                Some(map) if !map.entries.borrow().is_empty() => Value::Map(Rc::new(map.as_type(MapType::Any))),
                _ => Value::map(Entries::new()),
            })
        }),
        Function::new("YAML", &[], Type::String, |_, args| {
            let text = super::yaml::to_yaml(args.first().unwrap_or(&Value::Nil))?;
            Ok(Value::text(text + "\n"))
        }),
        Function::new("Table", &[Type::String], Type::Named("common.Values"), |_, args| {
            let (Some(Value::Map(map)), Some(Value::Text(path))) = (args.first(), args.get(1)) else {
                return Ok(Value::Nil);
            };
            Ok(table(map, &path.to_str())
                .map(Value::Map)
                .map_err(|key| format!("{} is not a table", yaml::number::quote(&key)))?)
        }),
    ];
    METHODS.iter().find(|method| method.name == name)
}

/// The map at a dotted path, as the type of the map it is looked for in; the error is the key at which there is none.
fn table(map: &Map, path: &str) -> Result<Rc<Map>, String> {
    let mut found = Rc::new(map.as_type(map.kind));
    for key in path.split('.') {
        let next = match found.entries.borrow().get(key.as_bytes()) {
            Some(Value::Map(inner)) if inner.kind != MapType::Strings => inner.as_type(map.kind),
            _ => return Err(key.to_owned()),
        };
        found = Rc::new(next);
    }
    Ok(found)
}

/// What is the same for all charts of a render, and the outermost chart's values.
pub(super) struct Root {
    compat: Compat,
    release: Value,
    capabilities: Value,
    /// The outermost chart's values.
    pub(super) values: Rc<Map>,
}

/// The data of one chart, with the place for what changes from file to file.
#[derive(Clone)]
pub(super) struct Scope {
    data: Rc<Map>,
    /// The chart's path.
    path: Rc<str>,
    compat: Compat,
}

impl Scope {
    /// The data for one file.
    pub(super) fn enter(&self, file: &str) -> Value {
        let template = Entries::from([
            (Text::from("Name"), Value::text(file)),
            (Text::from("BasePath"), Value::text(format!("{}/templates", self.path))),
        ]);
        let template = Value::Map(Rc::new(Map::new(values_type(self.compat), template)));
        self.data.entries.borrow_mut().insert(Text::from("Template"), template);
        Value::Map(Rc::clone(&self.data))
    }
}

impl Root {
    pub(super) fn new(request: &Request<'_>) -> Self {
        let release = request.release;
        let values = request.values.iter().map(|(key, value)| (Text::from(key.as_str()), Value::from(value))).collect();
        let release = Entries::from([
            (Text::from("Name"), Value::text(release.name.as_str())),
            (Text::from("Namespace"), Value::text(release.namespace.as_str())),
            (Text::from("IsUpgrade"), Value::Bool(release.is_upgrade)),
            // Of no revision it is neither.
            (Text::from("IsInstall"), Value::Bool(!release.is_upgrade && release.revision > 0)),
            (Text::from("Revision"), Value::int(i64::from(release.revision))),
            (Text::from("Service"), Value::text("Helm")),
        ]);
        Self {
            compat: request.compat,
            release: Value::map(release),
            capabilities: request.capabilities.value(request.compat),
            values: Rc::new(Map::new(values_type(request.compat), values)),
        }
    }

    /// The templates of a chart and of those inside it, each under its path.
    pub(super) fn collect<'c>(&self, chart: &'c Chart, values: &Rc<Map>, templates: &mut Vec<(String, Template<'c>)>) {
        self.chart(chart, None, values, templates);
    }

    fn chart<'c>(
        &self,
        chart: &'c Chart,
        parent: Option<&str>,
        values: &Rc<Map>,
        templates: &mut Vec<(String, Template<'c>)>,
    ) -> Value {
        let name = chart.metadata.name.as_str();
        let path: Rc<str> = parent.map_or_else(|| name.to_owned(), |parent| format!("{parent}/charts/{name}")).into();
        let inner_path = chart.path_for_inner(&path);
        let mut subcharts = Entries::new();
        for inner in &chart.dependencies {
            let name = inner.metadata.name.as_str();
            let empty = || Rc::new(Map::new(values_type(self.compat), Entries::new()));
            let values = table(values, name).unwrap_or_else(|_| empty());
            let data = self.chart(inner, Some(&inner_path), &values, templates);
            subcharts.insert(Text::from(name), data);
        }
        let data = Map::new(
            MapType::Any,
            Entries::from([
                (Text::from("Chart"), metadata(&chart.metadata, parent.is_none(), self.compat)),
                (Text::from("Files"), files::value(&chart.files, self.compat)),
                (Text::from("Release"), self.release.clone()),
                (Text::from("Capabilities"), self.capabilities.clone()),
                (Text::from("Values"), Value::Map(Rc::clone(values))),
                (Text::from("Subcharts"), Value::map(subcharts)),
            ]),
        );
        let scope = Scope {
            data: Rc::new(data.as_type(values_type(self.compat))),
            path: Rc::clone(&path),
            compat: self.compat,
        };
        let is_library = chart.metadata.kind.eq_ignore_ascii_case("library");
        for file in &chart.templates {
            if !is_library || super::is_partial(&file.name) {
                templates.push((format!("{path}/{}", file.name), Template { file, scope: scope.clone() }));
            }
        }
        Value::Map(Rc::new(data))
    }
}

/// `.Chart`.
fn metadata(metadata: &Metadata, is_root: bool, compat: Compat) -> Value {
    let text = |text: &String| Value::text(text.as_str());
    let annotations = match &metadata.annotations {
        None => Map::nil(MapType::Strings),
        Some(map) => {
            let entries = map.iter().map(|(key, value)| (Text::from(key.as_str()), text(value)));
            Map::new(MapType::Strings, entries.collect())
        }
    };
    let annotations = Value::Map(Rc::new(annotations));
    let strings = |list: &Option<Vec<String>>| {
        let items = list.as_ref().map(|list| list.iter().map(text).collect());
        slice(items, ListType::Strings, compat)
    };
    let maintainers = metadata.maintainers.as_ref().map(|list| {
        let fields = list.iter().map(|it| vec![text(&it.name), text(&it.email), text(&it.url)]);
        fields.map(|values| structure(&MAINTAINER, values, compat)).collect()
    });
    let dependency = |it: &Dependency| {
        let imports: Vec<_> = it.import_values.iter().map(import).collect();
        let values = vec![
            text(&it.name),
            text(&it.version),
            text(&it.repository),
            text(&it.condition),
            strings(&it.tags),
            Value::Bool(it.enabled),
            slice(Some(imports).filter(|imports| !imports.is_empty()), ListType::Any, compat),
            text(&it.alias),
        ];
        structure(&DEPENDENCY, values, compat)
    };
    let dependencies = metadata.dependencies.as_ref().map(|list| list.iter().map(dependency).collect());
    let values = vec![
        text(&metadata.name),
        text(&metadata.home),
        strings(&metadata.sources),
        text(&metadata.version),
        text(&metadata.description),
        strings(&metadata.keywords),
        slice(maintainers, ListType::Named(&MAINTAINERS), compat),
        text(&metadata.icon),
        text(&metadata.api_version),
        text(&metadata.condition),
        text(&metadata.tags),
        text(&metadata.app_version),
        Value::Bool(metadata.deprecated),
        annotations,
        text(&metadata.kube_version),
        slice(dependencies, ListType::Named(&DEPENDENCIES), compat),
        text(&metadata.kind),
    ];
    let chart = structure(&METADATA, values, compat);
    match chart {
        Value::Map(map) => {
            map.entries.borrow_mut().insert(Text::from("IsRoot"), Value::Bool(is_root));
            Value::Map(map)
        }
        metadata => Struct::value(&CHART, vec![metadata, Value::Bool(is_root)]),
    }
}

/// Helm 4 makes maps of structs, under Go's names; Helm 3 shows them as they are.
fn structure(shape: &'static Shape, values: Vec<Value>, compat: Compat) -> Value {
    match compat {
        Compat::Helm4 => Value::map(shape.fields.iter().map(|field| Text::from(field.name)).zip(values).collect()),
        Compat::Helm3 => Struct::value(shape, values),
    }
}

/// In Helm 4 a slice of a struct has become a `[]interface {}` that is never nil.
fn slice(items: Option<Vec<Value>>, kind: ListType, compat: Compat) -> Value {
    let nil = items.is_none();
    let items = items.unwrap_or_default();
    match compat {
        Compat::Helm4 => Value::list(items),
        Compat::Helm3 => Value::List(Rc::new(List { kind, nil, items: items.into() })),
    }
}

/// An entry of `import-values`. The processing of dependencies has left maps of texts.
fn import(entry: &serde_json::Value) -> Value {
    let value = yaml::Value::from(entry.clone());
    match value.as_mapping() {
        Some(map) if map.iter().all(|(_, value)| value.as_str().is_some()) => {
            let entries = map.iter().map(|(key, value)| (Text::from(key.as_str()), Value::from(value)));
            Value::Map(Rc::new(Map::new(MapType::Strings, entries.collect())))
        }
        _ => Value::from(&value),
    }
}

const fn shape(name: &'static str, kind: Kind, fields: &'static [Field]) -> Shape {
    Shape { name, kind, fields, method: no_method, string: None }
}

static CHART: Shape = shape(
    "struct { chart.Metadata; IsRoot bool }",
    Kind::Struct,
    &[Field::always("Metadata", ""), Field::always("IsRoot", "IsRoot")],
);

static METADATA: Shape = shape(
    "chart.Metadata",
    Kind::Struct,
    &[
        Field::tagged("Name", "name"),
        Field::tagged("Home", "home"),
        Field::tagged("Sources", "sources"),
        Field::tagged("Version", "version"),
        Field::tagged("Description", "description"),
        Field::tagged("Keywords", "keywords"),
        Field::tagged("Maintainers", "maintainers"),
        Field::tagged("Icon", "icon"),
        Field::tagged("APIVersion", "apiVersion"),
        Field::tagged("Condition", "condition"),
        Field::tagged("Tags", "tags"),
        Field::tagged("AppVersion", "appVersion"),
        Field::tagged("Deprecated", "deprecated"),
        Field::tagged("Annotations", "annotations"),
        Field::tagged("KubeVersion", "kubeVersion"),
        Field::tagged("Dependencies", "dependencies"),
        Field::tagged("Type", "type"),
    ],
);

static MAINTAINERS: NamedList =
    NamedList { name: "[]*chart.Maintainer", element: Type::Named("*chart.Maintainer"), method: no_method };

static MAINTAINER: Shape = shape(
    "*chart.Maintainer",
    Kind::Ptr,
    &[Field::tagged("Name", "name"), Field::tagged("Email", "email"), Field::tagged("URL", "url")],
);

static DEPENDENCIES: NamedList =
    NamedList { name: "[]*chart.Dependency", element: Type::Named("*chart.Dependency"), method: no_method };

static DEPENDENCY: Shape = shape(
    "*chart.Dependency",
    Kind::Ptr,
    &[
        Field::always("Name", "name").also_in_yaml(),
        Field::tagged("Version", "version").also_in_yaml(),
        Field::always("Repository", "repository").also_in_yaml(),
        Field::tagged("Condition", "condition").also_in_yaml(),
        Field::tagged("Tags", "tags").also_in_yaml(),
        Field::tagged("Enabled", "enabled").also_in_yaml(),
        Field::tagged("ImportValues", "import-values").also_in_yaml(),
        Field::tagged("Alias", "alias").also_in_yaml(),
    ],
);
