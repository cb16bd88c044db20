insert into "t" (ts, id, n, tags, seen) values ($1, $2::text, $3, array[]::text[], timestamp '2025-01-01 1:2 PM'), ($1, $$x$$, 1, $4, $5)
