"""What the checks in this folder share: the list of files, and C++ text without its comments."""

import re
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent

_CPP_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-zA-Z_])\'(?:\\.|[^\'\\\n])*\'',
    re.DOTALL,
)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)


def files(top: Path, *patterns: str) -> list[Path]:
    """The files git knows or would add (so not build output) that match, relative to top."""
    out = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=top, check=True, capture_output=True, text=True,
    ).stdout
    return sorted({Path(name) for name in out.split("\0") if name and (top / name).is_file()})


def cpp_files(top: Path) -> list[Path]:
    return [f for f in files(top, "src", "bench", "tests") if f.suffix in (".cc", ".h")]


def without_comments(text: str) -> str:
    """C++ text with comments and the insides of literals blanked; lines keep their numbers."""

    def blank(match: re.Match) -> str:
        token = match.group(0)
        kept = '""' if token[0] in '"R' else " "
        return kept + "\n" * token.count("\n")

    return _CPP_TOKEN.sub(blank, text)


def includes(text: str) -> list[tuple[int, str, str]]:
    """(line, '"' or '<', name) of each #include."""
    return [
        (text.count("\n", 0, m.start()) + 1, m.group(1), m.group(2)) for m in _INCLUDE.finditer(text)
    ]
