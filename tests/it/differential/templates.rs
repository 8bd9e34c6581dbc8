//! Random charts to render: templates from the grammar of the whole language, single calls, formats, and recorded
//! charts with changes.

use maibot::yaml::{Mapping, Value};

use super::calls::{self, Scope, argument, call};
use super::random::Random;
use super::{mutate, values};

/// Names whose results change from call to call, or which take long: no changed template may hold one.
const FORBIDDEN: &[&str] = &[
    "now",
    "ago",
    "date",
    "dateInZone",
    "date_in_zone",
    "htmlDate",
    "htmlDateInZone",
    "shuffle",
    "uuidv4",
    "bcrypt",
    "htpasswd",
    "encryptAES",
    "keys",
    "values",
    "derivePassword",
    "durationRound",
    "randAlpha",
    "randAlphaNum",
    "randNumeric",
    "randAscii",
    "randBytes",
    "randInt",
    "genPrivateKey",
    "genCA",
    "genCAWithKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
    "buildCustomCert",
    "AsConfig",
    "AsSecrets",
    "Capabilities",
    "set",
    "merge",
    "mergeOverwrite",
    "mustMerge",
    "mustMergeOverwrite",
    "until",
    "untilStep",
    "seq",
    "repeat",
    "indent",
    "nindent",
    "Now",
    "AsMap",
    "block",
];

/// Whether a changed template is left alone: it could be unstable, endless, or print an address.
fn is_excluded(text: &str) -> bool {
    let mut words = text.split(|character: char| !character.is_alphanumeric() && character != '_');
    words.any(|word| FORBIDDEN.contains(&word) || word.chars().filter(char::is_ascii_digit).count() > 25)
        || text.contains('p') && text.contains('%') && printed_addresses(text)
        || prints_root(text)
}

/// `%p`, with whatever flags.
fn printed_addresses(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .any(|rest| rest.trim_start_matches(|c: char| "+-# 0123456789.*[]".contains(c)).starts_with('p'))
}

/// Whether a format may look into a point in time: Go then prints where the time zone lies in memory.
fn prints_times_inside(text: &str) -> bool {
    let verb = |rest: &str| rest.trim_start_matches(|c: char| "+-# 0123456789.*[]".contains(c)).chars().next();
    ["toDate", "oToDate", "ateModify", "ate_modify", "ToDate"].iter().any(|name| text.contains(name))
        && text.split('%').skip(1).any(|rest| verb(rest).is_none_or(|verb| !"svqTxX".contains(verb)))
}

/// Whether a template may print all that it was given; the capabilities in it are pointers, and print as addresses.
fn prints_root(text: &str) -> bool {
    let spaced = text.replace(['(', ')', '|', '{', '}', '-', '\n', '\t'], " ");
    spaced.split(' ').any(|word| matches!(word, "." | "$" | "$x" | "$root" | ".Subcharts" | "$.Subcharts"))
}

/// A request of the command `render`.
pub(super) fn request(random: &mut Random) -> Value {
    if random.chance(25) {
        let files = [
            "render-language-cases.json",
            "render-language-cases.json",
            "render-functions-cases.json",
            "render-helm-cases.json",
        ];
        for _ in 0..20 {
            let request = mutate::request(random, &files, &["templates"]);
            let texts = request.get("templates").and_then(Value::as_mapping);
            if texts
                .is_some_and(|texts| texts.values().all(|text| text.as_str().is_some_and(|text| !is_excluded(text))))
            {
                return request;
            }
        }
    }
    let mut request = Mapping::from([("values".to_owned(), Value::Mapping(chart_values(random)))]);
    let mut templates = Mapping::new();
    let scope = Scope { variables: Vec::new(), templates: vec!["a", "b", "c/templates/_p.tpl"], root: ".Values" };
    let text = match random.below(10) {
        0..3 => {
            let call = call(random, 'a', 1, &Scope { templates: Vec::new(), ..scope });
            let shown = random.word(&[
                "",
                "",
                "",
                " | toJson",
                " | quote",
                " | printf \"%T %v\"",
                " | toYaml",
                " | printf \"%#v\"",
                " | kindOf",
            ]);
            format!("{{{{ {call}{shown} }}}}")
        }
        3 => {
            let format = calls::format(random);
            let format = calls::quoted(random, &format);
            let arguments: String =
                (0..random.few(4)).map(|_| format!(" {}", argument(random, 'a', 0, &scope))).collect();
            format!("{{{{ printf {format}{arguments} }}}}")
        }
        _ => {
            let mut writer = Writer { random, scope, text: String::new(), loops: 0, variables: 0, size: 0 };
            writer.body(3);
            let mut text = writer.text;
            if random.chance(60) {
                text.push_str(&define(random, "b", &[]));
                let place = if random.chance(80) { "templates/_p.tpl" } else { "templates/0.yaml" };
                templates.insert(place.to_owned(), Value::from(define(random, "a", &["b"])));
            }
            text
        }
    };
    let text = if random.chance(7) { mutate::text(random, &text, "{{ end }}{{ if .x }}") } else { text };
    let forbidden = is_forbidden_after_change(&text);
    templates.insert("templates/t.yaml".to_owned(), Value::from(if forbidden { String::new() } else { text }));
    request.insert("templates".to_owned(), Value::Mapping(templates));
    if random.chance(20) {
        let files = [("a.txt", "l1\nl2\n"), ("conf/x.yaml", "k: v\n"), ("conf/y.ini", "[s]\r\nx=1"), ("empty.txt", "")];
        let files =
            files.into_iter().filter(|_| random.chance(60)).map(|(name, text)| (name.to_owned(), Value::from(text)));
        request.insert("files".to_owned(), Value::Mapping(files.collect()));
    }
    for (key, percent) in [("strict", 6), ("lint", 4)] {
        if random.chance(percent) {
            request.insert(key.to_owned(), Value::Bool(true));
        }
    }
    if request.contains_key("lint") {
        // A chart that is only looked at is not installed, and of no revision.
        let release = [("isInstall", Value::Bool(false)), ("revision", Value::Int(0))];
        let release = Mapping::from(release.map(|(key, value)| (key.to_owned(), value)));
        request.insert("release".to_owned(), Value::Mapping(release));
    }
    Value::Mapping(request)
}

