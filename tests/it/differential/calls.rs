//! Random calls of every function whose result is the same each time: what parameters each has, and expressions of
//! every kind to put there, now and then one of the wrong kind.

use super::random::Random;
use super::values;

/// The functions: name, result, parameters. A letter is a kind of expression ([`atom`]); `*` after the last one repeats it.
///
/// Left out, because Helm answers differently each time: `now`, `ago`, `rand*`, `shuffle`, `uuidv4`, `gen*`, `bcrypt`,
/// `htpasswd`, `encryptAES`, `keys` and `values` of more than one entry, dates of what is no date (they mean now).
/// `derivePassword` takes a tenth of a second; the recorded cases have it.
const FUNCTIONS: &str = "\
abbrev s ws|abbrevboth s iws|add I n*|add1 I n|add1f f n|addf f n*|adler32sum s s|all b a*|and a a*|any b a*|append l la|atoi i s|\
b32dec s 6|b32enc s s|b64dec s 6|b64enc s s|base s p|biggest I n*|camelcase s s|cat s a*|ceil f n|chunk l il|clean s p|coalesce a a*|\
compact l l|concat l l*|contains b ss|date s LD|dateInZone s LDz|date_in_zone s LDz|dateModify t dt|date_modify t dt|deepCopy a a|\
decryptAES s s6|deepEqual b aa|default a aa|dict m ka*|dig a kam|dir s p|div I nn|divf f nn|duration s n|durationRound s d|empty b a|eq b aa|eq b nn|\
eq b ss|ext s p|fail a s|first a l|float64 f n|floor f n|fromJson m j|fromJsonArray l j|fromToml m T|fromYaml m y|fromYamlArray l y|ge b nn|\
get a mk|getHostByName s s|gt b ss|has b al|hasKey b mk|hasPrefix b ss|hasSuffix b ss|hello s |html s a|htmlDate s D|htmlDateInZone s Dz|\
include s NV|indent s ws|index a la|index a ak|index a li|initial l l|initials s s|int i n|int64 I n|isAbs b p|join s sl|js s a|kebabcase s s|\
kindIs b Ka|kindOf s a|last a l|le b nn|len i s|len i l|len i m|len i a|list l a*|lookup m ssss|lower s s|lt b ss|max I n*|maxf f n*|merge m MM*|\
mergeOverwrite m MM*|min I n*|minf f n*|mod I nn|mul I n*|mulf f n*|mustAppend l la|mustChunk l il|mustCompact l l|mustDateModify t dt|\
mustDeepCopy a a|mustFirst a l|mustFromJson a j|mustHas b al|mustInitial l l|mustLast a l|mustMerge m MM*|mustMergeOverwrite m MM*|\
mustPrepend l la|mustPush l la|mustRegexFind s rs|mustRegexFindAll l rsi|mustRegexMatch b rs|mustRegexReplaceAll s rsR|\
mustRegexReplaceAllLiteral s rsR|mustRegexSplit l rsi|mustRest l l|mustReverse l l|mustSlice l lii|mustToDate t Ls|mustToJson s a|\
mustToPrettyJson s a|mustToRawJson s a|mustToToml s m|mustToYaml s a|mustUniq l l|mustWithout l la*|ne b aa|nindent s ws|nospace s s|not b a|\
omit m mk*|or a a*|osBase s p|osClean s p|osDir s p|osExt s p|osIsAbs b p|pick m mk*|pluck l km*|plural s ssi|prepend l la|print s a*|\
println s a*|printf s Fa*|push l la|quote s a*|regexFind s rs|regexFindAll l rsi|regexMatch b rs|regexQuoteMeta s s|regexReplaceAll s rsR|\
regexReplaceAllLiteral s rsR|regexSplit l rsi|repeat s ws|replace s sss|required a sa|rest l l|reverse l l|round f ni|semver v V|\
semverCompare b cV|seq s i|seq s ii|seq s iii|set m Mkq|sha1sum s s|sha256sum s s|sha512sum s s|slice l l|slice l li|slice l lii|snakecase s s|\
sortAlpha l l|split m ss|splitList l ss|splitn m sis|squote s a*|sub I nn|subf f n*|substr s iis|swapcase s s|ternary a aab|title s s|toDate t Ls|\
toDecimal I n|toJson s a|toPrettyJson s a|toRawJson s a|toString s a|toStrings l l|toToml s a|toYaml s a|toYamlPretty s a|tpl s xV|trim s s|\
trimAll s ss|trimPrefix s ss|trimSuffix s ss|trimall s ss|trunc s is|tuple l a*|typeIs b Ka|typeIsLike b Ka|typeOf s a|uniq l l|unixEpoch s t|\
unset m Mk|until l i|untilStep l iii|untitle s s|upper s s|urlJoin s m|urlParse m u|urlquery s a*|without l la*|wrap s ws|wrapWith s wss|call a a";

