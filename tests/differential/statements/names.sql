SELECT 1, 'a', NULL, true, 1 + 1, -1
SELECT count(*), count(i), sum(i), min(i), max(i), avg(i) FROM n
SELECT i::text, i::bigint, '5'::int, 5::bigint, 'a'::text, 1.5::numeric(4,2), 1::float8 FROM n WHERE i = 1
SELECT (i + 1)::int, sum(i)::int, 'x'::text::text FROM n GROUP BY i ORDER BY i LIMIT 1
SELECT CASE WHEN i = 1 THEN 2 END, CASE WHEN true THEN 1 ELSE i END FROM n WHERE i = 1
SELECT coalesce(i, 0), nullif(i, 1), greatest(i, 1), least(i, 1) FROM n WHERE i = 1
SELECT upper(t), t || 'x', t LIKE 'o%', length(t) FROM n WHERE i = 1
SELECT i IS NULL, NOT (i = 1), i IN (1, 2), i BETWEEN 1 AND 2 FROM n WHERE i = 1
SELECT (SELECT max(i) FROM n), EXISTS (SELECT 1), (SELECT 1 AS one)
SELECT ARRAY[1, 2], ARRAY(SELECT 1)
SELECT date '2024-01-01', interval '1 day', timestamptz '2024-01-01 00:00:00+00'
SELECT date_trunc('hour', ts), ts::date FROM e WHERE id = 1
SELECT extract(hour FROM ts)::int, date_part('minute', ts) FROM e WHERE id = 1
SELECT row_number() OVER (ORDER BY id), sum(id) OVER () FROM e WHERE id = 1
SELECT tags[1], 'x' = ANY(tags) FROM e WHERE id = 1
SELECT i AS a, i b, i "C d" FROM n WHERE i = 1
SELECT n.i, n.t FROM n WHERE i = 1
SELECT * FROM (SELECT count(*) FROM n) s
SELECT count FROM (SELECT count(*) FROM n) s
WITH c AS (SELECT max(i), min(i) FROM n) SELECT max, min FROM c
SELECT count(*) FROM n UNION ALL SELECT 1
VALUES (1, 'a'), (2, 'b')
SELECT * FROM (VALUES (1, 'a')) v
SELECT * FROM (VALUES (1, 'a')) v(x, y)
SELECT * FROM generate_series(1, 2) AS g
SELECT string_agg(t, ',' ORDER BY t), count(*) FILTER (WHERE i > 1) FROM n
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY f) FROM n
SELECT count(*), i AS count FROM n GROUP BY i ORDER BY i
SELECT upper(t) AS t, count(*) FROM n GROUP BY t ORDER BY 1, 2
SELECT -i AS i FROM n ORDER BY i
SELECT (-i)::text, i FROM n ORDER BY i + 0
SELECT ts::date, count(*) FROM e GROUP BY ts::date ORDER BY ts::date DESC
