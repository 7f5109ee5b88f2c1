//! Filling vectors with the store's rows. Texts stay where the snapshot has them.

use uuid::Uuid;

use super::tables::{EventColumn, IdColumn, IdentityColumn, Run};
use crate::events::log::Event;
use crate::events::{IdRef, IdentityRef, Snapshot};
use duck::VectorWriter;

pub(super) fn write_events<'a>(
    snapshot: &'a Snapshot,
    run: &Run,
    column: EventColumn,
    out: &mut VectorWriter<'_, 'a>,
) {
    let ids = &snapshot.identities;
    let sent = |id: Option<IdRef>| id.map(|id| &*ids.id(id).text);
    let now = |event: Event<'a>| event.subject().map(|subject| ids.resolve(subject));
    let chunk = &*snapshot.events.chunks()[run.chunk];
    let events = run.rows.clone().map(|row| chunk.event(row)).enumerate();
    // One loop per column: what it does for a row is a handful of instructions.
    match column {
        EventColumn::Timestamp => events.for_each(|(to, event)| out.integer(to, event.timestamp().0)),
        EventColumn::Uuid => events.for_each(|(to, event)| write_uuid(out, to, event.uuid())),
        EventColumn::Request => events.for_each(|(to, event)| write_uuid(out, to, event.request())),
        EventColumn::Event => events.for_each(|(to, event)| out.text(to, Some(event.event()))),
        EventColumn::Properties => events.for_each(|(to, event)| out.text(to, Some(event.properties()))),
        EventColumn::DistinctId => events.for_each(|(to, event)| out.text(to, sent(event.distinct_id()))),
        EventColumn::AnonymousId => events.for_each(|(to, event)| out.text(to, sent(event.anonymous_id()))),
        EventColumn::DeviceId => events.for_each(|(to, event)| out.text(to, event.device_id())),
        EventColumn::SessionId => events.for_each(|(to, event)| out.text(to, event.session_id())),
        EventColumn::IdentityThen => events.for_each(|(to, event)| {
            out.text(to, event.identity().map(|identity| ids.identity(identity).uuid.as_str()));
        }),
        EventColumn::TraitsThen => {
            events.for_each(|(to, event)| out.text(to, event.identity_traits().map(|traits| &**traits)));
        }
        EventColumn::IdentityNow => {
            events.for_each(|(to, event)| out.text(to, now(event).map(|identity| identity.uuid.as_str())));
        }
        EventColumn::TraitsNow => {
            events.for_each(|(to, event)| out.text(to, now(event).map(|identity| &**identity.traits.text())));
        }
    }
}

pub(super) fn write_identities<'a>(
    snapshot: &'a Snapshot,
    run: &Run,
    column: IdentityColumn,
    out: &mut VectorWriter<'_, 'a>,
) {
    for (to, row) in run.rows.clone().enumerate() {
        let identity = snapshot.identities.identity(IdentityRef(place(row)));
        match column {
            IdentityColumn::Version => out.integer(to, identity.version),
            IdentityColumn::Uuid => out.text(to, Some(identity.uuid.as_str())),
            IdentityColumn::Traits => out.text(to, Some(identity.traits.text())),
            IdentityColumn::IsIdentified => out.boolean(to, identity.is_identified),
            IdentityColumn::IsDeleted => out.boolean(to, identity.is_deleted),
            IdentityColumn::CreatedAt => out.integer(to, identity.created_at.0),
        }
    }
}

pub(super) fn write_ids<'a>(
    snapshot: &'a Snapshot,
    run: &Run,
    column: IdColumn,
    out: &mut VectorWriter<'_, 'a>,
) {
    let ids = &snapshot.identities;
    for (to, row) in run.rows.clone().enumerate() {
        let id = ids.id(IdRef(place(row)));
        let now = ids.identity(id.current);
        match column {
            IdColumn::Moves => out.integer(to, i64::from(id.moves)),
            IdColumn::DistinctId => out.text(to, Some(&id.text)),
            IdColumn::FirstIdentity => out.text(to, Some(ids.identity(id.first).uuid.as_str())),
            IdColumn::CreatedAt => out.integer(to, id.created_at.0),
            IdColumn::MovedAt => match id.moved_at {
                Some(at) => out.integer(to, at.0),
                None => out.null(to),
            },
            IdColumn::IdentityNow => out.text(to, Some(now.uuid.as_str())),
            IdColumn::TraitsNow => out.text(to, Some(now.traits.text())),
            IdColumn::UpdatedAt => out.integer(to, now.trait_time.unwrap_or(now.created_at).0),
            IdColumn::IsIdentified => out.boolean(to, now.is_identified),
            IdColumn::IdentityCreatedAt => out.integer(to, now.created_at.0),
        }
    }
}

/// An event's own UUID is made text here: kept as text, it would take twice the memory.
fn write_uuid(out: &mut VectorWriter<'_, '_>, row: usize, uuid: Uuid) {
    out.copied_text(row, uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
}

/// A row's number as the store counts; the store holds no more rows than 32 bits count.
fn place(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}
