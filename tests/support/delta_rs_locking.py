"""Runs in the interpreter of build/parts/delta-rs-1.4: appends rows by the last delta-rs that locks by DynamoDB.

Reads one JSON object from standard input: url, options, and batches of rows, each a list of ids. Each batch is one
append. Prints the version after each.
"""

import datetime
import json
import sys

import deltalake
import pyarrow


def main():
    task = json.load(sys.stdin)
    # Each try finds that another writer was faster; delta-rs gives up after 15 of them.
    patient = deltalake.CommitProperties(max_commit_retries=10_000)
    for ids in task["batches"]:
        time = datetime.datetime.fromisoformat(task["time"])
        rows = pyarrow.table({
            "timestamp": pyarrow.array([time] * len(ids), pyarrow.timestamp("us", "UTC")),
            "id": pyarrow.array(ids, pyarrow.int64()),
            "writer": [task["writer"]] * len(ids),
            "date": [time.date()] * len(ids),
        })
        deltalake.write_deltalake(task["url"], rows, mode="append", storage_options=task["options"],
                                  commit_properties=patient)
        print(deltalake.DeltaTable(task["url"], storage_options=task["options"]).version(), flush=True)


main()
