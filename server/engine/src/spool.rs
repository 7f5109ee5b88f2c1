//! Where rows of a result wait for their reader when another statement needs their connection (FS-4): in memory first,
//! then in a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::limits::limit_exceeded;
use crate::error::{Error, Result};

/// How much memory the waiting rows of one tenant may take together before they go to files: 64 MiB (FS-4).
const MEMORY_LIMIT: u64 = 64 << 20;

/// How many bytes of a file are read at a time, about.
const PIECE_BYTES: usize = 256 << 10;

/// The most that files may take by default, if half of the free disk is not less (FS-4).
const FILE_LIMIT: u64 = 16 << 30;

/// A private folder, removed with its owner.
#[derive(Debug)]
pub struct SpoolFolder {
    path: PathBuf,
}

impl SpoolFolder {
    /// Names a folder below `parent`; nothing is made yet.
    pub fn new(parent: &Path) -> Arc<Self> {
        let name = format!("altertable-mock-{}", uuid::Uuid::new_v4().simple());
        Arc::new(Self { path: parent.join(name) })
    }

    /// Where the folder is or will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder, readable by this user only.
    ///
    /// # Errors
    /// Internal, naming the folder and `TMPDIR`, when it cannot be made.
    pub fn create(&self) -> Result<&Path> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.path).map_err(|fault| self.fault(&fault))?;
        Ok(&self.path)
    }

    /// A file without a name, which vanishes when closed.
    ///
    /// # Errors
    /// Internal, naming the folder and `TMPDIR`, when it cannot be made.
    pub fn unnamed_file(&self) -> Result<File> {
        tempfile::tempfile_in(self.create()?).map_err(|fault| self.fault(&fault))
    }

    /// Removes the folder, if it was made, with what it holds.
    pub fn remove(&self) {
        match std::fs::remove_dir_all(&self.path) {
            Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(folder = %self.path.display(), %fault, "cannot remove a temporary folder");
            }
            _ => {}
        }
    }

    /// How many bytes are free on its disk; without an answer, as many as can be counted.
    fn free_bytes(&self) -> u64 {
        let existing = self.path.ancestors().find(|folder| folder.exists());
        let told = existing.and_then(|folder| nix::sys::statvfs::statvfs(folder).ok());
        told.map_or(u64::MAX, |disk| {
            #[cfg_attr(
                target_os = "linux",
                expect(clippy::useless_conversion, reason = "they are narrower on other systems")
            )]
            u64::from(disk.blocks_available()).saturating_mul(u64::from(disk.fragment_size()))
        })
    }

    fn fault(&self, fault: &dyn std::fmt::Display) -> Error {
        Error::internal(format!(
            "cannot write to the temporary folder {} ({fault}); set TMPDIR to a writable folder with more space",
            self.path.display()
        ))
    }
}

impl Drop for SpoolFolder {
    fn drop(&mut self) {
        self.remove();
    }
}

/// What the waiting rows of one tenant take, and may take.
#[derive(Debug)]
pub struct SpoolSpace {
    folder: Arc<SpoolFolder>,
    /// The bytes that files may take; see [`Limits::tenant_spool`](super::Limits).
    limit: Option<u64>,
    memory: AtomicU64,
    files: AtomicU64,
}

impl SpoolSpace {
    /// Space in `folder` and in memory, with nothing in it.
    pub fn new(folder: Arc<SpoolFolder>, limit: Option<u64>) -> Arc<Self> {
        Arc::new(Self { folder, limit, memory: AtomicU64::new(0), files: AtomicU64::new(0) })
    }

    /// The bytes that files take, and may take at present.
    pub fn usage(&self) -> (u64, u64) {
        let used = self.files.load(Ordering::SeqCst);
        let limit =
            self.limit.unwrap_or_else(|| FILE_LIMIT.min((self.folder.free_bytes().saturating_add(used)) / 2));
        (used, limit)
    }

    /// Counts `bytes` as taken; false, and nothing, if that would be more than the memory's limit.
    fn take_memory(&self, bytes: u64) -> bool {
        let more = |taken: u64| taken.checked_add(bytes).filter(|taken| *taken <= MEMORY_LIMIT);
        self.memory.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }

    /// An error if `bytes` more would be more than files may take.
    fn check_files(&self, bytes: u64) -> Result<()> {
        let (used, limit) = self.usage();
        if used.saturating_add(bytes) <= limit {
            return Ok(());
        }
        let what = "the rows that this user's unread results hold on disk while other statements run";
        let limit = match self.limit {
            Some(limit) => format!("{limit} bytes"),
            None => format!(
                "{limit} bytes (half of the free disk at {}, see TMPDIR)",
                self.folder.path().display()
            ),
        };
        Err(limit_exceeded(what, limit, "--tenant-spool-limit, or read the results first"))
    }
}

