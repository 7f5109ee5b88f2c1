//! What panics, for the tests of doors.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use axum::routing::any;
use futures::StreamExt;

/// A route that panics, and one whose answer does, for the doors' tests.
pub(crate) fn panicking() -> Router {
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