/// A function with what it takes.
#[derive(Clone, Copy)]
struct Row {
    name: &'static str,
    result: char,
    parameters: &'static str,
}

fn rows() -> &'static [Row] {
    static ROWS: std::sync::LazyLock<Vec<Row>> = std::sync::LazyLock::new(|| {
        let row = |line: &'static str| {
            let mut parts = line.splitn(3, ' ');
            Row {
                name: parts.next().unwrap(),
                result: parts.next().unwrap().chars().next().unwrap(),
                parameters: parts.next().unwrap_or_default(),
            }
        };
        FUNCTIONS.split('|').map(row).collect()
    });
    &ROWS
}

/// What an expression may name: the variables in scope and the templates that can be included.
#[derive(Default, Clone)]
pub(super) struct Scope {
    pub(super) variables: Vec<String>,
    pub(super) templates: Vec<&'static str>,
    /// What is written for the values: `.Values`, or `$.Values` where dot is another.
    pub(super) root: &'static str,
}

/// Text as a literal of Go.
pub(super) fn quoted(random: &mut Random, text: &str) -> String {
    if random.chance(15) && !text.contains(['`', '\r', '\u{feff}', '\0']) {
        return format!("`{text}`");
    }
    let mut literal = "\"".to_owned();
    for character in text.chars() {
        match character {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\t' => literal.push_str("\\t"),
            '\r' => literal.push_str("\\r"),
            control if u32::from(control) < 0x20 => literal.push_str(&format!("\\x{:02x}", u32::from(control))),
            other if random.chance(3) => literal.push_str(&format!("\\U{:08X}", u32::from(other))),
            other => literal.push(other),
        }
    }
    literal + "\""
}

const REGEXPS: &[&str] = &[
    "a",
    "",
    "[a-z]+",
    "^[a-z]+$",
    "(\\w+)\\s(\\w+)",
    "\\d+",
    "a(x*)b",
    "(?i)HELLO",
    "[^a]",
    "a|b|",
    "\\bx",
    "(?P<n>a+)(b)?",
    "x{2,3}",
    "a*?",
    ".",
    "(?s).",
    "^",
    "$",
    "(?m)^a",
    "\\pL+",
    "[[:alpha:]]+",
    "\\Q.\\E",
    "[",
    "(",
    "a**",
    "\\8",
    "x{1001}",
    "x{2}{3}",
    "(?<n>a)",
    "(?=a)",
    "\\x41",
    "\\x{4e2d}",
    "[\\d\\-]",
    "é|中",
    "[a-\\d]",
    "\\C",
    "*",
    "+a",
    ")",
    "a)",
    "[z-a]",
    "(?P<n",
    "(?z)",
    "\\",
    "a{,2}",
    "a{2,1}",
    "\\p{Greek}",
    "\\p{Foo}",
    "[[:foo:]]",
    "(?:a|b)+?",
    "\\z",
    "\\A\\s*",
    "[]a]",
    "(|a)*",
    "(?U)a+",
    "\\w+@\\w+",
    "(a)(b)(c)",
    "(((a)))",
    "[^\\n]+",
    "\\s",
    "\\W",
    "\\D+",
    "(?i)[k]",
    "x?y?",
    "-",
    ",\\s*",
];

const LAYOUTS: &[&str] = &[
    "2006-01-02",
    "2006-01-02T15:04:05Z07:00",
    "Mon Jan _2 15:04:05 2006",
    "Monday, 02-Jan-06 15:04:05 MST",
    "3:04PM",
    "Jan 2, 2006 at 3:04pm (MST)",
    "2006-002",
    "15:04:05.000",
    "15:04:05.999999",
    "-0700",
    "Z0700",
    "2006 January 01 1 _2 2 02",
    "05,000",
    "20060102150405",
    "",
    "x",
    "PM pm 15 03 3",
    "-07:00:00 Z07",
    "__2",
    "Janet Monster",
];

const DATES: &[&str] = &[
    "2024-02-29",
    "2017-12-31",
    "1999-01-01",
    "2024-02-30",
    "0001-01-01",
    "9999-12-31",
    "2024-02-29T10:11:12Z",
    "2024-06-30T23:59:59.5+02:00",
    "3:04PM",
    "x",
    "",
    "Mon Jan  2 15:04:05 2006",
    "20240229101112",
    "10:11:12.123",
];

