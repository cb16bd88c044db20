SELECT a.i, b.b FROM n a JOIN n b ON a.i = b.i ORDER BY a.i, b.b
SELECT a.id, b.i FROM e a LEFT JOIN n b ON a.id = b.i ORDER BY a.id, b.i, b.b
SELECT i FROM n WHERE i IN (SELECT id FROM e) ORDER BY b
SELECT i FROM n WHERE EXISTS (SELECT 1 FROM e WHERE e.id = n.i) ORDER BY b
SELECT id, (SELECT count(*) FROM n WHERE n.i = e.id) AS c FROM e ORDER BY id
WITH a AS (SELECT i FROM n), b AS (SELECT i + 1 AS j FROM a) SELECT j FROM b ORDER BY j
WITH RECURSIVE r(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM r WHERE k < 4) SELECT k FROM r ORDER BY k
SELECT i FROM n UNION SELECT id FROM e ORDER BY 1
SELECT i FROM n EXCEPT SELECT 1 ORDER BY 1
SELECT i FROM n INTERSECT SELECT id FROM e ORDER BY 1
SELECT x.i FROM (SELECT i FROM n WHERE i > 1) x ORDER BY 1
SELECT i, t FROM n ORDER BY 2 DESC, 1 LIMIT 2
SELECT CASE i WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE 'many' END FROM n ORDER BY b
SELECT l.x FROM n, LATERAL (SELECT n.i * 2 AS x) l ORDER BY x
SELECT count(*) FROM n CROSS JOIN e
SELECT i, sum(b) FROM n GROUP BY ROLLUP (i) ORDER BY i NULLS LAST, 2
SELECT i, t FROM n WHERE (i, t) = (1, 'one')
SELECT '{"a": {"b": [1, 2]}}'::jsonb -> 'a' ->> 'b'
SELECT '{"a": 1}'::jsonb ->> 'a'
SELECT pg_typeof(1)::text, pg_typeof(1.5)::text, pg_typeof('a'::text)::text
SELECT count(*) FROM otel_logs_and_spans WHERE project_id = 'nobody'
SELECT current_schema()
