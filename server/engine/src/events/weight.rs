//! What events and identities take in memory, for the limit of a project (AX-14).
//!
//! The sums are of what the vectors, maps and texts of the store allocate, the allocator's own rounding included
//! roughly. What an item is about to take is judged before it is applied, as if all that it says were new.

use super::item::{Action, Members};

/// An event beside its texts: one place in each column.
pub(super) const EVENT: usize = 128;

/// An id beside its text: its entry, the map that finds it, and its place among the ids of an identity.
pub(super) const ID: usize = 176;

/// An identity beside its traits.
pub(super) const IDENTITY: usize = 256;

/// A trait beside its name and value, each of which is an allocation of its own.
const TRAIT: usize = 64;

/// What the traits hold apart from the text that events share with them.
pub(super) fn entries(entries: &[(Box<str>, Box<str>)]) -> usize {
    entries.iter().map(|(name, value)| TRAIT + name.len() + value.len()).sum()
}

/// What applying an item may add at most, where `is_new` tells which ids are not known yet.
pub(super) fn at_most(action: &Action, is_new: impl Fn(&str) -> bool) -> usize {
    let id = |id: &str| if is_new(id) { ID + IDENTITY + id.len() } else { 0 };
    let length = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
    let optional = |given: &Option<Box<str>>| given.as_deref().map_or(0, id);
    match action {
        Action::Track(track) => {
            let texts = track.event.len() + length(&track.device_id) + length(&track.session_id);
            let ids = optional(&track.distinct_id) + optional(&track.anonymous_id);
            EVENT + texts + json(&track.properties) + ids
        }
        Action::Identify(identify) => {
            let traits = entries(&identify.traits) + json(&identify.traits);
            traits + id(&identify.distinct_id) + optional(&identify.anonymous_id)
        }
        Action::Alias(alias) => id(&alias.distinct_id) + id(&alias.new_user_id),
    }
}

/// The length of an object as JSON text, but for what its names have to escape.
fn json(members: &Members) -> usize {
    2 + members.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>()
}
