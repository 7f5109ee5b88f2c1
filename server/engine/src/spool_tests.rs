//! How rows wait, in memory and in files.

use arrow::array::{ArrayRef, Int64Array};

use super::*;

fn batch(first: i64, rows: i64) -> RecordBatch {
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first + rows));
    RecordBatch::try_from_iter([("i", values)]).unwrap()
}

fn rows(mut reader: SpoolReader) -> Vec<i64> {
    let mut all = Vec::new();
    while let Some(batch) = reader.next_blocking().unwrap() {
        let values = batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap();
        all.extend(values.values().iter().copied());
    }
    all
}

fn space(limit: Option<u64>) -> (tempfile::TempDir, Arc<SpoolSpace>) {
    let parent = tempfile::tempdir().unwrap();
    let space = SpoolSpace::new(SpoolFolder::new(parent.path()), limit);
    (parent, space)
}

#[test]
fn what_does_not_fit_is_told_and_no_row_is_lost() {
    const ROWS: i64 = 1 << 20;
    let (_parent, space) = space(Some(20 << 20));
    let mut spool = Spool::new(Arc::clone(&space), batch(0, 1).schema());
    let mut pushed = 0;
    let error = loop {
        let outcome = spool.push(batch(pushed * ROWS, ROWS));
        pushed += 1;
        if let Err(error) = outcome {
            break error;
        }
    };
    assert_eq!(error.kind(), crate::error::ErrorKind::LimitExceeded);
    assert!(error.message().contains("--tenant-spool-limit"), "{error}");
    assert!(space.usage().0 > 0 && space.usage().0 <= 20 << 20);
    // 64 MiB of memory hold eight of these, the file two more.
    assert!(pushed >= 10, "{pushed}");
    assert_eq!(rows(spool.finish().unwrap()), (0..pushed * ROWS).collect::<Vec<_>>());
    assert_eq!((space.usage().0, space.memory.load(Ordering::SeqCst)), (0, 0));
}

#[test]
fn the_memory_is_shared_by_all_spools_of_a_tenant() {
    let (_parent, space) = space(None);
    let mut first = Spool::new(Arc::clone(&space), batch(0, 1).schema());
    for _ in 0..8 {
        first.push(batch(0, (1 << 20) - 1000)).unwrap();
    }
    let mut second = Spool::new(Arc::clone(&space), batch(0, 1).schema());
    second.push(batch(0, 1 << 20)).unwrap();
    assert!(first.file.is_none() && second.file.is_some());
    drop(first);
    let mut third = Spool::new(Arc::clone(&space), batch(0, 1).schema());
    third.push(batch(0, 1 << 20)).unwrap();
    assert!(third.file.is_none());
}

#[test]
fn a_folder_that_cannot_be_written_keeps_the_batch() {
    let folder = SpoolFolder::new(Path::new("/proc/nowhere"));
    let space = SpoolSpace::new(folder, None);
    assert!(space.take_memory(MEMORY_LIMIT));
    let mut spool = Spool::new(space, batch(0, 1).schema());
    let error = spool.push(batch(7, 3)).unwrap_err();
    assert!(error.message().contains("TMPDIR"), "{error}");
    assert_eq!(rows(spool.finish().unwrap()), [7, 8, 9]);
}

#[test]
fn a_file_is_read_back_in_parts() {
    let (_parent, space) = space(None);
    assert!(space.take_memory(MEMORY_LIMIT));
    let mut spool = Spool::new(space, batch(0, 1).schema());
    spool.push(batch(0, 1 << 20)).unwrap();
    let mut reader = spool.finish().unwrap();
    let first = reader.next_blocking().unwrap().unwrap();
    assert!(first.get_array_memory_size() < 2 * PIECE_BYTES && first.num_rows() > 1000);
    assert_eq!(rows(reader).len(), (1 << 20) - first.num_rows());
}

#[test]
fn a_batch_without_rows_is_kept() {
    let (_parent, space) = space(None);
    assert!(space.take_memory(MEMORY_LIMIT));
    let mut spool = Spool::new(space, batch(0, 1).schema());
    spool.push(batch(0, 0)).unwrap();
    assert_eq!(spool.finish().unwrap().next_blocking().unwrap().unwrap().num_rows(), 0);
}
