//! The tree of a parsed template, and its text form.
//!
//! Owns what a template is made of, where each part was written, and how Go prints a part in an error's context: with
//! single spaces, literals as they were spelled. Text is not copied out of its source. Names of functions are resolved;
//! names of variables are symbols, because Go looks a variable up by name among those that are there at run time.

use std::fmt;
use std::rc::Rc;

use super::builtins::Builtin;
use super::function::Function;
use super::literal::Number;
use super::source::{Place, Source};
use super::text::Text;

/// A name as a number, see [`Names`](super::set::Names).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Symbol(pub(super) u32);

/// Where a node was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark {
    /// Distinguishes the node from all others of the same source.
    pub(super) id: u32,
    /// The byte offset that Go reports for it.
    pub(super) at: u32,
    /// Its first byte.
    pub(super) start: u32,
    /// The one after its last byte.
    pub(super) end: u32,
}

/// A template: a file's text, or the body of a `define`.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) name: Text,
    pub(super) source: Rc<Source>,
    pub(super) body: Box<[Node]>,
}

/// A part of a template's body.
#[derive(Debug)]
pub(super) enum Node {
    /// Text, which is the node's span of the source.
    Text(Mark),
    Action(Action),
    If(Box<Branch>),
    With(Box<Branch>),
    Range(Box<Branch>),
    Template(Box<Call>),
    Break(Mark),
    Continue(Mark),
}

/// A pipeline in delimiters.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) mark: Mark,
    pub(super) pipe: Pipe,
}

/// `if`, `with` or `range` up to its `end`.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) mark: Mark,
    pub(super) pipe: Pipe,
    pub(super) body: Box<[Node]>,
    pub(super) otherwise: Option<Box<[Node]>>,
}

/// `template`, also what is left of a `block`.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) mark: Mark,
    pub(super) name: Text,
    pub(super) symbol: Symbol,
    pub(super) pipe: Option<Pipe>,
}

/// Commands that pass their values on, and the variables that get the last one.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) mark: Mark,
    /// Whether the variables are assigned to, not declared.
    pub(super) assigns: bool,
    pub(super) variables: Box<[(Mark, Symbol)]>,
    pub(super) commands: Box<[Command]>,
}

/// An operand, or a function or method with its arguments.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) mark: Mark,
    pub(super) first: Operand,
    pub(super) arguments: Box<[Operand]>,
}

/// What stands between spaces.
#[derive(Debug)]
pub(super) enum Operand {
    Bool(Mark, bool),
    Dot(Mark),
    Nil(Mark),
    Number(Mark, Box<Number>),
    String(Mark, Text),
    Function(Mark, Callee),
    /// Fields of the current context, at least one.
    Field(Mark, Box<[Text]>),
    /// A variable and fields of it, possibly none.
    Variable(Mark, Symbol, Box<[Text]>),
    /// Fields of what a function or a pipeline returns, at least one.
    Chain(Mark, Box<(Self, Box<[Text]>)>),
    /// A pipeline in parentheses.
    Pipe(Box<Pipe>),
}

/// A function that a name stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Callee {
    /// One that was offered to the set.
    Function(&'static Function),
    /// One of the language.
    Builtin(Builtin),
}

impl Operand {
    pub(super) fn mark(&self) -> Mark {
        match self {
            Self::Bool(mark, _)
            | Self::Dot(mark)
            | Self::Nil(mark)
            | Self::Number(mark, _)
            | Self::String(mark, _)
            | Self::Function(mark, _)
            | Self::Field(mark, _)
            | Self::Variable(mark, ..)
            | Self::Chain(mark, _) => *mark,
            Self::Pipe(pipe) => pipe.mark,
        }
    }
}

/// Any node, by reference.
#[derive(Debug, Clone, Copy)]
pub(super) enum AnyNode<'t> {
    Node(&'t Node),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Operand(&'t Operand),
    Variable(Mark),
}

impl AnyNode<'_> {
    pub(super) fn mark(self) -> Mark {
        match self {
            Self::Node(node) => match node {
                Node::Text(mark) | Node::Break(mark) | Node::Continue(mark) => *mark,
                Node::Action(action) => action.mark,
                Node::If(branch) | Node::With(branch) | Node::Range(branch) => branch.mark,
                Node::Template(call) => call.mark,
            },
            Self::Pipe(pipe) => pipe.mark,
            Self::Command(command) => command.mark,
            Self::Operand(operand) => operand.mark(),
            Self::Variable(mark) => mark,
        }
    }
}

impl Template {
    /// Whether there is nothing but space: such a body replaces no other.
    pub(super) fn is_empty(&self) -> bool {
        self.body.iter().all(|node| match node {
            Node::Text(mark) => {
                let text = self.source.slice(mark.start as usize..mark.end as usize);
                crate::unicode::characters(text).all(|(_, character)| character.is_some_and(crate::unicode::is_space))
            }
            _ => false,
        })
    }