const URLS: &[&str] = &[
    "https://u:p@h.io:8/p?q=1#f",
    "http://x",
    "x",
    "",
    "mailto:a@b",
    "//h/p",
    "/p?q",
    "http://[::1]:80/",
    "http://a b",
    "%zz",
    "http://h/%41%2F é",
    "HTTP://H",
    "a://b:c",
    "?q",
    "#f",
    "http://h:8x/",
    ":x",
];

/// What stands for an argument of a kind: a literal, a path into the values, a variable.
pub(super) fn atom(random: &mut Random, kind: char, scope: &Scope) -> String {
    let root = scope.root;
    let literal = |random: &mut Random, words: &[&'static str]| {
        let word = random.word(words);
        quoted(random, word)
    };
    if kind != 'q' && !scope.variables.is_empty() && random.chance(12) {
        return random.pick(&scope.variables).clone();
    }
    match kind {
        's' | '6' | 'j' | 'y' | 'T' if random.chance(25) => {
            format!("{root}.{}", random.word(&["s", "s2", "e", "m.a", "deep.a.b"]))
        }
        's' => {
            let text = values::text(random);
            quoted(random, &text)
        }
        'i' => random.word(&["0", "1", "2", "3", "4", "5", "7", "-1", "-2", "10", "'a'", "0x3", "(int 2)"]).to_owned(),
        'w' => random.word(&["0", "1", "2", "3", "4", "5", "8", "10", "20", "-1", "-3"]).to_owned(),
        'n' | 'f' | 'I' => match random.below(8) {
            0 => format!("{root}.{}", random.word(&["n", "n2", "z", "t", "s", "nothing"])),
            1 | 2 => {
                format!("{}", random.pick(values::INTEGERS)).replace("-9223372036854775808", "-0x8000000000000000")
            }
            3 | 4 => format!("{:?}", random.pick(values::FLOATS)),
            5 => literal(
                random,
                &[
                    "1",
                    "1.5",
                    "0x1F",
                    "010",
                    "1e3",
                    "x",
                    "",
                    "08",
                    "-3",
                    "1_000",
                    "inf",
                    " 1",
                    "1.0",
                    "9223372036854775808",
                ],
            ),
            6 => random
                .word(&[
                    "true",
                    "false",
                    "nil",
                    "'a'",
                    "1i",
                    "(semver \"1.2.3\").Major",
                    "(len \"abc\")",
                    "(int64 3)",
                    "(toDate \"2006\" \"2024\").Month",
                ])
                .to_owned(),
            _ => random.word(&["0", "1", "2", "3", "-7", "1.9", "2.5", "0.1", "100"]).to_owned(),
        },
        'b' => random.word(&["true", "false", "(eq 1 1)", "(not true)", "(empty \"\")"]).to_owned(),
        'l' => match random.below(8) {
            0..3 => format!("{root}.{}", random.word(&["l", "nums", "mixed", "el", "objs", "z"])),
            3 => random
                .word(&[
                    "(list)",
                    "(until 3)",
                    "(splitList \",\" \"c,a,b\")",
                    "(list 1 2 2 nil \"\" false)",
                    "(rest (list))",
                    "(chunk 2 (until 5))",
                    "(list (list 1) (dict))",
                ])
                .to_owned(),
            _ => format!(
                "(list{})",
                (0..random.few(4)).map(|_| format!(" {}", any_atom(random, scope))).collect::<String>()
            ),
        },
        'm' => match random.below(6) {
            0..3 => format!("{root}.{}", random.word(&["m", "deep", "en", "z", "deep.a", "nothing"])),
            3 => random
                .word(&[
                    "(dict)",
                    "(split \",\" \"a,b\")",
                    "(urlParse \"http://h/p\")",
                    "(dict \"a\" 1 \"b\")",
                    "(fromYaml \"a: 1\")",
                ])
                .to_owned(),
            _ => dictionary(random, scope),
        },
        // Maps that nothing else holds: what is written into others could otherwise contain itself, which kills Go.
        'M' => match random.below(4) {
            0 => format!("(deepCopy {root}.{})", random.word(&["m", "deep", "en"])),
            1 => "(dict)".to_owned(),
            _ => dictionary(random, &Scope { variables: Vec::new(), templates: Vec::new(), root: scope.root }),
        },
        'q' => any_scalar(random, scope),
        'k' => literal(random, &["a", "b", "c", "name", "é", "", "x y", "A"]),
        'r' => literal(random, REGEXPS),
        'R' => literal(
            random,
            &["", "x", "$1", "${1}y", "$n", "${n}", "$1x", "$$", "${", "$-", "a$", "${0}", "\\1", "$2$1"],
        ),
        'c' => {
            let text = super::versions::constraint(random);
            quoted(random, &text)
        }
        'v' => format!("(semver {})", literal(random, &["1.2.3", "v1.2.3-beta.1+b", "0.0.1", "1.2"])),
        'V' => {
            let text = super::versions::version(random);
            quoted(random, &text)
        }
        'L' => literal(random, LAYOUTS),
        'D' | 't' => match random.below(6) {
            0 => format!("(int64 {})", random.word(&["0", "1700000000", "-1", "253402300800", "1e3"])),
            1 => format!("(toDate {} {})", literal(random, LAYOUTS), literal(random, DATES)),
            2 => random.word(&["(int 0)", "86399", "1700000000"]).to_owned(),
            _ => format!("(toDate \"2006-01-02\" {})", literal(random, DATES)),
        },
        'z' => literal(
            random,
            &["UTC", "Asia/Shanghai", "America/New_York", "Local", "", "Nowhere/X", "Europe/Berlin", "Etc/GMT+3"],
        ),
        'd' => literal(
            random,
            &[
                "1h", "-1.5h", "90m", "1h2m3s", "2160h", "8760h", "1s", "0", "", "x", "1", "100ms", "1us", "1µs",
                "5ns", "1d", ".5h", "-", "+5m", "9999999h",
            ],
        ),
        'j' => literal(
            random,
            &[
                "{}",
                "{\"a\":1}",
                "[1,2.5,null]",
                "{\"a\":{\"b\":[true]}}",
                "",
                "{",
                "null",
                "1",
                "\"x\"",
                "{\"a\":1}x",
                "[1,]",
                "{\"a\":1e400}",
                " {\"a\" : 1} ",
                "{\"a\":\"\\u4e2d\"}",
                "tru",
                "{\"a\" 1}",
                "{a:1}",
                "[\"\\x\"]",
            ],
        ),
        'y' => {
            let text = super::documents::document(random);
            quoted(random, &text)
        }
        'T' => {
            let text = super::toml::document(random);
            quoted(random, &text)
        }
        '6' => literal(
            random,
            &[
                "aGVsbG8=",
                "aGVsbG8",
                "NBSWY3DP",
                "",
                "!!!",
                "a",
                "====",
                "YQ==",
                "/+8=",
                "-_8=",
                "aGVs\nbG8=",
                "30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDQ=",
            ],
        ),
        'u' => literal(random, URLS),
        'p' => literal(
            random,
            &[
                "/a/b.txt", "a", "", ".", "..", "a/../b", "/..", "x.tar.gz", "a//b/", "/", "../a/./b", ".a", "a.",
                "/a/b/",
            ],
        ),
        'K' => literal(
            random,
            &[
                "string",
                "int",
                "float64",
                "map",
                "slice",
                "bool",
                "invalid",
                "[]interface {}",
                "map[string]interface {}",
                "*semver.Version",
                "semver.Version",
                "int64",
                "ptr",
                "nil",
                "",
            ],
        ),
        'F' => {
            let format = format(random);
            quoted(random, &format)
        }
        'N' if scope.templates.is_empty() => "\"none\"".to_owned(),
        'N' => format!("\"{}\"", random.pick(&scope.templates)),
        'x' => {
            let text = random.word(&[
                "{{ .Values.s }}",
                "x",
                "",
                "{{ . }}",
                "{{ $ }}",
                "{{ if }}",
                "{{ .a.b }}",
                "{{ 1 | add 2 }}",
                "{{ include \"a\" . }}",
                "{{ define \"a\" }}t{{ end }}{{ template \"a\" }}",
                "{{ nope }}",
                "a\n{{- /* c */ -}}\nb",
                "{{ range .Values.l }}{{ . }}{{ end }}",
                "{{ .Values.nothing }}",
                "{{ fail \"f\" }}",
            ]);
            quoted(random, text)
        }
        _ => any_atom(random, scope),
    }
}

