//! What the fuzz targets share: the server under test, two clients that send it any bytes, and DuckDB's own parser.
//!
//! A target finds a fault when the process ends, when a call hangs or is answered with a fault of the server's own, or
//! when another tenant is not served any more.

pub mod duckdb;
pub mod flight;
#[path = "../../server/engine/src/sql/lexer.rs"]
pub mod lexer;
pub mod server;
