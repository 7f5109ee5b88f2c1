//! What every handler may use.

use std::sync::Arc;

use super::tasks::TaskIds;
use crate::config::QueryStream;
use engine::Engine;

/// The Lakehouse door's part of the configuration, and the engine behind it.
#[derive(Debug, Clone)]
pub struct Lakehouse {
    pub(super) engine: Arc<Engine>,
    pub(super) json_body_limit: usize,
    pub(super) query_stream: QueryStream,
    pub(super) tasks: Arc<TaskIds>,
}

impl Lakehouse {
    /// A door to `engine`. JSON bodies may have up to `json_body_limit` bytes (`--json-body-limit`, LX-08);
    /// `query_stream` is the form of `/query`'s answers (`--query-stream`, LQ-22).
    pub fn new(engine: Arc<Engine>, json_body_limit: u64, query_stream: QueryStream) -> Self {
        let json_body_limit = usize::try_from(json_body_limit).unwrap_or(usize::MAX);
        Self { engine, json_body_limit, query_stream, tasks: Arc::default() }
    }
}
