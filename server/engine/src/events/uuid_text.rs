//! A UUID as SQL shows it.

use std::fmt;

use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// A UUID kept as its hyphenated text, because a query over events asks for their identities' once per event.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UuidText([u8; Hyphenated::LENGTH]);

impl UuidText {
    /// The hyphenated text in lower case.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl From<Uuid> for UuidText {
    fn from(uuid: Uuid) -> Self {
        let mut text = [0; Hyphenated::LENGTH];
        uuid.hyphenated().encode_lower(&mut text);
        Self(text)
    }
}

impl fmt::Debug for UuidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
