SELECT '5'::int, '5'::bigint, '5'::smallint, ' 5 '::int
SELECT '1.5'::float8, '1.5'::numeric(4,1), 'Infinity'::float8, '-Infinity'::float8
SELECT 2.5::int, 3.5::int, -2.5::int, 2.4::int
SELECT 2.5::float8::int, 3.5::float8::int
SELECT 5::text, 1.50::text, true::text, 'abc'::text
SELECT 1.5::float8::text, 100::float8::text
SELECT 'abcdef'::varchar(3), 'ab'::varchar(3)
SELECT true::int, 0::boolean, 1::boolean, 'yes'::boolean, 'no'::boolean
SELECT 't'::boolean
SELECT 'abc'::int
SELECT ''::int
SELECT '99999999999'::int
SELECT 99999999999::int
SELECT 40000::smallint
SELECT 'x'::numeric
SELECT 'x'::float8
SELECT 'x'::boolean
SELECT 'x'::uuid
SELECT '7d1c1f4e-0001-4a52-9a55-000000000001'::uuid
SELECT 'hello'::timestamptz
SELECT 'hello'::date
SELECT 'hello'::interval
SELECT 'hello'::time
SELECT '2024-13-45'::date
SELECT '2024-02-30'::date
SELECT '2024-13-45'::timestamptz
SELECT '2024-01-01'::date, '2024-01-01 12:34:56'::timestamp, '2024-01-01 12:34:56+02'::timestamptz
SELECT '2024-01-01 12:34:56.123456+00'::timestamptz::text
SELECT '12:34:56'::time
SELECT timestamptz '2024-01-01 23:59:59+00'::date
SELECT 'x'::nosuchtype
SELECT CAST(1 AS text), CAST('1' AS int), CAST(NULL AS int)
SELECT 123456.789::numeric(4,2)
SELECT 1::bigint::int, 3000000000::bigint::int
SELECT '{x'::jsonb
SELECT '\xdeadbeef'::bytea
SELECT ARRAY['a', 'b c', NULL, 'NULL', '']::text, ARRAY[1, NULL]::text, '{}'::int[]::text, ARRAY[true]::text
SELECT 'x' || ARRAY[1, 2]::text, ARRAY[1.5, 2.5]::text, ARRAY['2024-01-02'::date]::text
SELECT 'NaN'::float8::text, 'infinity'::float8::text, 1e-7::float8::text, 1e20::float8::text, 0.1::real::text
SELECT '\xdeadbeef'::bytea::text, ''::bytea::text, '0044-03-15 BC'::date::text
SELECT '1.5'::int
SELECT '0x10'::int
SELECT 'on'::boolean, 'tr'::boolean
SELECT '2026-11-04 20:00+00'::timestamptz
SELECT 1e7::numeric(12,2), 1.5e-3, 1e3 + 1
