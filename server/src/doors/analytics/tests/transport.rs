//! Keys, CORS, request ids, routes without a key and the order of checks (AX, AE).

use rstest::rstest;
use serde_json::json;

use super::*;

const EVENT: &str = r#"{"event":"e","distinct_id":"u"}"#;

#[rstest]
#[case::header("/track", &[("x-api-key", "pk_one")], true)]
#[case::bearer("/track", &[("authorization", "Bearer pk_two")], true)]
#[case::query("/track?sync=1&apiKey=pk_one", &[], true)]
#[case::the_first_counts("/track?apiKey=pk_one", &[("x-api-key", "wrong")], false)]
#[case::unknown("/track", &[("x-api-key", "pk_three")], false)]
#[case::missing("/track", &[], false)]
#[case::basic("/track", &[("authorization", "Basic cGtfb25lOg==")], false)]
#[tokio::test]
async fn a_declared_key_opens_the_door(
    #[case] path: &str,
    #[case] headers: &[(&str, &str)],
    #[case] opens: bool,
) {
    let door = Door::new();
    let answer = door.call(Method::POST, path, headers, EVENT).await;
    if opens {
        assert_eq!(answer.status, StatusCode::OK);
        let body = answer.json();
        assert_eq!((&body["ok"], &body["error_code"]), (&json!(true), &json!(null)));
        assert!(uuid::Uuid::parse_str(body["task_id"].as_str().unwrap()).is_ok());
    } else {
        assert_eq!(
            (answer.status, &answer.json()["error_code"]),
            (StatusCode::UNAUTHORIZED, &json!("unauthorized"))
        );
        assert!(door.is_empty());
    }
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn without_a_declared_key_all_ingestion_is_refused() {
    let door = Door::with(Settings { environments: vec!["production".into()], ..Settings::default() });
    assert_eq!(door.post("/track", EVENT).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn any_key_is_accepted_when_any_user_is() {
    let environments = vec!["production".into()];
    let door = Door::with(Settings { environments, allow_any_key: true, ..Settings::default() });
    assert_eq!(door.post("/track", EVENT).await.status, StatusCode::OK);
    assert_eq!(door.call(Method::POST, "/track?apiKey=", &[], EVENT).await.status, StatusCode::UNAUTHORIZED);
}

#[rstest]
#[case(Method::GET, "/", StatusCode::OK)]
#[case(Method::GET, "/health", StatusCode::OK)]
#[case(Method::GET, "/nowhere", StatusCode::NOT_FOUND)]
#[case(Method::GET, "/track", StatusCode::METHOD_NOT_ALLOWED)]
#[case(Method::POST, "/track", StatusCode::UNAUTHORIZED)]
#[case(Method::POST, "/nowhere", StatusCode::NOT_FOUND)]
#[case(Method::OPTIONS, "/nowhere", StatusCode::NO_CONTENT)]
#[tokio::test]
async fn every_status_carries_cors_and_a_request_id(
    #[case] method: Method,
    #[case] path: &str,
    #[case] status: StatusCode,
) {
    let headers = [("origin", "https://shop.example"), ("x-request-id", "mine-1")];
    let answer = Door::new().call(method, path, &headers, "").await;
    assert_eq!(answer.status, status);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("access-control-expose-headers"), Some("x-request-id"));
    assert_eq!(answer.header("vary"), Some("Origin"));
    assert_eq!(answer.header("x-request-id"), Some("mine-1"));
}

#[tokio::test]
async fn without_an_origin_there_is_no_cors_and_an_id_is_minted() {
    let answer = Door::new().call(Method::GET, "/", &[], "").await;
    assert_eq!(answer.json(), json!({"status": "ok"}));
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert!(uuid::Uuid::parse_str(answer.header("x-request-id").unwrap()).is_ok());
}

#[tokio::test]
async fn a_preflight_allows_what_it_asks_for() {
    let door = Door::new();
    let asked = [
        ("origin", "null"),
        ("access-control-request-headers", "x-custom, content-type"),
        ("access-control-request-private-network", "true"),
    ];
    let answer = door.call(Method::OPTIONS, "/track", &asked, "").await;
    assert_eq!((answer.status, &*answer.text), (StatusCode::NO_CONTENT, ""));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET, POST, OPTIONS"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("x-custom, content-type"));
    assert_eq!(answer.header("access-control-max-age"), Some("86400"));
    assert_eq!(answer.header("access-control-allow-private-network"), Some("true"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("null"));
    let plain = door.call(Method::OPTIONS, "/anything", &[], "").await;
    assert_eq!(plain.header("access-control-allow-headers"), Some("content-type, authorization, x-api-key"));
    assert_eq!(plain.header("access-control-allow-private-network"), None);
}

#[rstest]
#[case("/track", Method::PUT, "POST")]
#[case("/health", Method::POST, "GET,HEAD")]
#[tokio::test]
async fn a_wrong_method_is_told_the_right_one(
    #[case] path: &str,
    #[case] method: Method,
    #[case] allow: &str,
) {
    let answer = Door::new().call(method, path, &[], "").await;
    let code = answer.json()["error_code"].clone();
    assert_eq!((answer.status, code), (StatusCode::METHOD_NOT_ALLOWED, json!("method-not-allowed")));
    assert_eq!(answer.header("allow"), Some(allow));
}

#[tokio::test]
async fn checks_run_from_the_outside_in() {
    let door = Door::new();
    let huge = || "x".repeat((16 << 20) + 1);
    assert_eq!(door.call(Method::POST, "/nowhere", &[], huge()).await.status, StatusCode::NOT_FOUND);
    assert_eq!(door.call(Method::POST, "/track", &[], huge()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(door.post("/track", huge()).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let syntax_last = r#"[{"event":1},{"event":"e","environment":"nowhere"},{"#;
    assert_eq!(door.post("/track", syntax_last).await.json()["error_code"], "invalid-json");
    let hidden_syntax = r#"[{"event":1},{"event":"\ud800"}]"#;
    assert_eq!(door.post("/track", hidden_syntax).await.json()["error_code"], "invalid-json");
    let schema = r#"[{"event":"e","environment":"nowhere"},{"event":1}]"#;
    assert_eq!(door.post("/track", schema).await.json()["details"], json!({"index": 1, "field": "event"}));
    assert!(door.is_empty());
}

#[tokio::test]
async fn an_error_has_one_body_and_never_the_key() {
    let door = Door::new();
    let answer = door.call(Method::POST, "/track", &[("x-api-key", "pk_secret_guess")], EVENT).await;
    let body = answer.json();
    for key in ["ok", "task_id", "error_code", "error", "message", "details"] {
        assert!(body.get(key).is_some(), "{key} is missing from {body}");
    }
    assert_eq!((&body["ok"], &body["task_id"], &body["details"]), (&json!(false), &json!(null), &json!({})));
    assert_eq!(body["error"], body["error_code"]);
    assert!(!answer.text.contains("pk_secret_guess") && !answer.text.contains("pk_one"));
}

#[tokio::test]
async fn the_openapi_document_covers_every_route() {
    let answer = Door::new().call(Method::GET, "/openapi/product-analytics.json", &[], "").await;
    let document = answer.json();
    assert_eq!((answer.status, &document["openapi"]), (StatusCode::OK, &json!("3.1.0")));
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    let served = ["/", "/alias", "/health", "/identify", "/openapi/product-analytics.json", "/track"];
    assert_eq!(
        served.iter().filter(|path| !paths.iter().any(|known| known == *path)).count(),
        0,
        "{paths:?}"
    );
    let track = &document["paths"]["/track"]["post"];
    let schema = &track["requestBody"]["content"]["application/json"]["schema"]["oneOf"];
    assert_eq!(schema[0]["$ref"], "#/components/schemas/TrackEvent");
    assert_eq!(schema[1]["items"]["$ref"], "#/components/schemas/TrackEvent");
    assert_eq!(track["security"].as_array().unwrap().len(), 3);
    let event = &document["components"]["schemas"]["TrackEvent"];
    assert_eq!(event["required"], json!(["event"]));
    assert!(event["example"]["event"].is_string(), "{event}");
    for name in ["Accepted", "ErrorBody", "IdentifyPerson", "AliasPerson"] {
        assert!(document["components"]["schemas"][name]["example"].is_object(), "{name} has no example");
    }
}

#[tokio::test]
async fn a_panic_is_a_500_with_the_ports_body_and_the_requests_id() {
    let request = Request::builder().uri("/panic").header("x-request-id", "r1").body(Body::empty()).unwrap();
    let response = crate::doors::analytics::wrap(crate::doors::calls::panicking(), &metrics())
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()["x-request-id"], "r1");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&body["ok"], &body["error_code"]), (&false.into(), &"internal".into()));
}
