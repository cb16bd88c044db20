"""A client of PostgreSQL's protocol, byte by byte: for what no driver would ever send, or not read."""

import socket
import struct

PROTOCOL_3 = 3 << 16
TIMEOUT_S = 60


def startup_packet(version=PROTOCOL_3, **parameters):
    fields = {"user": "postgres", "database": "varve", **parameters}
    body = struct.pack("!I", version) + b"".join(
        name.encode() + b"\0" + value.encode() + b"\0" for name, value in fields.items()
    ) + b"\0"  # fmt: skip
    return struct.pack("!I", len(body) + 4) + body


def message(kind, body=b""):
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def fields_of(body):
    """The fields of an ErrorResponse or NoticeResponse by their letters."""
    parts = body.split(b"\0")
    return {part[:1].decode(): part[1:].decode() for part in parts if part}


class RawClient:
    """Connected and, unless told otherwise, started: the next message is the client's."""

    def __init__(self, port, start=True, receive_buffer=None, **parameters):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT_S)
        self.socket.connect(("127.0.0.1", port))
        self._received = b""
        self.pid = self.secret = None
        self.parameters = {}
        if start:
            self.send(startup_packet(**parameters))
            for kind, body in self.until("Z"):
                if kind == "K":
                    self.pid, self.secret = struct.unpack("!ii", body)
                elif kind == "S":
                    name, value = body.split(b"\0")[:2]
                    self.parameters[name.decode()] = value.decode()

    def send(self, data):
        self.socket.sendall(data)

    def message(self, kind, body=b""):
        self.send(message(kind, body))

    def query(self, sql):
        self.message("Q", sql.encode() + b"\0")

    def receive(self):
        """The next message as (type, body); None at the end of the connection."""
        while len(self._received) < 5 or len(self._received) < 1 + struct.unpack("!I", self._received[1:5])[0]:
            block = self.socket.recv(65536)
            if not block:
                return None
            self._received += block
        kind = chr(self._received[0])
        end = 1 + struct.unpack("!I", self._received[1:5])[0]
        body, self._received = self._received[5:end], self._received[end:]
        return kind, body

    def until(self, last):
        """Messages up to one of type `last`, or to the end of the connection."""
        messages = []
        while (received := self.receive()) is not None:
            messages.append(received)
            if received[0] == last:
                break
        return messages

    def ask(self, sql):
        """The answers to a simple query, ReadyForQuery included."""
        self.query(sql)
        return self.until("Z")

    def at_end(self):
        """Whether the server has closed the connection; waits for it or for a message."""
        return self.receive() is None

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
