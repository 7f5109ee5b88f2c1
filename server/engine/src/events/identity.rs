//! The identity model AM: which identity each id resolves to, and what merges leave behind.
//!
//! Pure: the caller says what time it is and where new UUIDs come from. Nothing here can fail, so that a validated
//! batch is applied whole. Every operation costs the ids and traits it touches, never the events.

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::chunked::Chunked;
use super::item::{Alias, Identify, Members, Micros};
use super::traits::Traits;
use super::uuid_text::UuidText;
use super::weight;

/// A known id, by its place in the order of first sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdRef(pub u32);

/// An identity, by its place in the order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityRef(pub u32);

/// One identity, live or lost to a merge (AM-01, AC-07).
#[derive(Debug, Clone)]
pub struct Identity {
    /// A UUIDv7, never reused.
    pub uuid: UuidText,
    /// What is known about the person.
    pub traits: Traits,
    /// Whether identify or alias has named it.
    pub is_identified: bool,
    /// Whether a merge has replaced it.
    pub is_deleted: bool,
    /// The trait time (AM-05).
    pub trait_time: Option<Micros>,
    /// 1, plus 1 for each item that changed it.
    pub version: i64,
    /// The time of receipt of the item that created it.
    pub created_at: Micros,
    changed_by: u64,
}

/// One id that a client has sent (AC-08).
#[derive(Debug, Clone)]
pub struct KnownId {
    /// The id as sent.
    pub text: Arc<str>,
    /// The identity it first belonged to.
    pub first: IdentityRef,
    /// When it was first seen.
    pub created_at: Micros,
    /// The live identity it resolves to.
    pub current: IdentityRef,
    /// How many merges have moved it.
    pub moves: u32,
    /// When a merge first moved it.
    pub moved_at: Option<Micros>,
}

/// Who a tracked event belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Subject {
    /// The event's `distinct_id`.
    pub distinct: Option<IdRef>,
    /// The event's `anonymous_id`.
    pub anonymous: Option<IdRef>,
    /// The identity of the subject after the event's own link.
    pub identity: Option<IdentityRef>,
}

/// What readers see: every identity and every known id, unaffected by later changes once cloned.
#[derive(Debug, Clone, Default)]
pub struct IdentityView {
    identities: Chunked<Identity>,
    ids: Chunked<KnownId>,
}

impl IdentityView {
    /// The identity at `at`.
    pub fn identity(&self, at: IdentityRef) -> &Identity {
        &self.identities[at.0 as usize]
    }

    /// The known id at `at`.
    pub fn id(&self, at: IdRef) -> &KnownId {
        &self.ids[at.0 as usize]
    }

    /// The live identity that `id` resolves to.
    pub fn resolve(&self, id: IdRef) -> &Identity {
        self.identity(self.id(id).current)
    }

    /// Every identity in the order of creation, those lost to merges included.
    pub fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.identities.iter()
    }

    /// Every known id in the order of first sight.
    pub fn ids(&self) -> impl Iterator<Item = &KnownId> {
        self.ids.iter()
    }

    /// How many identities there are, those lost to merges included.
    pub fn identity_count(&self) -> usize {
        self.identities.len()
    }

    /// How many ids are known.
    pub fn id_count(&self) -> usize {
        self.ids.len()
    }
}

/// The identities of one project, and the operations of AM on them.
#[derive(Debug, Clone)]
pub struct Identities {
    view: IdentityView,
    places: HashMap<Arc<str>, IdRef>,
    /// The ids of each identity, in step with `view.identities`.
    members: Vec<Vec<IdRef>>,
    /// Whether an event shares the text of an identity's traits, which then outlives them; in step as well.
    shared: Vec<bool>,
    weight: usize,
    items: u64,
    mint: fn() -> Uuid,
}

impl Identities {
    /// No identities yet; `mint` makes the UUIDv7 of each new one.
    pub fn new(mint: fn() -> Uuid) -> Self {
        Self {
            view: IdentityView::default(),
            places: HashMap::new(),
            members: Vec::new(),
            shared: Vec::new(),
            weight: 0,
            items: 0,
            mint,
        }
    }

    /// The present state; cloning it makes a snapshot.
    pub fn view(&self) -> &IdentityView {
        &self.view
    }

    /// What they take in memory, with the traits that events still show.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// The text of an identity's traits, for an event to keep.
    pub(super) fn share_traits(&mut self, at: IdentityRef) -> Arc<str> {
        self.shared[at.0 as usize] = true;
        Arc::clone(self.view.identity(at).traits.text())
    }

    /// Gives an identity other traits.
    fn set_traits(&mut self, at: IdentityRef, traits: Traits) {
        let before = &self.view.identity(at).traits;
        let is_kept = std::mem::take(&mut self.shared[at.0 as usize]);
        let freed = before.weight() + if is_kept { 0 } else { before.text().len() };
        self.weight = (self.weight + traits.weight() + traits.text().len()).saturating_sub(freed);
        self.change(at).traits = traits;
    }

    /// The known id with this text.
    pub fn find(&self, text: &str) -> Option<IdRef> {
        self.places.get(text).copied()
    }

