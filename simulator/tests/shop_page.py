"""A shop's page with a Payment Element, under the policy that the stand-in Stripe.js promises to be content with."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

PAGE = """<!doctype html>
<html lang="en">
<title>Shop</title>
<div id="payment"></div>
<button>Pay</button>
<script src="{stripe}/js/stripe.js"></script>
</html>
"""


class ShopPage:
    """Any path is the page; it allows itself no script of its own, a test drives it from outside."""

    def __init__(self, stripe: str) -> None:
        policy = f"default-src 'none'; script-src {stripe}; frame-src {stripe}; connect-src {stripe}; img-src data:"

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(PAGE.format(stripe=stripe).encode())

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
