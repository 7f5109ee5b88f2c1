//! What holds for any interleaving of track, identify and alias.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

#[derive(Debug, Clone)]
enum Call {
    Track(Option<u8>, Option<u8>),
    Identify { id: u8, anonymous: Option<u8>, traits: Vec<(u8, u8)>, at: Option<i64> },
    Alias(u8, u8),
}

fn name(id: u8) -> Box<str> {
    format!("id{id}").into()
}

fn call() -> impl Strategy<Value = Call> {
    let id = 0..12_u8;
    let traits = prop::collection::vec((0..4_u8, 0..9_u8), 0..3);
    prop_oneof![
        (prop::option::of(id.clone()), prop::option::of(id.clone())).prop_map(|(d, a)| Call::Track(d, a)),
        (id.clone(), prop::option::of(id.clone()), traits, prop::option::of(0..50_i64))
            .prop_map(|(id, anonymous, traits, at)| Call::Identify { id, anonymous, traits, at }),
        (id.clone(), id).prop_map(|(d, n)| Call::Alias(d, n)),
    ]
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    prop::collection::vec(call(), 0..40)
}

fn update(traits: &[(u8, u8)]) -> Vec<(Box<str>, Box<str>)> {
    traits.iter().map(|(key, value)| (format!("t{key}").into(), value.to_string().into())).collect()
}

fn perform(model: &mut Identities, call: &Call, now: i64) -> Subject {
    let now = Micros(now);
    match call {
        Call::Track(distinct, anonymous) => {
            let (distinct, anonymous) = (distinct.map(name), anonymous.map(name));
            return model.track(distinct.as_deref(), anonymous.as_deref(), now);
        }
        Call::Identify { id, anonymous, traits, at } => model.identify(
            Identify {
                distinct_id: name(*id),
                anonymous_id: anonymous.map(name),
                traits: update(traits),
                timestamp: at.map(Micros),
            },
            now,
        ),
        Call::Alias(id, new) => model.alias(&Alias { distinct_id: name(*id), new_user_id: name(*new) }, now),
    }
    Subject::default()
}

fn run(calls: &[Call]) -> Identities {
    let mut model = Identities::new(Uuid::now_v7);
    for (call, now) in calls.iter().zip(1..) {
        perform(&mut model, call, now);
    }
    model
}

/// The groups of ids that resolve to one identity, whatever that identity is.
fn groups(model: &Identities) -> BTreeSet<BTreeSet<String>> {
    let mut by_identity = BTreeMap::<IdentityRef, BTreeSet<String>>::new();
    for id in model.view().ids() {
        by_identity.entry(id.current).or_default().insert(id.text.to_string());
    }
    by_identity.into_values().collect()
}

