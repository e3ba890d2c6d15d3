//! Command line in, exit code out. What each command does lives in `moshao::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    moshao::cli::main()
}
