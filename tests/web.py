"""A web server of this machine, for tests: it gives what it was told to, well or badly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONGEST_S = 20.0  # that a held answer keeps a thread


@dataclass(frozen=True)
class Reply:
    """One answer; `announced` is a Content-Length other than the true one, -1 for none.

    `before` and `halfway` are called before anything, and after half of the body, was sent.
    With status 0 the connection is closed without a word.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    announced: int | None = None
    before: Callable[[], object] = lambda: None
    halfway: Callable[[], object] = lambda: None


@dataclass
class Site:
    """A running server: its address, what it was asked, and the event that ends held answers."""

    address: str
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        return f"{self.address}/{path}"

    def hold(self) -> None:
        """Say nothing until the site closes."""
        self.closing.wait(LONGEST_S)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for them

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests."""


@contextmanager
def served(replies: dict[str, Reply | Sequence[Reply]]) -> Iterator[Site]:
    """A site that gives these replies by path; of several, each once and the last for ever.

    `replies` may be filled after the site runs, when they must know its address.
    """
    site = Site("")
    server = _Server(("127.0.0.1", 0), _handler(site, replies))
    site.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(
    site: Site, replies: dict[str, Reply | Sequence[Reply]]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = LONGEST_S

        def do_GET(self) -> None:  # noqa: N802 (http.server's name)
            path = self.path.removeprefix("/")
            nth = sum(asked == path for asked, _ in site.asked)
            site.asked.append((path, dict(self.headers)))
            _give(self, _nth(replies.get(path, Reply(status=404)), nth))

        def log_message(self, format: str, *args: Any) -> None:
            """Tests are quiet."""

    return Handler


def _nth(replies: Reply | Sequence[Reply], nth: int) -> Reply:
    if isinstance(replies, Reply):
        return replies
    return replies[min(nth, len(replies) - 1)]


def _give(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    reply.before()
    if reply.status == 0:
        return
    handler.send_response(reply.status)
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    announced = len(reply.body) if reply.announced is None else reply.announced
    if announced >= 0:
        handler.send_header("Content-Length", str(announced))
    handler.end_headers()
    half = len(reply.body) // 2
    handler.wfile.write(reply.body[:half])
    reply.halfway()
    handler.wfile.write(reply.body[half:])
