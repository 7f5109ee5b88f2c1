"""Pages on an origin of their own, opened in a real browser, and what they report."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CHROMIUM = os.environ.get("CHROMIUM") or "chromium"
PAGES = Path(__file__).parent / "pages"
# Nothing but our pages: no first-run page, no updates, no screen, and no sandbox, which containers do not allow.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
)
PATIENCE = 90.0


class Site:
    """Serves `pages/` and takes the reports that pages send home with `report(value)`."""

    def __init__(self) -> None:
        self.reports: queue.Queue[object] = queue.Queue()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                file = PAGES / self.path.split("?")[0].lstrip("/")
                found = file.suffix in (".html", ".js") and file.is_file()
                kind = "text/javascript" if file.suffix == ".js" else "text/html"
                self.answer(200 if found else 404, kind, file.read_bytes() if found else b"")

            def do_POST(self) -> None:
                site.reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.answer(204, "text/plain", b"")

            def answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # Not the address that the server under test is called by, so that the browser sees two sites.
        self.origin = f"http://localhost:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def visit(self, page: str, parameters: str) -> object:
        """Opens a page in a fresh browser, and returns what it reports."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, tempfile.TemporaryFile() as log:
            command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", f"{self.origin}/{page}?{parameters}"]
            browser = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                return self.reports.get(timeout=PATIENCE)
            except queue.Empty:
                log.seek(0)
                said = log.read().decode(errors="replace")
                raise AssertionError(
                    f"{page} reported nothing in {PATIENCE:.0f} s; the browser said:\n{said}"
                ) from None
            finally:
                browser.terminate()
                browser.wait(30)

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
