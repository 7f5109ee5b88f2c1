//! Seeds: the tables and events that tenants begin with, or get from a test (SD).
//!
//! A seed is found ([`folder`], [`archive`]), which reads no file but tells what each is by its name ([`layout`]), and then
//! applied ([`apply`]) to a database that nobody else sees yet: at start one of the server's own, of which each tenant gets
//! a copy, later a copy of the tenant's.

mod apply;
mod archive;
mod events;
mod folder;
mod layout;
mod packed;
mod start;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

pub(crate) use self::apply::apply;
use self::layout::SeedPart;
pub use self::packed::PackedSeed;
pub(crate) use self::start::plant;
use crate::config::SeedBounds;
use engine::{Error, ErrorKind, Result};

/// Which file of a seed is being applied, and which line of it.
#[derive(Debug, Default)]
pub(crate) struct SeedPosition(Mutex<String>);

impl SeedPosition {
    fn is_in(&self, place: &str) {
        place.clone_into(&mut self.0.lock());
    }
}

/// Waits for a seed to be applied, but not for ever.
///
/// # Errors
/// That of the work; `Cancelled`, with the position, when it takes too long.
pub(crate) async fn within<T>(
    limit: Option<Duration>,
    position: &SeedPosition,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let Some(limit) = limit else { return work.await };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let at = position.0.lock();
        let between = if at.is_empty() { "" } else { ": " };
        let seconds = limit.as_secs();
        let message = format!("{at}{between}it takes longer than {seconds} seconds (--seed-timeout)");
        Err(Error::new(ErrorKind::Cancelled, message))
    })
}

/// The files of a seed, in the order in which they are applied.
#[derive(Debug)]
pub(crate) struct Seed {
    files: Vec<Arc<SeedFile>>,
}

/// One file.
#[derive(Debug)]
struct SeedFile {
    /// Its name in the seed's folder.
    name: String,
    /// What faults call it.
    shown: String,
    part: SeedPart,
    content: Content,
}

/// Where a file's bytes are.
#[derive(Debug)]
enum Content {
    /// In a file of this machine's.
    Path(PathBuf),
    /// In a body that was received.
    Slice {
        /// The body.
        of: Arc<File>,
        /// Where it begins there.
        start: u64,
        /// Its bytes.
        length: u64,
    },
}

impl Seed {
    fn of(mut files: Vec<SeedFile>) -> Self {
        files.sort_by_cached_key(|file| file.part.rank(&file.name));
        Self { files: files.into_iter().map(Arc::new).collect() }
    }

    /// The names of its files.
    pub(crate) fn names(&self) -> Vec<String> {
        self.files.iter().map(|file| file.name.clone()).collect()
    }

    /// A seed that a call has brought: a file of this name, or a tar of a folder if there is none. Blocks.
    ///
    /// # Errors
    /// InvalidArgument, naming the file that cannot be part of a seed; LimitExceeded.
    pub(crate) fn received(body: File, name: Option<&str>, bounds: SeedBounds) -> Result<Self> {
        let about =
            body.metadata().map_err(|fault| Error::internal(format!("cannot read a seed: {fault}")))?;
        match name {
            Some(name) => archive::single(name, body, about.len()),
            None => archive::open(body, about.len(), bounds),
        }
    }
}

impl SeedFile {
    /// How many bytes it has. Blocks.
    fn length(&self) -> io::Result<u64> {
        match &self.content {
            Content::Path(path) => Ok(std::fs::metadata(path)?.len()),
            Content::Slice { length, .. } => Ok(*length),
        }
    }

    /// Its bytes, from their beginning. Blocks.
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        match &self.content {
            Content::Path(path) => Ok(Box::new(File::open(path)?)),
            Content::Slice { of, start, length } => {
                Ok(Box::new(Slice { of: Arc::clone(of), at: *start }.take(*length)))
            }
        }
    }
}

/// A file from some place on, whoever else reads it.
struct Slice {
    of: Arc<File>,
    at: u64,
}

impl Read for Slice {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.of.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
