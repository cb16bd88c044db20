"""Puts C++ files that do not disturb each other together, so that clang-tidy reads their headers once.

Most of clang-tidy's time goes into headers from outside: it walks all that a file includes, and files of one
target include the same. A group is a file that includes several .cc files. What is local to one of them (an
anonymous namespace, a macro) must not be named in another; a group that does not pass is taken apart by the
caller, so a collision that is not foreseen here costs time only.
"""

import hashlib
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import source_tree

SIZE_MAX = 8

_ANONYMOUS = re.compile(r"\bnamespace\s*\{")
_MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
# Words that stand where a name could and are none.
_NOT_LOCAL = {"const", "struct", "override", "noexcept", "int64_t", "uint64_t", "size_t"}
_NAME = re.compile(r"\b[A-Za-z_]\w*")
# A name that follows one of these belongs to what stands before it.
_QUALIFIED = re.compile(r"(?:\.|->|::)\s*[A-Za-z_]\w*")


def _block(text: str, start: int) -> str:
    """What stands between the brace before `start` and its partner, inner braces and parentheses emptied."""
    kept, depth, i = [], 0, start
    while i < len(text):
        c = text[i]
        if c in "{(":
            if depth == 0:
                kept.append(c)
            depth += 1
        elif c in "})":
            if depth == 0:
                break
            depth -= 1
        elif depth == 0:
            kept.append(c)
        i += 1
    return "".join(kept)


def local_names(text: str) -> set[str]:
    """Names that a file declares for itself alone; rather one too many than one missing."""
    names = set(_MACRO.findall(text))
    for match in _ANONYMOUS.finditer(text):
        names.update(re.findall(r"\b([A-Za-z_]\w*)\s*(?:[({=;\[]|:(?!:))", _block(text, match.end())))
    return names - _NOT_LOCAL


def used_names(text: str) -> set[str]:
    return set(_NAME.findall(_QUALIFIED.sub(" ", text)))


@dataclass
class _File:
    entry: dict
    local: set[str]
    used: set[str]

    def disturbs(self, other: "_File") -> bool:
        return bool(self.local & other.used or other.local & self.used)


def flags(entry: dict) -> list[str]:
    """The compiler's arguments without the compiler, the input and the output."""
    words = shlex.split(entry["command"])
    first = next(i for i, word in enumerate(words) if Path(word).name.startswith("clang++"))
    kept, skip = [], False
    for word in words[first + 1:]:
        if skip or word in ("-c", entry["file"]):
            skip = False
        elif word == "-o":
            skip = True
        else:
            kept.append(word)
    return kept


def groups(entries: list[dict]) -> list[list[dict]]:
    """The entries of compile_commands.json, in groups of one target's files."""
    made: dict[str, list[list[_File]]] = {}
    for entry in sorted(entries, key=lambda e: e["file"]):
        text = source_tree.without_comments(Path(entry["file"]).read_text())
        file = _File(entry, local_names(text), used_names(text))
        of_target = made.setdefault(shlex.join(flags(entry)), [])
        for group in of_target:
            if len(group) < SIZE_MAX and not any(file.disturbs(other) for other in group):
                group.append(file)
                break
        else:
            of_target.append([file])
    return [[file.entry for file in group] for of_target in made.values() for group in of_target]


def written(paths: list[Path]) -> Path:
    """A file that includes all of them."""
    lines = [f'#include "{os.path.relpath(path, source_tree.TOP / "src")}"\n' for path in paths]
    text = "".join(lines)
    into = source_tree.TOP / "build/lint/groups" / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.cc"
    into.parent.mkdir(parents=True, exist_ok=True)
    if not into.is_file():
        into.write_text(text)
    return into
