//! What separates the fields of a CSV file: its header line tells (LU-03).

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::error::{Error, Result};

/// The delimiters of CSV files, the likeliest first.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// The most of a header line that is looked at, in bytes.
const HEADER: u64 = 1 << 20;

/// The delimiter of a file: the one that its first line has most often outside quotes; a comma if it has none.
///
/// # Errors
/// Internal for a file that is gone.
pub(super) fn of(path: &Path) -> Result<char> {
    let gone = |fault| Error::internal(format!("the uploaded file: {fault}"));
    let header = BufReader::new(File::open(path).map_err(gone)?).take(HEADER);
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut quoted = false;
    for byte in header.bytes() {
        match byte.map_err(gone)? {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'\n' | b'\r' => break,
            byte => {
                let delimiter = DELIMITERS.iter().position(|delimiter| *delimiter == byte);
                delimiter.into_iter().for_each(|at| counts[at] += 1);
            }
        }
    }
    // Of equals, `max_by_key` takes the last.
    let most = DELIMITERS.into_iter().zip(counts).rev().max_by_key(|(_, count)| *count);
    Ok(most.map_or(',', |(delimiter, _)| char::from(delimiter)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use rstest::rstest;

    #[rstest]
    #[case("a,b\n1;2;3\n", ',')]
    #[case("a;b;c,d\n", ';')]
    #[case("a\tb", '\t')]
    #[case("a|b\r\n", '|')]
    #[case("a;b,c", ',')]
    #[case("\"a,b,c\";d\n", ';')]
    #[case("\"a\n,,\";d\n", ';')]
    #[case("alone\n1;2\n", ',')]
    #[case("", ',')]
    fn the_header_line_tells(#[case] text: &str, #[case] expected: char) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        assert_eq!(super::of(file.path()).unwrap(), expected);
    }
}
