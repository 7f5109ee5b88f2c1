//! Results on their way to one stream: rows one after another, counts summed (FP-6).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};

use super::live;
use super::plan::shape;
use super::slot::Slot;
use super::window::Window;
use crate::error::{Error, Result};
use crate::spool::{Spool, SpoolReader};
use duck::types::{Fidelity, ResultShape};
use duck::{ResultSet, Returns};

/// Results of one statement, gathered outside of memory.
pub(super) struct Delivery {
    shape: ResultShape,
    returns: Returns,
    fidelity: Fidelity,
    window: Window,
    spool: Spool,
    total: Option<i64>,
}

impl Delivery {
    /// Nothing yet, of the shape of `first`.
    ///
    /// # Errors
    /// DuckDB's, when it cannot tell the session's time zone.
    pub(super) fn new(
        slot: &Slot,
        first: &mut ResultSet,
        fidelity: Fidelity,
        window: Window,
    ) -> Result<Self> {
        let shape = shape(slot.connection()?, first.columns(), fidelity)?;
        let spool = Spool::new(Arc::clone(slot.instance().spool_space()), Arc::clone(&shape.schema));
        Ok(Self { shape, returns: first.returns(), fidelity, window, spool, total: None })
    }

    /// Reads a result to its end.
    ///
    /// # Errors
    /// DuckDB's; InvalidArgument for a result of another shape; Internal when the spool cannot be written.
    pub(super) fn add(&mut self, mut result: ResultSet) -> Result<()> {
        check_alike(&self.shape, &mut result)?;
        let Self { shape, returns, fidelity, window, spool, total } = self;
        live::read_all(result, shape, *fidelity, |batch| {
            if *returns == Returns::Count {
                *total = Some(total.unwrap_or(0) + count_of(&batch));
                return Ok(());
            }
            window.cut(batch).map_or(Ok(()), |batch| spool.push(batch))
        })
    }

    /// The columns and what they are, and the rows of all results.
    ///
    /// # Errors
    /// Internal when the spool cannot be written.
    pub(super) fn finish(mut self) -> Result<(ResultShape, Returns, SpoolReader)> {
        if let Some(total) = self.total
            && let Some(batch) = self.window.cut(count_batch(&self.shape, total)?)
        {
            self.spool.push(batch)?;
        }
        Ok((self.shape, self.returns, self.spool.finish()?))
    }
}

/// Results that follow one another have one shape, whatever each row of parameters made of it.
fn check_alike(shape: &ResultShape, result: &mut ResultSet) -> Result<()> {
    if result.columns() == shape.columns {
        return Ok(());
    }
    Err(Error::invalid("the rows bound to the statement give results of different types"))
}

fn count_of(batch: &RecordBatch) -> i64 {
    let counts = batch.columns().first().and_then(|column| column.as_any().downcast_ref::<Int64Array>());
    counts.map_or(0, |counts| counts.iter().flatten().sum())
}

fn count_batch(shape: &ResultShape, total: i64) -> Result<RecordBatch> {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![total]));
    RecordBatch::try_new(Arc::clone(&shape.schema), vec![column])
        .map_err(|fault| Error::internal(format!("a count does not fit its column: {fault}")))
}
