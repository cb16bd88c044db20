SELECT time_bucket('5 minutes', ts), count(*) FROM e GROUP BY 1 ORDER BY 1
SELECT time_bucket(INTERVAL '7 days', ts) AS b FROM e ORDER BY b
SELECT time_bucket('1 hour', timestamptz '1999-12-31 23:59:59+00'), time_bucket('11 minutes', timestamptz '1969-07-20 20:17:40+00')
SELECT date_trunc('minute', ts), date_trunc('month', ts), date_trunc('week', ts), date_trunc('year', ts) FROM e ORDER BY id
SELECT extract(year FROM ts)::int, extract(dow FROM ts)::int, extract(epoch FROM ts)::float8 FROM e ORDER BY id
SELECT date_part('hour', ts), date_part('epoch', ts) FROM e ORDER BY id
SELECT ts + INTERVAL '1 day', ts - INTERVAL '1 hour', ts + INTERVAL '1 month' FROM e ORDER BY id
SELECT timestamptz '2024-03-01 00:00:00+00' - timestamptz '2024-02-28 12:00:00+00'
SELECT date '2024-03-01' - date '2024-02-28', date '2024-02-28' + 2
SELECT day, day + INTERVAL '1 day' FROM e ORDER BY id
SELECT id FROM e WHERE ts >= '2024-01-01' AND ts < '2024-01-02' ORDER BY id
SELECT id FROM e WHERE day = '2024-01-01' ORDER BY id
SELECT id FROM e WHERE ts BETWEEN '2024-01-01 00:00:00' AND '2024-01-01 00:05:00'
SELECT ts AT TIME ZONE 'UTC' FROM e ORDER BY id
SELECT timestamptz '2024-07-01 12:00:00+02', timestamp '2024-07-01 12:00:00'
SELECT INTERVAL '1 day' * 2, INTERVAL '90 minutes', INTERVAL '1 month' + INTERVAL '2 days'
SELECT INTERVAL '1 day' = INTERVAL '24 hours', INTERVAL '1 hour' > INTERVAL '59 minutes'
SELECT first(name, ts), last(name, ts) FROM e
SELECT min(ts), max(ts), max(day) FROM e
SELECT now() > timestamptz '2020-01-01', current_date > date '2020-01-01'
SELECT timestamptz 'infinity', date 'infinity' > date '2024-01-01'
SELECT to_timestamp(1704067200)
SELECT generate_series(1, 3)
SELECT * FROM generate_series(timestamptz '2024-01-01 00:00:00+00', timestamptz '2024-01-01 02:00:00+00', INTERVAL '1 hour') AS t
SELECT date_trunc('hour', timestamp '2024-01-01 12:34:56')
SELECT make_date(2024, 2, 29)
SELECT age(timestamptz '2024-03-01 00:00:00+00', timestamptz '2024-01-01 00:00:00+00')
SELECT date_trunc('nonsense', ts) FROM e
SELECT extract(nonsense FROM ts) FROM e