/// The same groups by the definition: ids named together belong together.
fn expected_groups(calls: &[Call]) -> BTreeSet<BTreeSet<String>> {
    let mut groups: Vec<BTreeSet<String>> = Vec::new();
    for call in calls {
        let named: BTreeSet<String> = match call {
            Call::Track(distinct, anonymous) => {
                distinct.iter().chain(anonymous).map(|&id| name(id).into()).collect()
            }
            Call::Identify { id, anonymous, .. } => {
                anonymous.iter().chain([id]).map(|&id| name(id).into()).collect()
            }
            Call::Alias(id, new) => [*id, *new].map(|id| name(id).into()).into(),
        };
        let (touched, mut rest): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| !group.is_disjoint(&named));
        rest.push(touched.into_iter().flatten().chain(named).collect());
        groups = rest;
    }
    groups.into_iter().filter(|group| !group.is_empty()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_id_resolves_to_exactly_one_live_identity(calls in calls()) {
        let model = run(&calls);
        let live: BTreeSet<_> = (0..).zip(model.view().identities())
            .filter(|(_, identity)| !identity.is_deleted).map(|(at, _)| IdentityRef(at)).collect();
        let resolved: BTreeSet<_> = model.view().ids().map(|id| id.current).collect();
        prop_assert_eq!(&live, &resolved, "a live identity has an id, and every id a live identity");
        for (at, members) in (0..).zip(&model.members) {
            for &member in members {
                prop_assert_eq!(model.view().id(member).current, IdentityRef(at));
            }
        }
    }

    #[test]
    fn ids_named_together_belong_together_and_no_others(calls in calls()) {
        prop_assert_eq!(groups(&run(&calls)), expected_groups(&calls));
    }

    #[test]
    fn the_order_of_calls_does_not_change_who_belongs_to_whom(
        (calls, shuffled) in calls().prop_flat_map(|calls| (Just(calls.clone()), Just(calls).prop_shuffle()))
    ) {
        prop_assert_eq!(groups(&run(&calls)), groups(&run(&shuffled)));
    }

    #[test]
    fn an_event_follows_its_subject(calls in calls()) {
        let mut model = Identities::new(Uuid::now_v7);
        let mut seen = Vec::new();
        for (call, now) in calls.iter().zip(1..) {
            let subject = perform(&mut model, call, now);
            if let Some(id) = subject.distinct.or(subject.anonymous) {
                prop_assert_eq!(subject.identity, Some(model.view().id(id).current));
                seen.push(id);
            }
        }
        for (a, b) in seen.iter().zip(seen.iter().skip(1)) {
            let together = groups(&model).iter().any(|group| {
                [a, b].iter().all(|id| group.contains(&*model.view().id(**id).text))
            });
            prop_assert_eq!(model.view().resolve(*a).uuid == model.view().resolve(*b).uuid, together);
        }
    }

    #[test]
    fn only_merges_move_ids_and_delete_identities(calls in calls()) {
        let model = run(&calls);
        let mut before = BTreeMap::new();
        for id in model.view().ids() {
            prop_assert_eq!(id.moves == 0, id.first == id.current);
            prop_assert_eq!(id.moves == 0, id.moved_at.is_none());
            before.insert(id.text.clone(), id.current);
        }
        let view = model.view().clone();
        prop_assert_eq!(view.identities().filter(|identity| identity.is_deleted).count(),
                        view.identity_count() - groups(&model).len());
    }

    #[test]
    fn being_identified_is_never_lost(calls in calls()) {
        let model = run(&calls);
        for call in &calls {
            if let Call::Identify { id, .. } | Call::Alias(id, _) = call {
                let place = model.find(&name(*id)).unwrap();
                prop_assert!(model.view().resolve(place).is_identified);
            }
        }
    }

    #[test]
    fn versions_rise_and_snapshots_stay(calls in calls()) {
        let mut model = Identities::new(Uuid::now_v7);
        for (call, now) in calls.iter().zip(1..) {
            let before = model.view().clone();
            let texts: Vec<_> = before.identities().map(|i| (i.uuid, i.version, i.traits.text().clone())).collect();
            perform(&mut model, call, now);
            for (old, new) in before.identities().zip(model.view().identities()) {
                prop_assert_eq!(old.uuid, new.uuid);
                prop_assert!(new.version == old.version || new.version == old.version + 1);
                let changed = old.traits != new.traits || old.is_identified != new.is_identified
                    || old.is_deleted != new.is_deleted || old.trait_time != new.trait_time;
                prop_assert!(!changed || new.version > old.version);
            }
            let after: Vec<_> = before.identities().map(|i| (i.uuid, i.version, i.traits.text().clone())).collect();
            prop_assert_eq!(texts, after);
        }
    }

    #[test]
    fn traits_follow_the_clock_of_their_updates(
        updates in prop::collection::vec((prop::collection::vec((0..4_u8, 0..9_u8), 0..3), prop::option::of(0..50_i64)), 0..20)
    ) {
        let mut model = Identities::new(Uuid::now_v7);
        let mut traits = BTreeMap::new();
        let mut time: Option<i64> = None;
        for ((update, at), now) in updates.iter().zip(20..) {
            let call = Call::Identify { id: 0, anonymous: None, traits: update.clone(), at: *at };
            perform(&mut model, &call, now);
            let applies = at.is_none_or(|at| time.is_none_or(|time| at > time));
            if applies {
                traits.extend(update.iter().map(|&(key, value)| (format!("t{key}"), value.to_string())));
                time = Some(at.unwrap_or_else(|| time.map_or(now, |time| time.max(now))));
            }
            let identity = model.view().resolve(model.find(&name(0)).unwrap());
            prop_assert_eq!(identity.trait_time, time.map(Micros));
            for key in (0..4).map(|key| format!("t{key}")) {
                prop_assert_eq!(identity.traits.get(&key), traits.get(&key).map(String::as_str));
            }
        }
    }
}
