//! Reading a secret, at the moment it is needed.

use std::{env, fmt, fs, io, path::PathBuf};

use super::Secret;

/// A secret's text. It prints as `***`; only [`SecretText::expose`] gives it away.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// The text itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// No credentials were passed to this process.
    #[error("credential {0:?}: $CREDENTIALS_DIRECTORY is not set, so systemd passed none")]
    NoCredentials(String),
    /// A credential's name that would leave its folder.
    #[error("credential {0:?}: a name has no '/'")]
    CredentialName(String),
    /// The file cannot be read.
    #[error("secret file {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The variable is not set, or is no UTF-8.
    #[error("environment variable {name:?}: {error}")]
    Env {
        /// The variable.
        name: String,
        /// What is wrong with it.
        error: env::VarError,
    },
}

impl Secret {
    /// Reads the secret from its place. One line end at a file's end is not part of it.
    pub fn read(&self) -> Result<SecretText, SecretError> {
        match self {
            Self::Credential(name) => read_file(credential(name, env::var_os("CREDENTIALS_DIRECTORY"))?),
            Self::File(path) => read_file(path.clone()),
            Self::Env(name) => {
                let wrong = |error| SecretError::Env { name: name.clone(), error };
                env::var(name).map(SecretText).map_err(wrong)
            }
        }
    }
}

/// Where systemd puts a credential.
pub(super) fn credential(name: &str, folder: Option<std::ffi::OsString>) -> Result<PathBuf, SecretError> {
    if name.contains('/') || name == ".." {
        return Err(SecretError::CredentialName(name.to_owned()));
    }
    let folder = folder.ok_or_else(|| SecretError::NoCredentials(name.to_owned()))?;
    Ok(PathBuf::from(folder).join(name))
}

/// Reads a file without its last line end.
fn read_file(path: PathBuf) -> Result<SecretText, SecretError> {
    let mut text = fs::read_to_string(&path).map_err(|error| SecretError::File { path, error })?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(SecretText(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_not_part_of_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        for (held, meant) in [("a b\n", "a b"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a")] {
            fs::write(&path, held).unwrap();

            assert_eq!(Secret::File(path.clone()).read().unwrap().expose(), meant);
        }
    }

    #[test]
    fn a_secret_prints_as_stars() {
        assert_eq!(format!("{:?}", SecretText("hunter2".into())), "***");
    }

    #[test]
    fn a_missing_secret_names_its_place() {
        let error = Secret::Env("TIDEGATE_TEST_NO_SUCH".into()).read().unwrap_err();
        assert!(error.to_string().contains("TIDEGATE_TEST_NO_SUCH"), "{error}");

        let error = credential("mqtt", None).unwrap_err();
        assert!(error.to_string().contains("CREDENTIALS_DIRECTORY"), "{error}");
        assert!(credential("../x", Some("/run".into())).is_err());
        assert_eq!(credential("mqtt", Some("/run".into())).unwrap(), PathBuf::from("/run/mqtt"));
    }
}
