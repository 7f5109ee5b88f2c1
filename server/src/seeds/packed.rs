//! A seed on this machine as the body of a call (SD-3), for those who send one.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::Path;

use tar::{Builder, Header};

use super::folder;
use engine::{Error, ErrorKind, Result};

/// A body for `POST /_mock/v1/seed`.
#[derive(Debug)]
pub struct PackedSeed {
    /// The bytes, from their beginning.
    pub file: File,
    /// How many.
    pub length: u64,
    /// The query parameter `name`, for a file that stands by itself.
    pub name: Option<String>,
    /// The Content-Type.
    pub media: &'static str,
}

impl PackedSeed {
    /// A file as it is, by its own name or the one that it would have in a seed's folder; a folder as a tar. Blocks.
    ///
    /// # Errors
    /// Config, naming the file, for what cannot be read or is no part of a seed.
    pub fn of(path: &Path, name: Option<&str>) -> Result<Self> {
        let shown = path.display();
        let unreadable = |fault: io::Error| fault_of(format!("seed {shown}: cannot be read: {fault}"));
        let about = std::fs::metadata(path).map_err(unreadable)?;
        match (about.is_dir(), about.is_file(), name) {
            (true, _, Some(_)) => {
                Err(fault_of(format!("seed {shown}: a folder has no name of its own in a seed")))
            }
            (true, _, None) => {
                let file = tar(path)?;
                let length = file.metadata().map_err(unreadable)?.len();
                Ok(Self { file, length, name: None, media: "application/x-tar" })
            }
            (false, true, name) => {
                let own = path.file_name().map(|name| name.to_string_lossy().into_owned());
                let name = name.map(str::to_owned).or(own);
                let file = File::open(path).map_err(unreadable)?;
                Ok(Self { file, length: about.len(), name, media: "application/octet-stream" })
            }
            (false, false, _) => Err(fault_of(format!("seed {shown}: it is no regular file"))),
        }
    }
}

/// The files of a folder in one.
fn tar(path: &Path) -> Result<File> {
    let seed = folder::find(path, usize::MAX)?;
    let unpacked = |fault: io::Error| fault_of(format!("seed {}: cannot be packed: {fault}", path.display()));
    let mut builder = Builder::new(tempfile::tempfile().map_err(unpacked)?);
    for file in &seed.files {
        let mut packed = || {
            let reader = file.open()?;
            let mut header = Header::new_gnu();
            header.set_size(file.length()?);
            header.set_mode(0o644);
            builder.append_data(&mut header, &file.name, reader)
        };
        packed().map_err(|fault| fault_of(format!("seed {}: cannot be read: {fault}", file.shown)))?;
    }
    let mut file = builder.into_inner().map_err(unpacked)?;
    file.flush().and_then(|()| file.rewind()).map_err(unpacked)?;
    Ok(file)
}

fn fault_of(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}
