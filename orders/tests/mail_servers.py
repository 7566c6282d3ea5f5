"""Mail servers as shops meet them: one that takes or refuses mail over a socket, and a worker that dies at the worst
moment.
"""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends import locmem

from core.mailer import mailer_of


class Conversation(StreamRequestHandler):
    """As much of RFC 5321 as smtplib asks for."""

    server: "MailServer"

    def handle(self) -> None:
        self.say("220 mail.example")
        for line in self.rfile:
            command = line.decode().strip().upper()
            verb = command.partition(" ")[0]
            if verb == "DATA":
                self.say("354 go on")
                self.server.taken.append(b"".join(iter(self.rfile.readline, b".\r\n")))
            self.say(self.server.answers.get(verb, "250 ok"))
            if verb == "QUIT":
                return

    def say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


class MailServer(ThreadingTCPServer):
    """`answers` by command, where it is not `250 ok`."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.taken: list[bytes] = []
        self.answers: dict[str, str] = {}

    @property
    def mailers(self) -> dict[str, Any]:
        """The setting that sends mail here."""
        mailer = mailer_of(f"smtp://127.0.0.1:{self.server_address[1]}")
        return {"default": {"BACKEND": mailer.backend, "OPTIONS": mailer.options}}


@contextmanager
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Killed(BaseException):
    """As SIGKILL: nothing below catches it."""


class KilledAfterSending(locmem.EmailBackend):
    def send_messages(self, messages: Sequence[EmailMessage]) -> Any:
        super().send_messages(messages)
        raise Killed


class BadCertificate(locmem.EmailBackend):
    def send_messages(self, messages: Sequence[EmailMessage]) -> Any:
        raise ssl.SSLCertVerificationError
