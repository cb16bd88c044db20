#!/usr/bin/env python3
"""Refuses an #include that points up or sideways in the tier table of tools/layers.txt.

Usage: check_layers.py [TREE]. Prints one line per finding; exit status 1 when there is one.
"""

import fnmatch
import sys
from dataclasses import dataclass, field
from pathlib import Path

import source_tree


@dataclass
class Rules:
    tier: dict[str, int] = field(default_factory=dict)  # folder below src/ -> tier
    order: set[tuple[str, str]] = field(default_factory=set)  # (may be included, by this one)
    only: list[tuple[list[str], list[str]]] = field(default_factory=list)  # (patterns, places)

    def folder_of(self, path: str) -> str | None:
        """The listed folder that a path below src/ belongs to: the longest that is a prefix."""
        parts = path.split("/")[:-1]
        for count in range(len(parts), 0, -1):
            name = "/".join(parts[:count])
            if name in self.tier:
                return name
        return None


def parse(text: str) -> Rules:
    rules = Rules()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        if words[0] == "order" and len(words) == 4 and words[2] == "<":
            rules.order.add((words[1], words[3]))
        elif words[0] == "only" and ":" in words:
            colon = words.index(":")
            rules.only.append((words[1:colon], words[colon + 1 :]))
        elif words[0][0] == "T" and words[0][1:].isdigit():
            for folder in words[1:]:
                rules.tier[folder] = int(words[0][1:])
        else:
            raise SystemExit(f"tools/layers.txt:{number}: not understood: {line}")
    for folder in {name for pair in rules.order for name in pair}:
        if folder not in rules.tier:
            raise SystemExit(f"tools/layers.txt: order names {folder}, which is in no tier")
    return rules


def _project_finding(rules: Rules, own: str, target: str, top: Path) -> str | None:
    if not (top / "src" / target).is_file():
        return f'"{target}" is not a file below src/'
    other = rules.folder_of(target)
    if other is None:
        return f'"{target}" is in no tier of tools/layers.txt'
    if other == own or rules.tier[other] < rules.tier[own] or (other, own) in rules.order:
        return None
    how = "a sibling" if rules.tier[other] == rules.tier[own] else "upward"
    return f'{own} (T{rules.tier[own]}) includes "{target}" of {other} (T{rules.tier[other]}): {how}'


def _system_finding(rules: Rules, path: str, target: str) -> str | None:
    for patterns, places in rules.only:
        if not any(fnmatch.fnmatchcase(target, pattern) for pattern in patterns):
            continue
        stem = path.rsplit(".", 1)[0].removesuffix("_test")
        if not any(path.startswith(place + "/") or stem == place for place in places):
            return f"<{target}> is for {', '.join(places)} only"
    return None


def check_file(rules: Rules, path: str, text: str, top: Path) -> list[str]:
    """Findings for one file, its path given below src/."""
    own = rules.folder_of(path)
    if own is None:
        return [f"src/{path}:1: the folder is in no tier of tools/layers.txt"]
    findings = []
    for line, bracket, target in source_tree.includes(text):
        # A library's header in quotes is still a library's, and one of ours in <> is still ours.
        library = any(fnmatch.fnmatchcase(target, p) for patterns, _ in rules.only for p in patterns)
        finding = _system_finding(rules, path, target)
        if not library and (bracket == '"' or (top / "src" / target).is_file()):
            finding = _project_finding(rules, own, target, top)
        if finding is not None:
            findings.append(f"src/{path}:{line}: {finding}")
    return findings


def main(argv: list[str]) -> int:
    top = Path(argv[1]).resolve() if len(argv) > 1 else source_tree.TOP
    rules = parse((top / "tools/layers.txt").read_text())
    findings = []
    for path in source_tree.cpp_files(top):
        if path.parts[0] == "src":
            findings += check_file(rules, str(path.relative_to("src")), (top / path).read_text(), top)
    print("\n".join(findings) if findings else "layers: ok")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
