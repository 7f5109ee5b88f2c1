//! Keys, isolation and atomicity.

use proptest::prelude::*;

use super::super::item::{Action, Alias, Identify, Track};
use super::*;
use crate::events::Micros;

fn store(allow_any_key: bool) -> Store {
    limited(allow_any_key, Limits::default())
}

/// Three undeclared keys, and a megabyte for each project.
fn small(allow_any_key: bool) -> Store {
    limited(allow_any_key, Limits { undeclared: 3, project_events: 1 << 20, ..Limits::default() })
}

fn limited(allow_any_key: bool, limits: Limits) -> Store {
    Store::new(Settings {
        keys: vec!["pk_one".into(), "pk_two".into()],
        environments: vec!["production".into(), "staging".into()],
        allow_any_key,
        limits,
    })
}

fn track(environment: &str, id: &str) -> Item {
    let track = Track { event: "e".into(), distinct_id: Some(id.into()), ..Track::default() };
    Item { environment: environment.into(), action: Action::Track(track) }
}

/// Everything but the UUIDs, which differ from run to run.
fn summary(store: &Store, key: &str, environment: &str) -> String {
    let snapshot = store.snapshot(key, environment).expect("a declared project");
    let ids = &snapshot.identities;
    let events: Vec<_> = (snapshot.events.iter())
        .map(|e| {
            (e.event(), e.distinct_id().map(|id| ids.id(id).text.clone()), e.identity(), e.identity_traits())
        })
        .collect();
    let identities: Vec<_> =
        ids.identities().map(|i| (i.traits.text(), i.is_identified, i.is_deleted, i.version)).collect();
    let known: Vec<_> = ids.ids().map(|id| (&id.text, id.first, id.current, id.moves)).collect();
    format!("{events:?} {identities:?} {known:?}")
}

#[test]
fn only_declared_keys_are_accepted() {
    let store = store(false);
    assert!(store.access("pk_one").is_some() && store.access("pk_two").is_some());
    assert!(store.access("pk_three").is_none() && store.access("").is_none());
}

#[test]
fn a_call_counts_the_events_that_it_stores() {
    let store = store(false);
    let call = Call::of_server("POST /track");
    let access = store.admit(&call, "pk_one").unwrap().unwrap();
    let batch = vec![track("production", "u"), track("nowhere", "u")];
    store.apply(&access, batch, Micros(1)).unwrap_err();
    assert_eq!(call.rows(), None);
    store.apply(&access, vec![track("production", "u"); 3], Micros(1)).unwrap();
    assert_eq!(call.rows(), Some(3));
}

#[test]
fn any_key_is_a_project_of_its_own_until_it_idles_out() {
    let store = store(true);
    assert!(store.access("").is_none());
    let guest = store.access("test-17").unwrap();
    store.apply(&guest, vec![track("staging", "u")], Micros(1)).unwrap();
    assert_eq!(store.snapshot("test-17", "staging").unwrap().events.len(), 1);
    assert_eq!(store.snapshot("test-18", "staging").unwrap().events.len(), 0);
    store.drop_idle(Duration::from_secs(600));
    assert_eq!(store.snapshot("test-17", "staging").unwrap().events.len(), 1);
    store.drop_idle(Duration::ZERO);
    assert_eq!(store.snapshot("test-17", "staging").unwrap().events.len(), 0);
}

#[test]
fn one_key_too_many_takes_the_place_of_an_empty_one_or_is_refused() {
    let store = small(true);
    for key in ["one", "two", "three"] {
        store.projects_of(key).unwrap();
    }
    store.apply(&store.access("one").unwrap(), vec![track("staging", "u")], Micros(1)).unwrap();
    let held = store.access("two").unwrap();
    let four = store.access("four").expect("in place of three");
    let refused = store.projects_of("five").unwrap_err();
    assert!(refused.message().contains("at most 3; raise it with --undeclared-user-limit"), "{refused}");
    drop((held, four));
    assert!(store.projects_of("five").is_ok());
    assert_eq!(store.snapshot("one", "staging").unwrap().events.len(), 1);
}

#[test]
fn a_full_project_refuses_a_batch_as_a_whole() {
    let store = small(false);
    let access = store.access("pk_one").unwrap();
    let batch = || (0..500).map(|n| track("production", &format!("user {n}"))).collect::<Vec<_>>();
    let mut applied = 0;
    let refused = loop {
        match store.apply(&access, batch(), Micros(1)) {
            Ok(()) => applied += 1,
            Err(refused) => break refused,
        }
    };
    let Unapplied::Full(error) = refused else { panic!("{refused:?}") };
    assert!(error.message().contains("at most 1MB; raise it with --project-event-limit"), "{error}");
    let snapshot = store.snapshot("pk_one", "production").unwrap();
    assert_eq!((snapshot.events.len(), snapshot.requests), (500 * applied, applied as u64));
    let weight = store.weight("pk_one", "production").unwrap();
    assert!((900 << 10..=1 << 20).contains(&weight), "{weight}");
    // Neither the key's other project nor a smaller batch is touched by it.
    store.apply(&access, vec![track("staging", "u")], Micros(1)).unwrap();
    store.apply(&access, vec![track("production", "user 1")], Micros(1)).unwrap();
}