    /// What tracking an event does to identities (AT-03): sees the subject and links `anonymous` to it.
    pub fn track(&mut self, distinct: Option<&str>, anonymous: Option<&str>, now: Micros) -> Subject {
        self.items += 1;
        let Some(subject) = distinct.or(anonymous) else { return Subject::default() };
        let place = self.see(subject, now);
        let linked = anonymous.map(|id| self.link(id, place, now));
        Subject {
            distinct: distinct.map(|_| place),
            anonymous: linked,
            identity: Some(self.view.id(place).current),
        }
    }

    /// Identifies a person (AI-02).
    pub fn identify(&mut self, item: Identify, now: Micros) {
        self.items += 1;
        let place = self.see(&item.distinct_id, now);
        self.mark_identified(place);
        if let Some(anonymous) = &item.anonymous_id {
            self.link(anonymous, place, now);
        }
        self.update_traits(place, item.traits, item.timestamp, now);
    }

    /// Makes `new_user_id` resolve to the identity of `distinct_id` (AA-02).
    pub fn alias(&mut self, item: &Alias, now: Micros) {
        self.items += 1;
        let place = self.see(&item.distinct_id, now);
        self.link(&item.new_user_id, place, now);
        self.mark_identified(place);
    }

    /// AM-02: the first sight of an id creates an unidentified identity.
    fn see(&mut self, text: &str, now: Micros) -> IdRef {
        if let Some(place) = self.find(text) {
            return place;
        }
        let identity = self.view.identities.push(Identity {
            uuid: UuidText::from((self.mint)()),
            traits: Traits::default(),
            is_identified: false,
            is_deleted: false,
            trait_time: None,
            version: 1,
            created_at: now,
            changed_by: 0,
        });
        self.members.push(Vec::new());
        self.shared.push(false);
        self.weight += weight::IDENTITY;
        self.join(text, IdentityRef(index(identity)), now)
    }

    /// Makes an unseen id a member of `identity`.
    fn join(&mut self, text: &str, identity: IdentityRef, now: Micros) -> IdRef {
        self.weight += weight::ID + text.len();
        let text: Arc<str> = text.into();
        let place = IdRef(index(self.view.ids.push(KnownId {
            text: Arc::clone(&text),
            first: identity,
            created_at: now,
            current: identity,
            moves: 0,
            moved_at: None,
        })));
        self.places.insert(text, place);
        self.members[identity.0 as usize].push(place);
        place
    }

    /// AM-03: links the id `text` to the known id `to`.
    fn link(&mut self, text: &str, to: IdRef, now: Micros) -> IdRef {
        let target = self.view.id(to).current;
        let Some(place) = self.find(text) else { return self.join(text, target, now) };
        let other = self.view.id(place).current;
        if other != target {
            self.merge(other, target, now);
        }
        place
    }

    /// AM-04: makes one identity of two. Being identified wins; otherwise `target` does.
    fn merge(&mut self, other: IdentityRef, target: IdentityRef, now: Micros) {
        let other_wins = self.view.identity(other).is_identified && !self.view.identity(target).is_identified;
        let (survivor, lost) = if other_wins { (other, target) } else { (target, other) };
        for id in std::mem::take(&mut self.members[lost.0 as usize]) {
            let moved = &mut self.view.ids[id.0 as usize];
            moved.current = survivor;
            moved.moves += 1;
            moved.moved_at.get_or_insert(now);
            self.members[survivor.0 as usize].push(id);
        }
        let gone = self.change(lost);
        gone.is_deleted = true;
        let gone = gone.clone();
        let kept = self.change(survivor);
        kept.is_identified |= gone.is_identified;
        kept.trait_time = kept.trait_time.max(gone.trait_time);
        let traits = kept.traits.over(&gone.traits);
        self.set_traits(survivor, traits);
    }

    fn mark_identified(&mut self, id: IdRef) {
        let identity = self.view.id(id).current;
        if !self.view.identity(identity).is_identified {
            self.change(identity).is_identified = true;
        }
    }

    /// AM-05: merges `update` into the traits, unless `at` says that newer ones are there.
    fn update_traits(&mut self, id: IdRef, update: Members, at: Option<Micros>, now: Micros) {
        let place = self.view.id(id).current;
        let identity = self.view.identity(place);
        if at.is_some() && at <= identity.trait_time {
            return;
        }
        let traits = identity.traits.updated_by(update);
        let trait_time = if at.is_some() { at } else { identity.trait_time.max(Some(now)) };
        if traits != identity.traits || trait_time != identity.trait_time {
            self.set_traits(place, traits);
            self.change(place).trait_time = trait_time;
        }
    }

    /// The identity for writing, its version raised once per item.
    fn change(&mut self, at: IdentityRef) -> &mut Identity {
        let identity = &mut self.view.identities[at.0 as usize];
        if identity.changed_by != self.items {
            identity.changed_by = self.items;
            identity.version += 1;
        }
        identity
    }
}

/// A place as 32 bits. Four billion ids do not fit in memory, so the limit is never met.
fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
