//! An answer's body, whose end is its call's.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};

use super::Ending;
use crate::doors::metrics::CallOutcome;

/// A body and its call.
pub(super) struct Watched {
    pub(super) body: Body,
    pub(super) ending: Ending,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let span = this.ending.span.clone();
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| {
            span.in_scope(|| Pin::new(&mut this.body).poll_frame(context))
        }));
        let frame = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(frame)) => frame,
            Err(cause) => {
                this.body = Body::empty();
                this.ending.log_panic(cause.as_ref());
                this.ending.end(CallOutcome::Error);
                let end = (this.ending.manner.broken)().map(Ok);
                let broken = || Err(axum::Error::new("the server failed inside this call"));
                return Poll::Ready(Some(end.unwrap_or_else(broken)));
            }
        };
        match &frame {
            Some(Ok(frame)) => {
                this.ending.bytes_out += frame.data_ref().map_or(0, |data| data.len() as u64);
                if let Some(trailers) = frame.trailers_ref() {
                    this.ending.judge(trailers);
                }
            }
            Some(Err(error)) => this.ending.call.fail(&error.to_string()),
            None => {}
        }
        // Nothing comes after trailers.
        let is_last = !matches!(&frame, Some(Ok(frame)) if !frame.is_trailers()) || this.body.is_end_stream();
        if is_last {
            this.ending.ended();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
