//! What the three ingestion routes have in common: the checks of AE-02 in their order, then one write.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use http::request::Parts;

use super::error::Fault;
use super::extract::{self, Payload};
use super::response::Accepted;
use super::{Analytics, body, key};
use crate::doors::{calls, faults};
use engine::Call;
use engine::events::{Access, Action, Item, Micros, Receipt, Store, Unapplied, Viewers};

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
    let accepted = sender.accept::<T>(&parts, sent, analytics.body_limit).await;
    // Of a call that was refused before it was known which projects it names, all of the key's are told.
    if accepted.is_err() {
        let (store, key) = watchers;
        let Viewers { journals, faults, .. } = store.watchers(&key, |_| true);
        call_of_all.notes().is_seen_by(journals);
        call_of_all.faces(faults);
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
    async fn accept<T: Payload>(self, parts: &Parts, sent: Body, limit: usize) -> Result<(), Fault> {
        let bytes = body::read(&parts.headers, sent, limit).await?;
        let is_large = bytes.len() > LARGE;
        let (sender, items) = on_thread(is_large, move || {
            let mut sender = self;
            let items = sender.read::<T>(&bytes);
            (sender, items)
        })
        .await?;
        let items = items?;
        let call = &sender.call;
        call.begins(|| faults::head(parts.uri.path(), &parts.headers));
        call.meet().await.map_err(Fault::Ended)?;
        let is_doubled = call.acting().is_some_and(|acting| acting.effects().is_doubled);
        on_thread(is_large, move || {
            if is_doubled {
                sender.write(items.clone())?;
            }
            sender.write(items)
        })
        .await?
    }

    /// The items of a body, of which it is noted who sees them.
    fn read<T: Payload>(&mut self, body: &[u8]) -> Result<Vec<Item>, Fault> {
        let Self { store, key, call, received, .. } = self;
        let items = extract::batch::<T>(body)?;
        let names = |environment: &str| items.iter().any(|item| *item.environment == *environment);
        let Viewers { journals, faults, clock } = store.watchers(key, names);
        if let Some(clock) = clock {
            *received = Micros(clock.micros());
        }
        call.notes().is_seen_by(journals);
        call.notes().brings(items.iter().filter_map(event));
        call.faces(faults);
        Ok(items)
    }

    fn write(&self, items: Vec<Item>) -> Result<(), Fault> {
        let receipt = Receipt { at: self.received, request: self.call.notes().id() };
        self.store.apply(&self.access, items, receipt).map_err(|unapplied| match unapplied {
            Unapplied::Environment(name) => Fault::Environment(name),
            Unapplied::Full(error) => Fault::Limit(error),
        })
    }
}

/// Does what may take long where it keeps nobody waiting.
async fn on_thread<T: Send + 'static>(
    is_large: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    if is_large { tokio::task::spawn_blocking(work).await.map_err(|_| Fault::Internal) } else { Ok(work()) }
}

/// The name of the event that an item is, if it is one.
fn event(item: &Item) -> Option<&str> {
    match &item.action {
        Action::Track(track) => Some(&track.event),
        Action::Identify(_) | Action::Alias(_) => None,
    }
}
