//! A column of optional strings in one buffer, so that a million values are a handful of allocations.

#[derive(Debug, Clone, Default)]
pub(super) struct Strings {
    bytes: String,
    /// Where each value ends in `bytes`; the top bit marks NULL.
    ends: Vec<usize>,
}

const NULL: usize = 1 << (usize::BITS - 1);

impl Strings {
    pub(super) fn push(&mut self, value: Option<&str>) {
        self.bytes.push_str(value.unwrap_or_default());
        let null = if value.is_none() { NULL } else { 0 };
        self.ends.push(self.bytes.len() | null);
    }

    /// Appends what `write` writes.
    pub(super) fn push_with(&mut self, write: impl FnOnce(&mut String)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// The value in `row`, `None` for NULL.
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        let end = self.ends[row];
        if end & NULL != 0 {
            return None;
        }
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before] & !NULL);
        Some(&self.bytes[start..end])
    }

    /// Gives back the room for more values.
    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    pub(super) fn byte_len(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_and_empty_strings_stay_apart() {
        let mut column = Strings::default();
        for value in [Some("a"), None, Some(""), Some("日本"), None] {
            column.push(value);
        }
        let read: Vec<_> = (0..5).map(|row| column.get(row)).collect();
        assert_eq!(read, [Some("a"), None, Some(""), Some("日本"), None]);
    }
}
