"""Writes Delta tables with long histories: many versions, many files, a checkpoint at the end."""

import datetime
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

START = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
FIELDS = [("timestamp", "timestamp"), ("n", "long"), ("day", "string")]

_MAP = pa.map_(pa.string(), pa.string())
_ADD = pa.struct([("path", pa.string()), ("partitionValues", _MAP), ("size", pa.int64()),
                  ("modificationTime", pa.int64()), ("dataChange", pa.bool_()), ("stats", pa.string())])
_METADATA = pa.struct([("id", pa.string()), ("format", pa.struct([("provider", pa.string()), ("options", _MAP)])),
                       ("schemaString", pa.string()), ("partitionColumns", pa.list_(pa.string())),
                       ("configuration", _MAP), ("createdTime", pa.int64())])
_PROTOCOL = pa.struct([("minReaderVersion", pa.int32()), ("minWriterVersion", pa.int32())])


def schema_string():
    fields = [{"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind in FIELDS]
    return json.dumps({"type": "struct", "fields": fields})


def _add(number, real_size=None):
    time = START + datetime.timedelta(minutes=number)
    stamp = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    bounds = {"timestamp": stamp, "n": number}
    stats = {"numRecords": 1, "minValues": bounds, "maxValues": bounds, "nullCount": {"timestamp": 0, "n": 0}}
    return {"path": f"day=d{number % 31}/part-{number:08}.parquet", "partitionValues": {"day": f"d{number % 31}"},
            "size": real_size or 1000, "modificationTime": 1735689600000, "dataChange": True,
            "stats": json.dumps(stats)}


def write_data_file(folder, number):
    """The file that the add action of this number names: one row."""
    path = pathlib.Path(folder) / _add(number)["path"]
    path.parent.mkdir(parents=True, exist_ok=True)
    time = START + datetime.timedelta(minutes=number)
    pq.write_table(pa.table({"timestamp": pa.array([time], pa.timestamp("us", tz="UTC")), "n": [number]}), path)
    return path.stat().st_size


def write_table(folder, versions, files, commits_after=5, parts=1):
    """`versions` versions of which the last few come after a checkpoint that names `files` files."""
    log = pathlib.Path(folder) / "_delta_log"
    log.mkdir(parents=True)
    checkpoint = versions - commits_after
    protocol = {"minReaderVersion": 1, "minWriterVersion": 2}
    metadata = {"id": "long", "format": {"provider": "parquet", "options": {}}, "schemaString": schema_string(),
                "partitionColumns": ["day"], "configuration": {}, "createdTime": 1735689600000}
    newest = files + commits_after - 1
    size = write_data_file(folder, newest)
    for version in range(versions + 1):
        lines = [{"protocol": protocol}, {"metaData": metadata}] if version == 0 else [
            {"add": _add(version - checkpoint - 1 + files, size) if version > checkpoint else _add(version % files)}]
        (log / f"{version:020}.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = [{"protocol": protocol}, {"metaData": metadata}] + [{"add": _add(number)} for number in range(files)]
    for row in rows:
        if "add" in row:
            row["add"]["partitionValues"] = list(row["add"]["partitionValues"].items())
        if "metaData" in row:
            row["metaData"] = {**metadata, "configuration": [], "format": {"provider": "parquet", "options": []}}
    schema = pa.schema([("protocol", _PROTOCOL), ("metaData", _METADATA), ("add", _ADD)])
    share = -(-len(rows) // parts)
    for part in range(parts):
        name = f"{checkpoint:020}.checkpoint" + (f".{part + 1:010}.{parts:010}" if parts > 1 else "") + ".parquet"
        pq.write_table(pa.Table.from_pylist(rows[part * share : (part + 1) * share], schema), log / name)
    last = {"version": checkpoint, "size": len(rows)}
    if parts > 1:
        last["parts"] = parts
    (log / "_last_checkpoint").write_text(json.dumps(last))
    return newest
