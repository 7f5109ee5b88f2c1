//! Sizes as people write them: `512MB`, `16GiB`, or bytes alone.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// A number of bytes, at least one. `KB`, `MB`, `GB` and `TB` count by 1,024, as `KiB` and the others do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Given")]
pub struct ByteSize(u64);

/// A size in the configuration file: a number of bytes, or a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Given {
    Bytes(u64),
    Text(String),
}

impl ByteSize {
    /// The size in bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("\"{text}\" is no size: write 8MB, 16GB or a number of bytes, at least 1");
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" | "kib" => 1 << 10,
            "mb" | "mib" => 1 << 20,
            "gb" | "gib" => 1 << 30,
            "tb" | "tib" => 1 << 40,
            _ => return Err(fault()),
        };
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        bytes.filter(|bytes| *bytes > 0).map(Self).ok_or_else(fault)
    }
}

impl TryFrom<Given> for ByteSize {
    type Error = String;

    fn try_from(given: Given) -> Result<Self, String> {
        match given {
            Given::Bytes(bytes) => bytes.to_string().parse(),
            Given::Text(text) => text.parse(),
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        engine::Size(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1", 1, "1 bytes")]
    #[case("8MB", 8 << 20, "8MB")]
    #[case("8mib", 8 << 20, "8MB")]
    #[case("16 GB", 16 << 30, "16GB")]
    #[case("1536MB", 1536 << 20, "1536MB")]
    fn sizes_are_read_and_shown(#[case] text: &str, #[case] bytes: u64, #[case] shown: &str) {
        let size: ByteSize = text.parse().unwrap();
        assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, shown));
    }

    #[rstest]
    fn what_is_no_size_is_refused(
        #[values("", "0", "-1", "1.5GB", "MB", "8 apples", "99999999999TB")] text: &str,
    ) {
        assert!(text.parse::<ByteSize>().unwrap_err().contains("is no size"));
    }
}
