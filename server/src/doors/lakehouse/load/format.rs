//! What an uploaded body is (LU-02).

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::doors::lakehouse::response::{ApiError, Result};

/// The formats of uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Json,
    Parquet,
    Arrow,
}

impl Format {
    /// The format that the Content-Type names, else the one that the query parameter `format` does.
    ///
    /// # Errors
    /// `bad-request` for an unknown `format`.
    pub(crate) fn declared(headers: &HeaderMap, parameter: Option<&str>) -> Result<Option<Self>> {
        if let Some(format) = Self::of_content_type(headers) {
            return Ok(Some(format));
        }
        Ok(Some(match parameter.map(str::to_ascii_lowercase).as_deref() {
            None | Some("") => return Ok(None),
            Some("csv") => Self::Csv,
            Some("json" | "jsonl" | "ndjson") => Self::Json,
            Some("parquet") => Self::Parquet,
            Some("arrow") => Self::Arrow,
            Some(other) => {
                let message =
                    format!("the format `{other}` is unknown; csv, json, parquet and arrow are known");
                return Err(ApiError::bad_request(message));
            }
        }))
    }

    /// The format that the Content-Type names; others say nothing.
    pub(crate) fn of_content_type(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let media = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media.as_str() {
            "text/csv" | "application/csv" => Some(Self::Csv),
            "application/json" => Some(Self::Json),
            json if json.ends_with("+json") => Some(Self::Json),
            "application/parquet" | "application/vnd.apache.parquet" => Some(Self::Parquet),
            "application/vnd.apache.arrow.stream" | "application/vnd.apache.arrow.file" => Some(Self::Arrow),
            _ => None,
        }
    }

    /// The format that the first bytes of a body show.
    pub(crate) fn of_content(head: &[u8]) -> Self {
        if head.starts_with(b"PAR1") {
            return Self::Parquet;
        }
        if head.starts_with(b"ARROW1") || head.starts_with(&[0xff; 4]) {
            return Self::Arrow;
        }
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{' | b'[') => Self::Json,
            _ => Self::Csv,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("text/csv; charset=utf-8", Some("json"), Some(Format::Csv))]
    #[case("application/vnd.api+json", None, Some(Format::Json))]
    #[case("APPLICATION/Parquet", Some("csv"), Some(Format::Parquet))]
    #[case("application/vnd.apache.arrow.file", None, Some(Format::Arrow))]
    #[case("application/octet-stream", Some("CSV"), Some(Format::Csv))]
    #[case("application/x-www-form-urlencoded", None, None)]
    fn the_content_type_wins_over_the_parameter(
        #[case] media: &str,
        #[case] parameter: Option<&str>,
        #[case] expected: Option<Format>,
    ) {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, media.parse().unwrap())]);
        assert_eq!(Format::declared(&headers, parameter).unwrap(), expected);
    }

    #[rstest]
    #[case(b"PAR1\x15\x04", Format::Parquet)]
    #[case(b"ARROW1\0\0", Format::Arrow)]
    #[case(b"\xff\xff\xff\xff\x10", Format::Arrow)]
    #[case(b" \n\t[1]", Format::Json)]
    #[case(b"\xef\xbb\xbf{}", Format::Json)]
    #[case(b"a,b\n1,2\n", Format::Csv)]
    #[case(b"", Format::Csv)]
    fn content_decides_last(#[case] head: &[u8], #[case] expected: Format) {
        assert_eq!(Format::of_content(head), expected);
    }

    #[test]
    fn an_unknown_format_is_refused() {
        Format::declared(&HeaderMap::new(), Some("xlsx")).unwrap_err();
    }
}
