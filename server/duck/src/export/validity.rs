//! Which rows of an array are NULL, gathered range by range.

use arrow::array::BooleanBufferBuilder;
use arrow::buffer::NullBuffer;

use super::vector::Bits;

/// The validity of an array in the making; costs nothing until the first range that may hold NULL.
#[derive(Default)]
pub(super) struct Validity {
    bits: Option<BooleanBufferBuilder>,
    len: usize,
}

impl Validity {
    /// Appends the validity of `len` rows.
    pub(super) fn append(&mut self, bits: Option<Bits<'_>>, len: usize) {
        match bits {
            Some(bits) => self.builder().append_packed_range(bits.from..bits.from + len, bits.bytes),
            None => {
                if let Some(builder) = &mut self.bits {
                    builder.append_n(len, true);
                }
            }
        }
        self.len += len;
    }

    pub(super) fn append_nulls(&mut self, len: usize) {
        self.builder().append_n(len, false);
        self.len += len;
    }

    pub(super) fn append_values(&mut self, len: usize) {
        self.append(None, len);
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn bytes(&self) -> usize {
        self.bits.as_ref().map_or(0, |bits| bits.len().div_ceil(8))
    }

    /// The null buffer; `None` if no row is NULL.
    pub(super) fn finish(&mut self) -> Option<NullBuffer> {
        self.len = 0;
        let nulls = NullBuffer::new(self.bits.take()?.build());
        (nulls.null_count() > 0).then_some(nulls)
    }

    fn builder(&mut self) -> &mut BooleanBufferBuilder {
        self.bits.get_or_insert_with(|| {
            let mut builder = BooleanBufferBuilder::new(self.len + 2048);
            builder.append_n(self.len, true);
            builder
        })
    }
}
