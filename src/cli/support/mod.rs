//! `tidegate support-bundle`: what somebody who helps from afar would ask for, in one file and without secrets.
//!
//! It works with the daemon up or down and with a broken configuration: a part that cannot be had says why in its
//! place. Everything passes the [`Scrubber`] on its way in, so that no part has to think of secrets by itself.

mod parts;
mod scrub;

use std::path::{Path, PathBuf};

use self::{
    parts::{Body, Part},
    scrub::Scrubber,
};
use super::{
    archive::Archive,
    context::Context,
    error::{CliError, complain},
    seams,
};
use crate::{
    host::SystemClock,
    model::{Clock as _, Timestamp},
};

/// Collect what helps to find a fault into one file: the configuration without secrets, status, log, a look through the
/// buffer, versions and hardware. The daemon may be down. The last line printed is the file's path.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file, or the folder for it; `tidegate-support-GATEWAY-TIME.tar.gz` in this folder when none is given.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave out the look through the buffer, which takes its time on a large one.
    #[arg(long)]
    no_buffer: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let now = SystemClock::new().now();
    let name = format!("tidegate-support-{}-{}", seams::gateway(context.config()), stamp(now));
    let path = place(args.output.as_deref(), &name);
    let redacted = seams::redacted(context.config());
    let scrubber = Scrubber::new(redacted.secrets);
    let parts = parts::gather(context, &redacted.files, now, !args.no_buffer);

    let failed = |error| CliError::Failed(format!("cannot write {}: {error}", path.display()));
    let mut archive = Archive::create(&path, now).map_err(failed)?;
    for part in parts {
        let bytes = scrubbed(&part, &scrubber).into_bytes();
        archive.add(&format!("{name}/{}", part.name), 0o600, bytes.len() as u64, &*bytes).map_err(failed)?;
    }
    archive.finish().map_err(failed)?;

    complain(
        "Passwords, keys and logins are left out. Names and addresses are not: look through it before you send it.",
    );
    context.print(&format!("{}\n", path.display()))
}

/// Where the file goes.
fn place(output: Option<&Path>, name: &str) -> PathBuf {
    let file = format!("{name}.tar.gz");
    match output {
        None => file.into(),
        Some(folder) if folder.is_dir() => folder.join(file),
        Some(path) => path.to_owned(),
    }
}

/// `20261127T203000Z`: a time that a file's name can have everywhere.
fn stamp(now: Timestamp) -> String {
    let seconds = now.to_string();
    let seconds = seconds.split('.').next().unwrap_or_default().trim_end_matches('Z');
    format!("{}Z", seconds.replace(['-', ':'], ""))
}

/// A part as text without secrets.
fn scrubbed(part: &Part, scrubber: &Scrubber) -> String {
    match &part.body {
        Body::Json(json) => format!("{:#}\n", scrubber.json(json)),
        Body::Text(text) => scrubber.text(text),
    }
}

#[cfg(test)]
mod tests;
