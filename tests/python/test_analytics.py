"""altertable, the published Product Analytics client."""

from __future__ import annotations

import uuid

import pytest
from altertable import Altertable
from altertable.client import ApiError
from mock_server import API_KEY, MockServer


@pytest.fixture
def client(server: MockServer) -> Altertable:
    return Altertable(API_KEY, server_url=server.analytics_url)


def assert_accepted(response: dict[str, object]) -> None:
    assert response["ok"] is True
    assert response["error_code"] is None
    assert uuid.UUID(str(response["task_id"]))


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
