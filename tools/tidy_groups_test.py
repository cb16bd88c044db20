"""Files that would disturb each other in one compilation stay apart; the others come together."""

from pathlib import Path

import tidy_groups


def entry(folder: Path, name: str, text: str, flags: str = "-O0") -> dict:
    path = folder / name
    path.write_text(text)
    return {"file": str(path), "command": f"ccache /bin/clang++-19 {flags} -o {name}.o -c {path}"}


def names(made: list[list[dict]]) -> list[list[str]]:
    return [[Path(e["file"]).stem for e in group] for group in made]


def in_anonymous(text: str) -> str:
    return f"namespace varve {{\nnamespace {{\n{text}\n}}  // namespace\n}}\n"


def test_strangers_come_together(tmp_path: Path):
    entries = [entry(tmp_path, "a.cc", in_anonymous("int One() { return 1; }")),
               entry(tmp_path, "b.cc", in_anonymous("int Two() { return std::max(1, 2); }"))]
    assert names(tidy_groups.groups(entries)) == [["a", "b"]]


def test_a_name_that_is_local_in_one_and_used_in_the_other_parts_them(tmp_path: Path):
    for declared in ("int Same() { return 1; }", "constexpr int Same = 1;", "struct Same : Base {};",
                     "enum class Same { kA };", "int Same[3];", "\n#define Same 1\n"):
        entries = [entry(tmp_path, "a.cc", in_anonymous(declared)),
                   entry(tmp_path, "b.cc", "namespace varve {\nint Other() { return Same(); }\n}\n")]
        assert names(tidy_groups.groups(entries)) == [["a"], ["b"]], declared


def test_members_and_qualified_names_are_others(tmp_path: Path):
    entries = [entry(tmp_path, "a.cc", in_anonymous("int Same() { return 1; }")),
               entry(tmp_path, "b.cc", "int Other(X& x) { return x.Same() + y->Same() + y::Same(); }\n")]
    assert names(tidy_groups.groups(entries)) == [["a", "b"]]


def test_a_group_has_one_set_of_flags_and_a_size(tmp_path: Path):
    entries = [entry(tmp_path, f"f{i}.cc", "") for i in range(tidy_groups.SIZE_MAX + 1)]
    entries.append(entry(tmp_path, "other.cc", "", flags="-O2"))
    made = tidy_groups.groups(entries)
    assert [len(group) for group in made] == [tidy_groups.SIZE_MAX, 1, 1]
    assert tidy_groups.flags(entries[-1]) == ["-O2"]
