"""A real PostgreSQL 15 in a folder of its own, on a free port, without any privilege."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
USER, PASSWORD, DATABASE = "alice", "secret", "memory"


class Judge:
    """A running PostgreSQL with one user and one database, named as the server's under test."""

    def __init__(self) -> None:
        self.programs = Path(
            subprocess.run(
                [ROOT / "scripts" / "setup-postgres"], check=True, capture_output=True, text=True
            ).stdout.strip()
        )
        # PostgreSQL refuses to run as root.
        nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self.identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []} if nobody else {}
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        if nobody:
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self.data = self.folder / "data"
        options = ["--auth=scram-sha-256", f"--pwfile={password}", "--username=postgres", "--encoding=UTF8"]
        self._run("initdb", f"--pgdata={self.data}", *options, "--locale=C.UTF-8", "--no-sync")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.address = ("127.0.0.1", probe.getsockname()[1])
        flags = f"-c listen_addresses=127.0.0.1 -c port={self.address[1]} -c unix_socket_directories={self.folder}"
        quiet = "-c fsync=off -c timezone=Etc/UTC -c default_transaction_isolation=repeatable\\ read"
        self._run(
            "pg_ctl",
            "start",
            "--wait",
            f"--pgdata={self.data}",
            f"--log={self.folder / 'log'}",
            f"--options={flags} {quiet}",
        )
        for sql in (
            f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'",
            f"CREATE DATABASE {DATABASE} OWNER {USER}",
        ):
            self.run_sql(sql)

    def run_sql(self, sql: str) -> None:
        """Runs a statement as the superuser."""
        self._run("psql", "--host=127.0.0.1", f"--port={self.address[1]}", "--username=postgres", "--command", sql)

    def _run(self, program: str, *arguments: str) -> None:
        command = [self.programs / program, *arguments]
        env = {"PATH": os.environ["PATH"], "PGPASSWORD": PASSWORD, "LC_ALL": "C.UTF-8"}
        ran = subprocess.run(
            command,
            env=env,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            **self.identity,
        )
        assert ran.returncode == 0, f"{program}: {ran.stderr}"

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "--mode=immediate", f"--pgdata={self.data}")
        shutil.rmtree(self.folder, ignore_errors=True)
