//! What a client is sent: messages put together in memory.

use super::super::report::SqlReport;

/// Messages on their way to the client.
#[derive(Debug, Default)]
pub(in super::super) struct Out {
    bytes: Vec<u8>,
    /// How many were sent before.
    sent: u64,
}

/// A column as RowDescription tells it. Its table and its place in that are not told (PW-22).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct FieldDescription {
    pub(in super::super) name: String,
    pub(in super::super) oid: u32,
    pub(in super::super) length: i16,
    pub(in super::super) modifier: i32,
}

impl Out {
    /// The bytes so far.
    pub(in super::super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes so far, for whoever writes rows.
    pub(in super::super) fn raw(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The bytes so far, which are to be sent otherwise.
    pub(in super::super) fn take(&mut self) -> Vec<u8> {
        self.sent += self.bytes.len() as u64;
        std::mem::take(&mut self.bytes)
    }

    /// How many bytes there were, sent or not.
    pub(in super::super) fn total(&self) -> u64 {
        self.sent + self.bytes.len() as u64
    }

    /// They are sent. What one large answer took is given back.
    pub(in super::super) fn clear(&mut self) {
        const KEPT: usize = 1 << 20;
        self.sent += self.bytes.len() as u64;
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
    }

    /// Writes a message, whose body `write` puts behind the letter and the length.
    pub(in super::super) fn message(&mut self, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.push(tag);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        write(&mut self.bytes);
        patch(&mut self.bytes, start, 0);
    }

    /// A message without a body.
    fn bare(&mut self, tag: u8) {
        self.message(tag, |_| {});
    }

    pub(in super::super) fn authentication(&mut self, code: i32, data: &[u8]) {
        self.message(b'R', |out| {
            out.extend_from_slice(&code.to_be_bytes());
            out.extend_from_slice(data);
        });
    }

    pub(in super::super) fn parameter_status(&mut self, name: &str, value: &str) {
        self.message(b'S', |out| {
            text(out, name);
            text(out, value);
        });
    }

    pub(in super::super) fn backend_key(&mut self, process: i32, secret: &[u8]) {
        self.message(b'K', |out| {
            out.extend_from_slice(&process.to_be_bytes());
            out.extend_from_slice(secret);
        });
    }

    pub(in super::super) fn negotiate_version(&mut self, minor: i32, unknown: &[String]) {
        self.message(b'v', |out| {
            out.extend_from_slice(&minor.to_be_bytes());
            out.extend_from_slice(&count32(unknown.len()).to_be_bytes());
            unknown.iter().for_each(|name| text(out, name));
        });
    }

    pub(in super::super) fn ready(&mut self, status: u8) {
        self.message(b'Z', |out| out.push(status));
    }

    pub(in super::super) fn parse_complete(&mut self) {
        self.bare(b'1');
    }

    pub(in super::super) fn bind_complete(&mut self) {
        self.bare(b'2');
    }

    pub(in super::super) fn close_complete(&mut self) {
        self.bare(b'3');
    }

    pub(in super::super) fn no_data(&mut self) {
        self.bare(b'n');
    }

    pub(in super::super) fn empty_query(&mut self) {
        self.bare(b'I');
    }

    pub(in super::super) fn portal_suspended(&mut self) {
        self.bare(b's');
    }

    /// Rows of a COPY are to come, or to go, all columns in a format.
    pub(in super::super) fn copy_response(&mut self, tag: u8, format: i16, columns: usize) {
        self.message(tag, |out| {
            out.push(u8::from(format != 0));
            out.extend_from_slice(&count16(columns).to_be_bytes());
            (0..columns).for_each(|_| out.extend_from_slice(&format.to_be_bytes()));
        });
    }

    pub(in super::super) fn copy_done(&mut self) {
        self.bare(b'c');
    }

    pub(in super::super) fn command_complete(&mut self, tag: &str) {
        self.message(b'C', |out| text(out, tag));
    }

    pub(in super::super) fn parameter_description(&mut self, oids: &[u32]) {
        self.message(b't', |out| {
            out.extend_from_slice(&count16(oids.len()).to_be_bytes());
            oids.iter().for_each(|oid| out.extend_from_slice(&oid.to_be_bytes()));
        });
    }

    /// The columns, each in the format that `format` says.
    pub(in super::super) fn row_description(
        &mut self,
        columns: &[FieldDescription],
        format: impl Fn(usize) -> i16,
    ) {
        self.message(b'T', |out| {
            out.extend_from_slice(&count16(columns.len()).to_be_bytes());
            for (at, column) in columns.iter().enumerate() {
                text(out, &column.name);
                out.extend_from_slice(&[0; 6]);
                out.extend_from_slice(&column.oid.to_be_bytes());
                out.extend_from_slice(&column.length.to_be_bytes());
                out.extend_from_slice(&column.modifier.to_be_bytes());
                out.extend_from_slice(&format(at).to_be_bytes());
            }
        });
    }

    /// A row of texts.
    pub(in super::super) fn text_row<'a>(&mut self, values: impl ExactSizeIterator<Item = &'a str>) {
        self.message(b'D', |out| {
            out.extend_from_slice(&count16(values.len()).to_be_bytes());
            for value in values {
                out.extend_from_slice(&count32(value.len()).to_be_bytes());
                out.extend_from_slice(value.as_bytes());
            }
        });
    }

    /// An error, a warning or a notice (PW-26).
    pub(in super::super) fn report(&mut self, report: &SqlReport) {
        let tag = if report.severity.is_error() { b'E' } else { b'N' };
        self.message(tag, |out| {
            for (field, value) in report.fields() {
                out.push(field);
                text(out, &value);
            }
            out.push(0);
        });
    }
}

/// Puts the length of what follows it into the four bytes at `start`, without the `outside` bytes of it that it does not
/// count.
pub(in super::super) fn patch(bytes: &mut [u8], start: usize, outside: usize) {
    let length = count32(bytes.len() - start - outside);
    if let Some(place) = bytes.get_mut(start..start + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}

/// A text ends with a zero byte, which none can hold.
fn text(out: &mut Vec<u8>, value: &str) {
    out.extend(value.bytes().filter(|byte| *byte != 0));
    out.push(0);
}

pub(in super::super) fn count16(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

pub(in super::super) fn count32(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
