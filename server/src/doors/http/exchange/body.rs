//! The bodies of a call, which keep it under way for as long as they are read and sent.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::StreamBody;
use hyper::body::Incoming;

use super::Exchange;
use crate::doors::faults::CutOff;
use engine::FaultCut;

type BodyFrame = Result<Frame<Bytes>, axum::Error>;

/// A request's body.
#[derive(Debug)]
pub(crate) struct RequestBody {
    body: Incoming,
    _exchange: Arc<Exchange>,
}

impl RequestBody {
    /// The body of that call's request.
    pub(crate) fn new(body: Incoming, exchange: Arc<Exchange>) -> Self {
        Self { body, _exchange: exchange }
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body. Between two lines of NDJSON, blanks ask a client that has ended its sending half whether it is
/// there, and mean nothing to one that is.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    body: Body,
    exchange: Arc<Exchange>,
    may_blank: bool,
    is_between_lines: bool,
    looked: u64,
}

impl AnswerBody {
    /// The answer of that call.
    pub(crate) fn wrap(response: Response, exchange: Arc<Exchange>) -> http::Response<Self> {
        let kind = response.headers().get(CONTENT_TYPE);
        let may_blank = kind.is_some_and(|kind| kind == "application/x-ndjson");
        response.map(|body| Self {
            may_blank: may_blank && body.size_hint().exact().is_none(),
            body,
            exchange,
            is_between_lines: false,
            looked: 0,
        })
    }

    fn is_blank_due(&mut self) -> bool {
        let activity = &self.exchange.0;
        let looks = activity.looks.load(Ordering::SeqCst);
        let ended = activity.has_ended_sending.load(Ordering::SeqCst);
        ended
            && self.may_blank
            && self.is_between_lines
            && std::mem::replace(&mut self.looked, looks) != looks
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            if self.is_blank_due() {
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b" ")))));
            }
            return Poll::Pending;
        };
        if let Some(Err(error)) = &frame
            && let Some(cut) = CutOff::of(error)
        {
            self.exchange.0.breaks(cut);
            if cut == FaultCut::Half {
                // Until the client goes, of which the connection hears by itself.
                self.body = Body::new(StreamBody::new(futures::stream::pending::<BodyFrame>()));
                return Poll::Pending;
            }
        }
        if let Some(last) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()?.last()) {
            self.is_between_lines = *last == b'\n';
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
