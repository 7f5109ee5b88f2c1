//! AM clause by clause.

use uuid::Uuid;

use super::*;

fn model() -> Identities {
    Identities::new(Uuid::now_v7)
}

fn identify(id: &str, anonymous: Option<&str>, traits: &[(&str, &str)], at: Option<i64>) -> Identify {
    Identify {
        distinct_id: id.into(),
        anonymous_id: anonymous.map(Into::into),
        traits: traits.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
        timestamp: at.map(Micros),
    }
}

fn alias(id: &str, new: &str) -> Alias {
    Alias { distinct_id: id.into(), new_user_id: new.into() }
}

fn of<'a>(model: &'a Identities, id: &str) -> &'a Identity {
    model.view().resolve(model.find(id).expect("a known id"))
}

#[test]
fn first_sight_creates_an_unidentified_identity_without_traits() {
    let mut model = model();
    let subject = model.track(Some("u"), None, Micros(5));
    let identity = of(&model, "u");
    assert_eq!((identity.version, identity.created_at, identity.trait_time), (1, Micros(5), None));
    assert_eq!(
        (identity.is_identified, identity.is_deleted, &**identity.traits.text()),
        (false, false, "{}")
    );
    assert_eq!(subject.identity, Some(IdentityRef(0)));
    assert_eq!(identity.uuid.as_str().parse::<uuid::Uuid>().unwrap().get_version_num(), 7);
}

#[test]
fn an_event_without_ids_has_no_subject() {
    let mut model = model();
    assert_eq!(model.track(None, None, Micros(1)), Subject::default());
    assert_eq!((model.view().id_count(), model.view().identity_count()), (0, 0));
}

#[test]
fn an_unseen_anonymous_id_joins_without_an_identity_of_its_own() {
    let mut model = model();
    model.track(Some("u"), Some("A"), Micros(1));
    assert_eq!((model.view().id_count(), model.view().identity_count()), (2, 1));
    assert_eq!(of(&model, "A").uuid, of(&model, "u").uuid);
}

#[test]
fn equal_ids_do_not_link_to_themselves() {
    let mut model = model();
    model.track(Some("u"), Some("u"), Micros(1));
    model.alias(&alias("u", "u"), Micros(2));
    assert_eq!((model.view().id_count(), model.view().identity_count()), (1, 1));
    assert_eq!((of(&model, "u").is_identified, of(&model, "u").version), (true, 2));
}

#[test]
fn the_documented_sequence_ends_in_one_identity() {
    let mut model = model();
    model.track(Some("A"), None, Micros(1));
    model.identify(identify("u", Some("A"), &[("plan", "\"pro\"")], None), Micros(2));
    model.track(Some("u"), Some("A"), Micros(3));
    assert_eq!(of(&model, "A").uuid, of(&model, "u").uuid);
    assert_eq!(&**of(&model, "A").traits.text(), r#"{"plan":"pro"}"#);
    let live = model.view().identities().filter(|identity| !identity.is_deleted).count();
    assert_eq!((model.view().identity_count(), live), (2, 1));
}

#[test]
fn a_merge_moves_every_id_of_the_identity_lost() {
    let mut model = model();
    model.track(Some("A"), Some("B"), Micros(1));
    model.identify(identify("u", None, &[], None), Micros(2));
    model.track(Some("u"), Some("B"), Micros(3));
    let moved = model.view().id(model.find("A").unwrap());
    assert_eq!((moved.moves, moved.moved_at, moved.first), (1, Some(Micros(3)), IdentityRef(0)));
    assert_eq!(model.view().id(model.find("u").unwrap()).moves, 0);
}

#[test]
fn the_identified_identity_survives_whichever_side_it_is_on() {
    let mut model = model();
    model.identify(identify("known", None, &[("a", "1")], None), Micros(1));
    let known = of(&model, "known").uuid;
    model.track(Some("visitor"), Some("known"), Micros(2));
    assert_eq!(of(&model, "visitor").uuid, known);
    model.track(Some("known"), Some("other"), Micros(3));
    assert_eq!(of(&model, "other").uuid, known);
}

#[test]
fn between_equals_the_distinct_id_survives_and_traits_are_the_union() {
    let mut model = model();
    model.identify(identify("a", None, &[("x", "1"), ("y", "1")], Some(10)), Micros(1));
    model.identify(identify("b", None, &[("y", "2"), ("z", "2")], Some(20)), Micros(2));
    let survivor = of(&model, "a").uuid;
    model.alias(&alias("a", "b"), Micros(3));
    let identity = of(&model, "b");
    assert_eq!((identity.uuid, identity.trait_time), (survivor, Some(Micros(20))));
    assert_eq!(
        (identity.traits.get("x"), identity.traits.get("y"), identity.traits.get("z")),
        (Some("1"), Some("1"), Some("2"))
    );
    let lost = model.view().identity(IdentityRef(1));
    assert!(lost.is_deleted, "the identity lost stays, marked");
    assert_eq!(&**lost.traits.text(), r#"{"y":2,"z":2}"#);
}

#[test]
fn a_timed_update_applies_only_if_strictly_newer() {
    let mut model = model();
    for (value, at) in [("1", Some(100)), ("2", Some(100)), ("3", Some(99)), ("4", Some(101))] {
        model.identify(identify("u", None, &[("v", value)], at), Micros(1));
    }
    assert_eq!((of(&model, "u").traits.get("v"), of(&model, "u").trait_time), (Some("4"), Some(Micros(101))));
}

#[test]
fn an_untimed_update_always_applies_and_the_trait_time_never_falls() {
    let mut model = model();
    model.identify(identify("u", None, &[("v", "1")], Some(1_000)), Micros(1));
    model.identify(identify("u", None, &[("v", "2")], None), Micros(500));
    assert_eq!(
        (of(&model, "u").traits.get("v"), of(&model, "u").trait_time),
        (Some("2"), Some(Micros(1_000)))
    );
    model.identify(identify("u", None, &[("v", "3")], None), Micros(2_000));
    assert_eq!(of(&model, "u").trait_time, Some(Micros(2_000)));
}

#[test]
fn a_skipped_update_still_links_and_identifies() {
    let mut model = model();
    model.identify(identify("u", None, &[("v", "1")], Some(100)), Micros(1));
    model.track(Some("w"), None, Micros(2));
    model.identify(identify("u", Some("w"), &[("v", "2")], Some(50)), Micros(3));
    assert_eq!(of(&model, "w").uuid, of(&model, "u").uuid);
    assert_eq!(of(&model, "w").traits.get("v"), Some("1"));
}

#[test]
fn a_version_counts_the_items_that_changed_the_identity() {
    let mut model = model();
    model.track(Some("u"), None, Micros(1));
    model.track(Some("u"), Some("A"), Micros(2));
    assert_eq!(of(&model, "u").version, 1, "a further id changes nothing of the identity itself");
    model.identify(identify("u", None, &[("a", "1")], Some(5)), Micros(3));
    assert_eq!(of(&model, "u").version, 2, "flag, traits and trait time are one change");
    model.identify(identify("u", None, &[("a", "1")], Some(5)), Micros(4));
    assert_eq!(of(&model, "u").version, 2, "a skipped update is none");
}
