//! The units that the body of an answer is made of: the lines of a text, the messages of gRPC.

use bytes::{Bytes, BytesMut};

/// What a body is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnitKind {
    /// Lines, each of which ends with a line feed.
    Line,
    /// Lines of CSV: a line feed between quotes ends none.
    CsvLine,
    /// Messages of gRPC: a byte, the length in four, and so many bytes.
    Message,
    /// Nothing that could be told apart: each piece as it comes.
    Piece,
}

/// Cuts a body into its units.
#[derive(Debug)]
pub(super) struct Units {
    kind: UnitKind,
    held: BytesMut,
    /// How much of what is held has been looked at, and whether that ends between quotes.
    seen: usize,
    is_quoted: bool,
}

impl Units {
    pub(super) fn new(kind: UnitKind) -> Self {
        Self { kind, held: BytesMut::new(), seen: 0, is_quoted: false }
    }

    /// More of the body has come.
    pub(super) fn add(&mut self, piece: &[u8]) {
        self.held.extend_from_slice(piece);
    }

    /// The next unit that is complete.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let length = match self.kind {
            UnitKind::Line | UnitKind::CsvLine => self.line(),
            UnitKind::Message => self.message(),
            UnitKind::Piece => Some(self.held.len()).filter(|length| *length > 0),
        };
        let unit = self.held.split_to(length?).freeze();
        self.seen = 0;
        Some(unit)
    }

    /// What is left when the body has ended.
    pub(super) fn rest(&mut self) -> Option<Bytes> {
        let rest = self.held.split().freeze();
        Some(rest).filter(|rest| !rest.is_empty())
    }

    fn line(&mut self) -> Option<usize> {
        while let Some(byte) = self.held.get(self.seen) {
            self.seen += 1;
            match byte {
                b'"' if self.kind == UnitKind::CsvLine => self.is_quoted = !self.is_quoted,
                b'\n' if !self.is_quoted => return Some(self.seen),
                _ => {}
            }
        }
        None
    }

    fn message(&self) -> Option<usize> {
        let (&[_, a, b, c, d], _) = self.held.split_first_chunk::<5>()?;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?.checked_add(5)?;
        (self.held.len() >= length).then_some(length)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(UnitKind::Line, "a\n\"b\nc", &["a\n", "\"b\n"], Some("c"))]
    #[case(UnitKind::CsvLine, "a\n\"b\n\",c\nd\n", &["a\n", "\"b\n\",c\n", "d\n"], None)]
    #[case(
        UnitKind::Message,
        "\0\0\0\0\x01x\0\0\0\0\0\0\0\0\0\x03y",
        &["\0\0\0\0\x01x", "\0\0\0\0\0"],
        Some("\0\0\0\0\x03y")
    )]
    fn units_are_the_same_however_a_body_comes(
        #[case] kind: UnitKind,
        #[case] body: &str,
        #[case] units: &[&str],
        #[case] rest: Option<&str>,
    ) {
        let body = body.as_bytes();
        for step in 1..=body.len() {
            let mut cutting = Units::new(kind);
            let mut found = Vec::new();
            for piece in body.chunks(step) {
                cutting.add(piece);
                found.extend(std::iter::from_fn(|| cutting.next()));
            }
            assert_eq!(found, units, "in pieces of {step}");
            assert_eq!(cutting.rest().as_deref(), rest.map(str::as_bytes));
        }
    }
}