    /// The node with that number. Only errors ask, so it is searched for.
    pub(super) fn find(&self, id: u32) -> Option<AnyNode<'_>> {
        let mut rest: Vec<AnyNode<'_>> = self.body.iter().map(AnyNode::Node).collect();
        while let Some(node) = rest.pop() {
            if node.mark().id == id {
                return Some(node);
            }
            match node {
                AnyNode::Node(node) => match node {
                    Node::Text(_) | Node::Break(_) | Node::Continue(_) => {}
                    Node::Action(action) => rest.push(AnyNode::Pipe(&action.pipe)),
                    Node::If(branch) | Node::With(branch) | Node::Range(branch) => {
                        rest.push(AnyNode::Pipe(&branch.pipe));
                        rest.extend(branch.body.iter().map(AnyNode::Node));
                        rest.extend(branch.otherwise.iter().flatten().map(AnyNode::Node));
                    }
                    Node::Template(call) => rest.extend(call.pipe.iter().map(AnyNode::Pipe)),
                },
                AnyNode::Pipe(pipe) => {
                    rest.extend(pipe.variables.iter().map(|(mark, _)| AnyNode::Variable(*mark)));
                    rest.extend(pipe.commands.iter().map(AnyNode::Command));
                }
                AnyNode::Command(command) => {
                    rest.push(AnyNode::Operand(&command.first));
                    rest.extend(command.arguments.iter().map(AnyNode::Operand));
                }
                AnyNode::Operand(Operand::Pipe(pipe)) => rest.push(AnyNode::Pipe(pipe)),
                AnyNode::Operand(Operand::Chain(_, chain)) => rest.push(AnyNode::Operand(&chain.0)),
                AnyNode::Operand(_) | AnyNode::Variable(_) => {}
            }
        }
        None
    }

    /// The place of a node in the source.
    pub(super) fn place(&self, mark: Mark) -> Place {
        Place { source: Rc::clone(&self.source), span: mark.start as usize..mark.end as usize }
    }

    /// The text form of a node, as Go's `String` methods make it.
    pub(super) fn display<'t>(&'t self, node: AnyNode<'t>) -> Display<'t> {
        Display { source: &self.source, node }
    }

    /// The text form of the body.
    #[cfg(test)]
    pub(super) fn body_text(&self) -> String {
        self.body.iter().map(|node| self.display(AnyNode::Node(node)).to_string()).collect()
    }
}

/// A node's text form.
#[derive(Debug)]
pub(super) struct Display<'t> {
    source: &'t Source,
    node: AnyNode<'t>,
}

impl fmt::Display for Display<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            AnyNode::Node(node) => self.node(f, node),
            AnyNode::Pipe(pipe) => self.pipe(f, pipe),
            AnyNode::Command(command) => self.command(f, command),
            AnyNode::Operand(operand) => self.operand(f, operand),
            AnyNode::Variable(mark) => self.spelled(f, mark),
        }
    }
}

impl Display<'_> {
    /// What was written there.
    fn spelled(&self, f: &mut fmt::Formatter<'_>, mark: Mark) -> fmt::Result {
        let text = self.source.slice(mark.start as usize..mark.end as usize);
        match std::str::from_utf8(text) {
            Ok(text) => f.write_str(text),
            Err(_) => f.write_str(&crate::yaml::json::lossy(text)),
        }
    }

    fn node(&self, f: &mut fmt::Formatter<'_>, node: &Node) -> fmt::Result {
        match node {
            Node::Text(mark) => self.spelled(f, *mark),
            Node::Action(action) => {
                f.write_str("{{")?;
                self.pipe(f, &action.pipe)?;
                f.write_str("}}")
            }
            Node::If(branch) => self.branch(f, "if", branch),
            Node::With(branch) => self.branch(f, "with", branch),
            Node::Range(branch) => self.branch(f, "range", branch),
            Node::Template(call) => {
                write!(f, "{{{{template {}", super::quote::quoted(&call.name))?;
                if let Some(pipe) = &call.pipe {
                    f.write_str(" ")?;
                    self.pipe(f, pipe)?;
                }
                f.write_str("}}")
            }
            Node::Break(_) => f.write_str("{{break}}"),
            Node::Continue(_) => f.write_str("{{continue}}"),
        }
    }

    fn branch(&self, f: &mut fmt::Formatter<'_>, word: &str, branch: &Branch) -> fmt::Result {
        write!(f, "{{{{{word} ")?;
        self.pipe(f, &branch.pipe)?;
        f.write_str("}}")?;
        branch.body.iter().try_for_each(|node| self.node(f, node))?;
        if let Some(otherwise) = &branch.otherwise {
            f.write_str("{{else}}")?;
            otherwise.iter().try_for_each(|node| self.node(f, node))?;
        }
        f.write_str("{{end}}")
    }

    fn pipe(&self, f: &mut fmt::Formatter<'_>, pipe: &Pipe) -> fmt::Result {
        for (index, (mark, _)) in pipe.variables.iter().enumerate() {
            f.write_str(if index > 0 { ", " } else { "" })?;
            self.spelled(f, *mark)?;
        }
        if !pipe.variables.is_empty() {
            f.write_str(if pipe.assigns { " = " } else { " := " })?;
        }
        for (index, command) in pipe.commands.iter().enumerate() {
            f.write_str(if index > 0 { " | " } else { "" })?;
            self.command(f, command)?;
        }
        Ok(())
    }

    fn command(&self, f: &mut fmt::Formatter<'_>, command: &Command) -> fmt::Result {
        self.in_parens(f, &command.first)?;
        for argument in &command.arguments {
            f.write_str(" ")?;
            self.in_parens(f, argument)?;
        }
        Ok(())
    }

    /// An operand, in parentheses if it is a pipeline.
    fn in_parens(&self, f: &mut fmt::Formatter<'_>, operand: &Operand) -> fmt::Result {
        let pipe = matches!(operand, Operand::Pipe(_));
        f.write_str(if pipe { "(" } else { "" })?;
        self.operand(f, operand)?;
        f.write_str(if pipe { ")" } else { "" })
    }

    fn operand(&self, f: &mut fmt::Formatter<'_>, operand: &Operand) -> fmt::Result {
        match operand {
            Operand::Pipe(pipe) => self.pipe(f, pipe),
            Operand::Chain(_, chain) => {
                let (node, fields) = &**chain;
                self.in_parens(f, node)?;
                fields.iter().try_for_each(|field| write!(f, ".{}", field.to_str()))
            }
            other => self.spelled(f, other.mark()),
        }
    }
}
