//! `tidegate man`: pages of section 8, for an administrator's commands.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::{Cli, context::Context, error::CliError};

/// Print the manual page, or write it and one for each command into a folder.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder; made when it is not there.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let mut command = Cli::command();
    command.build();
    match &args.dir {
        None => context.print(&String::from_utf8_lossy(&page(&command)?)),
        Some(dir) => {
            fs::create_dir_all(dir)?;
            write_all(&command, dir)
        }
    }
}

/// Writes the page of a command and those of its subcommands.
fn write_all(command: &Command, dir: &Path) -> Result<(), CliError> {
    fs::write(dir.join(format!("{}.8", name(command))), page(command)?)?;
    command.get_subcommands().filter(|sub| sub.get_name() != "help").try_for_each(|sub| write_all(sub, dir))
}

/// One page.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    Man::new(command.clone()).section("8").manual("Tidegate").render(&mut text)?;
    Ok(text)
}

/// `tidegate-buffer-status`
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or(command.get_name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_in_section_8() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Cli::command();
        command.build();

        write_all(&command, dir.path()).unwrap();

        for name in ["tidegate", "tidegate-run", "tidegate-buffer-status", "tidegate-log-level"] {
            let page = fs::read_to_string(dir.path().join(format!("{name}.8"))).unwrap();
            assert!(page.contains(&format!(".TH {name} 8")), "{page}");
        }
        assert!(!dir.path().join("tidegate-help.8").exists());
    }
}
