SELECT selct 1 fro
SELECT 'unterminated
SELECT * FROM
SELECT FROM WHERE
SELECT x FROM nope
SELECT * FROM nosch.foo
SELECT nope FROM n
SELECT n.nope FROM n
SELECT zz.i FROM n
SELECT nofun(1)
SELECT t + 1 FROM n
SELECT i FROM n a, n b
SELECT i, count(*) FROM n
SELECT i FROM n WHERE count(*) > 1
SELECT * FROM n GROUP BY i
SELECT 1 UNION SELECT 1, 2
SELECT (SELECT 1, 2)
SELECT (SELECT i FROM n)
SELECT 1 ORDER BY 5
SELECT 1 LIMIT -1
INSERT INTO nope VALUES (1)
INSERT INTO n (i, zz) VALUES (1, 2)
INSERT INTO n (i) VALUES (1, 2)
INSERT INTO n (i) VALUES ('x')
INSERT INTO n (i) VALUES (99999999999)
INSERT INTO n (d) VALUES (999999999999)
INSERT INTO otel_logs_and_spans (name) VALUES ('x')
INSERT INTO otel_logs_and_spans (project_id, id, timestamp, hashes) VALUES ('p', NULL, now(), NULL)
INSERT INTO otel_logs_and_spans (project_id, id, timestamp) VALUES ('p', 'i', 'nonsense')
CREATE TABLE nosch.foo (ts timestamptz)
DROP TABLE nope
DROP SCHEMA nope
CREATE SCHEMA public
EXECUTE nope
SELECT $1
SELECT 1 = 'x'
SELECT CASE WHEN 1 THEN 2 END
SELECT count(DISTINCT) FROM n
SELECT max(i, i) FROM n
SELECT a.* FROM n b
SELECT 1 AS x, 2 AS x ORDER BY x