/// A batch that waits in memory.
#[derive(Debug)]
struct Held {
    batch: RecordBatch,
    bytes: u64,
    space: Arc<SpoolSpace>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.space.memory.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

/// A file of batches.
#[derive(Debug)]
struct Stored {
    file: File,
    bytes: u64,
    space: Arc<SpoolSpace>,
}

impl Stored {
    /// Appends bytes whole or not at all.
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if let Err(fault) = self.file.write_all(bytes) {
            // A reader finds whole batches alone.
            self.file.set_len(self.bytes)?;
            return Err(fault);
        }
        let length = bytes.len() as u64;
        self.bytes += length;
        self.space.files.fetch_add(length, Ordering::SeqCst);
        Ok(())
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.space.files.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

/// The writing half: takes batches until the result has ended, or no more can be written.
pub struct Spool {
    space: Arc<SpoolSpace>,
    schema: SchemaRef,
    memory: VecDeque<Held>,
    /// The file, and the encoder whose bytes go there next.
    file: Option<(Stored, StreamWriter<Vec<u8>>)>,
    /// The batch that could not be written.
    last: Option<RecordBatch>,
}

impl Spool {
    /// An empty spool for batches of `schema`.
    pub fn new(space: Arc<SpoolSpace>, schema: SchemaRef) -> Self {
        Self { space, schema, memory: VecDeque::new(), file: None, last: None }
    }

    /// Adds a batch. After an error the spool holds the batch all the same, and takes no more.
    ///
    /// # Errors
    /// LimitExceeded when files may take no more; Internal, naming `TMPDIR`, when the file cannot be made or written.
    pub fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let Some(batch) = self.push_to_memory(batch) else { return Ok(()) };
        let bytes = batch.get_array_memory_size() as u64;
        let stored = self.space.check_files(bytes).and_then(|()| self.store(&batch));
        if stored.is_err() {
            self.last = Some(batch);
        }
        stored
    }

    /// Adds a batch if it needs no file; else gives it back.
    pub fn push_to_memory(&mut self, batch: RecordBatch) -> Option<RecordBatch> {
        let bytes = batch.get_array_memory_size() as u64;
        if self.file.is_some() || !self.space.take_memory(bytes) {
            return Some(batch);
        }
        self.memory.push_back(Held { batch, bytes, space: Arc::clone(&self.space) });
        None
    }

    fn store(&mut self, batch: &RecordBatch) -> Result<()> {
        let fault = |fault: &dyn std::fmt::Display| self.space.folder.fault(fault);
        let (stored, encoder) = match &mut self.file {
            Some(file) => file,
            None => {
                let file = self.space.folder.unnamed_file()?;
                let encoder =
                    StreamWriter::try_new(Vec::new(), &self.schema).map_err(|error| fault(&error))?;
                self.file.insert((Stored { file, bytes: 0, space: Arc::clone(&self.space) }, encoder))
            }
        };
        pieces(batch).try_for_each(|piece| encoder.write(&piece)).map_err(|error| fault(&error))?;
        let bytes = std::mem::take(encoder.get_mut());
        stored.append(&bytes).map_err(|error| fault(&error))
    }

    /// Ends writing.
    ///
    /// # Errors
    /// Internal, when the file cannot be read back.
    pub fn finish(self) -> Result<SpoolReader> {
        let file = match self.file {
            // Nothing was written, or its beginning alone did not fit.
            None => None,
            Some((stored, _)) if stored.bytes == 0 => None,
            Some((stored, _)) => Some(StoredReader::open(stored)?),
        };
        Ok(SpoolReader { memory: self.memory, file, last: self.last })
    }
}

/// A batch in parts small enough that a reader who takes a few rows at a time need not read and write many others.
fn pieces(batch: &RecordBatch) -> impl Iterator<Item = RecordBatch> {
    let rows = batch.num_rows();
    let parts = batch.get_array_memory_size().div_ceil(PIECE_BYTES).max(1);
    let step = rows.div_ceil(parts).max(1);
    (0..rows.max(1)).step_by(step).map(move |from| batch.slice(from, step.min(rows - from)))
}

/// A file that is read back.
#[derive(Debug)]
struct StoredReader {
    batches: StreamReader<BufReader<File>>,
    /// Counts the file for as long as it is there.
    _stored: Stored,
}

impl StoredReader {
    fn open(stored: Stored) -> Result<Self> {
        let fault = |fault: &dyn std::fmt::Display| stored.space.folder.fault(fault);
        let mut file = stored.file.try_clone().map_err(|error| fault(&error))?;
        file.seek(SeekFrom::Start(0)).map_err(|error| fault(&error))?;
        // The file ends without an end mark, which the reader takes as the end.
        let batches = StreamReader::try_new(BufReader::new(file), None).map_err(|error| fault(&error))?;
        Ok(Self { batches, _stored: stored })
    }
}

/// The reading half, in the order written.
#[derive(Debug)]
pub struct SpoolReader {
    memory: VecDeque<Held>,
    file: Option<StoredReader>,
    last: Option<RecordBatch>,
}

impl SpoolReader {
    /// A batch that needs no file, if the next one is such.
    pub fn next_in_memory(&mut self) -> Option<RecordBatch> {
        match self.memory.pop_front() {
            Some(held) => Some(held.batch.clone()),
            None if self.file.is_none() => self.last.take(),
            None => None,
        }
    }

    /// Whether all batches were in memory and are taken.
    pub fn is_done(&self) -> bool {
        self.memory.is_empty() && self.file.is_none() && self.last.is_none()
    }

    /// The next batch; may read the file, so call it where blocking is fine.
    ///
    /// # Errors
    /// Internal when the file cannot be read back.
    pub fn next_blocking(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(batch) = self.next_in_memory() {
            return Ok(Some(batch));
        }
        let Some(file) = &mut self.file else { return Ok(None) };
        match file.batches.next() {
            Some(Ok(batch)) => Ok(Some(batch)),
            Some(Err(fault)) => Err(Error::internal(format!("cannot read a spooled result back: {fault}"))),
            None => {
                self.file = None;
                Ok(self.last.take())
            }
        }
    }
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
