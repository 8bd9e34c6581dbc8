//! From tokens to trees.
//!
//! Owns what may stand where, which functions and variables exist, and the parser's error texts with their lines. Rules
//! and texts are those of Go's `text/template/parse`, down to which token an error's line is taken from: the last one
//! that was read, also where more than one had to be looked at. Go has no limit on nested actions; here there is one.

mod pipeline;

use std::collections::HashMap;
use std::rc::Rc;

use super::ast::{Action, Branch, Call, Mark, Node, Operand, Pipe, Symbol, Template};
use super::error::ParseError;
use super::lexer::{Kind, Lexer, Token};
use super::literal::{self, Number};
use super::quote::quoted;
use super::set::{Functions, Names};
use super::source::{Place, Source};
use super::text::Text;
use crate::render::stack;

/// Nested actions: more than any template has, and few enough to be walked and freed.
const MAX_NESTING: usize = 20_000;

/// Parses a text into templates: what it defines, each once, and among them the text itself, which is returned a second
/// time. A definition of its own name stands in its place if there is nothing but space in it.
///
/// # Errors
/// Go's.
pub(super) fn parse(
    source: &Rc<Source>,
    names: &mut Names,
    functions: Functions,
) -> Parsed<(Vec<Rc<Template>>, Rc<Template>)> {
    let is_function = |name: &str| functions(name).is_some();
    let mut parser = Parser {
        source,
        lexer: Lexer::new(&source.text, !is_function("break"), !is_function("continue")),
        names,
        functions,
        tree: Tree::default(),
        set: Vec::new(),
        defined: HashMap::new(),
        nodes: 0,
        nesting: 0,
        end: 0,
    };
    if u32::try_from(source.text.len()).is_err() {
        return parser.fail("the text is too large");
    }
    let body = parser.top()?;
    let main = parser.add(Text::from(&*source.name), body)?;
    Ok((parser.set, main))
}

type Parsed<T> = Result<T, Box<ParseError>>;

struct Parser<'p> {
    source: &'p Rc<Source>,
    lexer: Lexer<'p>,
    names: &'p mut Names,
    functions: Functions,
    tree: Tree,
    set: Vec<Rc<Template>>,
    /// Where a name is in the set.
    defined: HashMap<Text, usize>,
    /// How many nodes there are; numbers start at 1.
    nodes: u32,
    nesting: usize,
    /// Where the last token that was not space ended.
    end: u32,
}

/// What belongs to one template while it is parsed.
struct Tree {
    /// Up to three tokens that were read ahead; the first is always the last one that the lexer gave.
    tokens: [Token; 3],
    ahead: usize,
    /// The variables that exist here.
    variables: Vec<Symbol>,
    /// Where the action that is being parsed begins.
    action: Option<u32>,
    ranges: usize,
    parens: usize,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            tokens: [Token { kind: Kind::Eof, start: 0, end: 0 }; 3],
            ahead: 0,
            variables: vec![Names::ROOT],
            action: None,
            ranges: 0,
            parens: 0,
        }
    }
}

/// Where a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Close {
    End,
    Else,
}

impl Close {
    const fn text(self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}

/// What can stand in a list of nodes.
enum Item {
    Node(Node),
    Close(Close),
}

/// The actions with a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    If,
    With,
    Range,
}

impl Control {
    const fn name(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::With => "with",
            Self::Range => "range",
        }
    }
}

