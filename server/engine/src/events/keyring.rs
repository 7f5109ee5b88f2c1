//! Looking up an API key without telling by the time taken how much of it was right.

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// The declared keys, in order.
#[derive(Default)]
pub(super) struct Keyring {
    keys: Vec<Box<str>>,
}

impl Keyring {
    pub(super) fn new(keys: impl IntoIterator<Item = String>) -> Self {
        Self { keys: keys.into_iter().map(String::into_boxed_str).collect() }
    }

    /// Adds a key; false if it is there already.
    pub(super) fn add(&mut self, key: &str) -> bool {
        let is_new = self.place(key).is_none();
        if is_new {
            self.keys.push(key.into());
        }
        is_new
    }

    /// Takes a key out and returns its place, into which the last key moves.
    pub(super) fn remove(&mut self, key: &str) -> Option<usize> {
        let place = self.place(key)?;
        self.keys.swap_remove(place);
        Some(place)
    }

    /// The place of `key`. Every declared key is compared whole, whichever matches.
    pub(super) fn place(&self, key: &str) -> Option<usize> {
        let mut found = Choice::from(0);
        let mut place = 0_u64;
        for (at, declared) in (0_u64..).zip(&self.keys) {
            let same = declared.as_bytes().ct_eq(key.as_bytes());
            place.conditional_assign(&at, same);
            found |= same;
        }
        bool::from(found).then(|| usize::try_from(place).ok()).flatten()
    }
}

impl std::fmt::Debug for Keyring {
    /// Keys are secrets: only their number is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({})", self.keys.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_key_is_found() {
        let ring = Keyring::new(["ab".to_owned(), "abc".to_owned()]);
        let found: Vec<_> = ["ab", "abc", "a", "abcd", "", "AB"].map(|key| ring.place(key)).into();
        assert_eq!(found, [Some(0), Some(1), None, None, None, None]);
    }

    #[test]
    fn the_last_key_moves_into_the_place_of_a_removed_one() {
        let mut ring = Keyring::new(["a".to_owned(), "b".to_owned(), "c".to_owned()]);
        assert!(ring.add("d") && !ring.add("b"));
        assert_eq!((ring.remove("b"), ring.remove("b")), (Some(1), None));
        assert_eq!(["a", "b", "c", "d"].map(|key| ring.place(key)), [Some(0), None, Some(2), Some(1)]);
    }
}
