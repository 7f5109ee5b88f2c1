//! A request's body, of which its call counts what is read.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame, SizeHint};

use engine::Call;

/// A body whose bytes are counted.
pub(super) struct Counted {
    body: Body,
    call: Arc<Call>,
}

impl Counted {
    /// The body as it is, if there is nothing to count.
    pub(super) fn wrap(body: Body, call: &Arc<Call>) -> Body {
        if body.is_end_stream() { body } else { Body::new(Self { body, call: Arc::clone(call) }) }
    }
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.call.notes().count_bytes_in(data.len());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