fn dictionary(random: &mut Random, scope: &Scope) -> String {
    let entries = (0..random.few(4))
        .map(|_| format!(" \"{}\" {}", random.word(&["a", "b", "c", "name", "é", "x y"]), any_atom(random, scope)));
    format!("(dict{})", entries.collect::<String>())
}

fn any_scalar(random: &mut Random, scope: &Scope) -> String {
    let kind = *random.pick(&['s', 'i', 'b', 'k']);
    atom(random, kind, &Scope { variables: Vec::new(), ..scope.clone() })
}

fn any_atom(random: &mut Random, scope: &Scope) -> String {
    match random.below(14) {
        0 => random
            .word(&["nil", "true", "false", "0", "1", "2", "1.5", "1e6", "'a'", "\"\"", "0x1F", "2i", "-0.0"])
            .to_owned(),
        1 => format!(
            "{}.{}",
            scope.root,
            random.word(&[
                "s",
                "n",
                "t",
                "z",
                "e",
                "l",
                "nums",
                "m",
                "deep",
                "nothing",
                "nothing.x",
                "m.nothing",
                "deep.a.b",
                "objs",
                "f"
            ])
        ),
        n => {
            let kind = ['s', 'n', 'b', 'l', 'm', 's', 'n', 'i', 'k', 't', 'v', 's'][n - 2];
            // Lists in lists in lists end somewhere.
            let kind = if "lm".contains(kind) && random.chance(60) { 's' } else { kind };
            atom(random, kind, scope)
        }
    }
}

