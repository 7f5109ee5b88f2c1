//! Reading the body of a message field by field.

use bytes::{Buf, Bytes};

use super::super::report::SqlReport;

/// What is wrong with a message, in PostgreSQL's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Malformed {
    /// It ends within a field.
    Short,
    /// It goes on behind its last field.
    Long,
    /// A text without its end.
    Unterminated,
    /// A text that is not UTF-8, from this byte on.
    NotUtf8(u8),
    /// Something else.
    Other(&'static str),
}

impl From<Malformed> for SqlReport {
    fn from(fault: Malformed) -> Self {
        let violation = |text: &str| SqlReport::error("08P01", text);
        match fault {
            Malformed::Short => violation("insufficient data left in message"),
            Malformed::Long => violation("invalid message format"),
            Malformed::Unterminated => violation("invalid string in message"),
            Malformed::NotUtf8(byte) => SqlReport::error(
                "22021",
                format!("invalid byte sequence for encoding \"UTF8\": 0x{byte:02x}"),
            ),
            Malformed::Other(text) => violation(text),
        }
    }
}

/// The rest of a message's body.
#[derive(Debug, Clone)]
pub(in super::super) struct BodyFields(Bytes);

impl BodyFields {
    /// All of a body.
    pub(in super::super) fn new(body: Bytes) -> Self {
        Self(body)
    }

    /// One byte.
    pub(in super::super) fn byte(&mut self) -> Result<u8, Malformed> {
        self.need(1)?;
        Ok(self.0.get_u8())
    }

    /// A number of 16 bits.
    pub(in super::super) fn short(&mut self) -> Result<i16, Malformed> {
        self.need(2)?;
        Ok(self.0.get_i16())
    }

    /// A number of 32 bits.
    pub(in super::super) fn long(&mut self) -> Result<i32, Malformed> {
        self.need(4)?;
        Ok(self.0.get_i32())
    }

    /// So many bytes.
    pub(in super::super) fn bytes(&mut self, length: usize) -> Result<Bytes, Malformed> {
        self.need(length)?;
        Ok(self.0.split_to(length))
    }

    /// A text that ends with a zero byte.
    pub(in super::super) fn text(&mut self) -> Result<String, Malformed> {
        let end = memchr::memchr(0, &self.0).ok_or(Malformed::Unterminated)?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        utf8(&text).map(str::to_owned)
    }

    /// As many items as a count of 16 bits before them says.
    pub(in super::super) fn items<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = u16::from_be_bytes(self.short()?.to_be_bytes());
        (0..count).map(|_| item(self)).collect()
    }

    /// A value with its length before it; none where that is -1.
    pub(in super::super) fn value(&mut self) -> Result<Option<Bytes>, Malformed> {
        match self.long()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| Malformed::Short)?;
                self.bytes(length).map(Some)
            }
        }
    }

    /// What is left.
    pub(in super::super) fn rest(self) -> Bytes {
        self.0
    }

    /// The message has to end here.
    pub(in super::super) fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed::Long) }
    }

    fn need(&self, length: usize) -> Result<(), Malformed> {
        if self.0.len() < length { Err(Malformed::Short) } else { Ok(()) }
    }
}

/// Bytes as text.
pub(in super::super) fn utf8(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes)
        .map_err(|fault| Malformed::NotUtf8(bytes.get(fault.valid_up_to()).copied().unwrap_or_default()))
}
