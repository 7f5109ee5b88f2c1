//! A seed from a path on this machine: a SQL file, or a folder (SD-1).

use std::fs;
use std::path::Path;

use super::layout::SeedPart;
use super::{Content, Seed, SeedFile};
use engine::{Error, ErrorKind, Result};

/// How deep files lie: catalog, schema, table.
const LEVELS: usize = 3;

/// Finds the files of a seed, without reading them. Symbolic links are followed, as mounted folders of containers have
/// them; what begins with a dot is left out.
///
/// # Errors
/// Config, naming the file, for what cannot be read or is no part of a seed, and for more than `most` files.
pub(super) fn find(path: &Path, most: usize) -> Result<Seed> {
    let shown = path.display().to_string();
    let about = fs::metadata(path).map_err(|fault| unreadable(&shown, &fault))?;
    let mut files = Vec::new();
    if about.is_dir() {
        let mut walk = FolderWalk { files: &mut files, most };
        walk.folder(path, &shown, "", LEVELS)?;
        if files.is_empty() {
            return Err(fault(&shown, "the folder holds no file of a seed"));
        }
    } else {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.to_ascii_lowercase().ends_with(".sql") {
            return Err(fault(&shown, "a seed is a .sql file or a folder"));
        }
        let part = SeedPart::of_single(name).map_err(|why| fault(&shown, &why))?;
        check_regular(&about, &shown)?;
        files.push(SeedFile { name: name.to_owned(), shown, part, content: Content::Path(path.to_owned()) });
    }
    Ok(Seed::of(files))
}

struct FolderWalk<'a> {
    files: &'a mut Vec<SeedFile>,
    most: usize,
}

impl FolderWalk<'_> {
    /// Adds the files of a folder whose name below the seed's is `prefix`, which has so many levels left.
    fn folder(&mut self, path: &Path, shown: &str, prefix: &str, levels: usize) -> Result<()> {
        let entries = fs::read_dir(path).map_err(|fault| unreadable(shown, &fault))?;
        for entry in entries {
            let entry = entry.map_err(|fault| unreadable(shown, &fault))?;
            let name = entry.file_name();
            let shown = format!("{shown}/{}", name.to_string_lossy());
            let name = name.to_str().ok_or_else(|| fault(&shown, "its name is not UTF-8"))?;
            if name.starts_with('.') {
                continue;
            }
            let name = format!("{prefix}{name}");
            let about = fs::metadata(entry.path()).map_err(|fault| unreadable(&shown, &fault))?;
            if about.is_dir() && levels > 1 {
                self.folder(&entry.path(), &shown, &format!("{name}/"), levels - 1)?;
                continue;
            }
            check_regular(&about, &shown)?;
            let part = SeedPart::of_file(&name).map_err(|why| fault(&shown, &why))?;
            if self.files.len() == self.most {
                let why = format!("the seed holds more than {} files (--seed-file-limit)", self.most);
                return Err(fault(&shown, &why));
            }
            self.files.push(SeedFile { name, shown, part, content: Content::Path(entry.path()) });
        }
        Ok(())
    }
}

/// What is no file has no end, or none that is known.
fn check_regular(about: &fs::Metadata, shown: &str) -> Result<()> {
    match about.is_file() {
        true => Ok(()),
        false if about.is_dir() => {
            Err(fault(shown, "a seed has no folder there: files lie in <catalog>/<schema>"))
        }
        false => Err(fault(shown, "it is no regular file")),
    }
}

fn unreadable(shown: &str, error: &std::io::Error) -> Error {
    fault(shown, &format!("cannot be read: {error}"))
}

fn fault(shown: &str, why: &str) -> Error {
    Error::new(ErrorKind::Config, format!("seed {shown}: {why}"))
}
