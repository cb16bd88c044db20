"""Statements whose answers differ from PostgreSQL's: in which respects, and why. It only shrinks."""

INTEGER_WIDTH = "DuckDB's function gives another width or kind of number; the value is the same"
LENIENT = "DuckDB accepts what PostgreSQL refuses"
UNTYPED_NULL = "an untyped NULL is an integer to DuckDB, text to PostgreSQL"
MISSING = "not built yet"
TEXT_FORM = "DuckDB writes or reads this text in another form"

KNOWN = {
    "SELECT abs(-5), abs(-5.5), sign(-3.0::float8)": ({"types"}, INTEGER_WIDTH),
    "SELECT ARRAY[1, 2] || 3, ARRAY[1] || ARRAY[2], array_append(ARRAY[1], 2)": ({"state"}, MISSING),
    "SELECT 't'::boolean": ({"names"}, "DuckDB's parser reads TRUE as this cast, and TRUE has no name"),
    "SELECT date_part('hour', ts), date_part('epoch', ts) FROM e ORDER BY id": ({"types"}, INTEGER_WIDTH),
    "SELECT date '2024-03-01' - date '2024-02-28', date '2024-02-28' + 2": ({"types"}, INTEGER_WIDTH),
    "SELECT generate_series(1, 3)": ({"types", "rows"}, "outside FROM it is a list, not a set"),
    "SELECT CASE WHEN 1 THEN 2 END": ({"state"}, LENIENT),
    "SELECT max(i, i) FROM n": ({"state"}, LENIENT),
    "SELECT 1 AS x, 2 AS x ORDER BY x": ({"state"}, LENIENT),
    "SELECT 1, 'a', NULL, true, 1 + 1, -1": ({"types"}, UNTYPED_NULL),
    "SELECT upper(t), t || 'x', t LIKE 'o%', length(t) FROM n WHERE i = 1": ({"types"}, INTEGER_WIDTH),
    "SELECT extract(hour FROM ts)::int, date_part('minute', ts) FROM e WHERE id = 1": ({"types"}, INTEGER_WIDTH),
    "SELECT * FROM generate_series(1, 2) AS g": ({"types"}, INTEGER_WIDTH),
    "SELECT 'a' || NULL, concat('a', NULL, 'b')": ({"types"}, UNTYPED_NULL),
    "SELECT '{\"a\": {\"b\": [1, 2]}}'::jsonb -> 'a' ->> 'b'": ({"rows"}, TEXT_FORM),
    "SELECT upper('abc'), lower('ABC'), length('äöü'), initcap('hello world')": ({"state"}, MISSING),
    "SELECT trim('  a '), ltrim('xxa', 'x'), rtrim('axx', 'x'), btrim('xax', 'x')": ({"state"}, MISSING),
    "SELECT replace('abcabc', 'b', 'x'), strpos('abc', 'c'), position('b' IN 'abc')": ({"types"}, INTEGER_WIDTH),
    r"SELECT E'a\nb', 'it''s', U&'\0061'": ({"state"}, MISSING),
    "SELECT b, ntile(2) OVER (ORDER BY b) FROM n ORDER BY b": ({"types"}, INTEGER_WIDTH),
}
