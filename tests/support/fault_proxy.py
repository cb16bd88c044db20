"""A proxy between Varve and its object store that breaks requests as a test says, switchable while it runs.

It speaks just enough HTTP to know where a request ends, so that a fault can be "the store has done it and nobody
hears of it". Faults apply to requests that `match`, with the given chance, until `heal()`.
"""

import asyncio
import contextlib
import random
import threading

FAULTS = {
    "error_500": "500 without asking the store",
    "slow_down": "503 SlowDown without asking the store",
    "full": "507 QuotaExceeded without asking the store",
    "cut": "the connection ends before the store is asked",
    "cut_body": "the store's answer ends in the middle of its body, or of its head when it has none",
    "silent": "the answer never comes, and the store was not asked",
    "lost_answer": "the store does it, and the connection ends before the answer",
    "late_silent": "the store does it, and the answer never comes",
    "held": "the request stays on its way, even when its client is gone, and comes to the store at release()",
    "outage": "nobody listens: connections are refused or cut",
}

REFUSALS = {"error_500": (500, "InternalError"), "slow_down": (503, "SlowDown"), "full": (507, "QuotaExceeded")}


class FaultProxy:
    """Listens on a free port of 127.0.0.1 and forwards to `target_port`; for use in a `with` block."""

    def __init__(self, target_port, seed=0):
        self.target_port = target_port
        self.port = None
        self.requests = 0
        self.faults_done = 0
        self._random = random.Random(seed)
        self._fault = None
        self._then = None
        self._chance = 1.0
        self._match = None
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._connections = set()
        self._release = asyncio.Event()
        self.released = 0
        self._server = None

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def break_with(self, fault, chance=1.0, match=None, then=None):
        """From now on `fault` happens to requests whose "METHOD target" `match` accepts, with that chance.

        With `then`, it happens once, and from the next request on it is that fault.
        """
        for name in (fault, then or fault):
            assert name in FAULTS, f"{name}: one of {', '.join(FAULTS)}"
        with self._lock:
            self._fault, self._chance, self._match, self._then = fault, chance, match, then
        if fault == "outage":
            self._loop.call_soon_threadsafe(self._cut_all)

    def heal(self):
        with self._lock:
            self._fault = None
        # Requests that wait for an answer that never comes would wait for the client to give up.
        self._loop.call_soon_threadsafe(self._cut_all)

    def release(self):
        """Lets what was held come to the store; `released` counts what it has answered."""
        self._loop.call_soon_threadsafe(self._release.set)

    def _next_fault(self, line):
        with self._lock:
            self.requests += 1
            hit = self._fault and (self._match is None or self._match(line)) and self._random.random() < self._chance
            self.faults_done += bool(hit)
            fault = self._fault if hit else None
            if hit and self._then:
                self._fault, self._then = self._then, None
            return fault

    def __enter__(self):
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(30)
        return self

    def __exit__(self, *exc):
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    async def _open(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self):
        self._server.close()
        self._cut_all()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _cut_all(self):
        for writer in list(self._connections):
            writer.transport.abort()

    async def _serve(self, reader, writer):
        self._connections.add(writer)
        try:
            while await self._one_request(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(writer)
            writer.transport.abort()

    async def _one_request(self, reader, writer):
        """Forwards one request; False when the connection is over."""
        head, body = await read_message(reader, is_request=True)
        fault = self._next_fault(head.split(b"\r\n", 1)[0].rsplit(b" ", 1)[0].decode())
        if fault in ("cut", "outage"):
            return False
        if fault == "silent":
            await asyncio.sleep(3600)
        if fault == "held":
            await self._release.wait()
            await self._ask_store(head, body)
            self.released += 1
            return False
        if fault in REFUSALS:
            status, code = REFUSALS[fault]
            answer = b"" if head.startswith(b"HEAD") else f"<Error><Code>{code}</Code></Error>".encode()
            writer.write(f"HTTP/1.1 {status} Broken\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer)
            await writer.drain()
            return True
        answer_head, answer_body = await self._ask_store(head, body)
        if fault == "lost_answer":
            return False
        if fault == "late_silent":
            await asyncio.sleep(3600)
        if fault == "cut_body":
            cut_from = answer_head + answer_body if answer_body else answer_head[:-2]
            writer.write(cut_from[: len(cut_from) - max(len(answer_body) // 2, 1)])
            await writer.drain()
            return False
        writer.write(answer_head + answer_body)
        await writer.drain()
        return True

    async def _ask_store(self, head, body):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        try:
            writer.write(head + body)
            await writer.drain()
            while True:
                answer = await read_message(reader, is_request=False, to_head=head.startswith(b"HEAD"))
                if not answer[0].startswith(b"HTTP/1.1 100"):
                    return answer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def read_message(reader, is_request, to_head=False):
    """(head with its empty line, body) as bytes; a chunked body is kept as it is."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = {}
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        fields[name.strip().lower()] = value.strip()
    status = b"" if is_request else head.split(b" ", 2)[1]
    if to_head or status in (b"100", b"204", b"304"):
        return head, b""
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        return head, await read_chunks(reader)
    if b"content-length" in fields:
        return head, await reader.readexactly(int(fields[b"content-length"]))
    return head, b"" if is_request else await reader.read()


async def read_chunks(reader):
    body = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        chunk = await reader.readexactly(int(size.split(b";")[0], 16) + 2)
        body += size + chunk
        if chunk == b"\r\n":
            return body
