SELECT upper('abc'), lower('ABC'), length('äöü'), initcap('hello world')
SELECT substring('abcdef' FROM 2 FOR 3), substr('abcdef', 3), left('abc', 2), right('abc', 2)
SELECT trim('  a '), ltrim('xxa', 'x'), rtrim('axx', 'x'), btrim('xax', 'x')
SELECT replace('abcabc', 'b', 'x'), strpos('abc', 'c'), position('b' IN 'abc')
SELECT split_part('a,b,c', ',', 2), repeat('ab', 2), reverse('abc')
SELECT 'a' || 'b', 'a' || 1, concat('a', 1, NULL), concat_ws('-', 'a', NULL, 'b')
SELECT 'abc' LIKE 'a%', 'abc' LIKE 'A%', 'abc' ILIKE 'A%', 'abc' NOT LIKE '_b_'
SELECT 'abc' ~ 'b', 'abc' !~ 'b', 'abc' ~* 'B', 'abc' !~* 'B', 'abc' ~ '^b'
SELECT regexp_replace('abcabc', 'b', 'x'), regexp_replace('abcabc', 'b', 'x', 'g')
SELECT lpad('5', 3, '0'), rpad('5', 3, '0')
SELECT md5('abc'), ascii('a'), chr(97)
SELECT E'a\nb', 'it''s', U&'\0061'
SELECT 'abc' < 'abd', 'a' < 'B', 'Z' < 'a'
SELECT t FROM n WHERE t LIKE 't%' ORDER BY t
SELECT starts_with('abc', 'ab')
SELECT translate('abc', 'ab', 'xy')
SELECT length(5)
SELECT lower(1, 2)
SELECT 'a%b' LIKE 'a\%b', 'axb' LIKE 'a\%b', 'a_b' NOT LIKE 'a\_b', 'a\b' LIKE 'a\\b', 'A%B' ILIKE 'a\%b', 'axb' NOT ILIKE 'a\%b'
SELECT t, p, t LIKE p, t NOT LIKE p, t ILIKE p FROM (VALUES ('50%', '50\%'), ('50x', '50\%'), ('a', NULL), (NULL, 'a'), ('C:\x', 'C:\\%')) v(t, p) ORDER BY t, p
SELECT 'a!%' LIKE 'a!!!%' ESCAPE '!', 'a\b' LIKE 'a\b' ESCAPE ''
SELECT 'a' LIKE 'a\'
