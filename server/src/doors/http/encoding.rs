//! Bodies that were compressed on their way: `Content-Encoding` (LX-08).

use std::fmt;
use std::io;

use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use async_compression::zstd::DParameter;
use axum::body::{Body, Bytes};
use bytes::BytesMut;
use futures::TryStreamExt as _;
use futures::stream::try_unfold;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio_util::io::StreamReader;

/// The codings that bodies may have, as `Accept-Encoding` lists them.
pub(crate) const ACCEPTED: &str = "gzip, deflate, br, zstd";

/// How many codings a body may have, one around the other.
const MOST_LAYERS: usize = 3;

/// How much is decoded at once.
const CHUNK: usize = 64 << 10;

/// After how many chunks others get their turn: a few bytes may decode to gigabytes.
const CHUNKS_A_TURN: usize = 8;

/// The largest window of zstd as a content coding, 8 MiB (RFC 9659): each body under way may take as much memory.
const ZSTD_WINDOW_LOG: u32 = 23;

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// Why a body's encoding is not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unsupported(String);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A body as its client meant it.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// The bytes, decoded as they are read.
    pub body: Body,
    /// Whether there was anything to decode.
    pub was_encoded: bool,
}

/// Undoes the `Content-Encoding` of a body.
///
/// # Errors
/// A coding that is not known, or more of them than anybody needs.
pub(crate) fn decoded(headers: &HeaderMap, body: Body) -> Result<Decoded, Unsupported> {
    let codings = codings(headers)?;
    if codings.is_empty() {
        return Ok(Decoded { body, was_encoded: false });
    }
    let received = body.into_data_stream().map_err(|fault| io::Error::other(TransferFault(fault)));
    let state = Decoding { reader: Box::new(StreamReader::new(received)), codings, chunks: 0 };
    Ok(Decoded { body: Body::from_stream(try_unfold(state, Decoding::next)), was_encoded: true })
}

/// The codings that the header lists, the last one applied last.
fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, Unsupported> {
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let list = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        for name in list.split(',').map(str::trim) {
            codings.push(match name {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Coding::Gzip,
                "deflate" => Coding::Deflate,
                "br" => Coding::Brotli,
                "zstd" => Coding::Zstd,
                other => {
                    let shown: String = other.chars().take(40).collect();
                    return Err(Unsupported(format!(
                        "the Content-Encoding `{shown}` is not supported; {ACCEPTED} and identity are"
                    )));
                }
            });
        }
    }
    if codings.len() > MOST_LAYERS {
        return Err(Unsupported(format!("a body may have {MOST_LAYERS} content codings at most")));
    }
    Ok(codings)
}

type BlockingReader = Box<dyn AsyncBufRead + Send + Unpin>;

/// A body being decoded.
struct Decoding {
    reader: BlockingReader,
    /// Those that the reader does not undo yet.
    codings: Vec<Coding>,
    chunks: usize,
}

impl Decoding {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        while let Some(coding) = self.codings.pop() {
            self.reader = coding.undone(self.reader).await?;
        }
        self.chunks += 1;
        if self.chunks.is_multiple_of(CHUNKS_A_TURN) {
            tokio::task::yield_now().await;
        }
        let mut chunk = BytesMut::with_capacity(CHUNK);
        let read = self.reader.read_buf(&mut chunk).await.map_err(told)?;
        Ok((read > 0).then(|| (chunk.freeze(), self)))
    }
}

impl Coding {
    /// The reader without this coding. Nothing at all stands for nothing, whatever its coding.
    async fn undone(self, mut reader: BlockingReader) -> io::Result<BlockingReader> {
        let Some(first) = reader.fill_buf().await.map_err(told)?.first().copied() else { return Ok(reader) };
        // Concatenated streams are one, as RFC 1952 and RFC 8878 have it; what follows otherwise is a fault.
        macro_rules! undone {
            ($decoder:expr) => {{
                let mut decoder = $decoder;
                decoder.multiple_members(true);
                Box::new(BufReader::with_capacity(CHUNK, decoder))
            }};
        }
        Ok(match self {
            Self::Gzip => undone!(GzipDecoder::new(reader)),
            // Some clients leave the zlib header out (RFC 9110, 8.4.1.2), whose first byte no deflate stream has.
            Self::Deflate if first & 0x0f == 8 && first >> 4 <= 7 => undone!(ZlibDecoder::new(reader)),
            Self::Deflate => undone!(DeflateDecoder::new(reader)),
            Self::Brotli => undone!(BrotliDecoder::new(reader)),
            Self::Zstd => {
                let window = DParameter::window_log_max(ZSTD_WINDOW_LOG);
                undone!(ZstdDecoder::with_params(reader, &[window]))
            }
        })
    }
}

/// A fault of the connection, told from one of the encoding.
#[derive(Debug)]
struct TransferFault(axum::Error);

impl fmt::Display for TransferFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for TransferFault {}

/// A fault that a client can tell: of the connection as it is, of the encoding as such.
fn told(fault: io::Error) -> io::Error {
    if fault.get_ref().and_then(|inner| inner.downcast_ref::<TransferFault>()).is_some() {
        return fault;
    }
    let what = match fault.kind() {
        io::ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
        _ => fault.to_string(),
    };
    io::Error::other(format!("it is not what its Content-Encoding says: {what}"))
}
