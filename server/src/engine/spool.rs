//! Where the rest of a result waits when another statement needs its connection (FS-4): memory first, then a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use crate::error::{Error, Result};

/// How much of a result is kept in memory before the file is made: 64 MiB (FS-4).
const MEMORY_LIMIT: usize = 64 << 20;

/// A private folder, made on first need and removed with its owner.
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

    fn fault(&self, fault: &std::io::Error) -> Error {
        Error::internal(format!(
            "cannot write to the temporary folder {} ({fault}); set TMPDIR to a writable folder",
            self.path.display()
        ))
    }
}

impl Drop for SpoolFolder {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The writing half: takes batches until the result has ended.
pub struct Spool {
    folder: Arc<SpoolFolder>,
    schema: SchemaRef,
    memory: VecDeque<RecordBatch>,
    bytes: usize,
    file: Option<StreamWriter<BufWriter<File>>>,
}

impl Spool {
    /// An empty spool for batches of `schema`.
    pub fn new(folder: Arc<SpoolFolder>, schema: SchemaRef) -> Self {
        Self { folder, schema, memory: VecDeque::new(), bytes: 0, file: None }
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// Internal, naming `TMPDIR`, when the file cannot be made or written.
    pub fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.bytes += batch.get_array_memory_size();
        if self.file.is_none() && self.bytes <= MEMORY_LIMIT {
            self.memory.push_back(batch);
            return Ok(());
        }
        if self.file.is_none() {
            let file = BufWriter::new(self.folder.unnamed_file()?);
            self.file = Some(StreamWriter::try_new(file, &self.schema).map_err(|fault| self.fault(&fault))?);
        }
        let Some(writer) = &mut self.file else { return Ok(()) };
        let written = writer.write(&batch);
        written.map_err(|fault| self.fault(&fault))
    }

    /// Ends writing.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn finish(mut self) -> Result<SpoolReader> {
        let file = match self.file.take() {
            None => None,
            Some(writer) => Some(self.reopen(writer)?),
        };
        Ok(SpoolReader { memory: self.memory, file })
    }

    fn reopen(&self, mut writer: StreamWriter<BufWriter<File>>) -> Result<StreamReader<BufReader<File>>> {
        writer.finish().map_err(|fault| self.fault(&fault))?;
        let buffered = writer.into_inner().map_err(|fault| self.fault(&fault))?;
        let mut file = buffered.into_inner().map_err(|fault| self.fault(&fault))?;
        file.seek(SeekFrom::Start(0)).map_err(|fault| self.fault(&fault))?;
        StreamReader::try_new(BufReader::new(file), None).map_err(|fault| self.fault(&fault))
    }

    fn fault(&self, fault: &dyn std::fmt::Display) -> Error {
        Error::internal(format!(
            "cannot write to the temporary folder {} ({fault}); set TMPDIR to a writable folder with more space",
            self.folder.path().display()
        ))
    }
}

/// The reading half, in the order written.
#[derive(Debug)]
pub struct SpoolReader {
    memory: VecDeque<RecordBatch>,
    file: Option<StreamReader<BufReader<File>>>,
}

impl SpoolReader {
    /// A batch that needs no file, if the next one is such.
    pub fn next_in_memory(&mut self) -> Option<RecordBatch> {
        self.memory.pop_front()
    }

    /// Whether all batches were in memory and are taken.
    pub fn is_done(&self) -> bool {
        self.memory.is_empty() && self.file.is_none()
    }

    /// The next batch; may read the file, so call it where blocking is fine.
    ///
    /// # Errors
    /// Internal when the file cannot be read back.
    pub fn next_blocking(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(batch) = self.memory.pop_front() {
            return Ok(Some(batch));
        }
        let Some(file) = &mut self.file else { return Ok(None) };
        match file.next() {
            Some(Ok(batch)) => Ok(Some(batch)),
            Some(Err(fault)) => Err(Error::internal(format!("cannot read a spooled result back: {fault}"))),
            None => {
                self.file = None;
                Ok(None)
            }
        }
    }
}
