//! A seed as the body of a call: one file, or a tar of a folder (SD-3).

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read, Seek as _};
use std::sync::Arc;

use tar::{Archive, EntryType};

use super::layout::SeedPart;
use super::{Content, Seed, SeedFile};
use crate::config::SeedBounds;
use engine::{Error, ErrorKind, Result, Size};

/// How many entries there may be for each file: folders, and headers that say more about a file.
const HEADERS_PER_FILE: usize = 4;

/// How many bytes such a header may have.
const LONGEST_HEADER: u64 = 64 << 10;

/// The one file of a seed.
///
/// # Errors
/// InvalidArgument for a name that no file of a seed has.
pub(super) fn single(name: &str, body: File, length: u64) -> Result<Seed> {
    let part = SeedPart::of_single(name).map_err(|why| fault(name, &why))?;
    let content = Content::Slice { of: Arc::new(body), start: 0, length };
    Ok(Seed::of(vec![SeedFile { name: name.to_owned(), shown: name.to_owned(), part, content }]))
}

/// The files of a tar, which are where they are until they are applied.
///
/// # Errors
/// InvalidArgument for what is no tar, or holds what is no part of a seed: named.
pub(super) fn open(body: File, length: u64, bounds: SeedBounds) -> Result<Seed> {
    let (body, total) = (Arc::new(body), length);
    check_headers(read(&body)?, bounds)?;
    let (mut files, mut names) = (Vec::new(), HashSet::new());
    let mut archive = read(&body)?;
    for entry in archive.entries_with_seek().map_err(|error| no_tar(&error))? {
        let entry = entry.map_err(|error| no_tar(&error))?;
        let Some((name, length, start)) = member(&entry, bounds)? else { continue };
        let part = SeedPart::of_file(&name).map_err(|why| fault(&name, &why))?;
        if !names.insert(name.to_lowercase()) {
            return Err(fault(&name, "the archive holds it twice"));
        }
        if files.len() == bounds.files {
            return Err(too_many(bounds));
        }
        if start.checked_add(length).is_none_or(|end| end > total) {
            return Err(fault(&name, "the archive breaks off in it"));
        }
        let content = Content::Slice { of: Arc::clone(&body), start, length };
        files.push(SeedFile { shown: name.clone(), name, part, content });
    }
    if files.is_empty() {
        return Err(Error::new(ErrorKind::InvalidArgument, "the archive holds no file of a seed"));
    }
    Ok(Seed::of(files))
}

fn read(mut body: &File) -> Result<Archive<BufReader<&File>>> {
    body.rewind().map_err(|fault| Error::internal(format!("cannot read a seed: {fault}")))?;
    Ok(Archive::new(BufReader::with_capacity(1 << 16, body)))
}

/// Looks at the headers alone: those that say more about the next entry, such as a long name, are read into memory.
fn check_headers(mut archive: Archive<BufReader<&File>>, bounds: SeedBounds) -> Result<()> {
    let entries = archive.entries_with_seek().map_err(|error| no_tar(&error))?.raw(true);
    for (at, entry) in entries.enumerate() {
        let entry = entry.map_err(|error| no_tar(&error))?;
        if at >= HEADERS_PER_FILE.saturating_mul(bounds.files) {
            return Err(too_many(bounds));
        }
        let says_more = !matches!(
            entry.header().entry_type(),
            EntryType::Regular | EntryType::Continuous | EntryType::Directory
        );
        if says_more && entry.size() > LONGEST_HEADER {
            let shown = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            return Err(fault(&shown, "a header of the archive is larger than any name needs"));
        }
    }
    Ok(())
}

/// Name, length and place of an entry; none for a folder, and for what begins with a dot.
fn member<R: Read>(entry: &tar::Entry<'_, R>, bounds: SeedBounds) -> Result<Option<(String, u64, u64)>> {
    let path = entry.path_bytes();
    let shown = String::from_utf8_lossy(&path).into_owned();
    let name = std::str::from_utf8(&path).map_err(|_| fault(&shown, "its name is not UTF-8"))?;
    let kind = entry.header().entry_type();
    if matches!(kind, EntryType::XGlobalHeader) {
        return Ok(None);
    }
    let name = inside(name).map_err(|why| fault(&shown, why))?;
    match kind {
        EntryType::Directory => return Ok(None),
        EntryType::Regular | EntryType::Continuous => {}
        EntryType::Symlink | EntryType::Link => return Err(fault(&shown, "it is a link")),
        EntryType::GNUSparse => {
            return Err(fault(&shown, "it is a sparse file; write the tar without --sparse"));
        }
        _ => return Err(fault(&shown, "it is no regular file")),
    }
    if name.is_empty() || name.split('/').any(|part| part.starts_with('.')) {
        return Ok(None);
    }
    if entry.size() > bounds.bytes {
        let why = format!("it is larger than {} (--seed-limit)", Size(bounds.bytes));
        return Err(Error::new(ErrorKind::LimitExceeded, format!("{shown}: {why}")));
    }
    Ok(Some((name, entry.size(), entry.raw_file_position())))
}

/// The name below the archive's top, which `tar` writes with or without `./` before it.
fn inside(name: &str) -> std::result::Result<String, &'static str> {
    if name.starts_with('/') {
        return Err("its path is absolute");
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err("its path leads out of the archive");
    }
    Ok(parts.join("/"))
}

fn too_many(bounds: SeedBounds) -> Error {
    engine::limit_exceeded("the files of a seed", bounds.files, "--seed-file-limit")
}

fn no_tar(error: &std::io::Error) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("the body is no tar archive, or breaks off: {error}"))
}

fn fault(name: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("{name}: {why}"))
}