/// A change can make an unstable name of two stable ones.
fn is_forbidden_after_change(text: &str) -> bool {
    let unstable = |word: &str| {
        ["now", "ago", "keys", "values", "shuffle"].contains(&word)
            || word.starts_with("rand")
            || word.starts_with("gen")
    };
    text.split(|character: char| !character.is_alphanumeric()).any(unstable)
        || printed_addresses(text)
        || prints_times_inside(text)
}

fn chart_values(random: &mut Random) -> Mapping {
    let text = |random: &mut Random| Value::from(values::text(random));
    let number = |random: &mut Random| Value::Float(*random.pick(values::FLOATS));
    let mut map = Mapping::new();
    let mut add = |key: &str, value: Value| map.insert(key.to_owned(), value);
    add("s", text(random));
    add("s2", text(random));
    add("e", Value::from(""));
    add("n", number(random));
    add("n2", Value::Float(3.0));
    add("f", Value::Bool(false));
    add("t", Value::Bool(true));
    add("z", Value::Null);
    add("l", Value::Sequence((0..random.few(4)).map(|_| text(random)).collect()));
    add("nums", Value::Sequence((0..random.few(4)).map(|_| number(random)).collect()));
    add("mixed", Value::Sequence((0..random.few(4)).map(|_| values::tree(random, 2)).collect()));
    add("m", Value::Mapping(values::mapping(random, 2)));
    add("deep", Value::Mapping([("a".to_owned(), Value::Mapping(values::mapping(random, 2)))].into()));
    add("en", Value::empty_mapping());
    add("el", Value::Sequence(Vec::new()));
    let entry = |random: &mut Random| {
        Value::Mapping([("name".to_owned(), text(random)), ("v".to_owned(), number(random))].into())
    };
    add("objs", Value::Sequence((0..random.few(3)).map(|_| entry(random)).collect()));
    match values::floats_only(Value::Mapping(map)) {
        Value::Mapping(map) => map,
        _ => unreachable!("it was a map"),
    }
}

fn define(random: &mut Random, name: &str, templates: &[&'static str]) -> String {
    let scope =
        Scope { variables: Vec::new(), templates: templates.to_vec(), root: random.word(&[".Values", "$.Values"]) };
    let mut writer = Writer { random, scope, text: String::new(), loops: 0, variables: 0, size: 8 };
    writer.open();
    writer.text.push_str(&format!("define \"{name}\""));
    writer.close();
    writer.body(1);
    writer.end();
    writer.text
}

/// Writes a template.
struct Writer<'r> {
    random: &'r mut Random,
    scope: Scope,
    text: String,
    /// How many loops of this template are around.
    loops: usize,
    /// How many variables were declared, for new names.
    variables: usize,
    /// How much has been written.
    size: usize,
}

