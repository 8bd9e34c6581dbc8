//! Pipelines, commands and operands.

use smallvec::SmallVec;

use super::{Kind, Mark, Number, Operand, Parsed, Parser, Pipe, Symbol, Text, Token, literal, quoted};
use crate::render::gotemplate::ast::{Callee, Command};
use crate::render::gotemplate::builtins::Builtin;

/// Nested parentheses, as Go bounds them.
const MAX_PARENS: usize = 10_000;

/// Variables at the start of a pipeline.
type Variables = SmallVec<[(Mark, Symbol); 2]>;

impl Parser<'_> {
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        self.enter()?;
        let start = self.peek_word().start;
        let mut mark = self.mark(start, start, start);
        let (variables, assigns) = self.declarations(context)?;
        let mut commands = SmallVec::<[Command; 2]>::new();
        loop {
            let token = self.next_word();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.back();
                    commands.push(self.command()?);
                }
                _ => return self.unexpected(token, context),
            }
        }
        if commands.is_empty() {
            return self.fail(format!("missing value for {context}"));
        }
        for (index, command) in commands.iter().enumerate().skip(1) {
            if matches!(
                command.first,
                Operand::Bool(..) | Operand::Dot(_) | Operand::Nil(_) | Operand::Number(..) | Operand::String(..)
            ) {
                return self.fail(format!("non executable command in pipeline stage {}", index + 1));
            }
        }
        mark.end = commands.last().map_or(mark.end, |command| command.mark.end);
        self.nesting -= 1;
        Ok(Pipe { mark, assigns, variables: boxed(variables), commands: boxed(commands) })
    }

    /// The variables at the start of a pipeline, and whether they are assigned to.
    fn declarations(&mut self, context: &str) -> Parsed<(Variables, bool)> {
        let mut variables = Variables::new();
        loop {
            let variable = self.peek_word();
            if variable.kind != Kind::Variable {
                return Ok((variables, false));
            }
            self.next_word();
            // Whether this is a declaration shows the token after the space after it, and both may have to go back.
            let after = self.peek();
            let next = self.peek_word();
            let comma = next.kind == Kind::Char && self.text(next) == b",";
            if matches!(next.kind, Kind::Assign | Kind::Declare) || comma {
                self.next_word();
                let mark = self.mark_token(variable);
                let symbol = self.symbol(variable);
                variables.push((mark, symbol));
                self.tree.variables.push(symbol);
                if !comma {
                    return Ok((variables, next.kind == Kind::Assign));
                }
                if context == "range" && variables.len() < 2 {
                    match self.peek_word().kind {
                        Kind::Variable | Kind::RightDelimiter | Kind::RightParen => continue,
                        _ => return self.fail("range can only initialize variables"),
                    }
                }
                return self.fail(format!("too many declarations in {context}"));
            }
            if after.kind == Kind::Space {
                self.back_three(variable, after);
            } else {
                self.back_two(variable);
            }
            return Ok((variables, false));
        }
    }

    /// Operands up to a pipe, which is passed over, or the end of the pipeline.
    fn command(&mut self) -> Parsed<Command> {
        let start = self.peek_word().start;
        let mut mark = self.mark(start, start, start);
        let mut first = None;
        let mut arguments = SmallVec::<[Operand; 4]>::new();
        loop {
            self.peek_word();
            if let Some(operand) = self.operand()? {
                mark.end = self.end;
                if first.is_none() {
                    first = Some(operand);
                } else {
                    arguments.push(operand);
                }
            }
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelimiter | Kind::RightParen => self.back(),
                Kind::Pipe => {}
                _ => return self.unexpected(token, "operand"),
            }
            break;
        }
        match first {
            Some(first) => Ok(Command { mark, first, arguments: boxed(arguments) }),
            None => self.fail("empty command"),
        }
    }

    /// A term with the fields that follow it; `None` if there is no term here.
    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let Some(mut term) = self.term()? else { return Ok(None) };
        let field = self.peek();
        if field.kind != Kind::Field {
            return Ok(Some(term));
        }
        let mut fields = SmallVec::<[Text; 4]>::new();
        if let Operand::Field(_, first) = &mut term {
            fields.extend(std::mem::take(first));
        }
        while self.peek().kind == Kind::Field {
            let token = self.next();
            fields.push(self.field_name(token));
        }
        // Go reports the place of the first field that was added.
        let mark = self.mark(field.start, term.mark().start, self.end);
        Ok(Some(match term {
            Operand::Field(..) => Operand::Field(mark, boxed(fields)),
            Operand::Variable(_, symbol, _) => Operand::Variable(mark, symbol, boxed(fields)),
            Operand::Bool(term, _)
            | Operand::String(term, _)
            | Operand::Number(term, _)
            | Operand::Nil(term)
            | Operand::Dot(term) => {
                let text = self.source.slice(term.start as usize..term.end as usize);
                return self.fail(format!("unexpected . after term {}", quoted(text)));
            }
            term => Operand::Chain(mark, Box::new((term, boxed(fields)))),
        }))
    }

    /// The name of a field, without the point.
    fn field_name(&mut self, token: Token) -> Text {
        let text = self.source.slice(token.start as usize + 1..token.end as usize);
        self.names.text(text)
    }

    fn term(&mut self) -> Parsed<Option<Operand>> {
        let token = self.next_word();
        let operand = match token.kind {
            Kind::Identifier => {
                let name = String::from_utf8_lossy(self.text(token));
                let callee =
                    (self.functions)(&name).map(Callee::Function).or_else(|| Builtin::find(&name).map(Callee::Builtin));
                match callee {
                    Some(callee) => Operand::Function(self.mark_token(token), callee),
                    None => return self.fail(format!("function {} not defined", quoted(name.as_bytes()))),
                }
            }
            Kind::Dot => Operand::Dot(self.mark_token(token)),
            Kind::Nil => Operand::Nil(self.mark_token(token)),
            Kind::Variable => {
                let symbol = self.symbol(token);
                if !self.tree.variables.contains(&symbol) {
                    return self.fail(format!("undefined variable {}", quoted(self.text(token))));
                }
                Operand::Variable(self.mark_token(token), symbol, Box::default())
            }
            Kind::Field => {
                let name = self.field_name(token);
                Operand::Field(self.mark_token(token), Box::new([name]))
            }
            Kind::Bool => Operand::Bool(self.mark_token(token), self.text(token) == b"true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                let text = self.text(token);
                let read = if token.kind == Kind::Complex { Number::parse_complex(text) } else { Number::parse(text) };
                match read {
                    Ok(number) => Operand::Number(self.mark_token(token), Box::new(number)),
                    Err(message) => return self.fail(message),
                }
            }
            Kind::LeftParen => {
                if self.tree.parens >= MAX_PARENS {
                    return self.fail("max expression depth exceeded");
                }
                self.tree.parens += 1;
                let mut pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.tree.parens -= 1;
                pipe.mark.start = token.start;
                pipe.mark.end = self.end;
                Operand::Pipe(Box::new(pipe))
            }
            Kind::String | Kind::RawString => match literal::unquote(self.text(token)) {
                Some(text) => Operand::String(self.mark_token(token), Text::from(text)),
                None => return self.fail("invalid syntax"),
            },
            _ => {
                self.back();
                return Ok(None);
            }
        };
        Ok(Some(operand))
    }
}

/// The items in a box of their own size; a vector would take more first and give it back.
fn boxed<A: smallvec::Array>(items: SmallVec<A>) -> Box<[A::Item]> {
    let mut all = Vec::with_capacity(items.len());
    all.extend(items);
    all.into_boxed_slice()
}
