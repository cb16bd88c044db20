#!/usr/bin/env python3
"""Runs every check of the sources, the quick ones first, and says which failed."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", default=str(os.cpu_count()))
    args = parser.parse_args()
    checks = [["check_layers.py"], ["check_format.py"], ["tidy.py"], ["check_types.py"],
              ["clang_tidy.py", "--jobs", args.jobs]]
    failed = []
    for check in checks:
        if subprocess.run([sys.executable, TOOLS / check[0], *check[1:]], check=False).returncode != 0:
            failed.append(check[0])
        sys.stdout.flush()
    print(f"lint: {len(checks) - len(failed)} passed, {len(failed)} failed"
          + (f" ({', '.join(failed)})" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
