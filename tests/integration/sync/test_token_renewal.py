"""Renewing an OAuth access token over real HTTP, whatever is answered."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from ros_sync.connectors.hubspot.renewal import refresh
from ros_sync.errors import TransientError


@pytest.mark.parametrize(
    "status, body",
    [(502, b"<html>\xff\xfe caf\xe9</html>"), (200, b"\xff"), (200, b'{"access_token": ""}'), (200, b"[]")],
)
def test_a_renewal_that_is_answered_with_rubbish_may_pass(status: int, body: bytes) -> None:
    """Neither bytes that are not text nor an answer without a token is an error that nobody knows."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with pytest.raises(TransientError, match="renewal of the access token"):
                refresh(f"http://127.0.0.1:{server.server_port}", "id", "a-secret", "a-token")
        finally:
            server.shutdown()
            thread.join()
