#!/usr/bin/env python3
"""The tidy test: rules of form that no compiler checks. Usage: tidy.py [TREE].

Sizes, banned calls, dead files, leftover marks, headers without a first sentence, folders without a
README, names that say nothing, paths of one machine, references that lead nowhere. One line per
finding; exit status 1 when there is one. The length of C++ functions is clang-tidy's to check
(.clang-tidy), of Python ones checked here.
"""

import ast
import re
import sys
from pathlib import Path

import source_tree

LINES_MAX = {".cc": 800, ".h": 200, ".py": 800, ".sh": 400, ".cmake": 400,
             ".ts": 400, ".mjs": 400, ".css": 400, ".html": 400}
FUNCTION_LINES_MAX = 70
README_LINES_MAX = 60
COLUMNS_MAX = {".cc": 100, ".h": 100, ".py": 120, ".sh": 120, ".cmake": 110,
               ".ts": 120, ".mjs": 120, ".css": 120, ".html": 120}

# (pattern in code without comments and literals, what to use, where it is allowed). A place is a path
# prefix; "_test" stands for every test. Time, randomness, disk and locks go through interfaces, so that
# a test can own them.
BANNED = [
    (r"(?<![\w.>])(s?rand|random|drand48)\s*\(|std::random_device|std::mt19937", "base/random.h",
     ("src/base/", "src/io/testing/", "_test", "bench/")),
    (r"\b(system_clock|steady_clock|high_resolution_clock)::now|\b(clock_gettime|gettimeofday)\s*\("
     r"|\btime\s*\(\s*(0|NULL|nullptr)\s*\)",
     "base/clock.h", ("src/base/clock", "_test", "bench/")),
    (r"\bsleep_(for|until)\b|\bu?sleep\s*\(|\bnanosleep\s*\(", "a wait on the condition itself",
     ("src/base/clock", "src/engine/task_drive", "bench/")),
    (r"\bstd::((recursive_|shared_|timed_)?mutex|lock_guard|(unique|scoped|shared)_lock|condition_variable)\b",
     "base/mutex.h, whose locks the compiler checks", ("src/base/mutex.h", "src/engine/file_filters")),
    (r"\bstd::(if|of|f)stream\b|\bf(open|read|write)\s*\(", "io/file.h", ("src/io/", "src/main/", "_test", "bench/")),
    (r"\bstd::cout\b|\bstd::cerr\b|(?<![\w:])(std::)?f?(printf|puts)\s*\(",
     "the log (spdlog) or a returned string", ("src/main/", "src/base/check", "bench/")),
    (r"\b(getenv|secure_getenv|setenv|putenv)\s*\(", "config/",
     ("src/config/", "src/main/", "src/base/fault_point", "src/io/testing/", "_test", "bench/")),
    (r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok)\s*\(", "fmt or std::string", ()),
    (r"\b(ato(i|l|ll|f)|strto(l|ll|ul|ull|d))\s*\(|\bstd::sto(i|l|ll|ul|ull|f|d)\s*\(",
     "absl::SimpleAto* or std::from_chars, which report errors", ("_test", "bench/")),
    (r"\b(system|popen)\s*\(", "no shell", ()),
    (r"\busing\s+namespace\s+std\s*;", "std:: written out", ()),
    (r"\bassert\s*\(", "VARVE_CHECK or VARVE_DCHECK", ()),
    (r"\.detach\s*\(\s*\)", "a thread that is joined", ()),
    (r"(?<![\w:.>])_?(exit|quick_exit|abort)\s*\(|\bstd::(exit|_Exit|quick_exit|abort)\s*\(",
     "VARVE_CHECK, or a Status that main sees", ("src/base/", "src/main/", "_test", "bench/", "_fuzz")),
    (r"\bthrow\b", "a Status", ("src/engine/", "_test", "bench/")),
    (r"\breinterpret_cast\s*<\s*(const\s+)?u?int(16|32|64)_t\s*\*", "memcpy, which may be unaligned", ()),
    (r"#\s*include\s*<regex>", "a parser; std::regex overflows the stack on long input", ("_test",)),
]
# Written so that this file does not find itself.
MARKS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b|\bnot implem" r"ented\b", re.IGNORECASE)
MACHINE_PATHS = re.compile(r"(^|[^A-Za-z0-9_.])/(wo" r"rk|ro" r"ot|fa" r"rm)/")
REGISTRIES = re.compile(
    r"registry\.npm" r"js|py" r"pi\.org|pythonho" r"sted|deb\.deb" r"ian\.org|proxy\.go" r"lang"
    r"|repo1\.ma" r"ven|crates\.i" r"o\b")
# What a reader would open: a Markdown link, a path of the tree or of src/ in a code span, a page of docs/ anywhere.
LINKS = re.compile(r"\[[^\]]*\]\(([^)\s#]+)[^)]*\)")
SPANS = re.compile(r"`((?:src|docs|tests|tools|bench|cmake|schemas|web)/[\w./-]+)`")
CODE = re.compile(r"`(\w+(?:/\w+)+\.(?:cc|h|py))`")
PAGES = re.compile(r"\bdocs/[\w./-]+\.md\b|\bdocs/decisions/\d+[\w.-]*")
VAGUE_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|manager|misc)\.(h|cc|py)$")

findings: list[str] = []


def report(path: Path, line: int, text: str) -> None:
    findings.append(f"{path}:{line}: {text}")


