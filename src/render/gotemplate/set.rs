//! [`Templates`]: the templates that can call each other, in layers.
//!
//! Owns which definition a name stands for. Later texts replace earlier ones, except that a body of nothing but space
//! replaces none; what `tpl` defines is on a layer above and goes when it returns. The rules are those of Go's
//! `Template.New(name).Parse` and `Clone`.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use super::ast::{Symbol, Template};
use super::error::ParseError;
use super::function::Function;
use super::parser;
use super::source::Source;
use super::text::Text;

/// How function names are resolved: before the language's own functions.
pub type Functions = fn(&str) -> Option<&'static Function>;

/// What the set itself is called in messages, and every text that `tpl` runs: Helm's name for it.
pub const NAME: &str = "gotpl";

/// Texts for `tpl` whose trees are kept: charts use the same few hundreds of times.
const MAX_KEPT: usize = 4096;

/// Templates that can call each other.
#[derive(Debug)]
pub struct Templates {
    functions: Functions,
    names: Names,
    /// By the number of the name.
    definitions: Vec<Option<Rc<Template>>>,
    /// What texts for `tpl` were parsed to.
    kept: HashMap<Text, Rc<Parsed>>,
}

/// A text, parsed: what it defines, itself included.
#[derive(Debug)]
struct Parsed {
    definitions: Vec<(Symbol, Rc<Template>)>,
    main: Rc<Template>,
}

/// What a layer hides, to be put back when it goes.
#[derive(Debug)]
pub(super) struct Layer(Vec<(Symbol, Option<Rc<Template>>)>);

impl Templates {
    /// An empty set, whose texts can call these functions besides the language's own.
    pub fn new(functions: Functions) -> Self {
        Self { functions, names: Names::new(), definitions: Vec::new(), kept: HashMap::new() }
    }

    /// Parses a text and adds it under this name, and what it defines under theirs.
    ///
    /// # Errors
    /// If the text cannot be parsed; the set is unchanged then.
    pub fn parse(&mut self, name: &str, text: &[u8]) -> Result<(), ParseError> {
        let parsed = self.parse_text(name, text).map_err(|error| *error)?;
        for (symbol, template) in parsed.definitions {
            self.define(symbol, template, false);
        }
        Ok(())
    }

    /// Whether a template of this name is there.
    pub fn contains(&self, name: &str) -> bool {
        self.find(name.as_bytes()).is_some()
    }

    /// The names of all templates, for suggestions.
    pub fn names(&self) -> impl Iterator<Item = &Text> {
        let defined = self.definitions.iter().zip(&self.names.texts);
        defined.filter(|(definition, _)| definition.is_some()).map(|(_, name)| name)
    }

    /// The template of that name.
    pub(super) fn find(&self, name: &[u8]) -> Option<&Rc<Template>> {
        self.get(self.names.find(name)?)
    }

    /// The template whose name has that number.
    pub(super) fn get(&self, symbol: Symbol) -> Option<&Rc<Template>> {
        self.definitions.get(symbol.0 as usize)?.as_ref()
    }

    /// The name with that number.
    pub(super) fn name(&self, symbol: Symbol) -> Text {
        self.names.texts.get(symbol.0 as usize).cloned().unwrap_or_else(|| Text::from(""))
    }

    /// Whether a text for `tpl` need not be parsed again.
    pub(super) fn keeps(&self, text: &Text) -> bool {
        self.kept.contains_key(text)
    }

    /// Parses a text and puts what it defines on a layer above the set; the text itself has the set's name.
    ///
    /// # Errors
    /// If the text cannot be parsed; there is no new layer then.
    pub(super) fn push(&mut self, text: &Text) -> Result<(Rc<Template>, Layer), Box<ParseError>> {
        let parsed = if let Some(parsed) = self.kept.get(text) {
            Rc::clone(parsed)
        } else {
            let parsed = Rc::new(self.parse_text(NAME, text)?);
            if self.kept.len() < MAX_KEPT {
                self.kept.insert(text.clone(), Rc::clone(&parsed));
            }
            parsed
        };
        let mut hidden = Vec::with_capacity(parsed.definitions.len());
        for (symbol, template) in &parsed.definitions {
            // A copy of the set has no text under the set's name, so that the new one always takes it.
            let always = &*template.name == NAME.as_bytes();
            hidden.push((*symbol, self.get(*symbol).cloned()));
            self.define(*symbol, Rc::clone(template), always);
        }
        Ok((Rc::clone(&parsed.main), Layer(hidden)))
    }

    /// Takes the layer away that was put on last.
    pub(super) fn pop(&mut self, layer: Layer) {
        for (symbol, template) in layer.0 {
            if let Some(definition) = self.definitions.get_mut(symbol.0 as usize) {
                *definition = template;
            }
        }
    }

    fn parse_text(&mut self, name: &str, text: &[u8]) -> Result<Parsed, Box<ParseError>> {
        let source = Rc::new(Source { name: name.into(), text: text.into() });
        let (templates, main) = parser::parse(&source, &mut self.names, self.functions)?;
        let definitions = templates.into_iter().map(|template| (self.names.symbol(&template.name), template)).collect();
        Ok(Parsed { definitions, main })
    }

    fn define(&mut self, symbol: Symbol, template: Rc<Template>, always: bool) {
        let index = symbol.0 as usize;
        if self.definitions.len() <= index {
            self.definitions.resize(index + 1, None);
        }
        if let Some(definition) = self.definitions.get_mut(index)
            && (always || definition.is_none() || !template.is_empty())
        {
            *definition = Some(template);
        }
    }
}

/// Names, each with a number: of variables, fields and templates.
pub(super) struct Names {
    numbers: HashMap<Text, Symbol, foldhash::fast::RandomState>,
    texts: Vec<Text>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("length", &self.texts.len()).finish_non_exhaustive()
    }
}

impl Names {
    /// The variable `$`.
    pub(super) const ROOT: Symbol = Symbol(0);

    pub(super) fn new() -> Self {
        let mut names = Self { numbers: HashMap::default(), texts: Vec::new() };
        names.symbol(b"$");
        names
    }

    /// The number of a name.
    pub(super) fn symbol(&mut self, name: &[u8]) -> Symbol {
        if let Some(symbol) = self.numbers.get(name) {
            return *symbol;
        }
        let symbol = Symbol(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        let text = Text::from(name);
        self.texts.push(text.clone());
        self.numbers.insert(text, symbol);
        symbol
    }

    /// The number of a name that was met before.
    pub(super) fn find(&self, name: &[u8]) -> Option<Symbol> {
        self.numbers.get(name).copied()
    }

    /// The name as a text that is shared by all who use it.
    pub(super) fn text(&mut self, name: &[u8]) -> Text {
        let symbol = self.symbol(name);
        self.texts.get(symbol.0 as usize).cloned().unwrap_or_else(|| Text::from(name))
    }
}