#[test]
fn traits_weigh_until_nothing_shows_them() {
    let store = store(false);
    let access = store.access("pk_one").unwrap();
    let identify = |size: usize| {
        let traits = vec![("t".into(), format!("\"{}\"", "x".repeat(size)).into())];
        let identify = Identify { distinct_id: "u".into(), traits, ..Identify::default() };
        vec![Item { environment: "production".into(), action: Action::Identify(identify) }]
    };
    let weight = || store.weight("pk_one", "production").unwrap();
    // Each replaces the one before, until an event shows what they were then.
    for _ in 0..50 {
        store.apply(&access, identify(100_000), Micros(1)).unwrap();
    }
    assert!((200_000..210_000).contains(&weight()), "{}", weight());
    store.apply(&access, vec![track("production", "u")], Micros(2)).unwrap();
    store.apply(&access, identify(0), Micros(3)).unwrap();
    assert!((100_000..105_000).contains(&weight()), "{}", weight());
}

#[test]
fn a_snapshot_is_shared_until_the_next_write_and_never_changes() {
    let store = store(false);
    let access = store.access("pk_one").unwrap();
    store.apply(&access, vec![track("production", "u")], Micros(1)).unwrap();
    let before = store.snapshot("pk_one", "production").unwrap();
    assert!(Arc::ptr_eq(&before, &store.snapshot("pk_one", "production").unwrap()));
    store.apply(&access, vec![track("production", "v"); 10_000], Micros(2)).unwrap();
    assert_eq!((before.events.len(), before.events.iter().count(), before.identities.id_count()), (1, 1, 1));
    assert_eq!(store.snapshot("pk_one", "production").unwrap().events.iter().count(), 10_001);
}

#[test]
fn debug_output_holds_no_key() {
    let store = store(true);
    store.access("secret-guest").unwrap();
    let shown = format!("{store:?}");
    assert!(!shown.contains("pk_one") && !shown.contains("secret-guest,"), "{shown}");
}

fn item() -> impl Strategy<Value = Item> {
    let id = || (0..6_u8).prop_map(|id| -> Box<str> { format!("id{id}").into() });
    let action = prop_oneof![
        (prop::option::of(id()), prop::option::of(id())).prop_map(|(distinct_id, anonymous_id)| {
            Action::Track(Track { event: "e".into(), distinct_id, anonymous_id, ..Track::default() })
        }),
        (id(), prop::option::of(id()), 0..9_u8).prop_map(|(distinct_id, anonymous_id, value)| {
            let traits = vec![("t".into(), value.to_string().into())];
            Action::Identify(Identify { distinct_id, anonymous_id, traits, timestamp: None })
        }),
        (id(), id()).prop_map(|(distinct_id, new_user_id)| Action::Alias(Alias { distinct_id, new_user_id })),
    ];
    (prop_oneof!["production", "staging"], action)
        .prop_map(|(environment, action)| Item { environment: environment.into(), action })
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    prop::collection::vec(item(), 0..25)
}

const PROJECTS: [(&str, &str); 4] =
    [("pk_one", "production"), ("pk_one", "staging"), ("pk_two", "production"), ("pk_two", "staging")];

proptest! {
    #[test]
    fn a_batch_with_an_undeclared_environment_changes_nothing(before in items(), batch in items(), at in 0..25_usize) {
        let store = store(false);
        let access = store.access("pk_one").unwrap();
        store.apply(&access, before, Micros(1)).unwrap();
        let earlier = PROJECTS.map(|(key, environment)| summary(&store, key, environment));
        let mut batch = batch;
        batch.insert(at.min(batch.len()), track("nowhere", "u"));
        prop_assert_eq!(store.apply(&access, batch, Micros(2)), Err(Unapplied::Environment("nowhere".into())));
        prop_assert_eq!(earlier, PROJECTS.map(|(key, environment)| summary(&store, key, environment)));
    }

    #[test]
    fn one_batch_or_one_by_one_is_the_same(batch in items()) {
        let (whole, single) = (store(false), store(false));
        whole.apply(&whole.access("pk_one").unwrap(), batch.clone(), Micros(1)).unwrap();
        for item in batch {
            single.apply(&single.access("pk_one").unwrap(), vec![item], Micros(1)).unwrap();
        }
        for (key, environment) in PROJECTS {
            prop_assert_eq!(summary(&whole, key, environment), summary(&single, key, environment));
        }
    }

    #[test]
    fn a_project_never_sees_another(mine in items(), theirs in items()) {
        let (shared, alone) = (store(false), store(false));
        for (at, item) in mine.iter().enumerate() {
            shared.apply(&shared.access("pk_one").unwrap(), vec![item.clone()], Micros(1)).unwrap();
            alone.apply(&alone.access("pk_one").unwrap(), vec![item.clone()], Micros(1)).unwrap();
            if let Some(item) = theirs.get(at) {
                shared.apply(&shared.access("pk_two").unwrap(), vec![item.clone()], Micros(1)).unwrap();
            }
        }
        for environment in ["production", "staging"] {
            prop_assert_eq!(summary(&shared, "pk_one", environment), summary(&alone, "pk_one", environment));
        }
    }
}
