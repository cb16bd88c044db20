#!/usr/bin/env python3
"""Compares the warm queries of a server on a bucket with those of a server on a local folder, same rows.

The bucket is in a versitygw of its own; further words go to varve_bench_query. Run it with
build/venv/bin/python after `make build parts` and building varve_benchmarks.
"""

import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from tests.support.object_stores import VersityGw  # noqa: E402


def main():
    with VersityGw() as store:
        words = [
            "--s3-bucket", store.new_bucket(), "--s3-endpoint", store.endpoint, "--s3-access-key", store.access_key,
            "--s3-secret-key", store.secret_key, "--s3-allow-http", "true",
        ]
        command = [str(TOP / "build/release/bin/varve_bench_query"), "--server", str(TOP / "build/release/varve")]
        command += [f"--beside-option={word}" for word in words] + sys.argv[1:]
        return subprocess.run(command, cwd=TOP, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
