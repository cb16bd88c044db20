"""Runs sqllogictest files over the real wire.

Records are separated by empty lines; `#` begins a comment line:

    statement ok                      statement error 42P01
    CREATE TABLE ...                  SELECT * FROM nope

    query TI rowsort                  one letter per column (T text, I integer, R number, B boolean), then
    SELECT a, b FROM t                nosort (as it stands) or rowsort
    ----
    x 1                               columns separated by one space or, in values with spaces, by tabs

    post /ingest/batch
    {"samples": [...]}                a call of the HTTP API that must answer 200

NULL is NULL, an empty text is (empty). A record may begin with `restart`, which stops the server in good order and
starts it again.
"""

import decimal
import urllib.error
import urllib.request
from dataclasses import dataclass, field

import psycopg


@dataclass
class Record:
    line: int
    kind: list
    sql: str = ""
    expected: list = field(default_factory=list)


def parse(text):
    records, block, start = [], [], 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.startswith("#"):
            continue
        if line.strip():
            if not block:
                start = number
            block.append(line.rstrip())
        elif block:
            records.append(_record(start, block))
            block = []
    return records


def _record(line, block):
    record = Record(line, block[0].split())
    body = block[1:]
    if "----" in body:
        cut = body.index("----")
        record.expected = [row.replace("\t", " ") for row in body[cut + 1:]]
        body = body[:cut]
    record.sql = "\n".join(body)
    return record


def text_of(value, kind):
    if value is None:
        return "NULL"
    if kind == "B":
        return "true" if value else "false"
    if kind == "I":
        return str(int(value))
    if kind == "R":
        number = decimal.Decimal(str(value)).normalize()
        return format(number, "f")
    return str(value) if value != "" else "(empty)"


class Runner:
    def __init__(self, server):
        self.server = server
        self.connection = server.connect()

    def run(self, record):
        """None, or what is wrong with the record."""
        if record.kind[0] == "restart":
            self.connection.close()
            self.server.stop()
            self.server.start()
            self.connection = self.server.connect()
            return None
        if record.kind[0] == "post":
            return self._post(record)
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(record.sql)
                rows = cursor.fetchall() if record.kind[0] == "query" else []
        except psycopg.Error as error:
            if record.kind[:2] == ["statement", "error"] and error.sqlstate == record.kind[2]:
                return None
            return f"line {record.line}: {error.sqlstate} {error}"
        if record.kind[0] == "statement":
            return None if record.kind[1] == "ok" else f"line {record.line}: no error"
        return self._compare(record, rows)

    def _post(self, record):
        url = f"http://127.0.0.1:{self.server.http_port}{record.kind[1]}"
        headers = {"Content-Type": "application/json"}
        try:
            urllib.request.urlopen(urllib.request.Request(url, record.sql.encode(), headers), timeout=30).close()
        except urllib.error.HTTPError as error:
            return f"line {record.line}: {error.code} {error.read().decode()}"
        return None

    @staticmethod
    def _compare(record, rows):
        kinds = record.kind[1]
        if rows and len(rows[0]) != len(kinds):
            return f"line {record.line}: {len(rows[0])} columns, not {len(kinds)}"
        found = [" ".join(map(text_of, row, kinds)) for row in rows]
        expected = list(record.expected)
        if record.kind[2:] == ["rowsort"]:
            found, expected = sorted(found), sorted(expected)
        if found == expected:
            return None
        return f"line {record.line}: expected\n  " + "\n  ".join(expected) + "\nfound\n  " + "\n  ".join(found)