def check_sizes(path: Path, lines: list[str]) -> None:
    limit = LINES_MAX.get(path.suffix)
    if limit and len(lines) > limit:
        report(path, len(lines), f"{len(lines)} lines, more than {limit}: split it by what it does")
    columns = COLUMNS_MAX.get(path.suffix)
    for number, line in enumerate(lines, 1):
        # Of C++ the comments only: clang-format does the rest, and a raw string may be as long as it is.
        exempt = path.suffix in (".cc", ".h") and not line.lstrip().startswith("//")
        if columns and len(line) > columns and not exempt and "://" not in line \
                and not (path.suffix == ".ts" and line.startswith("import ")):
            report(path, number, f"{len(line)} columns, more than {columns}")
        if line != line.rstrip():
            report(path, number, "white space at the end of the line")


def check_text(path: Path, lines: list[str]) -> None:
    for number, line in enumerate(lines, 1):
        if path.parts[0] in ("src", "tools", "bench", "web", "tests") and (mark := MARKS.search(line)):
            report(path, number, f"unfinished by its own words: {mark.group(0)}")
        if MACHINE_PATHS.search(line):
            report(path, number, "a path of one machine")
        if REGISTRIES.search(line):
            report(path, number, "names a registry's host; its client knows where it is")


def check_references(top: Path, path: Path, lines: list[str]) -> None:
    """Every file that a text sends its reader to is there."""
    is_prose = path.suffix == ".md"
    for number, line in enumerate(lines, 1):
        links = LINKS.findall(line) if is_prose else []
        beside = {link for link in links if "://" not in link and not link.startswith("mailto:")}
        below_top = set(PAGES.findall(line)) | set(SPANS.findall(line) if is_prose else [])
        sources = set(CODE.findall(line) if is_prose else []) - below_top
        for folder, names in ((top / path.parent, beside), (top, below_top), (top / "src", sources)):
            for name in sorted(names):
                target = folder / name
                # A stem stands for the header and the source.
                if not target.exists() and not list(target.parent.glob(target.name + ".*")):
                    report(path, number, f"there is no {name}")


def check_banned(path: Path, text: str) -> None:
    code = source_tree.without_comments(text)
    for pattern, instead, places in BANNED:
        if any(str(path).startswith(place) or (place in ("_test", "_fuzz") and path.stem.endswith(place))
               for place in places):
            continue
        for match in re.finditer(pattern, code):
            report(path, code.count("\n", 0, match.start()) + 1, f"{match.group(0).strip()}: use {instead}")


def check_header(path: Path, lines: list[str]) -> None:
    first = lines[0] if lines else ""
    if not re.match(r"// [A-Z`]\S* \S", first):
        report(path, 1, "a header begins with a sentence: // <What this gives the caller.>")
    elif not any(line.rstrip().endswith((".", ":")) or ". " in line for line in _first_comment(lines)):
        report(path, 1, "the first comment is not a sentence: it has no full stop")
    if "#pragma once" not in lines:
        report(path, 1, "no #pragma once")


def _first_comment(lines: list[str]) -> list[str]:
    for count, line in enumerate(lines):
        if not line.startswith("//") or line == "//":
            return lines[:count]
    return lines


def check_python(path: Path, text: str) -> None:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                report(path, node.lineno, f"{node.name} has {length} lines, more than {FUNCTION_LINES_MAX}")


def check_dead(top: Path, path: Path) -> None:
    """A C++ file must be named in the CMakeLists.txt of its folder, or of the one above."""
    for folder in (path.parent, path.parent.parent):
        cmake = top / folder / "CMakeLists.txt"
        if cmake.is_file():
            name = re.escape(str(path.relative_to(folder)))
            if re.search(rf"(^|[\s(\"]){name}([\s)\"]|$)", cmake.read_text(), re.MULTILINE):
                return
    report(path, 1, "no CMakeLists.txt names this file: it is never compiled")


def check_folders(top: Path, paths: list[Path]) -> None:
    for folder in sorted({p.parent for p in paths if p.parts[0] == "src" and p.suffix in (".cc", ".h")}):
        readme = folder / "README.md"
        if not (top / readme).is_file():
            report(readme, 1, "a source folder says what enters, what leaves and what holds, in a README.md")
        elif (count := len((top / readme).read_text().splitlines())) > README_LINES_MAX:
            report(readme, count, f"{count} lines, more than {README_LINES_MAX}")


def check_file(top: Path, path: Path) -> None:
    try:
        text = (top / path).read_text()
    except UnicodeDecodeError:
        return  # Binary test data.
    lines = text.splitlines()
    if VAGUE_NAMES.search(path.name):
        report(path, 1, "the name does not say what is in it")
    check_text(path, lines)
    # A test names files that are not there on purpose.
    if not path.stem.endswith("_test"):
        check_references(top, path, lines)
    if path.suffix in LINES_MAX:
        check_sizes(path, lines)
    if path.suffix in (".cc", ".h") and path.parts[0] in ("src", "bench", "tests"):
        check_banned(path, text)
        check_dead(top, path)
    if path.suffix == ".h":
        check_header(path, lines)
    if path.suffix in (".ts", ".mjs") and not path.stem.endswith(".test") and not re.match(r"// [A-Z`]\S* \S", text):
        report(path, 1, "a source of the page begins with a sentence: // <What this gives or does.>")
    if path.suffix == ".py":
        check_python(path, text)


def main(argv: list[str]) -> int:
    top = Path(argv[1]).resolve() if len(argv) > 1 else source_tree.TOP
    paths = [p for p in source_tree.files(top) if p.name != "LICENSE"]
    for path in paths:
        check_file(top, path)
    check_folders(top, paths)
    print("\n".join(findings) if findings else "tidy: ok")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
