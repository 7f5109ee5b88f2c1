//! Who may connect, and who may steer the server.

use std::collections::HashSet;
use std::fmt;

use super::resolve::{distinct, fault};
use engine::{Account, Result};

/// The control plane (CX).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ControlOptions {
    /// Whether there is none (`--no-control`).
    pub is_off: bool,
    /// The keys that open all of it (`--control-key`).
    pub keys: Vec<String>,
    /// Whether an API key opens the events of its projects (`--control-api-keys`).
    pub api_keys_open: bool,
}

impl fmt::Debug for ControlOptions {
    /// Keys are secrets: only their number is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlOptions")
            .field("is_off", &self.is_off)
            .field("keys", &self.keys.len())
            .finish()
    }
}

pub(super) fn control(
    no_control: Option<bool>,
    keys: Option<Vec<String>>,
    api_keys: Option<bool>,
) -> Result<ControlOptions> {
    let keys = distinct(keys.unwrap_or_default(), "--control-key", false)?;
    if let Some(at) = keys.iter().position(|key| !key.bytes().all(|byte| byte.is_ascii_graphic())) {
        let number = at + 1;
        return Err(fault(format!("--control-key number {number} has to be visible ASCII, to fit a header")));
    }
    let is_off = no_control.unwrap_or(false);
    if is_off && !keys.is_empty() {
        return Err(fault("--no-control leaves nothing that --control-key could open".to_owned()));
    }
    Ok(ControlOptions { is_off, keys, api_keys_open: api_keys.unwrap_or(false) })
}

/// Users as NAME:PASSWORD; the first colon separates. A fault names the user, never the password.
pub(super) fn users(given: Vec<String>) -> Result<Vec<Account>> {
    let mut names = HashSet::new();
    let mut users = Vec::with_capacity(given.len());
    for text in given {
        let Some((name, password)) = text.split_once(':') else {
            let name = name_alone(&text);
            return Err(fault(format!("the user \"{name}\" has no password: write --user NAME:PASSWORD")));
        };
        if name.is_empty() || password.is_empty() {
            let missing = if name.is_empty() { "name" } else { "password" };
            return Err(fault(format!(
                "--user \"{name}:…\" has an empty {missing}: write --user NAME:PASSWORD"
            )));
        }
        if !names.insert(name.to_owned()) {
            return Err(fault(format!("the user \"{name}\" is declared twice: keep one --user {name}:…")));
        }
        users.push(Account { name: name.to_owned(), password: password.to_owned() });
    }
    Ok(users)
}

/// As much of a user without a colon as can be shown: what follows another separator may be the password.
fn name_alone(text: &str) -> String {
    match text.find(|c: char| !(c.is_alphanumeric() || "_.@+-".contains(c))) {
        Some(end) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
