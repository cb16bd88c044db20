SELECT ARRAY[1, 2, 3], ARRAY['a', 'b'], ARRAY[]::text[], '{a,"b c",NULL}'::text[]
SELECT '{1,2}'::int[], '{}'::int[]
SELECT '[1,2]'::int[]
SELECT '{1,x}'::int[]
SELECT id FROM e WHERE 'x' = ANY(tags) ORDER BY id
SELECT id, 'x' = ANY(tags), 'y' <> ALL(tags) FROM e ORDER BY id
SELECT id FROM e WHERE NOT 'x' = ANY(tags) ORDER BY id
SELECT id FROM e WHERE id = ANY(ARRAY[1, 3]) ORDER BY id
SELECT id FROM e WHERE id = ANY('{1,3}') ORDER BY id
SELECT id FROM e WHERE id = ANY(SELECT 2) ORDER BY id
SELECT tags[1], tags[2], tags[9] FROM e ORDER BY id
SELECT cardinality(tags) FROM e ORDER BY id
SELECT ARRAY[1, 2] || 3, ARRAY[1] || ARRAY[2], array_append(ARRAY[1], 2)
SELECT ARRAY[1, 2] = ARRAY[1, 2], ARRAY[1, 2] @> ARRAY[1], ARRAY[1] && ARRAY[2]
SELECT unnest(ARRAY[1, 2])
SELECT id, unnest(tags) FROM e WHERE id = 1
SELECT array_agg(id ORDER BY id DESC), array_agg(DISTINCT name ORDER BY name) FROM e
SELECT array_to_string(ARRAY['a', 'b'], '-')
SELECT array_position(ARRAY['a', 'b'], 'b')
SELECT string_to_array('a,b', ',')
SELECT * FROM unnest(ARRAY['a', 'b']) AS u
