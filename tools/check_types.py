#!/usr/bin/env python3
"""Checks the types of the page at /ui, its tests and its build script with TypeScript's own compiler."""

import subprocess
import sys

import source_tree

WEB = source_tree.TOP / "web"
COMPILER = WEB / "node_modules" / ".bin" / "tsc"


def main() -> int:
    if not COMPILER.exists():
        print("types: web/node_modules has no TypeScript: run `make setup`")
        return 1
    # Two projects: a page has no Node.js, its tests have no document.
    for project in (".", "test"):
        done = subprocess.run([COMPILER, "--noEmit", "--pretty", "false", "-p", project], cwd=WEB, check=False,
                              capture_output=True, text=True)
        if done.returncode != 0:
            print(done.stdout + done.stderr, end="")
            return 1
    print("types: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
