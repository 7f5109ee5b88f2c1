//! The configuration file: TOML, its keys the names of the flags.

use std::fmt;
use std::path::Path;

use serde::de::{Deserializer, SeqAccess, Visitor};

use super::{Options, fault};
use engine::Result;

/// Reads a configuration file.
///
/// # Errors
/// Config, naming the file and the line.
pub(super) fn read(path: &Path) -> Result<Options> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        fault(&format!("cannot read the configuration file {shown}: {error}; check --config"))
    })?;
    toml::from_str(&text).map_err(|error| {
        let line =
            error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        fault(&format!(
            "{shown}, line {line}: {}; its keys are the names of the flags, see --help",
            error.message()
        ))
    })
}

/// A repeatable setting: an array of texts, or a text alone.
///
/// # Errors
/// The deserializer's, which quotes no text: it may hold a password.
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Vec<String>>, D::Error> {
    deserializer.deserialize_any(FileTexts).map(Some)
}

struct FileTexts;

impl<'de> Visitor<'de> for FileTexts {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of texts")
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> std::result::Result<Vec<String>, A::Error> {
        let mut all = Vec::new();
        while let Some(text) = texts.next_element()? {
            all.push(text);
        }
        Ok(all)
    }
}
