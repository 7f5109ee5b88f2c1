//! Random names: bearer tokens, tickets, statement handles and transaction ids.

use std::fmt;

use bytes::Bytes;
use rand::TryRngCore;
use rand::rngs::OsRng;
use subtle::ConstantTimeEq;

use engine::{Error, Result};

const HALF: usize = 32;

/// A bearer token: a public half to look the session up by, and a secret half of 128 random bits (FA-4).
#[derive(Clone)]
pub(super) struct BearerToken(String);

impl BearerToken {
    /// A new token from the operating system's random source.
    ///
    /// # Errors
    /// `Internal` when that source fails.
    pub(super) fn new() -> Result<Self> {
        Ok(Self(format!("{}{}", random_hex()?, random_hex()?)))
    }

    /// The text that the client sends back.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The half that a table of sessions is keyed by; it opens nothing by itself.
    pub(super) fn id(&self) -> &str {
        &self.0[..HALF]
    }

    /// Whether a client's text is this token, compared in constant time.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }

    /// The public half of a client's text, if it has the shape of a token.
    pub(super) fn id_of(text: &str) -> Option<&str> {
        (text.len() == 2 * HALF && text.is_ascii()).then(|| &text[..HALF])
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(…)")
    }
}

/// An opaque id of 128 random bits, as tickets, handles and transactions carry it.
///
/// # Errors
/// `Internal` when the operating system's random source fails.
pub(super) fn random_id() -> Result<Bytes> {
    random_hex().map(Bytes::from)
}

fn random_hex() -> Result<String> {
    let mut bytes = [0u8; HALF / 2];
    OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|e| Error::internal(format!("The system's random source failed: {e}")))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_match_only_themselves() {
        let (a, b) = (BearerToken::new().unwrap(), BearerToken::new().unwrap());
        assert_ne!(a.id(), b.id());
        assert!(a.matches(a.as_str()) && !a.matches(b.as_str()));
        let forged = format!("{}{}", a.id(), &b.as_str()[HALF..]);
        assert_eq!(BearerToken::id_of(&forged), Some(a.id()));
        assert!(!a.matches(&forged));
        assert_eq!(format!("{a:?}"), "BearerToken(…)");
    }

    #[test]
    fn text_of_another_shape_has_no_id() {
        for text in ["", "abc", &"é".repeat(HALF)] {
            assert_eq!(BearerToken::id_of(text), None);
        }
    }
}
