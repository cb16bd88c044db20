SELECT 1 + 1, 7 - 9, 3 * 4, 7 / 2, -7 / 2, 7 % 3, -7 % 3
SELECT 7 / (-2), 7 % (-3), mod(7, -3)
SELECT 7.0 / 2, 1.0 / 3, 2 / 3.0, -2 / 3.0
SELECT 7 / 2.0::float8, 1.5::float8 * 2
SELECT 1 / 0
SELECT 1 % 0
SELECT 1.0 / 0
SELECT 1.0 % 0
SELECT 1::float8 / 0
SELECT 2147483647 + 1
SELECT 9223372036854775807 + 1
SELECT 32767::smallint + 1::smallint
SELECT 2147483647::bigint + 1
SELECT 5::smallint / 2::smallint, 5::bigint / 2::bigint
SELECT round(2.5), round(-2.5), round(2.4), round(0.5)
SELECT round(2.5::float8), round(3.5::float8), round(-0.5::float8)
SELECT round(100.0 * 1 / 3, 2), round(2.345, 2), round(-2.345, 2)
SELECT round(1251.5, -2), round(2.5, 4)
SELECT ceil(1.2), floor(-1.2), ceil(1.2::float8), floor(-1.2::float8)
SELECT abs(-5), abs(-5.5), sign(-3.0::float8)
SELECT sqrt(16::float8), power(2::float8, 10::float8), exp(0::float8), ln(1::float8)
SELECT sqrt(-1::float8)
SELECT ln(0::float8)
SELECT greatest(1, 2, 3), least(1, 2, 3), greatest(1, NULL), least(NULL, 2)
SELECT 1 + NULL, NULL * 2
SELECT i / 2, b / 3, s / 2::smallint FROM n ORDER BY b
SELECT d * 2, d + 1, d - 0.5, -d FROM n ORDER BY b
SELECT d / 3 FROM n ORDER BY b
SELECT f / 2, f * 2, f + i FROM n ORDER BY b
SELECT i + d, i * f FROM n ORDER BY b
SELECT 10 ^ 2
SELECT 5 & 3, 5 | 3, 1 << 4, 256 >> 2
SELECT 1 = 1, 1 <> 2, 1 < 2, 2 >= 3, 1 != 1
SELECT 1 BETWEEN 0 AND 2, 3 NOT BETWEEN 0 AND 2, 2 IN (1, 2), 3 NOT IN (1, 2)
SELECT NULL = 1, NULL IS NULL, 1 IS NOT NULL, 1 IS DISTINCT FROM NULL
SELECT true AND NULL, false AND NULL, true OR NULL, NOT true
SELECT 100::numeric(5,2), 1.005::numeric(5,2), 99.995::numeric(5,2)
SELECT 1000::numeric(5,2)
SELECT 1.5::numeric / 2, 10::numeric / 4
SELECT 123456789012345678::numeric * 10