impl Writer<'_> {
    fn open(&mut self) {
        self.text.push_str(self.random.word(&["{{ ", "{{ ", "{{ ", "{{- ", "{{", "{{-\n", "{{  "]));
    }

    fn close(&mut self) {
        self.text.push_str(self.random.word(&[" }}", " }}", " }}", " -}}", "}}", "\n-}}", "  }}"]));
    }

    fn end(&mut self) {
        self.open();
        self.text.push_str("end");
        self.close();
    }

    fn action(&mut self, text: &str) {
        self.open();
        self.text.push_str(text);
        self.close();
    }

    fn body(&mut self, depth: usize) {
        let variables = self.scope.variables.len();
        for _ in 0..=self.random.few(5) {
            self.size += 1;
            if self.size > 24 {
                break;
            }
            self.statement(depth);
        }
        self.scope.variables.truncate(variables);
    }

    fn pipeline(&mut self, kind: char) -> String {
        if self.random.chance(55) {
            let depth = self.random.below(2);
            call(self.random, kind, depth, &self.scope)
        } else {
            argument(self.random, kind, 1, &self.scope)
        }
    }

    fn statement(&mut self, depth: usize) {
        match self.random.below(if depth == 0 { 9 } else { 18 }) {
            0..3 => {
                self.text.push_str(self.random.word(&[
                    "a",
                    "\n",
                    "  ",
                    "k: v\n",
                    "- ",
                    "é",
                    " \n\t",
                    "<no value>",
                    "}}",
                    "x\n\n",
                    "{",
                    "\r\n",
                ]));
            }
            3..6 => {
                let pipeline = self.pipeline('a');
                self.action(&pipeline);
            }
            6 => self.declaration(),
            7 => {
                let text = self.special();
                self.action(&text);
            }
            8 => {
                self.text.push_str(self.random.word(&[
                    "{{/* c */}}",
                    "{{- /* c */ -}}",
                    "{{- /* }} */}}",
                    "{{/**/}}",
                    "{{ /* c */ }}",
                    "{{/* c */ -}}",
                ]));
            }
            9..12 => self.condition(depth),
            12..15 => self.range(depth),
            15 | 16 => self.with(depth),
            _ => self.template(depth),
        }
    }

    fn declaration(&mut self) {
        let pipeline = self.pipeline('a');
        if !self.scope.variables.is_empty() && self.random.chance(40) {
            let name = self.random.pick(&self.scope.variables).clone();
            self.action(&format!("{name} = {pipeline}"));
            return;
        }
        let name = format!("$v{}", self.variables);
        self.variables += 1;
        self.action(&format!("{name} := {pipeline}"));
        self.scope.variables.push(name);
    }

    /// What no function is: fields, methods, objects of Helm's, and mistakes.
    fn special(&mut self) -> String {
        let root = self.scope.root.trim_end_matches(".Values").to_owned();
        let name = self.random.word(&[
            ".Release.Name",
            ".Release.Namespace",
            ".Release.Service",
            ".Release.IsInstall",
            ".Release.Revision",
            ".Chart.Name",
            ".Chart.Version",
            ".Chart.AppVersion",
            ".Chart.Nothing",
            ".Template.Name",
            ".Template.BasePath",
            ".Capabilities.KubeVersion",
            ".Capabilities.KubeVersion.Minor",
            ".Capabilities.KubeVersion.Version",
            ".Capabilities.APIVersions.Has \"apps/v1\"",
            ".Capabilities.APIVersions.Has \"x/v1\"",
            ".Capabilities.HelmVersion.Version | kindOf",
            ".Files.Get \"a.txt\"",
            ".Files.Lines \"a.txt\"",
            ".Files.Get \"none\"",
            ".Files.GetBytes \"a.txt\"",
            ".Files.Glob \"conf/*\" | len",
            "(.Files.Glob \"**\").AsConfig",
            "(.Files.Glob \"conf/*\").AsSecrets",
            ".Values.nothing.x",
            ".Values.s.x",
            ".Values.l.x",
            ".Nothing",
            ".Nothing.x",
            ".Chart.Name.x",
            ".Values.s 1",
            ".Files.Get",
            ".Capabilities.Nothing",
            ".Values.AsMap.s",
            ".Values.deep.a | toYaml | nindent 2",
        ]);
        if self.random.chance(70) {
            return format!("{root}{name}");
        }
        self.random
            .word(&[
                "nil",
                "1 2",
                "break",
                "continue",
                "end",
                "else",
                "$nothing",
                "nope 1",
                "1 | 2",
                "\"a\" 1",
                "template \"none\"",
                "true.x",
                "(1).x",
                "if",
                "|",
                "",
                "1 |",
                "print | ",
                "$x := 1 | $y := 2",
                "(toDate \"2006\" \"2024\").Year",
                "(toDate \"2006\" \"2024\").Format \"06\"",
                "(semver \"1.2.3-b\").Prerelease",
                "(semver \"1.2.3\").Major | add 1",
                "((semver \"1.2.3\").IncMinor).String",
                "(dict \"a\" 1).a",
                "(dict \"a\" 1).a.b",
                "(list 1).x",
                "index",
                "len 3",
                "range",
                "with",
                "block",
                "define \"x\"",
                "(",
                ")",
                "\"",
                "'ab'",
                "1a",
                ".5.5",
                "0x",
                "1_",
                "`a",
                "a.b",
                "..",
                "#",
            ])
            .to_owned()
    }

    fn condition(&mut self, depth: usize) {
        let variables = self.scope.variables.len();
        let kind = *self.random.pick(&['a', 'b', 'b']);
        let mut pipeline = self.pipeline(kind);
        if self.random.chance(12) {
            let name = format!("$v{}", self.variables);
            self.variables += 1;
            pipeline = format!("{name} := {pipeline}");
            self.scope.variables.push(name);
        }
        self.action(&format!("if {pipeline}"));
        self.body(depth - 1);
        if self.random.chance(25) {
            let pipeline = self.pipeline('b');
            self.action(&format!("else if {pipeline}"));
            self.body(depth - 1);
        }
        if self.random.chance(45) {
            self.action("else");
            self.body(depth - 1);
        }
        self.end();
        self.scope.variables.truncate(variables);
    }

    fn range(&mut self, depth: usize) {
        if self.loops == 2 {
            return;
        }
        let variables = self.scope.variables.len();
        let over = match self.random.below(10) {
            0..5 => argument(self.random, 'l', 1, &self.scope),
            5..8 => argument(self.random, 'm', 1, &self.scope),
            8 => {
                self.random.word(&["3", "0", "-1", "(int 2)", "nil", "\"abc\"", "1.5", "true", "(int64 2)"]).to_owned()
            }
            _ => self.pipeline('a'),
        };
        // A loop over a large number is a long one.
        let is_large = over.split(|character: char| !character.is_ascii_digit()).any(|digits| digits.len() > 3);
        let over = if is_large { "3".to_owned() } else { over };
        let names = self.random.below(3);
        let mut head = String::new();
        for index in 0..names {
            let name = format!("$v{}", self.variables);
            self.variables += 1;
            head.push_str(if index > 0 { ", " } else { "" });
            head.push_str(&name);
            self.scope.variables.push(name);
        }
        if names > 0 {
            head.push_str(" := ");
        }
        self.action(&format!("range {head}{over}"));
        self.loops += 1;
        let root = std::mem::replace(&mut self.scope.root, "$.Values");
        self.dot_body(depth);
        if self.random.chance(15) {
            let text = self.random.word(&["break", "continue"]);
            self.action(text);
        }
        self.scope.root = root;
        self.loops -= 1;
        if self.random.chance(20) {
            self.action("else");
            self.body(depth - 1);
        }
        self.end();
        self.scope.variables.truncate(variables);
    }

    /// A body in which dot is something else than the root.
    fn dot_body(&mut self, depth: usize) {
        if self.random.chance(50) {
            let text = self.random.word(&[
                ". | toJson",
                ". | quote",
                "kindOf .",
                ".name",
                ".a",
                "print .",
                "eq . \"a\"",
                ".x.y",
                "toYaml . | nindent 2",
                "len .",
                "index . 0",
            ]);
            self.action(text);
        }
        self.body(depth - 1);
    }

    fn with(&mut self, depth: usize) {
        let variables = self.scope.variables.len();
        let mut pipeline = self.pipeline('a');
        if self.random.chance(20) {
            let name = format!("$v{}", self.variables);
            self.variables += 1;
            pipeline = format!("{name} := {pipeline}");
            self.scope.variables.push(name);
        }
        self.action(&format!("with {pipeline}"));
        let root = std::mem::replace(&mut self.scope.root, "$.Values");
        self.dot_body(depth);
        self.scope.root = root;
        if self.random.chance(15) {
            let pipeline = self.pipeline('a');
            self.action(&format!("else with {pipeline}"));
            self.body(depth - 1);
        }
        if self.random.chance(30) {
            self.action("else");
            self.body(depth - 1);
        }
        self.end();
        self.scope.variables.truncate(variables);
    }

    fn template(&mut self, depth: usize) {
        let data =
            self.random.word(&["", " $", " .", " $.Values", " \"x\"", " (dict \"Values\" (dict \"s\" 1))", " 1 2"]);
        if self.random.chance(30) {
            self.action(&format!("block \"k{}\"{}", self.variables, if data.is_empty() { " $" } else { data }));
            self.variables += 1;
            // Inside, neither variables nor loops of the outside are there.
            let scope = std::mem::take(&mut self.scope);
            self.scope.root = "$.Values";
            let loops = std::mem::take(&mut self.loops);
            self.body(depth - 1);
            self.loops = loops;
            self.scope = scope;
            self.end();
            return;
        }
        let name = if self.scope.templates.is_empty() { "none" } else { *self.random.pick(&self.scope.templates) };
        self.action(&format!("template \"{name}\"{data}"));
    }
}
