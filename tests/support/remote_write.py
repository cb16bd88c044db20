"""Writes remote-write 1.0 requests: a snappy block of the protobuf message prometheus.WriteRequest."""

import struct

import pyarrow

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "varve-tests/1",
}
COUNTER, GAUGE, HISTOGRAM = 1, 2, 3
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, content):
    """A field that holds text or a message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def labels(name, tags):
    """The labels of one series, sorted as senders must."""
    pairs = sorted({"__name__": name, **tags}.items())
    return b"".join(field(1, field(1, key.encode()) + field(2, value.encode())) for key, value in pairs)


def series(encoded_labels, samples):
    """One series; `samples` are (seconds, value). Encode labels once where there are many requests."""
    parts = [encoded_labels]
    for seconds, value in samples:
        time = varint(int(seconds * 1000))
        parts.append(b"\x12" + varint(10 + len(time)) + b"\x09" + struct.pack("<d", value) + b"\x10" + time)
    return field(1, b"".join(parts))


def metadata(metric_type, family):
    return field(3, b"\x08" + varint(metric_type) + field(2, family.encode()))


def body(*parts):
    """What goes over the wire."""
    return pyarrow.compress(b"".join(parts), codec="snappy", asbytes=True)
