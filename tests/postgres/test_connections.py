"""Connections beside one another: cancelling, ending, limits, memory and the server's end."""

from __future__ import annotations

import signal
import socket
import struct
import threading
import time

import httpx
from conftest import logged_in
from judge import PASSWORD, USER
from mock_server import MockServer
from wire import SYNC, Connection, bind, execute, message, parse, query, startup

ENDLESS = "SELECT sum(a.range * b.range) AS s FROM range(10000000) a, range(10000000) b"
MANY = "SELECT range AS i, repeat('x', 100) AS t FROM range(10000000)"


def cancel(server: MockServer, key: bytes) -> None:
    with socket.create_connection(server.postgres_address) as asking:
        asking.sendall(struct.pack("!II", 8 + len(key), 80_877_102) + key)
        assert asking.recv(10) == b"", "a cancel request is answered by nothing"


def sessions(server: MockServer) -> int:
    text = httpx.get(server.lakehouse_url + "/metrics").text
    line = next(line for line in text.splitlines() if line.startswith("altertable_mock_open_sessions"))
    return int(line.split()[1])


def wait_for(condition: object, within: float = 3.0) -> float:
    begun = time.monotonic()
    while not condition():  # type: ignore[operator]
        assert time.monotonic() - begun < within, "it never happened"
        time.sleep(0.01)
    return time.monotonic() - begun


def test_a_cancel_request_stops_its_own_connection_alone(server: MockServer, mock: Connection) -> None:
    with logged_in(server.postgres_address) as other:
        mock.send(query(ENDLESS))
        other.send(query(ENDLESS))
        time.sleep(0.3)
        cancel(server, mock.key[:-1] + bytes([mock.key[-1] ^ 1]))
        cancel(server, b"\0\0\0\1" + mock.key[4:])
        assert mock.until_quiet(0.3) == []
        begun = time.monotonic()
        cancel(server, mock.key)
        assert mock.until_ready() == [("Error", ("ERROR", "57014")), ("ReadyForQuery", "I")]
        assert time.monotonic() - begun < 1
        assert other.until_quiet(0.3) == []
        cancel(server, other.key)
        assert other.until_ready()[0] == ("Error", ("ERROR", "57014"))
        assert mock.ask(query("SELECT 42 AS after"))[1] == ("DataRow", [b"42"])


def test_a_cancel_request_stops_what_streams(server: MockServer, mock: Connection) -> None:
    mock.send(query(MANY))
    assert mock.read()[0] == "RowDescription"
    cancel(server, mock.key)
    said = mock.until_ready()
    assert said[-2:] == [("Error", ("ERROR", "57014")), ("ReadyForQuery", "I")]


def test_a_cancel_request_in_a_block_aborts_it(server: MockServer, mock: Connection) -> None:
    mock.ask(query("BEGIN"))
    mock.send(query(ENDLESS))
    time.sleep(0.2)
    cancel(server, mock.key)
    assert mock.until_ready()[-1] == ("ReadyForQuery", "E")
    assert mock.ask(query("COMMIT")) == [("CommandComplete", "ROLLBACK"), ("ReadyForQuery", "I")]


def test_timeouts_hold(mock: Connection, server: MockServer) -> None:
    mock.ask(query("SET statement_timeout TO '200ms'"))
    assert mock.ask(query(ENDLESS)) == [("Error", ("ERROR", "57014")), ("ReadyForQuery", "I")]
    assert mock.ask(query("SELECT 1 AS a"))[1] == ("DataRow", [b"1"])
    with logged_in(server.postgres_address, options="-c idle_in_transaction_session_timeout=200") as idle:
        idle.ask(query("BEGIN"))
        assert idle.until_quiet(2) == [("Error", ("FATAL", "25P03")), ("EOF", None)]


def test_a_connection_that_ends_leaves_nothing(server: MockServer) -> None:
    before = sessions(server)
    with logged_in(server.postgres_address) as watcher:
        watcher.ask(query("CREATE OR REPLACE TABLE left_over (i int)"))
        for ending in ("goodbye", "end", "reset", "busy"):
            leaving = logged_in(server.postgres_address)
            leaving.ask(query("BEGIN"), query("INSERT INTO left_over VALUES (1)"))
            leaving.until_ready()
            leaving.send(parse(MANY, "s"), bind(portal="p", statement="s"), execute("p", 10), SYNC)
            leaving.until_ready()
            if ending == "goodbye":
                leaving.send(message("X"))
            elif ending == "busy":
                leaving.send(query(ENDLESS))
                time.sleep(0.2)
            elif ending == "reset":
                leaving.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            leaving.socket.close()
            assert wait_for(lambda: sessions(server) == before + 1) < 1, ending
        assert watcher.ask(query("SELECT count(*) AS n FROM left_over"))[1] == ("DataRow", [b"0"])


