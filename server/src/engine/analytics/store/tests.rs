//! Keys, isolation and atomicity.

use proptest::prelude::*;

use super::super::item::{Action, Alias, Identify, Track};
use super::*;

fn store(allow_any_key: bool) -> Store {
    Store::new(Settings {
        keys: vec!["pk_one".into(), "pk_two".into()],
        environments: vec!["production".into(), "staging".into()],
        allow_any_key,
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
        prop_assert_eq!(store.apply(&access, batch, Micros(2)), Err(UnknownEnvironment("nowhere".into())));
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
