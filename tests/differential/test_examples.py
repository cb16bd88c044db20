"""examples.sql as it stands gives what PostgreSQL gives."""

import pathlib

from tests.differential.compare import differences, run

EXAMPLES = pathlib.Path(__file__).with_name("examples.sql")
# PostgreSQL has no approximate aggregates; what Varve must answer is known.
APPROXIMATE = "approx_percentile"


def statements():
    text = "\n".join(line for line in EXAMPLES.read_text().splitlines() if not line.startswith("--"))
    return [part.strip() for part in text.split(";\n") if part.strip(" ;\n")]


def test_examples(both):
    postgres, varve = both
    wrong = []
    for statement in statements():
        if APPROXIMATE in statement:
            answer = run(varve, statement)
            assert (answer.names, answer.rows) == (["ok", "names"], [(True, 4)]), answer
            continue
        left, right = run(postgres, statement), run(varve, statement)
        assert left.state is None, f"PostgreSQL: {left.message}\n{statement}"
        if found := differences(left, right):
            wrong.append(f"{sorted(found)}\n{statement}\n  PostgreSQL {left}\n  Varve      {right}")
    assert not wrong, "\n\n".join(wrong)
