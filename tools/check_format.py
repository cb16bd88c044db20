#!/usr/bin/env python3
"""Checks that every C++ and TypeScript file is as clang-format 19 would write it; --fix rewrites those that are not."""

import subprocess
import sys

import source_tree

CLANG_FORMAT = "clang-format-19"


def main() -> int:
    fix = "--fix" in sys.argv[1:]
    files = source_tree.cpp_files(source_tree.TOP)
    if not files:
        print("format: no C++ files")
        return 1
    files += [f for f in source_tree.files(source_tree.TOP, "web") if f.suffix in (".ts", ".mjs")]
    mode = ["-i"] if fix else ["--dry-run", "-Werror", "--ferror-limit=1"]
    done = subprocess.run([CLANG_FORMAT, *mode, *files], cwd=source_tree.TOP, check=False,
                          capture_output=True, text=True)
    # The caret and the source line under each finding say nothing that `make fmt` does not mend.
    findings = [line for line in done.stderr.splitlines() if " error: " in line or " warning: " in line]
    if findings or done.returncode != 0:
        print("\n".join(findings or [done.stderr.strip()]))
        print("format: `make fmt` mends this")
        return 1
    print(f"format: {'written' if fix else 'ok'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
