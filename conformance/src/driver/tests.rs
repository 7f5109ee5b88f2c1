use super::*;
use rstest::rstest;
use std::io::{BufReader, PipeReader, PipeWriter, pipe};

/// The driver's side: what it hears, and how it answers.
struct Other {
    heard: BufReader<PipeReader>,
    says: PipeWriter,
}

impl Other {
    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.heard.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn say(&mut self, message: &Value) {
        writeln!(self.says, "{message}").unwrap();
    }
}

/// A connection to a driver that makes `http` and `get` calls.
fn connected() -> (Connection, Other) {
    let (heard, output) = pipe().unwrap();
    let (input, says) = pipe().unwrap();
    let mut other = Other { heard: BufReader::new(heard), says };
    other.say(&json!({"driver": "test", "calls": ["http", "get"]}));
    let (driver, hello) = Driver::connect(BufReader::new(input), output).unwrap();
    assert_eq!(hello.driver, "test");
    (driver.connection(3), other)
}

async fn call(connection: &Connection, kind: &str) -> Result<Option<Value>> {
    connection.call(kind, json!({"url": "x"}), &mut Gate::open(), Value::clone).await
}

#[rstest]
#[case::answered(json!({"answer": {"status": 200}}), Ok(Some(json!({"status": 200}))))]
#[case::declined(json!({"declined": true}), Ok(None))]
#[case::cannot(json!({"cannot": "sends TRACE"}), Err("the driver cannot: sends TRACE"))]
#[case::broke(json!({"broke": "null pointer"}), Err("the driver broke: null pointer"))]
#[tokio::test]
async fn a_call_ends_as_the_driver_says(#[case] said: Value, #[case] expected: Result<Option<Value>, &str>) {
    let (connection, mut other) = connected();
    let driver = std::thread::spawn(move || {
        let heard = other.hear();
        assert_eq!(heard, json!({"call": 1, "kind": "http", "connection": 3, "url": "x"}));
        let mut reply = said;
        reply["call"] = heard["call"].clone();
        other.say(&reply);
        other
    });
    let ended = call(&connection, "http").await.map_err(|fault| fault.0);
    assert_eq!(ended, expected.map_err(str::to_owned));
    drop(driver.join());
}

#[tokio::test]
async fn a_kind_that_the_driver_has_not_named_is_not_asked_for() {
    for (kind, reason) in [("socket", "it makes no socket calls"), ("poll", "it speaks no Flight SQL")] {
        let (connection, _other) = connected();
        assert!(call(&connection, kind).await.is_err());
        assert_eq!(connection.cannot().as_deref(), Some(reason));
    }
}

#[tokio::test]
async fn a_paused_call_goes_on_once_it_is_resumed() {
    let (connection, mut other) = connected();
    let (mut gate, handle) = Gate::after(2);
    let running = tokio::spawn(async move {
        connection.call("get", json!({}), &mut gate, Value::clone).await.unwrap().unwrap()
    });
    let heard = tokio::task::spawn_blocking(move || (other.hear(), other));
    let (asked, mut other) = heard.await.unwrap();
    assert_eq!(asked["pause_after"], 2);
    other.say(&json!({"call": 1, "paused": {"arrow": "so far"}}));
    assert_eq!(handle.reached.await.unwrap(), json!({"arrow": "so far"}));
    handle.resume.send(()).unwrap();
    let heard = tokio::task::spawn_blocking(move || (other.hear(), other));
    let (resumed, mut other) = heard.await.unwrap();
    assert_eq!(resumed, json!({"resume": 1}));
    other.say(&json!({"call": 1, "answer": {"arrow": "all"}}));
    assert_eq!(running.await.unwrap(), json!({"arrow": "all"}));
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_broken_off() {
    let (connection, mut other) = connected();
    let running = tokio::spawn(async move { call(&connection, "get").await });
    let heard = tokio::task::spawn_blocking(move || (other.hear(), other));
    let (_, mut other) = heard.await.unwrap();
    running.abort();
    let heard = tokio::task::spawn_blocking(move || other.hear());
    assert_eq!(heard.await.unwrap(), json!({"hang_up": 1}));
}

#[rstest]
#[case::gone("", "the driver is gone")]
#[case::babbling("what?\n", "the driver said what is no reply: what?")]
#[tokio::test]
async fn calls_fail_where_the_driver_is_gone_or_says_what_is_no_reply(
    #[case] said: &str,
    #[case] expected: &str,
) {
    let (connection, mut other) = connected();
    other.says.write_all(said.as_bytes()).unwrap();
    drop(other.says);
    let fault = call(&connection, "http").await.unwrap_err();
    assert_eq!(fault.0, expected);
}

#[test]
fn a_status_takes_the_place_of_an_answer() {
    let status = status(&json!({"status": {"code": 5, "message": "none such"}})).unwrap();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "none such"));
    assert!(super::status(&json!({"results": []})).is_none());
}
