//! What the three ingestion routes have in common: the checks of AE-02 in their order, then one write.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use http::HeaderMap;

use super::error::Fault;
use super::extract::{self, Payload};
use super::response::Accepted;
use super::{Analytics, body, key};
use crate::doors::calls;
use engine::Call;
use engine::events::{Access, Action, Item, Micros, Receipt, Store, Unapplied};

/// The environment of an item that names none (AT-01).
pub(super) const PRODUCTION: &str = "production";

/// Bodies above this many bytes are parsed off the threads that serve connections.
const LARGE: usize = 256 << 10;

/// Accepts one object or an array of them, whole or not at all (AX-06, AX-07).
pub(super) async fn ingest<T: Payload>(
    analytics: Analytics,
    request: Request,
) -> Result<Json<Accepted>, Fault> {
    let received = Micros::now();
    let (parts, sent) = request.into_parts();
    let (store, call) = (analytics.store, calls::of(&parts.extensions));
    let key = key::find(&parts.headers, &parts.uri).ok_or(Fault::Unauthorized)?;
    let access = store.admit(&call, &key).map_err(Fault::Limit)?.ok_or(Fault::Unauthorized)?;
    let call_of_all = Arc::clone(&call);
    let watchers = (Arc::clone(&store), key.clone());
    let sender = Sender { store, key, access, call, received };
    let accepted = sender.accept::<T>(&parts.headers, sent, analytics.body_limit).await;
    // Of a call that was refused before it was known which projects it names, all of the key's are told.
    if accepted.is_err() {
        let (store, key) = watchers;
        call_of_all.notes().is_seen_by(store.watchers(&key, |_| true));
    }
    accepted.map(|()| Json(Accepted::new()))
}

/// A call whose key was accepted.
struct Sender {
    store: Arc<Store>,
    key: String,
    access: Access,
    call: Arc<Call>,
    received: Micros,
}

impl Sender {
    async fn accept<T: Payload>(self, headers: &HeaderMap, sent: Body, limit: usize) -> Result<(), Fault> {
        let bytes = body::read(headers, sent, limit).await?;
        if bytes.len() > LARGE {
            let work = move || self.write::<T>(&bytes);
            return tokio::task::spawn_blocking(work).await.map_err(|_| Fault::Internal)?;
        }
        self.write::<T>(&bytes)
    }

    fn write<T: Payload>(&self, body: &[u8]) -> Result<(), Fault> {
        let Self { store, key, access, call, received } = self;
        let items = extract::batch::<T>(body)?;
        let names = |environment: &str| items.iter().any(|item| *item.environment == *environment);
        call.notes().is_seen_by(store.watchers(key, names));
        call.notes().brings(items.iter().filter_map(event));
        let receipt = Receipt { at: *received, request: call.notes().id() };
        store.apply(access, items, receipt).map_err(|unapplied| match unapplied {
            Unapplied::Environment(name) => Fault::Environment(name),
            Unapplied::Full(error) => Fault::Limit(error),
        })
    }
}

/// The name of the event that an item is, if it is one.
fn event(item: &Item) -> Option<&str> {
    match &item.action {
        Action::Track(track) => Some(&track.event),
        Action::Identify(_) | Action::Alias(_) => None,
    }
}
