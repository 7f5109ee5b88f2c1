//! What the three ingestion routes have in common: the checks of AE-02 in their order, then one write.

use axum::Json;
use axum::extract::Request;

use super::error::Fault;
use super::extract::{self, Payload};
use super::response::Accepted;
use super::{Analytics, body, key};
use crate::doors::calls;
use engine::events::{Access, Micros, Store, Unapplied};

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
    let call = calls::of(&parts.extensions);
    let key = key::find(&parts.headers, &parts.uri);
    let admitted = key.map_or(Ok(None), |key| analytics.store.admit(&call, &key));
    let access = admitted.map_err(Fault::Limit)?.ok_or(Fault::Unauthorized)?;
    let bytes = body::read(&parts.headers, sent, analytics.body_limit).await?;
    let store = analytics.store;
    if bytes.len() > LARGE {
        let work = move || write::<T>(&store, &access, &bytes, received);
        tokio::task::spawn_blocking(work).await.map_err(|_| Fault::Internal)??;
    } else {
        write::<T>(&store, &access, &bytes, received)?;
    }
    Ok(Json(Accepted::new()))
}

fn write<T: Payload>(store: &Store, access: &Access, body: &[u8], received: Micros) -> Result<(), Fault> {
    let items = extract::batch::<T>(body)?;
    store.apply(access, items, received).map_err(|unapplied| match unapplied {
        Unapplied::Environment(name) => Fault::Environment(name),
        Unapplied::Full(error) => Fault::Limit(error),
    })
}
