//! What a handler leaves of a request's body.
//!
//! An early answer, such as a 401 to an upload, closes the connection under a client that still sends, and many report
//! the broken pipe rather than the answer that is there to read; or it closes a pooled connection that the client is about
//! to use again. So the rest of a body is read on and thrown away, for a while, and the connection stays (LX-09).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CONNECTION, EXPECT};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;

/// How long the rest of a body is read: enough for a gigabyte on one machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads on what the routes leave of bodies. A client that waits for `100 Continue` has sent nothing yet, and reading
/// would make it send: it is told that the connection ends instead.
pub(crate) async fn drain(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    if !request.headers().contains_key(EXPECT) {
        return next.run(request.map(|body| Body::new(Drained(Some(body))))).await;
    }
    let begun = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&begun);
    let mut response = next
        .run(request.map(|body| {
            Body::new(body.map_frame(move |frame| {
                asked.store(true, Ordering::SeqCst);
                frame
            }))
        }))
        .await;
    if !begun.load(Ordering::SeqCst) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A body that is read to its end even if it is dropped before.
struct Drained(Option<Body>);

impl http_body::Body for Drained {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(context);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.0 = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let Some(mut rest) = self.0.take().filter(|body| !body.is_end_stream()) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(tokio::time::timeout(PATIENCE, async move {
            while let Some(Ok(_)) = rest.frame().await {}
        }));
    }
}
