//! Arrow IPC messages as batches, whichever door they come through; nothing that they say is trusted.
//!
//! Arrow's reader asserts what a damaged message breaks, makes room for whatever a length claims, and looks neither at the
//! byte order nor at what a batch has too much. So each message is checked before that reader has it.

mod compression;
mod layout;
mod schema;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::{read_dictionary, read_record_batch};
use arrow::ipc::{DictionaryBatch, Message, MessageHeader, Schema as IpcSchema, root_as_message};

use self::compression::Plain;
use engine::{Error, ErrorKind, Result, Size, limit_exceeded};

/// What the messages of a stream have said so far.
pub(crate) struct Decoder {
    /// The most that a message may take once it is decompressed, and the dictionaries together, in bytes.
    limit: u64,
    schema: Option<SchemaRef>,
    has_unions: bool,
    dictionaries: HashMap<i64, ArrayRef>,
    bytes: u64,
}

impl Decoder {
    /// Nothing yet; a message may take so many bytes once it is decompressed, and the dictionaries together
    /// (`--arrow-message-limit`).
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, schema: None, has_unions: false, dictionaries: HashMap::new(), bytes: 0 }
    }

    /// How many bytes the bodies of the messages had, decompressed.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The schema of the rows, once it has come.
    pub(crate) fn schema(&self) -> Option<&SchemaRef> {
        self.schema.as_ref()
    }

    /// Takes a schema that came outside of a message, in the footer of a file.
    ///
    /// # Errors
    /// `InvalidArgument` for one that is no schema of Arrow, or of big-endian data.
    pub(crate) fn set_schema(&mut self, schema: IpcSchema<'_>) -> Result<()> {
        schema::check(schema)?;
        let schema = guarded(|| Ok(Arc::new(arrow::ipc::convert::fb_to_schema(schema))))?;
        self.has_unions = schema.fields().iter().any(|field| holds_union(field.data_type()));
        self.schema = Some(schema);
        Ok(())
    }

    /// Reads a message; the rows if it holds some.
    ///
    /// # Errors
    /// `InvalidArgument` for a message that is not Arrow IPC of the announced schema, `OutOfRange` for dictionaries that
    /// take too much.
    pub(crate) fn read(&mut self, header: &[u8], body: Buffer) -> Result<Option<RecordBatch>> {
        let message = root_as_message(header).map_err(|e| malformed(&e))?;
        let Some(schema) = self.schema.clone() else {
            let schema = message.header_as_schema();
            let schema = schema.ok_or_else(|| Error::invalid("The stream does not start with a schema"))?;
            return self.set_schema(schema).map(|()| None);
        };
        match message.header_type() {
            MessageHeader::RecordBatch => {
                let plain = self.plain(&message, header, body)?;
                self.read_batch(&plain, schema).map(Some)
            }
            MessageHeader::DictionaryBatch => {
                let plain = self.plain(&message, header, body)?;
                self.read_dictionary(&plain, &schema).map(|()| None)
            }
            MessageHeader::Schema if self.repeats(&message)? => Ok(None),
            other => Err(Error::invalid(format!("Unexpected {} message in the stream", name(other)))),
        }
    }

    /// Whether a schema message says what the first one did.
    fn repeats(&self, message: &Message<'_>) -> Result<bool> {
        let mut again = Self::new(0);
        again.set_schema(message.header_as_schema().ok_or_else(no_header)?)?;
        Ok(again.schema == self.schema)
    }

    /// A message without compression. Arrow's reader aligns what it reads, except for the offsets of dense unions, and
    /// where gRPC puts a body is chance.
    fn plain<'h>(&mut self, message: &Message<'_>, header: &'h [u8], body: Buffer) -> Result<Plain<'h>> {
        let body = if self.has_unions { Buffer::from(body.as_slice()) } else { body };
        let plain = compression::plain(message, header, body, self.limit)?;
        self.bytes += plain.body.len() as u64;
        Ok(plain)
    }

    fn read_batch(&self, plain: &Plain<'_>, schema: SchemaRef) -> Result<RecordBatch> {
        let message = plain.message()?;
        let batch = message.header_as_record_batch().ok_or_else(no_header)?;
        let fields = schema.fields().iter().map(Arc::as_ref);
        layout::check(batch, fields, message.version(), plain.body.len())?;
        let version = message.version();
        guarded(|| read_record_batch(&plain.body, batch, schema, &self.dictionaries, None, &version))
    }

    fn read_dictionary(&mut self, plain: &Plain<'_>, schema: &SchemaRef) -> Result<()> {
        let message = plain.message()?;
        let batch = message.header_as_dictionary_batch().ok_or_else(no_header)?;
        let values = values_of(batch, schema)?;
        let data = batch.data().ok_or_else(no_header)?;
        layout::check(data, [&values], message.version(), plain.body.len())?;
        let (dictionaries, version) = (&mut self.dictionaries, message.version());
        guarded(|| read_dictionary(&plain.body, batch, schema, dictionaries, &version))?;
        self.check_dictionaries()
    }

    /// Each message is bounded by its size, and a dictionary grows with each of them (FX-6).
    fn check_dictionaries(&self) -> Result<()> {
        let size: usize = self.dictionaries.values().map(Array::get_array_memory_size).sum();
        match size as u64 <= self.limit {
            true => Ok(()),
            false => Err(too_large("the dictionaries of a stream", self.limit, ErrorKind::OutOfRange)),
        }
    }
}

/// The column of values that a dictionary message holds.
fn values_of(batch: DictionaryBatch<'_>, schema: &SchemaRef) -> Result<Field> {
    #[expect(deprecated, reason = "Arrow's reader finds dictionaries by the ids of the fields too")]
    let fields = schema.fields_with_dict_id(batch.id());
    match fields.first().map(|field| field.data_type()) {
        Some(DataType::Dictionary(_, values)) => Ok(Field::new("", values.as_ref().clone(), true)),
        _ => Err(Error::invalid("A dictionary of the stream belongs to no column")),
    }
}

fn holds_union(ty: &DataType) -> bool {
    match ty {
        DataType::Union(..) => true,
        DataType::List(child)
        | DataType::LargeList(child)
        | DataType::ListView(child)
        | DataType::LargeListView(child)
        | DataType::FixedSizeList(child, _)
        | DataType::Map(child, _)
        | DataType::RunEndEncoded(_, child) => holds_union(child.data_type()),
        DataType::Dictionary(_, values) => holds_union(values),
        DataType::Struct(fields) => fields.iter().any(|field| holds_union(field.data_type())),
        _ => false,
    }
}

/// What the checks have missed, Arrow's reader asserts: such a message is refused like any other.
fn guarded<T>(read: impl FnOnce() -> Result<T, ArrowError>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|e| malformed(&e)),
        Err(_) => Err(Error::invalid("The stream is not valid Arrow IPC")),
    }
}

fn malformed(fault: &dyn std::fmt::Display) -> Error {
    Error::invalid(format!("The stream is not valid Arrow IPC: {fault}"))
}

/// The refusal of what takes more than `limit` bytes.
fn too_large(what: &str, limit: u64, kind: ErrorKind) -> Error {
    Error::new(kind, limit_exceeded(what, Size(limit), "--arrow-message-limit").message())
}

fn no_header() -> Error {
    Error::invalid("An Arrow IPC message has no header")
}

fn name(header: MessageHeader) -> &'static str {
    header.variant_name().unwrap_or("unknown")
}
