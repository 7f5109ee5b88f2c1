//! A panic inside a call is the server's fault and ends that call alone: the client reads an error, the log has what
//! happened under the request's id, and the connection goes on.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use futures::FutureExt;
use http_body::{Frame, SizeHint};

/// How a door tells a client of a panic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Telling {
    /// The answer of a call that panicked before it had one.
    pub answer: fn() -> Response,
    /// The end of an answer under way, if the protocol has one for faults; otherwise the connection breaks off.
    pub end: fn() -> Option<Frame<Bytes>>,
}

/// Routes whose panics are told as `telling` says.
pub(crate) fn guard<S: Clone + Send + Sync + 'static>(routes: Router<S>, telling: Telling) -> Router<S> {
    routes.layer(from_fn(move |request: Request, next: Next| answer(request, next, telling)))
}

async fn answer(request: Request, next: Next, telling: Telling) -> Response {
    let call = Call::of(&request);
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response.map(|body| Body::new(Guarded { body: Some(body), call, telling })),
        Err(cause) => {
            call.log(cause.as_ref());
            (telling.answer)()
        }
    }
}

/// What the log says of a call.
struct Call {
    id: String,
    method: http::Method,
    path: String,
}

impl Call {
    fn of(request: &Request) -> Self {
        let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
        Self {
            id: id.unwrap_or_default().to_owned(),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
        }
    }

    fn log(&self, cause: &(dyn Any + Send)) {
        let text = cause.downcast_ref::<&str>().copied();
        let text = text.or_else(|| cause.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
        tracing::error!(request_id = self.id, method = %self.method, path = self.path, cause = text, "a call panicked");
    }
}

struct Guarded {
    body: Option<Body>,
    call: Call,
    telling: Telling,
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(context)));
        polled.unwrap_or_else(|cause| {
            self.body = None;
            self.call.log(cause.as_ref());
            let end = (self.telling.end)().map(Ok);
            Poll::Ready(Some(
                end.unwrap_or_else(|| Err(axum::Error::new("the server failed inside this call"))),
            ))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, http_body::Body::size_hint)
    }
}

/// A route that panics, and one whose answer does, for the doors' tests.
#[cfg(test)]
pub(crate) fn panicking() -> Router {
    use std::convert::Infallible;

    use axum::routing::any;
    use futures::StreamExt;

    async fn at_once() -> Response {
        panic!("the test's own panic")
    }
    async fn later() -> Response {
        let frames = futures::stream::iter([1, 2]).map(|number| match number {
            1 => Ok::<_, Infallible>(Bytes::from_static(b"begun")),
            _ => panic!("the test's own panic"),
        });
        Response::new(Body::from_stream(frames))
    }
    Router::new().route("/panic", any(at_once)).route("/panic/later", any(later))
}
