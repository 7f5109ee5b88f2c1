//! The routes, called as hyper would call them.

mod bad_input;
mod batches;
mod transport;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::{Analytics, router};
use crate::doors::health::Health;
use crate::doors::metrics::Metrics;
use engine::events::{Settings, Snapshot, Store};
use engine::{Engine, EngineConfig};

/// One server with the keys `pk_one` and `pk_two` and the environments `production` and `staging`.
/// Counters that nobody reads.
fn metrics() -> Arc<Metrics> {
    Metrics::new(&Engine::new(EngineConfig::default())).unwrap()
}

struct Door {
    store: Arc<Store>,
    router: Router,
}

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {:?}", self.text))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Door {
    fn new() -> Self {
        Self::with(Settings {
            keys: vec!["pk_one".into(), "pk_two".into()],
            environments: vec!["production".into(), "staging".into()],
            ..Settings::default()
        })
    }

    fn with(settings: Settings) -> Self {
        let store = Arc::new(Store::new(settings));
        let analytics = Analytics { store: Arc::clone(&store), body_limit: 16 << 20, health: Health::new() };
        Self { store, router: router(analytics, Router::new(), &metrics()) }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Posts `body` with the key `pk_one`.
    async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.call(Method::POST, path, &[("x-api-key", "pk_one")], body).await
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.store.snapshot("pk_one", "production").unwrap()
    }

    fn is_empty(&self) -> bool {
        [("pk_one", "production"), ("pk_one", "staging"), ("pk_two", "production"), ("pk_two", "staging")]
            .iter()
            .map(|(key, environment)| self.store.snapshot(key, environment).unwrap())
            .all(|project| project.events.is_empty() && project.identities.id_count() == 0)
    }
}
