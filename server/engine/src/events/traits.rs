//! Traits: a flat map of names to JSON texts, shared by identities and by the events that saw them.

use std::collections::HashMap;
use std::sync::Arc;

use super::item::Members;
use super::weight;
use crate::json;

/// An identity's traits, in the order in which they were first set. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traits {
    entries: Arc<[Entry]>,
    text: Arc<str>,
}

type Entry = (Box<str>, Box<str>);

impl Default for Traits {
    fn default() -> Self {
        Self { entries: Arc::default(), text: "{}".into() }
    }
}

impl Traits {
    /// The traits as the text of a JSON object.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// What they take in memory, their text aside.
    pub(super) fn weight(&self) -> usize {
        weight::entries(&self.entries)
    }

    /// One trait's JSON text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries.iter().find(|(key, _)| &**key == name).map(|(_, value)| &**value)
    }

    /// These traits with `update` on top: shallow, the update's value winning, null being a value (AM-05).
    #[must_use]
    pub fn updated_by(&self, update: Members) -> Self {
        if update.is_empty() {
            return self.clone();
        }
        let mut entries = self.entries.to_vec();
        let mut places: HashMap<Box<str>, usize> =
            entries.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect();
        for (name, value) in update {
            match places.get(&name) {
                Some(&place) => entries[place].1 = value,
                None => {
                    places.insert(name.clone(), entries.len());
                    entries.push((name, value));
                }
            }
        }
        Self::from_entries(entries)
    }

    /// The union in which `self`'s values win (AM-04).
    #[must_use]
    pub fn over(&self, lost: &Self) -> Self {
        if lost.entries.is_empty() {
            return self.clone();
        }
        lost.updated_by(self.entries.to_vec())
    }

    fn from_entries(entries: Vec<Entry>) -> Self {
        let mut text = String::new();
        json::push_object(&mut text, &entries);
        Self { entries: entries.into(), text: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traits(entries: &[(&str, &str)]) -> Traits {
        Traits::default()
            .updated_by(entries.iter().map(|&(name, value)| (name.into(), value.into())).collect())
    }

    #[test]
    fn an_update_wins_per_key_and_null_is_a_value() {
        let before = traits(&[("a", "1"), ("b", "{\"x\":1}")]);
        let after = before.updated_by(vec![("b".into(), "null".into()), ("c".into(), "\"z\"".into())]);
        assert_eq!(&**after.text(), r#"{"a":1,"b":null,"c":"z"}"#);
    }

    #[test]
    fn a_union_keeps_the_survivors_values() {
        let survivor = traits(&[("a", "1")]);
        let lost = traits(&[("a", "2"), ("b", "3")]);
        assert_eq!(&**survivor.over(&lost).text(), r#"{"a":1,"b":3}"#);
        assert_eq!(&**survivor.over(&Traits::default()).text(), r#"{"a":1}"#);
    }
}
