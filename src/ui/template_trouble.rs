//! What is wrong in a template, in words: the reason, the lines of the chart with the place underlined, the way there,
//! what would help.

use super::excerpt;
use super::language::Language;
use crate::render::helm::{Fault, Frame, Hint, Trouble};
use crate::yaml::{Step, path_text};

/// Turns a [`Trouble`] into words of one language.
#[derive(Debug, Clone, Copy)]
pub(super) struct TroubleTeller<'a> {
    /// The language.
    pub(super) language: Language,
    /// What is wrong.
    pub(super) trouble: &'a Trouble,
    /// Where the user gave the value that is null, if so.
    pub(super) place: Option<&'a str>,
}

impl TroubleTeller<'_> {
    fn of(self, english: impl Into<String>, chinese: impl Into<String>) -> String {
        match self.language {
            Language::English => english.into(),
            Language::Chinese => chinese.into(),
        }
    }

    /// The reason.
    pub(super) fn why(self) -> String {
        match &self.trouble.fault {
            Fault::Syntax(message) => {
                self.of(format!("the template cannot be parsed: {message}"), format!("无法解析模板：{message}"))
            }
            Fault::Refused(words) => words.clone(),
            Fault::Absent { expression, field, .. } => self.of(
                format!("`{expression}` has no value, and the template wants `{field}` of it"),
                format!("`{expression}` 没有值，而模板需要其中的 `{field}`"),
            ),
            Fault::Function { name, message } => {
                self.of(format!("the function `{name}` failed: {message}"), format!("函数 `{name}` 失败：{message}"))
            }
            Fault::Evaluation(message) | Fault::Budget(message) => message.clone(),
        }
    }

    /// The lines, and where the value should be.
    pub(super) fn evidence(self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let frames = &self.trouble.frames;
        for (index, frame) in frames.iter().enumerate() {
            if index + 1 == frames.len() && self.trouble.left_out > 0 {
                let count = self.trouble.left_out;
                lines.push(self.of(format!("… {count} more calls …"), format!("… 中间还有 {count} 层调用 …")));
            }
            lines.push(self.frame(frame, index == 0));
        }
        if let Fault::Absent { path: Some(path), is_null, .. } = &self.trouble.fault {
            let path = path_text(path);
            lines.push(match (is_null, self.place) {
                (true, Some(place)) => {
                    self.of(format!("{place}: `{path}` is set to `null`"), format!("{place}：`{path}` 被设为 `null`"))
                }
                (true, None) => {
                    self.of(format!("the value `{path}` is `null`"), format!("values 中的 `{path}` 是 `null`"))
                }
                (false, _) => self.of(
                    format!("the value `{path}` is neither among the chart's defaults nor was it given"),
                    format!("values 中没有 `{path}`：chart 的默认值里没有，也没有另外给出"),
                ),
            });
        }
        lines
    }

    fn frame(self, frame: &Frame, is_first: bool) -> String {
        let place = if frame.file == Frame::TPL {
            let (line, column) = (frame.line, frame.column);
            self.of(
                format!("line {line}, column {column} of the text given to `tpl`"),
                format!("传给 `tpl` 的文本第 {line} 行第 {column} 列"),
            )
        } else {
            format!("{}:{}:{}", frame.file, frame.line, frame.column)
        };
        let template =
            frame.template.as_deref().filter(|name| *name != Frame::TPL).map_or_else(String::new, |name| {
                self.of(format!(" in template `{name}`"), format!("（模板 `{name}`）"))
            });
        let came_from = if is_first { String::new() } else { self.of("called from ", "调用自 ") };
        let repeated = match frame.repeated {
            0 => String::new(),
            count => self.of(format!(", {count} times more"), format!("，另重复 {count} 次")),
        };
        format!(
            "{came_from}{place}{template}{repeated}\n{}",
            excerpt::draw(Some(frame.line), &frame.text, frame.marked.clone())
        )
    }

    /// What to do.
    pub(super) fn next(self) -> Vec<String> {
        let mut next = Vec::new();
        if let Fault::Absent { path: Some(path), .. } = &self.trouble.fault
            && path.iter().all(|step| matches!(step, Step::Key(_)))
        {
            let path = path_text(path);
            next.push(self.of(format!("give `{path}` in your values"), format!("在 values 中设置 `{path}`")));
        }
        next.extend(self.trouble.hints.iter().map(|hint| self.hint(hint)));
        next
    }

    fn hint(self, hint: &Hint) -> String {
        match hint {
            Hint::DidYouMean { written, instead } => self.of(
                format!("`{instead}` exists: was `{written}` meant to be that?"),
                format!("存在 `{instead}`：`{written}` 是否应为它？"),
            ),
            Hint::FloatComparison => self.of(
                "numbers of values files are floats in templates: compare with `3.0`, or take `int` of them first",
                "values 文件里的数字在模板中是浮点数：与 `3.0` 比较，或先用 `int` 转换",
            ),
            Hint::TextWanted => self.of(
                "text is wanted here: put the value in quotes, or let the template take `toString` of it",
                "此处需要文本：给该值加上引号，或在模板中用 `toString` 转换",
            ),
            Hint::IntegerWanted => self.of(
                "an integer is wanted here, and numbers of values files are floats: let the template take `int` of it",
                "此处需要整数，而 values 文件里的数字是浮点数：在模板中用 `int` 转换",
            ),
            Hint::MissingEnd => self.of(
                "an `if`, `with`, `range`, `define` or `block` lacks its `{{ end }}`",
                "某个 `if`、`with`、`range`、`define` 或 `block` 缺少 `{{ end }}`",
            ),
            Hint::OnlyHelm4 => self.of(
                "Helm 4 has this function, Helm 3 has not: leave out `--helm-compat=3`",
                "该函数只有 Helm 4 才有，Helm 3 没有：去掉 `--helm-compat=3`",
            ),
            Hint::NoEnvironment => self.of(
                "templates cannot read the environment: pass it as a value",
                "模板不能读取环境变量：请作为 values 传入",
            ),
            Hint::AllowAbsence => self.of(
                "in the chart: `default`, `with`, or parentheses such as `(.Values.a).b` allow for a value that is missing, `required` names it",
                "在 chart 中：`default`、`with` 或括号（如 `(.Values.a).b`）可以容许缺失的值，`required` 则会指出它",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(file: &str, line: usize, text: &str, marked: std::ops::Range<usize>) -> Frame {
        Frame {
            file: file.to_owned(),
            line,
            column: marked.start + 1,
            template: None,
            text: text.to_owned(),
            marked,
            repeated: 0,
        }
    }

    #[test]
    fn both_languages_carry_the_same_facts() {
        let trouble = Trouble {
            fault: Fault::Absent {
                expression: ".Values.image".to_owned(),
                field: "tag".to_owned(),
                path: Some(vec![Step::from("web"), Step::from("image")]),
                is_null: true,
            },
            frames: vec![
                frame("c/templates/_h.tpl", 3, "{{ .Values.image.tag }}", 10..20),
                frame("c/templates/t.yaml", 1, "{{ include \"x\" . }}", 3..16),
            ],
            left_out: 2,
            hints: vec![Hint::DidYouMean { written: "image".to_owned(), instead: "images".to_owned() }],
        };
        for language in Language::ALL {
            let teller = TroubleTeller { language, trouble: &trouble, place: Some("my.yaml:3:5") };
            let told = [vec![teller.why()], teller.evidence(), teller.next()].concat().join("\n");
            for fact in [
                "`.Values.image`",
                "`tag`",
                "c/templates/_h.tpl:3:11",
                "c/templates/t.yaml:1:4",
                "2",
                "my.yaml:3:5",
                "`web.image`",
                "`null`",
                "`images`",
            ] {
                assert!(told.contains(fact), "{fact} is missing in\n{told}");
            }
        }
    }
}
