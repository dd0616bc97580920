//! `tidegate completions`

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::{Cli, context::Context, error::CliError};

/// Print the completions for a shell.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// bash, zsh or fish.
    #[arg(value_parser = parse_shell)]
    shell: Shell,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let mut text = Vec::new();
    generate(args.shell, &mut Cli::command(), "tidegate", &mut text);
    context.print(&String::from_utf8_lossy(&text))
}

/// The shells we ship completions for.
fn parse_shell(text: &str) -> Result<Shell, String> {
    match text {
        "bash" => Ok(Shell::Bash),
        "zsh" => Ok(Shell::Zsh),
        "fish" => Ok(Shell::Fish),
        _ => Err("one of bash, zsh, fish".to_owned()),
    }
}
