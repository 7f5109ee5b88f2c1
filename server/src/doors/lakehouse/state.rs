//! What every handler may use.

use std::sync::Arc;

use super::tasks::TaskIds;
use crate::config::{LakehouseOptions, QueryStream};
use engine::Engine;

/// The Lakehouse door's part of the configuration, and the engine behind it.
#[derive(Debug, Clone)]
pub struct Lakehouse {
    pub(super) engine: Arc<Engine>,
    pub(super) json_body_limit: usize,
    pub(super) decoded_body_limit: u64,
    pub(super) query_stream: QueryStream,
    pub(super) tasks: Arc<TaskIds>,
}

impl Lakehouse {
    /// A door to `engine`.
    pub fn new(engine: Arc<Engine>, options: LakehouseOptions) -> Self {
        let LakehouseOptions { json_body_limit, decoded_body_limit, query_stream } = options;
        let json_body_limit = usize::try_from(json_body_limit).unwrap_or(usize::MAX);
        Self { engine, json_body_limit, decoded_body_limit, query_stream, tasks: Arc::default() }
    }
}
