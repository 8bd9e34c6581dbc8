//! `maibot man`: the manual, one page a command, made from the same commands as help and completion.

use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;

use crate::ui::{Failure, Level, Message, Printer};

/// Write the manual pages
#[derive(Debug, Clone, Args)]
pub(crate) struct ManArgs {
    /// Folder to write them into; without it the page of maibot itself is printed
    #[arg(value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    folder: Option<PathBuf>,
}

/// Writes the pages, or prints the first.
pub(crate) fn run(args: &ManArgs, root: Command, printer: &Printer) -> Result<(), Failure> {
    let mut root = root;
    root.build();
    let Some(folder) = &args.folder else {
        return printer.result_bytes(&page(root, "maibot")?);
    };
    std::fs::create_dir_all(folder).map_err(|error| Failure::writing(folder, error))?;
    write(root, "maibot", folder, printer)
}

fn write(command: Command, name: &str, folder: &Path, printer: &Printer) -> Result<(), Failure> {
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        write(subcommand.clone(), &format!("{name}-{}", subcommand.get_name()), folder, printer)?;
    }
    let path = folder.join(format!("{name}.1"));
    std::fs::write(&path, page(command, name)?).map_err(|error| Failure::writing(&path, error))?;
    printer.say(Level::Detail, &Message::Written { path });
    Ok(())
}

fn page(command: Command, name: &str) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    let command = command.display_name(name.to_owned()).name(name.to_owned());
    Man::new(command)
        .title(name)
        .source(concat!("maibot ", env!("CARGO_PKG_VERSION")))
        .render(&mut page)
        .map_err(|error| Failure::internal(&error))?;
    Ok(page)
}
