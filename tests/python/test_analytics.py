"""altertable, the published Product Analytics client."""

from __future__ import annotations

import json
import uuid

import httpx
import pytest
from altertable import Altertable
from altertable.client import ApiError, NetworkError
from mock_server import ALICE, API_KEY, MockServer


@pytest.fixture
def client(server: MockServer) -> Altertable:
    return Altertable(API_KEY, server_url=server.analytics_url)


def assert_accepted(response: dict[str, object]) -> None:
    assert response["ok"] is True
    assert response["error_code"] is None
    assert uuid.UUID(str(response["task_id"]))


def rows(server: MockServer, statement: str) -> list[list[object]]:
    answer = httpx.post(f"{server.lakehouse_url}/query", auth=ALICE.pair, json={"statement": statement}, timeout=30)
    answer.raise_for_status()
    return [json.loads(line) for line in answer.text.splitlines()][2:]


def test_an_event_is_tracked(client: Altertable) -> None:
    options = {"properties": {"plan": "pro", "n": 1.5}, "anonymous_id": "anon-1", "device_id": "d"}
    assert_accepted(client.track("signed_up", "user-1", options))
    assert_accepted(client.track("signed_up", "user-1"))


def test_timestamps_of_both_kinds_are_taken(client: Altertable) -> None:
    assert_accepted(client.track("seen", "user-1", {"timestamp": 1_700_000_000}))
    assert_accepted(client.track("seen", "user-1", {"timestamp": "2024-01-15T10:00:00.123Z"}))


def test_a_user_is_identified(client: Altertable) -> None:
    assert_accepted(client.identify("user-1", {"traits": {"email": "a@example.com"}, "anonymous_id": "anon-1"}))


def test_another_declared_environment_is_accepted(server: MockServer) -> None:
    client = Altertable(API_KEY, server_url=server.analytics_url, environment="staging")
    assert_accepted(client.track("signed_up", "user-1"))


def test_an_undeclared_environment_is_refused(client: Altertable) -> None:
    with pytest.raises(ApiError) as refused:
        client.track("signed_up", "user-1", {"environment": "nowhere"})
    assert refused.value.status == 422
    assert refused.value.details["error_code"] == "environment-not-found"
    assert "nowhere" in str(refused.value)


def test_an_event_without_a_name_is_refused(client: Altertable) -> None:
    with pytest.raises(ApiError) as refused:
        client.track("", "user-1")
    assert refused.value.status == 422
    assert refused.value.details["details"] == {"index": 0, "field": "event"}


def test_an_unknown_key_is_refused(server: MockServer) -> None:
    with pytest.raises(ApiError) as refused:
        Altertable("wrong", server_url=server.analytics_url).track("signed_up", "user-1")
    assert refused.value.status == 401
    assert refused.value.details["error_code"] == "unauthorized"


def test_every_option_arrives_in_sql(client: Altertable, server: MockServer) -> None:
    tag = uuid.uuid4().hex
    options = {
        "timestamp": 1_700_000_000,
        "anonymous_id": f"{tag}-a",
        "device_id": "phone",
        "properties": {"plan": "pro", "seats": 3, "nothing": None, "tags": ["a", {"b": 1.5}]},
    }
    assert_accepted(client.track(tag, f"{tag}-u", options))
    statement = f"SELECT * EXCLUDE (uuid, identity_uuid) FROM product_analytics.main.events WHERE event = '{tag}'"
    row = ["2023-11-14T22:13:20Z", tag, options["properties"], f"{tag}-u", f"{tag}-a", "phone", None, {}]
    assert rows(server, statement) == [row]


def test_an_anonymous_visitor_becomes_a_person_with_two_names(client: Altertable, server: MockServer) -> None:
    """AM-06, then an alias, by the client alone."""
    tag = uuid.uuid4().hex
    assert_accepted(client.track("seen", f"{tag}-a"))
    traits = {"email": "a@example.com", "age": 41}
    options = {"traits": traits, "anonymous_id": f"{tag}-a", "device_id": "d", "timestamp": "2024-01-15T10:00:00Z"}
    assert_accepted(client.identify(f"{tag}-u", options))
    assert_accepted(client.track("seen", f"{tag}-u", {"anonymous_id": f"{tag}-a"}))
    assert_accepted(client.alias(f"{tag}-u", f"{tag}-mail", {"timestamp": 1_700_000_000}))
    assert_accepted(client.track("seen", f"{tag}-mail"))
    # An older update is skipped (AM-05).
    assert_accepted(client.identify(f"{tag}-mail", {"traits": {"age": 7}, "timestamp": 1_600_000_000}))
    events = "SELECT count(*), count(DISTINCT identity_uuid), min(identity_traits->>'$.age')"
    assert rows(server, f"{events} FROM product_analytics.analytics.events WHERE distinct_id LIKE '{tag}-%'") == [
        [3, 1, "41"]
    ]
    people = "SELECT distinct_id, traits, is_identified, updated_at FROM product_analytics.analytics.identities"
    assert rows(server, f"{people} WHERE distinct_id LIKE '{tag}-%' ORDER BY distinct_id") == [
        [f"{tag}-{name}", traits, True, "2024-01-15T10:00:00Z"] for name in ("a", "mail", "u")
    ]


def test_an_alias_without_a_name_is_refused(client: Altertable) -> None:
    with pytest.raises(ApiError) as refused:
        client.alias("user-1", "")
    assert refused.value.status == 422
    assert refused.value.details["details"] == {"index": 0, "field": "new_user_id"}
    assert "new_user_id" in str(refused.value)


def test_a_server_that_is_not_there_is_a_network_error() -> None:
    with pytest.raises(NetworkError):
        Altertable(API_KEY, server_url="http://127.0.0.1:9", timeout=500).track("seen", "user-1")


def test_the_examples_of_the_api_description_are_taken_and_given(server: MockServer) -> None:
    """AX-01: the document describes this server, not another one."""
    with httpx.Client(base_url=server.analytics_url, headers={"X-API-Key": API_KEY}) as http:
        document = http.get("/openapi/product-analytics.json").json()
        schemas = document["components"]["schemas"]
        posts = {path: methods["post"] for path, methods in document["paths"].items() if "post" in methods}
        assert set(posts) == {"/track", "/identify", "/alias"}
        for path, post in posts.items():
            one, many = post["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
            assert many == {"type": "array", "items": one}
            schema = schemas[one["$ref"].rsplit("/", 1)[1]]
            accepted = http.post(path, json=schema["example"])
            assert accepted.status_code == 200
            assert accepted.json().keys() == schemas["Accepted"]["example"].keys()
            assert http.post(path, json=[schema["example"]] * 2).status_code == 200
            for field in schema["required"]:
                refused = http.post(path, json={**schema["example"], field: None})
                assert refused.status_code == 422
                assert refused.json().keys() == schemas["ErrorBody"]["example"].keys()
                assert refused.json()["details"] == {"index": 0, "field": field}
            for field in schema["properties"]:
                assert http.post(path, json={**schema["example"], field: True}).status_code == 422, (path, field)
        assert http.post("/track", json={}).json() == schemas["ErrorBody"]["example"]
