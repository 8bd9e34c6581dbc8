//! The program: everything it does is in the library, from [`maibot::cli::main`] on.

use std::process::ExitCode;

/// musl's own allocator gives memory back at once and gets it again page by page, which took half of the time of a
/// short command.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    maibot::cli::main()
}
