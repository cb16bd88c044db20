"""Remembers which C++ files passed a check, so that a second `make lint` looks at what changed only.

A file's key is made of its text, the text of every header of ours that it reaches, and whatever else
the verdict depends on (command line, options, tool version). Headers from outside stand for themselves
through their package versions, which the caller puts into `salt`.
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import source_tree

FOLDER = source_tree.TOP / "build/lint"


class Includes:
    """Finds what a file reaches through #include, below src/ or beside it."""

    def __init__(self, top: Path):
        self._top = top
        self._direct: dict[Path, list[Path]] = {}

    def direct(self, path: Path) -> list[Path]:
        if path not in self._direct:
            found = []
            for _, _, name in source_tree.includes(path.read_text()):
                for candidate in (self._top / "src" / name, path.parent / name):
                    if candidate.is_file():
                        found.append(candidate.resolve())
                        break
            self._direct[path] = found
        return self._direct[path]

    def reached(self, path: Path) -> list[Path]:
        seen, pending = {path}, [path]
        while pending:
            for name in self.direct(pending.pop()):
                if name not in seen:
                    seen.add(name)
                    pending.append(name)
        return sorted(seen)


@dataclass
class Task:
    path: Path
    salt: str  # what the verdict depends on besides the sources
    run: Callable[[], str]  # returns the findings, empty when the file passes


def run_tasks(check: str, tasks: Iterable[Task], jobs: int) -> tuple[int, int, int]:
    """Runs the tasks whose key is not known to pass and prints findings; returns (run, known, failed)."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    known = {entry.name for entry in os.scandir(FOLDER)}
    graph = Includes(source_tree.TOP)
    pending, skipped = [], 0
    for task in tasks:
        digest = hashlib.sha256(f"{check}\0{task.salt}".encode())
        for path in graph.reached(task.path.resolve()):
            digest.update(str(path.relative_to(source_tree.TOP)).encode() + b"\0" + path.read_bytes())
        key = digest.hexdigest()
        if key in known:
            skipped += 1
        else:
            pending.append((key, task))

    def work(item: tuple[str, Task]) -> str:
        key, task = item
        found = task.run()
        if found:
            print(found, flush=True)
        else:
            (FOLDER / key).touch()
        return found

    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(work, pending))
    return len(pending), skipped, sum(1 for found in results if found)
