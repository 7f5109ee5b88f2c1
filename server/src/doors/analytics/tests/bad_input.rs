//! Input that is refused: the contract's error each time, and nothing written.

use rstest::rstest;
use serde_json::json;

use super::*;

async fn refused(path: &str, body: impl Into<Body>) -> (u16, Value, Value) {
    let door = Door::new();
    let answer = door.post(path, body).await;
    assert!(door.is_empty(), "nothing may be written");
    let again = door.post("/track", r#"{"event":"e"}"#).await;
    assert_eq!(again.status, StatusCode::OK, "the server stays up");
    let body = answer.json();
    (answer.status.as_u16(), body["error_code"].clone(), body["details"].clone())
}

#[rstest]
#[case::missing("/track", r#"{}"#, "event")]
#[case::null("/track", r#"{"event":null}"#, "event")]
#[case::empty("/track", r#"{"event":""}"#, "event")]
#[case::number("/track", r#"{"event":1}"#, "event")]
#[case::environment("/track", r#"{"event":"e","environment":1}"#, "environment")]
#[case::properties_array("/track", r#"{"event":"e","properties":[]}"#, "properties")]
#[case::properties_text("/track", r#"{"event":"e","properties":"{}"}"#, "properties")]
#[case::distinct_id("/track", r#"{"event":"e","distinct_id":7}"#, "distinct_id")]
#[case::anonymous_id("/track", r#"{"event":"e","anonymous_id":{}}"#, "anonymous_id")]
#[case::device_id("/track", r#"{"event":"e","device_id":false}"#, "device_id")]
#[case::session_id("/track", r#"{"event":"e","session_id":[]}"#, "session_id")]
#[case::release("/track", r#"{"event":"e","release":1.5}"#, "release")]
#[case::timestamp_bool("/track", r#"{"event":"e","timestamp":true}"#, "timestamp")]
#[case::timestamp_text("/track", r#"{"event":"e","timestamp":"soon"}"#, "timestamp")]
#[case::timestamp_empty("/track", r#"{"event":"e","timestamp":""}"#, "timestamp")]
#[case::timestamp_day("/track", r#"{"event":"e","timestamp":"2023-02-29"}"#, "timestamp")]
#[case::timestamp_range("/track", r#"{"event":"e","timestamp":1e300}"#, "timestamp")]
#[case::timestamp_edge("/track", r#"{"event":"e","timestamp":253402300800000}"#, "timestamp")]
#[case::the_last_key_counts("/track", r#"{"event":"e","event":2}"#, "event")]
#[case::identify_missing("/identify", r#"{"traits":{}}"#, "distinct_id")]
#[case::identify_empty("/identify", r#"{"distinct_id":""}"#, "distinct_id")]
#[case::identify_traits("/identify", r#"{"distinct_id":"u","traits":[]}"#, "traits")]
#[case::identify_device("/identify", r#"{"distinct_id":"u","device_id":1}"#, "device_id")]
#[case::alias_missing("/alias", r#"{"distinct_id":"u"}"#, "new_user_id")]
#[case::alias_empty("/alias", r#"{"distinct_id":"u","new_user_id":""}"#, "new_user_id")]
#[case::alias_number("/alias", r#"{"distinct_id":5,"new_user_id":"v"}"#, "distinct_id")]
#[case::alias_timestamp("/alias", r#"{"distinct_id":"u","new_user_id":"v","timestamp":"x"}"#, "timestamp")]
#[tokio::test]
async fn a_schema_violation_names_its_field(
    #[case] path: &str,
    #[case] body: &'static str,
    #[case] field: &str,
) {
    let details = json!({"index": 0, "field": field});
    assert_eq!(refused(path, body).await, (422, json!("invalid-payload"), details));
}

#[rstest]
#[case("5", 0)]
#[case("null", 0)]
#[case("\"text\"", 0)]
#[case("[{\"event\":\"e\"},[]]", 1)]
#[case("[{\"event\":\"e\"},{\"event\":\"e\"},null]", 2)]
#[tokio::test]
async fn what_is_no_object_has_no_field(#[case] body: &'static str, #[case] index: usize) {
    let details = json!({"index": index, "field": null});
    assert_eq!(refused("/track", body).await, (422, json!("invalid-payload"), details));
}

#[rstest]
#[case::empty(b"")]
#[case::blank(b" \n")]
#[case::truncated(b"{\"event\":\"e\"")]
#[case::two_values(b"{\"event\":\"e\"}{\"event\":\"e\"}")]
#[case::trailing_comma(b"[{\"event\":\"e\"},]")]
#[case::not_utf8(b"{\"event\":\"\xff\"}")]
#[case::not_utf8_ignored(b"{\"event\":\"e\",\"x\":\"\xc3\"}")]
#[case::utf16(b"\xff\xfe{\x00}\x00")]
#[case::control_character(b"{\"event\":\"a\nb\"}")]
#[case::half_a_pair(b"{\"event\":\"e\",\"properties\":{\"a\":[\"\\ud83d\"]}}")]
#[case::half_a_pair_in_a_key(b"{\"event\":\"e\",\"properties\":{\"\\udc00\":1}}")]
#[case::not_a_number(b"{\"event\":\"e\",\"properties\":{\"n\":NaN}}")]
#[tokio::test]
async fn what_does_not_parse_is_invalid_json(#[case] body: &'static [u8]) {
    assert_eq!(refused("/track", body).await, (400, json!("invalid-json"), json!({})));
}

#[rstest]
#[case(1_000)]
#[case(1_000_000)]
#[tokio::test]
async fn deep_nesting_is_refused_without_recursion(#[case] depth: usize) {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        let track = format!(r#"{{"event":"e","properties":{{"p":{value}}}}}"#);
        assert_eq!(refused("/track", track).await.1, json!("invalid-json"));
        let identify = format!(r#"{{"distinct_id":"u","traits":{{"p":{value}}}}}"#);
        assert_eq!(refused("/identify", identify).await.1, json!("invalid-json"));
        assert_eq!(refused("/track", open.repeat(depth)).await.1, json!("invalid-json"));
        assert_eq!(refused("/track", format!(r#"{{"event":{value}}}"#)).await.1, json!("invalid-payload"));
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large_and_one_at_the_limit_is_not() {
    let event = |bytes: usize| {
        let head = r#"{"event":"e","properties":{"p":""#;
        format!("{head}{}\"}}}}", "x".repeat(bytes - head.len() - 3))
    };
    assert_eq!(refused("/track", event((16 << 20) + 1)).await.0, 413);
    assert_eq!(refused("/track", event(20_000_000)).await, (413, json!("payload-too-large"), json!({})));
    assert_eq!(Door::new().post("/track", event(16 << 20)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_chunked_body_is_measured_as_it_arrives() {
    let chunks = (0..20).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 20]));
    let body = Body::from_stream(futures::stream::iter(chunks));
    assert_eq!(refused("/track", body).await.0, 413);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_invalid_json() {
    let chunks = [Ok(r#"{"event":"e"}"#.to_owned()), Err(std::io::Error::other("connection reset"))];
    let body = Body::from_stream(futures::stream::iter(chunks));
    assert_eq!(refused("/track", body).await.0, 400);
}

#[tokio::test]
async fn long_values_are_kept_whole() {
    let door = Door::new();
    let id = "i".repeat(1 << 20);
    let body = json!({"event": "e", "distinct_id": id, "environment": "production"}).to_string();
    assert_eq!(door.post("/track", body).await.status, StatusCode::OK);
    assert_eq!(door.snapshot().identities.ids().next().unwrap().text.len(), 1 << 20);
}