impl Parser<'_> {
    // Tokens.

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.tree.ahead -= 1;
        if token.kind != Kind::Space {
            self.end = token.end;
        }
        token
    }

    fn back(&mut self) {
        self.tree.ahead += 1;
    }

    /// Puts back a token and the one read after it.
    fn back_two(&mut self, first: Token) {
        self.tree.tokens[1] = first;
        self.tree.ahead = 2;
    }

    /// Puts back two tokens and the one read after them.
    fn back_three(&mut self, first: Token, second: Token) {
        self.tree.tokens[1] = second;
        self.tree.tokens[2] = first;
        self.tree.ahead = 3;
    }

    fn peek(&mut self) -> Token {
        if self.tree.ahead == 0 {
            self.tree.ahead = 1;
            self.tree.tokens[0] = self.lexer.next();
        }
        self.tree.tokens.get(self.tree.ahead - 1).copied().unwrap_or(self.tree.tokens[0])
    }

    fn next_word(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_word(&mut self) -> Token {
        loop {
            let token = self.peek();
            if token.kind != Kind::Space {
                return token;
            }
            self.tree.ahead -= 1;
        }
    }

    fn text(&self, token: Token) -> &[u8] {
        self.source.slice(token.start as usize..token.end as usize)
    }

    // Errors.

    fn fail<T>(&self, message: impl Into<String>) -> Parsed<T> {
        let last = self.tree.tokens[0];
        let (line, _) = self.source.position(last.start as usize);
        Err(Box::new(ParseError {
            name: Rc::clone(&self.source.name),
            line,
            message: message.into(),
            place: Place { source: Rc::clone(self.source), span: last.start as usize..last.end as usize },
        }))
    }

    /// The token as an error names it.
    fn name_of(&self, token: Token) -> String {
        match (token.kind, self.text(token)) {
            (Kind::Eof, _) => "EOF".to_owned(),
            (Kind::Error, _) => self.lexer.error().to_owned(),
            (kind, text) if kind.is_keyword() => format!("<{}>", String::from_utf8_lossy(text)),
            (_, text) if text.len() > 10 => {
                let length: usize = crate::unicode::characters(text).nth(10).map_or(text.len(), |(at, _)| at);
                format!("{}...", quoted(text.get(..length).unwrap_or(text)))
            }
            (_, text) => quoted(text),
        }
    }

    fn unexpected<T>(&self, token: Token, context: &str) -> Parsed<T> {
        let name = self.name_of(token);
        if token.kind != Kind::Error {
            return self.fail(format!("unexpected {name} in {context}"));
        }
        let line = |offset: u32| self.source.position(offset as usize).0;
        match self.tree.action.map(line) {
            Some(started) if started != line(token.start) => {
                let file = &self.source.name;
                let words = if name.ends_with(" action") { "started at" } else { "in action started at" };
                self.fail(format!("{name} {words} {file}:{started}"))
            }
            _ => self.fail(name),
        }
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token> {
        let token = self.next_word();
        if token.kind == kind { Ok(token) } else { self.unexpected(token, context) }
    }

    /// Goes one level deeper.
    fn enter(&mut self) -> Parsed<()> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING || stack::is_low() {
            return self.fail("actions are nested too deep");
        }
        Ok(())
    }

    // Nodes.

    fn mark(&mut self, at: u32, start: u32, end: u32) -> Mark {
        self.nodes += 1;
        Mark { id: self.nodes, at, start, end }
    }

    fn mark_token(&mut self, token: Token) -> Mark {
        self.mark(token.start, token.start, token.end)
    }

    fn symbol(&mut self, token: Token) -> Symbol {
        let text = self.source.slice(token.start as usize..token.end as usize);
        self.names.symbol(text)
    }

    // Templates.

    /// A text to its end.
    fn top(&mut self) -> Parsed<Box<[Node]>> {
        let mut body = Vec::new();
        loop {
            match self.peek().kind {
                Kind::Eof => return Ok(body.into()),
                Kind::LeftDelimiter => {
                    let delimiter = self.next();
                    if self.next_word().kind == Kind::Define {
                        let outer = std::mem::take(&mut self.tree);
                        self.definition()?;
                        self.tree = outer;
                        continue;
                    }
                    self.back_two(delimiter);
                }
                _ => {}
            }
            match self.text_or_action()? {
                Item::Node(node) => body.push(node),
                Item::Close(close) => return self.fail(format!("unexpected {}", close.text())),
            }
        }
    }

    /// A `define` after its word.
    fn definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        let token = self.next_word();
        let name = self.template_name(token, CONTEXT)?;
        self.expect(Kind::RightDelimiter, CONTEXT)?;
        let (body, close) = self.list()?;
        if close != Close::End {
            return self.fail(format!("unexpected {} in {CONTEXT}", close.text()));
        }
        self.add(name, body)?;
        Ok(())
    }

    fn template_name(&mut self, token: Token, context: &str) -> Parsed<Text> {
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(token, context);
        }
        match literal::unquote(self.text(token)) {
            Some(name) => Ok(Text::from(name)),
            None => self.fail("invalid syntax"),
        }
    }

    /// Adds a template to what this text defines: one that is empty gives way, two that are not are an error.
    fn add(&mut self, name: Text, body: Box<[Node]>) -> Parsed<Rc<Template>> {
        let template = Rc::new(Template { name, source: Rc::clone(self.source), body });
        let index = *self.defined.entry(template.name.clone()).or_insert(self.set.len());
        match self.set.get_mut(index) {
            None => self.set.push(Rc::clone(&template)),
            Some(other) if other.is_empty() => *other = Rc::clone(&template),
            Some(other) if template.is_empty() => return Ok(Rc::clone(other)),
            Some(_) => {
                return self.fail(format!("template: multiple definition of template {}", quoted(&template.name)));
            }
        }
        Ok(template)
    }

    /// Nodes up to an `end` or `else`.
    fn list(&mut self) -> Parsed<(Box<[Node]>, Close)> {
        self.enter()?;
        let mut body = Vec::new();
        while self.peek_word().kind != Kind::Eof {
            match self.text_or_action()? {
                Item::Node(node) => body.push(node),
                Item::Close(close) => {
                    self.nesting -= 1;
                    return Ok((body.into(), close));
                }
            }
        }
        self.fail("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Parsed<Item> {
        let token = self.next_word();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(self.mark_token(token)))),
            Kind::LeftDelimiter => {
                self.tree.action = Some(token.start);
                let item = self.action()?;
                self.tree.action = None;
                Ok(item)
            }
            _ => self.unexpected(token, "input"),
        }
    }

    /// What follows a left delimiter.
    fn action(&mut self) -> Parsed<Item> {
        let token = self.next_word();
        let node = match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => {
                self.in_range("{{break}}")?;
                Node::Break(self.mark_token(token))
            }
            Kind::Continue => {
                self.in_range("{{continue}}")?;
                Node::Continue(self.mark_token(token))
            }
            Kind::Else => return self.otherwise(),
            Kind::End => {
                self.expect(Kind::RightDelimiter, "end")?;
                return Ok(Item::Close(Close::End));
            }
            Kind::If => Node::If(self.control(Control::If)?),
            Kind::With => Node::With(self.control(Control::With)?),
            Kind::Range => Node::Range(self.control(Control::Range)?),
            Kind::Template => self.template()?,
            _ => {
                self.back();
                let at = self.peek().start;
                let mut mark = self.mark(at, at, at);
                let pipe = self.pipeline("command", Kind::RightDelimiter)?;
                mark.end = pipe.mark.end;
                Node::Action(Action { mark, pipe })
            }
        };
        Ok(Item::Node(node))
    }

    /// The rest of a `break` or `continue`.
    fn in_range(&mut self, word: &str) -> Parsed<()> {
        let token = self.next_word();
        if token.kind != Kind::RightDelimiter {
            return self.unexpected(token, word);
        }
        if self.tree.ranges == 0 { self.fail(format!("{word} outside {{{{range}}}}")) } else { Ok(()) }
    }

    /// The rest of an `else`; `if` or `with` after it are left for the control action that it belongs to.
    fn otherwise(&mut self) -> Parsed<Item> {
        if !matches!(self.peek_word().kind, Kind::If | Kind::With) {
            self.expect(Kind::RightDelimiter, "else")?;
        }
        Ok(Item::Close(Close::Else))
    }

    fn block(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.next_word();
        let name = self.template_name(token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelimiter)?;
        let mark = self.mark(token.start, token.start, pipe.mark.end);
        let outer = std::mem::take(&mut self.tree);
        let (body, close) = self.list()?;
        if close != Close::End {
            // Go says this with the last token that was read outside of the body.
            self.tree = outer;
            return self.fail(format!("unexpected {} in {CONTEXT}", close.text()));
        }
        self.add(name.clone(), body)?;
        self.tree = outer;
        let symbol = self.names.symbol(&name);
        Ok(Node::Template(Box::new(Call { mark, name, symbol, pipe: Some(pipe) })))
    }

    fn template(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.next_word();
        let name = self.template_name(token, CONTEXT)?;
        let mut mark = self.mark_token(token);
        let pipe = if self.next_word().kind == Kind::RightDelimiter {
            None
        } else {
            self.back();
            Some(self.pipeline(CONTEXT, Kind::RightDelimiter)?)
        };
        mark.end = pipe.as_ref().map_or(mark.end, |pipe| pipe.mark.end);
        let symbol = self.names.symbol(&name);
        Ok(Node::Template(Box::new(Call { mark, name, symbol, pipe })))
    }

    /// `if`, `with` or `range` after its word, up to its `end`.
    fn control(&mut self, control: Control) -> Parsed<Box<Branch>> {
        let variables = self.tree.variables.len();
        let pipe = self.pipeline(control.name(), Kind::RightDelimiter)?;
        let mark = self.mark(pipe.mark.at, pipe.mark.start, pipe.mark.end);
        self.tree.ranges += usize::from(control == Control::Range);
        let (body, close) = self.list()?;
        self.tree.ranges -= usize::from(control == Control::Range);
        let otherwise = if close == Close::Else { Some(self.otherwise_body(control)?) } else { None };
        self.tree.variables.truncate(variables);
        Ok(Box::new(Branch { mark, pipe, body, otherwise }))
    }

    /// What follows an `else`. `else if` is an `if` in an `else`, and one `end` ends both.
    fn otherwise_body(&mut self, control: Control) -> Parsed<Box<[Node]>> {
        self.enter()?;
        let body = match (control, self.peek().kind) {
            (Control::If, Kind::If) => {
                self.next();
                Box::new([Node::If(self.control(Control::If)?)])
            }
            (Control::With, Kind::With) => {
                self.next();
                Box::new([Node::With(self.control(Control::With)?)])
            }
            _ => {
                let (body, close) = self.list()?;
                if close != Close::End {
                    return self.fail(format!("expected end; found {}", close.text()));
                }
                body
            }
        };
        self.nesting -= 1;
        Ok(body)
    }
}
