SELECT sum(i), sum(b), sum(s), sum(f), sum(d) FROM n
SELECT avg(i), avg(b), avg(s), avg(d) FROM n
SELECT avg(f) FROM n
SELECT min(i), max(b), min(t), max(f) FROM n
SELECT count(*), count(i), count(DISTINCT i) FROM n
SELECT i, count(*) FROM n GROUP BY i ORDER BY i
SELECT i, count(*) FROM n GROUP BY i HAVING count(*) > 1
SELECT i % 2 AS odd, sum(b) FROM n GROUP BY odd ORDER BY odd
SELECT sum(i) FILTER (WHERE i > 1), count(*) FILTER (WHERE t = 'one') FROM n
SELECT string_agg(t, '-' ORDER BY t DESC) FROM n
SELECT string_agg(DISTINCT t, ',') FROM n
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY i), percentile_cont(0.25) WITHIN GROUP (ORDER BY f) FROM n
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY i) FROM n
SELECT sum(i), avg(i), min(i) FROM n WHERE false
SELECT sum(count(*)) OVER () FROM n GROUP BY i LIMIT 1
SELECT avg(i)::int, avg(b / 3)::int FROM n
SELECT round(avg(i), 2), round(sum(d), 1) FROM n
SELECT 100.0 * count(i) / count(*) FROM n
SELECT avg(i) * 2, avg(i) + 1 FROM n
SELECT i, avg(b) FROM n GROUP BY 1 ORDER BY 1
SELECT t, i FROM n GROUP BY t
SELECT sum(t) FROM n
SELECT sum(sum(i)) FROM n
SELECT i FROM n WHERE sum(i) > 1
SELECT bit_and(i), bit_or(i) FROM n
SELECT stddev_pop(f), var_pop(f) FROM n
