//! A window of result rows: `limit` and `offset`, which never touch the statement's text (LQ-12).

use arrow::array::RecordBatch;

/// Which rows of a result are delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// At most this many rows; all when `None`.
    pub limit: Option<u64>,
    /// After leaving out this many.
    pub offset: u64,
}

impl Window {
    /// Whether no further row can be inside.
    pub(super) fn is_over(&self) -> bool {
        self.limit == Some(0)
    }

    /// The part of `batch` inside the window, which moves on behind the batch.
    pub(super) fn cut(&mut self, batch: RecordBatch) -> Option<RecordBatch> {
        let rows = batch.num_rows() as u64;
        let skipped = self.offset.min(rows);
        self.offset -= skipped;
        let taken = self.limit.map_or(rows - skipped, |limit| limit.min(rows - skipped));
        if let Some(limit) = &mut self.limit {
            *limit -= taken;
        }
        if taken == rows {
            return Some(batch);
        }
        // Both fit: they are no greater than the batch's own row count.
        let slice = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
        (taken > 0).then(|| batch.slice(slice(skipped), slice(taken)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::Window;

    #[test]
    fn a_window_is_the_same_however_rows_are_batched() {
        for (limit, offset) in
            [(None, 0), (Some(0), 0), (Some(3), 2), (Some(100), 4), (None, 6), (Some(1), 5)]
        {
            let mut window = Window { limit, offset };
            let mut seen = Vec::new();
            for start in [0, 2, 4] {
                if let Some(batch) = window.cut(batch(start..start + 2)) {
                    let values =
                        batch.column(0).as_any().downcast_ref::<Int32Array>().unwrap().values().to_vec();
                    seen.extend(values);
                }
            }
            let expected: Vec<i32> = (0..6)
                .skip(usize::try_from(offset).unwrap())
                .take(limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap()))
                .collect();
            assert_eq!(seen, expected, "limit {limit:?} offset {offset}");
        }
    }

    fn batch(values: std::ops::Range<i32>) -> RecordBatch {
        let schema = Schema::new(vec![Field::new("i", DataType::Int32, true)]);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int32Array::from_iter_values(values))]).unwrap()
    }
}
