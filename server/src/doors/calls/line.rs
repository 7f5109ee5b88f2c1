//! The line that a call leaves in the log.

use std::borrow::Cow;
use std::time::Duration;

use tracing::Level;
use uuid::Uuid;

use crate::doors::metrics::CallOutcome;
use crate::telemetry;
use engine::Call;

/// How a call was answered, as far as only its door knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallAnswer {
    pub(super) elapsed: Duration,
    pub(super) status: Option<u16>,
    pub(super) grpc_status: Option<&'static str>,
    pub(super) outcome: CallOutcome,
}

/// What the log tells of a call that has ended.
#[derive(Debug)]
pub(super) struct CallLine {
    door: &'static str,
    operation: Cow<'static, str>,
    tenant: Option<String>,
    session: Option<Uuid>,
    rows: Option<u64>,
    error: Option<String>,
    request_id: String,
    answer: CallAnswer,
}

impl CallLine {
    /// How many bytes a line has beside its error.
    const USUAL: usize = 512;

    /// Logs the line of a call, at `debug` if it is no news.
    pub(super) fn log(call: &Call, operation: Cow<'static, str>, is_news: bool, answer: CallAnswer) {
        let is_read = if is_news { tracing::enabled!(Level::INFO) } else { tracing::enabled!(Level::DEBUG) };
        if !is_read {
            return;
        }
        let line = Self {
            door: call.door(),
            operation,
            tenant: call.tenant().map(str::to_owned),
            session: call.session(),
            rows: call.rows(),
            error: call.failure().map(str::to_owned),
            request_id: call.request_id().to_owned(),
            answer,
        };
        let bytes = Self::USUAL + line.error.as_ref().map_or(0, String::len);
        telemetry::log_later(bytes, move || line.tell(is_news));
    }

    fn tell(self, is_news: bool) {
        let Self { door, operation, tenant, session, rows, error, request_id, answer } = self;
        let CallAnswer { elapsed, status, grpc_status, outcome } = answer;
        let session = session.map(tracing::field::display);
        let duration_ms = (elapsed.as_secs_f64() * 1e6).round() / 1e3;
        macro_rules! tell {
            ($level:expr) => {
                tracing::event!(
                    parent: None, $level, door, operation = &*operation, tenant, session, duration_ms, rows,
                    status, grpc_status, outcome = outcome.word(), error, request_id, "call"
                )
            };
        }
        if is_news {
            tell!(Level::INFO);
        } else {
            tell!(Level::DEBUG);
        }
    }
}
