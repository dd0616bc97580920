//! `tidegate profile test`: each profile on simulated units.

use std::{fmt::Write as _, io, path::PathBuf};

use serde_json::{Value, json};

use super::{Places, parse};
use crate::{
    cli::{
        context::{Context, block_on},
        error::CliError,
        seams,
    },
    profile::{Library, ProfileName},
    testing::rehearsal::{self, Outcome},
};

/// Tries profiles and tells what came of it.
pub(super) fn run(
    places: &Places,
    profiles: &[String],
    as_json: bool,
    context: &mut Context,
) -> Result<(), CliError> {
    let mut tried = Vec::new();
    for (mut library, name) in chosen(places, profiles, context)? {
        let outcome = block_on(async { Ok(rehearsal::rehearse(&mut library, &name).await?) })?;
        tried.push((name, outcome));
    }
    let failed = tried.iter().filter(|(_, outcome)| outcome.report.has_errors()).count();
    context.show(as_json, &outcomes_json(&tried), || outcomes_text(&tried))?;
    if failed == 0 {
        return Ok(());
    }
    Err(CliError::Failed(if as_json {
        String::new()
    } else {
        format!("{failed} of {} profiles failed", tried.len())
    }))
}

/// The profiles to be tried, each with the library it is in.
fn chosen(places: &Places, profiles: &[String], context: &Context) -> Result<Vec<(Library, ProfileName)>, CliError> {
    if profiles.is_empty() {
        let names = places.library(context).list().into_keys();
        let all: Vec<_> = names.map(|name| (places.library(context), name)).collect();
        return if all.is_empty() { Err(nothing_to_try()) } else { Ok(all) };
    }
    profiles.iter().map(|text| one_chosen(places, text, context)).collect()
}

/// A profile by its folder, if there is such a folder, else by its name.
fn one_chosen(places: &Places, text: &str, context: &Context) -> Result<(Library, ProfileName), CliError> {
    let absolute = match std::fs::canonicalize(text) {
        Ok(absolute) => absolute,
        Err(error) if is_path(text) => return Err(no_folder(text, &error)),
        Err(_) => return Ok((places.library(context), parse(text)?)),
    };
    // As it was typed if that says enough, so that reports name files as the user does.
    let typed = PathBuf::from(text);
    let folder = if ProfileName::of_folder(&typed).is_ok() { typed } else { absolute };
    let name = ProfileName::of_folder(&folder).map_err(|fault| {
        CliError::Usage(format!("{}: {} (help: name the folder vendor/model)", folder.display(), fault.message))
    })?;
    // The folder ends in vendor/model, so it has these two above it.
    let dir = folder.ancestors().nth(2).unwrap_or(&folder);
    Ok((Library::new(vec![dir.to_owned()]), name))
}

/// Whether a text can only be meant as a folder: a name has one slash, and begins with a letter or digit.
fn is_path(text: &str) -> bool {
    text.matches('/').count() > 1 || text.starts_with(['/', '.', '~'])
}

/// Why a folder that somebody named cannot be used.
fn no_folder(text: &str, error: &io::Error) -> CliError {
    CliError::Usage(match error.kind() {
        io::ErrorKind::NotFound => {
            format!("no such folder: {text} (help: name one that ends in vendor/model, or a profile as vendor/model)")
        }
        _ => format!("{text}: {error}"),
    })
}

/// No profile anywhere.
fn nothing_to_try() -> CliError {
    CliError::Usage("there are no profiles (help: name a folder with --dir)".to_owned())
}

/// What was tried, for programs.
fn outcomes_json(tried: &[(ProfileName, Outcome)]) -> Value {
    let profiles = tried.iter().map(|(name, outcome)| {
        let problems: Vec<_> = outcome.report.problems.iter().map(seams::problem_json).collect();
        json!({
            "profile": name.as_str(), "ok": !outcome.report.has_errors(), "points": outcome.points,
            "vectors": outcome.vectors, "problems": problems,
        })
    });
    json!({ "ok": tried.iter().all(|(_, outcome)| !outcome.report.has_errors()), "profiles": profiles.collect::<Vec<_>>() })
}

/// What was tried, for people: each profile, below it what is wrong with it.
fn outcomes_text(tried: &[(ProfileName, Outcome)]) -> String {
    let mut text = String::new();
    for (name, outcome) in tried {
        let word = if outcome.report.has_errors() { "FAILED" } else { "ok" };
        let Outcome { points, vectors, report } = outcome;
        // Writing to a string cannot fail.
        let _ = write!(text, "{name}: {word}, {points} points, {vectors} vectors\n{report}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_the_form_of_a_path_is_a_folder_that_is_missing() {
        let missing = io::Error::from(io::ErrorKind::NotFound);
        for text in ["profiles/northwatt/em4", "./em4", "/em4", "~/em4"] {
            assert!(is_path(text), "{text}");
        }
        assert!(!is_path("northwatt/em4") && !is_path("em4"));
        assert!(no_folder("profiles/a/b", &missing).to_string().starts_with("no such folder: profiles/a/b (help: "));
    }
}