/// A format for `printf`.
pub(super) fn format(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..=random.few(3) {
        text.push_str(random.word(&["", "", " ", "a", "|", "%%", "é"]));
        text.push('%');
        for _ in 0..random.few(3) {
            text.push_str(random.word(&["+", "-", "#", " ", "0"]));
        }
        text.push_str(random.word(&["", "", "", "5", "10", "2", "*", "[1]", "[2]", "[9]", "[x]", "[1]*"]));
        if random.chance(30) {
            text.push_str(random.word(&[".", ".0", ".1", ".2", ".3", ".10", ".*", ".[1]*", ".-1"]));
        }
        // No %p: addresses change.
        text.push_str(random.word(&[
            "s", "d", "v", "q", "x", "X", "f", "g", "e", "G", "E", "t", "c", "U", "b", "o", "O", "T", "F", "z", "!",
            "", "w", "s", "d", "v",
        ]));
    }
    text
}

/// An argument: an atom or a call in parentheses.
pub(super) fn argument(random: &mut Random, kind: char, depth: usize, scope: &Scope) -> String {
    // What has to be of its kind, or Helm's answer would change from call to call.
    let fixed = "DMqdN".contains(kind);
    let kind = if !fixed && random.chance(7) { *random.pick(&['s', 'n', 'b', 'l', 'm', 'a', 'i', 'v']) } else { kind };
    if depth == 0 || fixed || random.chance(45) {
        return atom(random, kind, scope);
    }
    match kind {
        's' | 'i' | 'b' | 'l' | 'm' | 't' | 'a' | 'n' | 'k' => format!("({})", call(random, kind, depth - 1, scope)),
        _ => atom(random, kind, scope),
    }
}

/// A call with a result of this kind, possibly as a pipeline.
pub(super) fn call(random: &mut Random, result: char, depth: usize, scope: &Scope) -> String {
    let fits = |row: &Row| match result {
        'a' => true,
        'n' => "iIf".contains(row.result),
        'k' => row.result == 's',
        other => row.result == other,
    };
    let candidates: Vec<Row> = rows().iter().copied().filter(fits).collect();
    let row = *random.pick(&candidates);
    if row.name == "fail" && random.chance(70) {
        return atom(random, 's', scope);
    }
    let mut arguments = Vec::new();
    let mut kinds = row.parameters.chars().peekable();
    while let Some(kind) = kinds.next() {
        if kinds.peek() == Some(&'*') {
            kinds.next();
            arguments.extend((0..random.few(4)).map(|_| argument(random, kind, depth, scope)));
        } else if kind == 'V' && "include tpl".contains(row.name) {
            arguments.push(random.word(&["$", "$", ".", "$.Values", "\"x\"", "(dict \"a\" 1)", "nil"]).to_owned());
        } else {
            arguments.push(argument(random, kind, depth, scope));
        }
    }
    // Now and then one too few or too many.
    let fixed = row.parameters.contains(['D', 'M', 'q']);
    match random.below(50) {
        0 if !fixed => drop(arguments.pop()),
        1 if !fixed => arguments.push(any_atom(random, scope)),
        _ => {}
    }
    let piped = if !arguments.is_empty() && random.chance(35) { arguments.pop() } else { None };
    let mut text = String::new();
    if let Some(piped) = piped {
        text.push_str(&piped);
        text.push_str(random.word(&[" | ", " | ", "|", " |  ", "\n  | "]));
    }
    text.push_str(row.name);
    for argument in arguments {
        text.push_str(random.word(&[" ", " ", " ", "  "]));
        text.push_str(&argument);
    }
    text
}
