//! The program: everything it does is in the library, from [`maibot::cli::main`] on.

use std::process::ExitCode;

fn main() -> ExitCode {
    maibot::cli::main()
}
