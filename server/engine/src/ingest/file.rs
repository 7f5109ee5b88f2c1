//! An uploaded file on its way into a table.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::session::Session;

/// A file in the tenant's private folder, the one place where DuckDB may read; it vanishes when dropped.
#[derive(Debug)]
pub struct UploadFile(NamedTempFile);

impl UploadFile {
    /// Where the file is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// An error about this file, without what its reader never wrote: the private path, options, and DuckDB's excerpt of
    /// the server's own statement, which quotes that path and may break it off midway.
    pub(super) fn without_path(&self, error: &Error) -> Error {
        let path = self.path().display().to_string();
        let error = error.without_excerpt();
        let message =
            error.message().replace(&format!("'{path}'"), UPLOADED).replace(&format!("\"{path}\""), UPLOADED);
        Error::new(error.kind(), without_options(&message.replace(&path, UPLOADED)))
    }

    fn new_in(folder: &Path) -> io::Result<Self> {
        tempfile::Builder::new().prefix("upload-").tempfile_in(folder).map(Self)
    }

    /// Opens the file for reading, from its start.
    ///
    /// # Errors
    /// The system's.
    pub fn reopen(&self) -> io::Result<File> {
        self.0.reopen()
    }
}

/// How lines begin in which DuckDB's readers tell of options, which nobody can set here.
const OPTIONS: [&str; 6] =
    ["Possible ", "The search space", "Try setting", "This type was", " If this error occurred", "  file = "];

/// The message up to where it tells of options.
fn without_options(message: &str) -> String {
    let lines = message.lines().take_while(|line| !OPTIONS.iter().any(|option| line.starts_with(option)));
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// What an upload's error calls its file.
const UPLOADED: &str = "the uploaded file";

impl Write for UploadFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Session {
    /// Makes an empty file for an upload; blocks.
    ///
    /// # Errors
    /// Internal, naming the folder, when it cannot be made.
    pub fn upload_file(&self) -> Result<UploadFile> {
        let folder = self.instance().spool_folder().create()?;
        UploadFile::new_in(folder).map_err(|fault| {
            Error::internal(format!(
                "cannot make a file in {}: {fault}; set TMPDIR to a writable folder",
                folder.display()
            ))
        })
    }
}
