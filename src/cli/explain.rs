//! `maibot explain`: the page of a code.

use clap::Args;
use clap::builder::PossibleValue;

use crate::code::Code;
use crate::ui::{self, Failure, Pages, Printer};

/// Explain a message code
#[derive(Debug, Clone, Args)]
pub(crate) struct ExplainArgs {
    /// Code, such as MB3002; without it all codes are listed
    #[arg(value_name = "CODE", add = clap_complete::ArgValueCandidates::new(codes))]
    code: Option<String>,
}

fn codes() -> Vec<clap_complete::CompletionCandidate> {
    Code::ALL.iter().map(|code| PossibleValue::new(code.id())).map(|value| value.get_name().to_owned().into()).collect()
}

/// Prints the page, or the list.
pub(crate) fn run(args: &ExplainArgs, printer: &Printer) -> Result<(), Failure> {
    let pages = Pages::load();
    let Some(id) = &args.code else {
        return printer.result(&ui::list_pages(&pages, printer.language()));
    };
    // The number alone is enough.
    let full = if id.bytes().all(|byte| byte.is_ascii_digit()) { format!("MB{id}") } else { id.clone() };
    let Some(code) = Code::parse(&full) else {
        let nearest = ui::suggest::nearest(&full, Code::ALL.iter().map(|code| code.id())).and_then(Code::parse);
        return Err(Failure::UnknownCode { code: id.clone(), nearest });
    };
    printer.result(&ui::explain(&pages, code, printer.language()))
}
