"""The server as a guest in somebody else's process: quiet, interruptible, fork-safe, and gone at the end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from conftest import RunPython, buffered

START = """
import os, signal, sys, threading, time
from altertable_mock import ForkedError, MockServer
# A job in a shell's background inherits that Ctrl-C is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
server = MockServer(users={"alice": "secret"}).start()
alice = server.tenant("alice")
alice.sql("CREATE TABLE t AS SELECT 42 AS i")
"""

ENDLESS = """
endless = "SELECT count(*) FROM range(1000000000000) a(i), range(1000000) b(j) WHERE i + j < 0"
def run():
    try:
        alice.sql(endless)
    except Exception:
        pass  # the server ends it
threading.Thread(target=run, daemon=True).start()
time.sleep(0.3)
"""


def test_importing_loads_no_native_code_and_little_else(run_python: RunPython) -> None:
    program = """
import sys
before = set(sys.modules)
import altertable_mock
print(sorted(name for name in set(sys.modules) - before))
"""
    loaded = run_python(program).stdout
    assert "altertable_mock" in loaded
    assert not any(name in loaded for name in ("_native", "_server", "json", "http"))


def test_nothing_is_printed_unless_asked(run_python: RunPython) -> None:
    quiet = run_python(START + "server.stop()")
    assert (quiet.stdout, quiet.stderr) == ("", "")
    told = run_python(START.replace("MockServer(", "MockServer(log='info', "))
    assert told.stdout == ""
    assert "Starting Flight SQL server on 127.0.0.1:" in told.stderr


@pytest.mark.parametrize(
    "end",
    [
        pytest.param("", id="falling off the end"),
        pytest.param("del server, alice", id="dropping it"),
        pytest.param("sys.exit(0)", id="exit"),
        pytest.param("threading.Thread(target=lambda: time.sleep(0.2)).start()", id="while a thread runs"),
        pytest.param("globals()['cycle'] = [server]; cycle.append(cycle)", id="in a cycle"),
        pytest.param(ENDLESS, id="in the middle of a query"),
    ],
)
def test_the_interpreter_ends_well_without_a_stop(run_python: RunPython, end: str) -> None:
    started = time.monotonic()
    done = run_python(START + end)
    assert done.stderr == ""
    assert time.monotonic() - started < 20


def test_an_error_on_the_way_out_is_the_only_one_shown(run_python: RunPython) -> None:
    done = run_python(START + "raise SystemError('mine')", code=1)
    assert done.stderr.count("Traceback") == 1
    assert "SystemError: mine" in done.stderr


def test_ctrl_c_interrupts_a_script_that_runs_a_server() -> None:
    command = [sys.executable, "-c", START + "print('ready', flush=True)\ntime.sleep(60)"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=buffered())
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert process.returncode in (-signal.SIGINT, 130)
    assert errors.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_signals_are_left_to_the_threads_of_the_script(run_python: RunPython) -> None:
    """One that arrives in a thread of the server does not wake the main thread, which sleeps on."""
    look = """
from pathlib import Path
for task in Path("/proc/self/task").iterdir():
    fields = dict(line.split(":\\t", 1) for line in (task / "status").read_text().splitlines())
    print(fields["Name"], bool(int(fields["SigBlk"], 16) >> (signal.SIGINT - 1) & 1))
sys.stdout.flush()  # which os._exit() does not
os._exit(0)
"""
    lines = run_python(START + ENDLESS + look).stdout.splitlines()
    ours = [line for line in lines if not line.startswith("python")]
    names = {line.split()[0] for line in ours}
    assert names == {"altertable-mock", "altertable-duck", "duckdb-worker", "watchdog", "closer"}
    assert {line.split()[1] for line in ours} == {"True"}
    assert [line for line in lines if line.startswith("python") and line.endswith("True")] == []


def test_ctrl_c_cuts_a_slow_stop_short(run_python: RunPython) -> None:
    end = """
threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
started = time.monotonic()
try:
    server.stop()
except KeyboardInterrupt:
    print("interrupted" if time.monotonic() - started < 10 else "late", flush=True)
os._exit(0)
"""
    slow = START.replace("MockServer(", "MockServer(shutdown_timeout=50, ")
    assert run_python(slow + ENDLESS + end).stdout == "interrupted\n"


def test_a_forked_child_is_told_and_ends_well_while_the_parent_goes_on(run_python: RunPython) -> None:
    program = """
import time
import warnings
warnings.simplefilter("ignore")  # Python warns of forking a process with threads
time.sleep(0.2)  # the threads that ran the statement idle now, and the child has none of them
child = os.fork()
if child == 0:
    try:
        server.reset()
    except ForkedError as error:
        print("refused:", "parent" in str(error), server.is_running, flush=True)
    with MockServer() as own, own.new_tenant() as tenant:
        print("own:", tenant.sql("SELECT 1").value(), flush=True)
    sys.exit(0)  # with everything that runs at exit
_, status = os.waitpid(child, 0)
print("child:", status, flush=True)
print("parent:", alice.sql("FROM t").value())
"""
    lines = run_python(START + program).stdout.splitlines()
    assert lines == ["refused: True False", "own: 1", "child: 0", "parent: 42"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_works_beside_a_server(run_python: RunPython, method: str) -> None:
    program = f"""
import multiprocessing, warnings
warnings.simplefilter("ignore")
from altertable_mock import MockServer
if __name__ == "__main__":
    with MockServer() as server, server.new_tenant() as tenant:
        tenant.sql("SELECT 1")
        with multiprocessing.get_context({method!r}).Pool(2) as pool:
            print(pool.map(abs, [-1, -2, -3]))
        print(tenant.sql("SELECT 2").value())
"""
    assert run_python(program).stdout == "[1, 2, 3]\n2\n"


def test_other_threads_run_while_the_server_is_stopped(run_python: RunPython) -> None:
    program = """
ticks = 0
def tick():
    global ticks
    while True:
        ticks += 1
        time.sleep(0.001)
threading.Thread(target=tick, daemon=True).start()
before = ticks
server.stop()
print(ticks - before)
"""
    # The query holds the stop up for the second of shutdown_timeout.
    assert int(run_python(START + ENDLESS + program).stdout) > 50


def test_the_program_runs_until_it_is_told_to_stop() -> None:
    ports = [f"--{door}-port=0" for door in ("flight", "lakehouse", "analytics")]
    command = [sys.executable, "-m", "altertable_mock", "--user=alice:secret", *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        assert all("server on" in line for line in lines), lines
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0


def test_the_program_names_a_bad_flag() -> None:
    command = [sys.executable, "-m", "altertable_mock", "--user=alice"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert "write --user NAME:PASSWORD" in done.stderr