def test_a_table_is_there_for_the_other_doors(server: MockServer, mock: Connection) -> None:
    mock.ask(query("CREATE OR REPLACE TABLE shared AS SELECT 7 AS i"))
    body = {"statement": "SELECT i FROM shared"}
    answer = httpx.post(server.lakehouse_url + "/query", json=body, auth=(USER, PASSWORD))
    assert "[7]" in answer.text


def test_a_transaction_writes_one_catalog(mock: Connection) -> None:
    mock.ask(query("CREATE TABLE memory.main.one (i int)"))
    mock.ask(query("CREATE TABLE lake.main.two (i int)"))
    said = mock.ask(query("INSERT INTO memory.main.one VALUES (1); INSERT INTO lake.main.two VALUES (1)"))
    assert said[-2:] == [("Error", ("ERROR", "0A000")), ("ReadyForQuery", "I")]
    assert mock.ask(query("SELECT count(*) AS n FROM memory.main.one"))[1] == ("DataRow", [b"0"])


def resident(server: MockServer) -> int:
    with open(f"/proc/{server.process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def test_memory_is_bounded_whatever_is_not_read(server: MockServer) -> None:
    with logged_in(server.postgres_address) as slow:
        before = resident(server)
        # A gigabyte in text, of which nothing is read, and then portals that are suspended.
        slow.send(query(MANY))
        time.sleep(2)
        assert resident(server) - before < 96 << 20
    with logged_in(server.postgres_address) as suspended:
        suspended.ask(query("BEGIN"))
        for portal in ("a", "b", "c"):
            said = suspended.ask(parse(MANY), bind(portal=portal), execute(portal, 100), SYNC)
            assert said[-2][0] == "PortalSuspended"
        assert resident(server) - before < 160 << 20
        for portal in ("c", "a", "b"):
            said = suspended.ask(execute(portal, 1), SYNC)
            assert said[0] == ("DataRow", [b"100", b"x" * 100]), said[:1]


def test_suspended_portals_hold_little_whatever_their_rows(server: MockServer) -> None:
    # A row of 10 KB, so that the smallest piece of a result that DuckDB gives is 20 MB.
    wide = "SELECT range AS i, repeat('x', 10000) AS t FROM range(4096)"
    with logged_in(server.postgres_address) as connection:

        def suspend(*names: int) -> None:
            for name in names:
                said = connection.ask(parse(wide), bind(portal=str(name)), execute(str(name), 1), SYNC)
                assert said[-2][0] == "PortalSuspended", said[-2:]

        connection.ask(query("BEGIN"))
        suspend(*range(15))
        before = resident(server)
        suspend(*range(15, 45))
        assert resident(server) - before < 128 << 20
        for name in range(45):
            said = connection.ask(execute(str(name), 1), SYNC)
            assert said[:2] == [("DataRow", [b"1", b"x" * 10_000]), ("PortalSuspended", None)]
        said = connection.ask(execute("0"), SYNC)
        assert [values[0] for kind, values in said if kind == "DataRow"] == [b"%d" % i for i in range(2, 4096)]
        assert said[-2] == ("CommandComplete", "SELECT 4094")
        assert resident(server) - before < 128 << 20


def test_limits_of_statements_and_portals_are_told_with_their_flag() -> None:
    with MockServer("--user", f"{USER}:{PASSWORD}", "--session-prepared-limit", "20") as server:
        with logged_in(server.postgres_address) as connection:
            said = connection.ask(*(parse("SELECT 1 AS a", f"s{at}") for at in range(21)), SYNC)
            assert said[-2] == ("Error", ("ERROR", "53400"))
            assert len([kind for kind, _ in said if kind == "ParseComplete"]) == 20
            said = connection.ask(*(bind(portal=f"p{at}", statement="s0") for at in range(21)), SYNC)
            assert said[-2] == ("Error", ("ERROR", "53400"))
            # What a Sync ends is given back.
            assert connection.ask(bind(portal="p", statement="s0"), execute("p"), SYNC)[1] == ("DataRow", [b"1"])


def test_ten_thousand_parameters(mock: Connection) -> None:
    numbers = range(1, 10_001)
    places = ", ".join(f"${number}::bigint" for number in numbers)
    sql = f"SELECT list_sum([{places}])::varchar AS s"
    said = mock.ask(parse(sql), bind([str(number) for number in numbers]), execute(), SYNC)
    assert said[2:] == [("DataRow", [b"50005000"]), ("CommandComplete", "SELECT 1"), ("ReadyForQuery", "I")]


def test_calls_are_in_the_journal_and_queries_in_their_log(server: MockServer) -> None:
    with logged_in(server.postgres_address, application_name="me/1") as connection:
        connection.ask(query("SELECT 11 AS eleven"))
        connection.ask(query("SELECT nope"))
        connection.ask(parse("SELECT $1::int AS i"), bind(["12"]), execute(), SYNC)
    url, account = server.lakehouse_url, (USER, PASSWORD)
    found = httpx.get(f"{url}/_mock/v1/requests?door=postgres", auth=account).json()["requests"]

    def told(statement: str) -> list[dict[str, object]]:
        return [entry for entry in found if entry["statement"] == statement and entry["rows"] != 0]

    [good] = told("SELECT 11 AS eleven")
    assert (good["status"], good["rows"], good["client"], good["error"]) == ("00000", 1, "me/1", None)
    [bad] = told("SELECT nope")
    assert bad["status"] == "42703" and "nope" in bad["error"]
    assert any(entry["parameters"] == ["12"] for entry in told("SELECT $1::int AS i"))
    assert len({entry["session"] for entry in (good, bad)}) == 1


def test_what_the_door_answers_itself_is_in_the_journal_with_its_text() -> None:
    with MockServer("--user", f"{USER}:{PASSWORD}") as server:
        with logged_in(server.postgres_address) as connection:
            connection.ask(query("SET application_name TO 'me/2'"))
            connection.ask(query("SHOW application_name"))
            connection.ask(query("SELECT 1 AS a; SELECT 2 AS a"))
            connection.ask(parse("BEGIN"), bind(), execute(), SYNC)
        url, account = server.lakehouse_url, (USER, PASSWORD)
        found = httpx.get(f"{url}/_mock/v1/requests?door=postgres", auth=account).json()["requests"]
        told = {entry["statement"]: entry for entry in found if entry["statement"]}
        assert set(told) == {
            "SET application_name TO 'me/2'",
            "SHOW application_name",
            "SELECT 1 AS a;",
            "SELECT 2 AS a",
            "BEGIN",
        }
        # Row description, row and tag of SHOW.
        assert (told["SHOW application_name"]["bytes_in"], told["SHOW application_name"]["bytes_out"]) == (21, 67)
        assert all(entry["bytes_out"] > 0 for entry in told.values())
        assert {entry["operation"] for entry in found} == {"Login", "Query", "Execute"}


def test_secrets_that_are_bound_or_set_are_masked(server: MockServer) -> None:
    secrets = ("hidden-one", "hidden-two", "hidden-three", "hidden-four")
    with logged_in(server.postgres_address) as connection:
        connection.ask(parse("CREATE SECRET s (TYPE http, BEARER_TOKEN $1)"), bind([secrets[0]]), execute(), SYNC)
        connection.ask(parse("SELECT $1 AS a"), bind(["shown"]), execute(), SYNC)
        connection.ask(query(f"SET s3_secret_access_key = '{secrets[1]}'"))
        connection.ask(query(f"SELECT * FROM 'postgres://me:{secrets[2]}@nowhere/d'"))
        connection.ask(query(f"SET my.token TO '{secrets[3]}'"))
    url, account = server.lakehouse_url, (USER, PASSWORD)
    journal = httpx.get(f"{url}/_mock/v1/requests?door=postgres", auth=account).text
    assert "shown" in journal and "postgres://***@nowhere/d" in journal
    queries = httpx.get(f"{url}/queries", auth=account).text
    for secret in secrets:
        assert secret not in journal and secret not in queries
        assert not any(secret in line for line in server.log)


def test_connections_beyond_the_limit_are_told() -> None:
    with MockServer("--user", f"{USER}:{PASSWORD}", "--door-connection-limit", "2") as server:
        with logged_in(server.postgres_address), logged_in(server.postgres_address):
            with Connection(server.postgres_address) as refused:
                refused.send(startup({"user": USER}))
                assert refused.until_quiet(2) == [("Error", ("FATAL", "53300")), ("EOF", None)]


def test_connections_without_a_login_keep_nobody_out() -> None:
    with MockServer("--user", f"{USER}:{PASSWORD}", "--door-connection-limit", "6", "--login-limit", "3") as server:
        silent = [Connection(server.postgres_address) for _ in range(20)]
        assert silent[0].until_quiet(2) == [("EOF", None)]
        time.sleep(1.5)
        with logged_in(server.postgres_address) as first:
            assert first.ask(query("SELECT 42 AS a"))[1] == ("DataRow", [b"42"])
            others = [logged_in(server.postgres_address) for _ in range(4)]
            late = [Connection(server.postgres_address) for _ in range(5)]
            time.sleep(1.5)
            with logged_in(server.postgres_address) as last:
                assert last.ask(query("SELECT 42 AS a"))[1] == ("DataRow", [b"42"])
                with Connection(server.postgres_address) as refused:
                    refused.send(startup({"user": USER}))
                    assert refused.until_quiet(2) == [("Error", ("FATAL", "53300")), ("EOF", None)]
        for connection in silent + late + others:
            connection.socket.close()


def test_settings_and_savepoints_are_held_to_a_limit() -> None:
    with MockServer("--user", f"{USER}:{PASSWORD}", "--tenant-held-limit", "64KB") as server:
        with logged_in(server.postgres_address) as connection:
            assert connection.ask(query(f"SET my.short TO '{'x' * 10_000}'"))[0] == ("CommandComplete", "SET")
            assert connection.ask(query(f"SET my.long TO '{'x' * 20_000}'"))[0] == ("Error", ("ERROR", "53400"))
            assert connection.ask(query("RESET ALL"))[0] == ("CommandComplete", "RESET")
            connection.ask(query("BEGIN"))
            said = connection.ask(query(";".join(f"SAVEPOINT s{at}" for at in range(1000))))
            assert said[-2:] == [("Error", ("ERROR", "53400")), ("ReadyForQuery", "E")]
            assert 100 < len(said) < 700
            connection.ask(query("ROLLBACK"))
            assert connection.ask(query("BEGIN; SAVEPOINT s"))[1] == ("CommandComplete", "SAVEPOINT")


def test_hundreds_of_clients_at_once(server: MockServer) -> None:
    answers: list[object] = []

    def one() -> None:
        with logged_in(server.postgres_address) as connection:
            answers.append(connection.ask(query("SELECT 42 AS a"))[1])

    threads = [threading.Thread(target=one) for _ in range(300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [("DataRow", [b"42"])] * 300


def test_the_servers_end_is_told_to_every_client() -> None:
    with MockServer("--user", f"{USER}:{PASSWORD}", "--shutdown-timeout", "4") as server:
        idle, busy = (logged_in(server.postgres_address) for _ in range(2))
        busy.send(query(ENDLESS))
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        assert idle.until_quiet(2) == [("Error", ("FATAL", "57P01")), ("EOF", None)]
        said = busy.until_quiet(6)
        assert ("Error", ("FATAL", "57P01")) in said and said[-1] == ("EOF", None), said
        assert server.process.wait(timeout=10) == 0


def test_no_password_is_ever_logged(server: MockServer) -> None:
    with Connection(server.postgres_address) as connection:
        connection.log_in(USER, "never-to-be-seen")
    with logged_in(server.postgres_address) as connection:
        connection.ask(parse("SELECT $1::int AS a"), bind(["never-to-be-seen"]), execute(), SYNC)
    assert not any("never-to-be-seen" in line for line in server.log)


def test_any_user_is_asked_for_the_password_itself() -> None:
    with MockServer("--allow-any-user") as server:
        for name in ("one", "two"):
            with Connection(server.postgres_address) as connection:
                said = connection.log_in(name, "whatever")
                assert said[0] == ("Authentication", ("CleartextPassword", b""))
                assert connection.ask(query("CREATE TABLE mine (i int)"))[0] == ("CommandComplete", "CREATE TABLE")
