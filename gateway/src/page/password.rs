//! The page's one password: an Argon2id hash in a file, and the code that allows setting it at first.
//!
//! There is no default password. As long as there is none, each start makes a one-time code and prints it to the log,
//! which only whoever administers the box can read. Removing the file and restarting begins anew.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::seq::IndexedRandom;

use super::session::Token;

/// Name of the file in the data directory.
const FILE: &str = "page-password";
/// Shortest password, characters.
pub(super) const PASSWORD_MIN: usize = 10;
/// Longest password, bytes.
const PASSWORD_MAX_BYTES: usize = 256;
/// OWASP's setting with 12 MiB: small enough for the parent, 3 passes.
const MEMORY_KIB: u32 = 12 * 1024;
const PASSES: u32 = 3;
/// Letters and digits that nobody mistakes for another.
const CODE_LETTERS: &[u8] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_LENGTH: usize = 10;

/// The password, or the code that allows setting it.
#[derive(Debug)]
pub(super) struct Keyring {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Clone)]
enum State {
    /// Nobody has set a password; whoever has the code may.
    Unset(Token),
    /// An Argon2id hash in PHC format.
    Set(String),
}

/// The file with the hash cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the page's password file {path}: {reason}; remove it to set a new password at the next start")]
pub struct KeyringError {
    path: PathBuf,
    reason: String,
}

/// Why a password was not set.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSet {
    /// There is one already.
    #[error("a password has been set already")]
    Already,
    /// Not the code of the log.
    #[error("that is not the code")]
    WrongCode,
    /// Too short or too long.
    #[error("a password has {PASSWORD_MIN} characters or more, and at most {PASSWORD_MAX_BYTES} bytes")]
    Length,
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] KeyringError),
}

// === impl Keyring ===

impl Keyring {
    /// Reads the hash of `data_dir`, or makes a code where there is none.
    ///
    /// # Errors
    /// The file is there and cannot be used.
    pub(super) fn open(data_dir: &Path) -> Result<Self, KeyringError> {
        let file = data_dir.join(FILE);
        let state = match fs::read_to_string(&file) {
            Ok(hash) => {
                let hash = hash.trim().to_owned();
                if let Err(error) = PasswordHash::new(&hash) {
                    return Err(KeyringError { path: file, reason: format!("no password hash: {error}") });
                }
                State::Set(hash)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => State::Unset(new_code()),
            Err(error) => return Err(KeyringError { path: file, reason: error.to_string() }),
        };
        Ok(Keyring { file, state: Mutex::new(state) })
    }

    /// The code, while no password is set.
    pub(super) fn code(&self) -> Option<String> {
        match &*self.state() {
            State::Unset(code) => Some(code.as_str().to_owned()),
            State::Set(_) => None,
        }
    }

    /// Whether somebody has set a password.
    pub(super) fn is_set(&self) -> bool {
        matches!(*self.state(), State::Set(_))
    }

    /// Whether this is the password. Takes a while, on purpose: call it off the runtime's threads.
    pub(super) fn accepts(&self, password: &str) -> bool {
        let State::Set(hash) = self.state().clone() else { return false };
        let hash = PasswordHash::new(&hash).expect("it was read or made here");
        password.len() <= PASSWORD_MAX_BYTES && argon2().verify_password(password.as_bytes(), &hash).is_ok()
    }

    /// Sets the first password; the code is spent with it.
    ///
    /// # Errors
    /// See [`NotSet`]; nothing has changed.
    pub(super) fn set_first(&self, code: &str, password: &str) -> Result<(), NotSet> {
        let mut state = self.state();
        let State::Unset(wanted) = &*state else { return Err(NotSet::Already) };
        let typed: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
        let plain = Token::from_text(&wanted.as_str().replace('-', ""));
        if !plain.is(&typed.to_ascii_uppercase()) {
            return Err(NotSet::WrongCode);
        }
        *state = State::Set(self.store(password)?);
        Ok(())
    }

    /// Sets another password.
    ///
    /// # Errors
    /// See [`NotSet`]; nothing has changed.
    pub(super) fn change(&self, password: &str) -> Result<(), NotSet> {
        let mut state = self.state();
        *state = State::Set(self.store(password)?);
        Ok(())
    }

    fn store(&self, password: &str) -> Result<String, NotSet> {
        if password.chars().count() < PASSWORD_MIN || password.len() > PASSWORD_MAX_BYTES {
            return Err(NotSet::Length);
        }
        let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>()).expect("16 bytes are a salt");
        let hash = argon2().hash_password(password.as_bytes(), &salt).expect("the parameters are good");
        let hash = hash.to_string();
        write(&self.file, &hash)
            .map_err(|error| KeyringError { path: self.file.clone(), reason: error.to_string() })?;
        Ok(hash)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Readable for the gateway alone, and whole or not at all.
fn write(file: &Path, hash: &str) -> std::io::Result<()> {
    let unfinished = file.with_extension("tmp");
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    writeln!(out, "{hash}")?;
    out.sync_all()?;
    fs::rename(&unfinished, file)?;
    file.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).expect("parameters within Argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// `7KQ4M-XW2PD`: 49 bits, with a lock-out after a few wrong ones.
fn new_code() -> Token {
    let mut rng = rand::rng();
    let letter = |_| char::from(*CODE_LETTERS.choose(&mut rng).expect("there are letters"));
    let code: String = (0..CODE_LENGTH).map(letter).collect();
    let (left, right) = code.split_at(CODE_LENGTH / 2);
    Token::from_text(&format!("{left}-{right}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_password_needs_the_code_and_is_kept_as_a_hash() {
        let dir = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(dir.path()).unwrap();
        let code = keyring.code().expect("nobody has set a password");
        assert!(!keyring.accepts(""), "there is no default password");
        assert!(matches!(keyring.set_first("AAAAA-AAAAA", "correct horse"), Err(NotSet::WrongCode)));
        assert!(matches!(keyring.set_first(&code, "short"), Err(NotSet::Length)));
        keyring.set_first(&code.to_lowercase().replace('-', " "), "correct horse").unwrap();
        assert!(matches!(keyring.set_first(&code, "another one"), Err(NotSet::Already)));

        let stored = fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=12288,t=3,p=1$"), "{stored}");
        assert_eq!(fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Keyring::open(dir.path()).unwrap();
        assert!(again.is_set() && again.code().is_none());
        assert!(again.accepts("correct horse") && !again.accepts("correct horsf"));
    }

    #[test]
    fn a_damaged_file_is_an_error_and_no_open_door() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "").unwrap();
        let error = Keyring::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("remove it to set a new password"), "{error}");
    }
}
