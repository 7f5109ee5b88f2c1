//! What a handler leaves of a request's body.
//!
//! An early answer, such as a 401 to an upload, closes the connection under a client that still sends, and many report
//! the broken pipe rather than the answer that is there to read; or it closes a pooled connection that the client is about
//! to use again. So the rest of a body is read and thrown away before the answer, which says so where that takes too long (LX-09).

use std::pin::Pin;
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
use tokio::sync::oneshot;

/// How long an answer waits for the rest of its request's body, so that the connection can be used again.
const WAIT: Duration = Duration::from_secs(1);

/// How long that rest is read on once the answer has said that the connection ends: a client that is still sending would
/// otherwise see a reset instead of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads on what the routes leave of bodies before their answer goes out, which says so if the connection ends with it. A
/// client that waits for `100 Continue` has sent nothing yet, and reading would make it send.
pub(crate) async fn drain(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let waits = request.headers().contains_key(EXPECT);
    let (left, mut leftover) = oneshot::channel();
    let request = request.map(|body| Body::new(Lent { body, is_begun: false, left: Some(left) }));
    let mut response = next.run(request).await;
    // Nothing is left of a body that was read; one that is still being read is its reader's.
    let Ok(Leftover { body, is_begun }) = leftover.try_recv() else { return response };
    let is_read = (!waits || is_begun) && read_on(body).await;
    if !is_read {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Reads a body to its end; whether that came within [`WAIT`]. Otherwise others read on.
async fn read_on(mut body: Body) -> bool {
    let ended = tokio::time::timeout(WAIT, to_end(&mut body)).await;
    if ended.is_err() {
        tokio::spawn(async move { tokio::time::timeout(PATIENCE, to_end(&mut body)).await });
    }
    matches!(ended, Ok(true))
}

/// Whether a body was whole.
async fn to_end(body: &mut Body) -> bool {
    loop {
        match body.frame().await {
            None => return true,
            Some(Ok(_)) => {}
            Some(Err(_)) => return false,
        }
    }
}

/// What a route has not read.
struct Leftover {
    body: Body,
    /// Whether it has read anything, or has waited for it.
    is_begun: bool,
}

/// A body lent to a route: its rest goes back when it is dropped.
struct Lent {
    body: Body,
    is_begun: bool,
    left: Option<oneshot::Sender<Leftover>>,
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_begun = true;
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.body = Body::empty();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let body = std::mem::take(&mut self.body);
        if body.is_end_stream() {
            return;
        }
        let Some(left) = self.left.take() else { return };
        let Err(Leftover { mut body, .. }) = left.send(Leftover { body, is_begun: self.is_begun }) else {
            return;
        };
        // Its answer is out already.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move { tokio::time::timeout(PATIENCE, to_end(&mut body)).await });
    }
}
