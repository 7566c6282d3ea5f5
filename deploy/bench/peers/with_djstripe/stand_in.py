"""`python stand_in.py PORT FILE`: answers `GET /v1/checkout/sessions/<id>` at once, with the Session of a file.

It costs next to nothing, since it shares the machine with what is measured. Stripe itself takes a third of a second.
"""

import asyncio
import re
import sys
from pathlib import Path

SESSION = re.compile(rb"^GET /v1/checkout/sessions/(\w+)\?")


class Answering(asyncio.Protocol):
    template: bytes
    template_id: bytes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.received = b""

    def data_received(self, received: bytes) -> None:
        """A GET ends with its headers."""
        self.received += received
        while b"\r\n\r\n" in self.received:
            head, _, self.received = self.received.partition(b"\r\n\r\n")
            asked = SESSION.match(head)
            status, body = (b"200 OK", self.session(asked[1])) if asked else (b"404 Not Found", b"{}")
            fields = b"Content-Type: application/json\r\nContent-Length: %d" % len(body)
            self.transport.write(b"HTTP/1.1 %s\r\n%s\r\n\r\n%s" % (status, fields, body))

    def session(self, session_id: bytes) -> bytes:
        return self.template.replace(self.template_id, session_id)


async def main() -> None:
    Answering.template = Path(sys.argv[2]).read_bytes()
    found = re.search(rb'"id": ?"(cs_\w+)"', Answering.template)
    if found is None:
        sys.exit("no Session in the file")
    Answering.template_id = found[1]
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
