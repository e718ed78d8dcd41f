"""Servers for tests whose every response comes from one function."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# From the path and the body of a request: the status, the content type and the body of the response.
Respond = Callable[[str, bytes], tuple[int, str, bytes]]


@contextmanager
def responding(respond: Respond) -> Iterator[str]:
    """Runs a server that answers GET, HEAD and POST with what `respond` returns. Yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            status, kind, body = respond(self.path, self.rfile.read(int(self.headers.get("content-length", 0))))
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_HEAD = answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
