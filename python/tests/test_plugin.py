"""The pytest plugin, in test runs of its own."""

from __future__ import annotations

import pytest
from altertable_mock import MockServer


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """A run in an interpreter of its own, in which the plugin is loaded by its entry point."""
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=60)


def test_each_test_has_a_tenant_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        users = set()

        @pytest.mark.parametrize("number", range(5))
        def test_it(altertable_mock, number):
            assert altertable_mock.sql("SHOW TABLES") == []
            assert altertable_mock.events() == []
            altertable_mock.sql("CREATE TABLE t (i INTEGER)")
            altertable_mock.track("bought", "user-1")
            assert len(altertable_mock.events()) == 1
            users.add((altertable_mock.user, altertable_mock.api_key))
            assert len(users) == number + 1
        """
    )
    run(pytester).assert_outcomes(passed=5)


def test_a_tenant_ends_with_its_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from altertable_mock import RequestError

        former = []

        def test_first(altertable_mock):
            former.append(altertable_mock)
            altertable_mock.sql("SELECT 1")

        def test_second():
            with pytest.raises(RequestError, match="401"):
                former[0].sql("SELECT 1")
        """
    )
    run(pytester).assert_outcomes(passed=2)


def test_fixtures_can_be_built_on_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def shop(altertable_mock):
            altertable_mock.load("orders", [{"id": 1, "total": 9.5}])
            return altertable_mock

        def test_it(shop, altertable_mock):
            assert shop is altertable_mock
            assert shop.sql("SELECT total FROM orders").value() == 9.5
        """
    )
    run(pytester).assert_outcomes(passed=1)


FAILING = """
import pytest

def test_fails(altertable_mock):
    altertable_mock.sql("CREATE TABLE t AS SELECT 1 AS i")
    altertable_mock.sql("FROM nowhere")

@pytest.fixture
def broken(altertable_mock):
    altertable_mock.sql("SELECT 'in a fixture'")
    raise RuntimeError("no")

def test_errs(broken):
    pass

def test_passes(altertable_mock):
    altertable_mock.sql("SELECT 'not shown'")

def test_fails_without():
    assert False
"""


def test_a_failure_shows_what_its_tenant_ran_last(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FAILING)
    result = run(pytester)
    result.assert_outcomes(passed=1, failed=2, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*altertable-mock: what this test ran last*",
            "✓ SELECT 'in a fixture'",
            "*altertable-mock: what this test ran last*",
            "✓ CREATE TABLE t AS SELECT 1 AS i",
            "✗ FROM nowhere",
            "    Catalog Error: Table with name nowhere does not exist!",
        ]
    )
    result.stdout.no_fnmatch_line("*not shown*")
    assert result.stdout.str().count("what this test ran last") == 2


def test_workers_of_xdist_have_a_server_each_and_report_as_well(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FAILING)
    result = run(pytester, "-n", "2")
    result.assert_outcomes(passed=1, failed=2, errors=1)
    assert result.stdout.str().count("what this test ran last") == 2


def test_nothing_is_started_or_loaded_for_tests_that_do_not_use_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it(pytestconfig):
            assert pytestconfig.pluginmanager.has_plugin("altertable_mock")
            ours = {name for name in sys.modules if name.startswith("altertable_mock")}
            assert ours == {"altertable_mock", "altertable_mock.pytest_plugin"}
        """
    )
    run(pytester).assert_outcomes(passed=1)


TWO = """
def test_sql(altertable_mock):
    altertable_mock.load("t", [{"i": 1}])
    assert altertable_mock.sql("SELECT i FROM t") == [(1,)]

def test_events(altertable_mock):
    altertable_mock.track("bought", "user-1", {"sku": "a"})
    assert altertable_mock.events("bought", distinct_id="user-1")[0]["properties"] == {"sku": "a"}
    assert altertable_mock.sql("SHOW TABLES") == []
"""


@pytest.mark.parametrize("given", ["on the command line", "in pyproject.toml"])
def test_the_same_tests_run_against_a_server_elsewhere(pytester: pytest.Pytester, given: str) -> None:
    pytester.makepyfile(TWO)
    with MockServer(allow_any_user=True) as server:
        doors = {
            "url": server.lakehouse_url,
            "analytics-url": server.analytics_url,
            "flight-url": server.flight_location,
        }
        options = [f"--altertable-mock-{name}={value}" for name, value in doors.items()]
        if given == "in pyproject.toml":
            lines = [f'altertable_mock_{name.replace("-", "_")} = "{value}"' for name, value in doors.items()]
            pytester.makepyprojecttoml("[tool.pytest.ini_options]\n" + "\n".join(lines))
            options = []
        run(pytester, *options).assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "http://127.0.0.1:1"}, "*ConfigError: there is no server to test with: no answer from*"),
        ({"url": "localhost"}, "*ConfigError: 'localhost' has to be http://HOST:PORT*"),
        ({"flags": "--tenant-threads=0"}, "*ConfigError: tenant_threads= has to be at least 1*"),
    ],
)
def test_a_bad_setting_is_named(pytester: pytest.Pytester, options: dict[str, str], message: str) -> None:
    pytester.makepyfile(TWO)
    result = run(pytester, *(f"--altertable-mock-{name}={value}" for name, value in options.items()))
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines([message])


def test_a_server_that_admits_declared_users_alone_is_told_apart(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO)
    with MockServer(users={"alice": "secret"}) as server:
        result = run(pytester, f"--altertable-mock-url={server.lakehouse_url}")
    result.stdout.fnmatch_lines(["*ConfigError: the server at * must be started with --allow-any-user*"])


def test_flags_and_log_reach_the_server(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(altertable_mock):
            assert "lake" in altertable_mock.sql("SHOW DATABASES").column("database_name")
            assert False
        """
    )
    pytester.makeini("[pytest]\naltertable_mock_flags = --catalog=lake --tenant-threads=1\naltertable_mock_log = info")
    result = run(pytester)
    result.stdout.fnmatch_lines(["*Starting Lakehouse HTTP server on*", "*assert False*"])
