//! Texts cut to what is worth keeping.

/// A text, cut if it was long, and how long it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptText {
    /// What is kept of it.
    pub text: Box<str>,
    /// How many bytes the whole has.
    pub length: usize,
}

impl KeptText {
    /// Whether there is more than is kept.
    pub fn is_cut(&self) -> bool {
        self.text.len() < self.length
    }

    pub(super) fn size(&self) -> usize {
        self.text.len()
    }
}

/// The beginning of a text, at most `most` bytes of whole characters.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}
