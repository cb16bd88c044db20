import {deepEqual, equal} from 'node:assert/strict';
import {test} from 'node:test';

import {formatTicks, formatValue, type MetricType, unitOf} from '../src/units.ts';

const write = (name: string, type: MetricType, value: number): string =>
    formatValue(value, unitOf(name, type));

test('the unit is read from the end of the name', () => {
  equal(unitOf('cpu_percent', 'gauge').kind, 'percent');
  equal(unitOf('mem.used_pct', 'gauge').kind, 'percent');
  equal(unitOf('disk_read_bytes', 'counter').kind, 'bytes');
  equal(unitOf('net_bytes_sent', 'counter').kind, 'bytes');
  equal(unitOf('request_seconds', 'gauge').kind, 'seconds');
  equal(unitOf('percentile', 'gauge').kind, 'plain');
  equal(unitOf('megabytes', 'gauge').kind, 'plain');
  equal(unitOf('params', 'gauge').kind, 'plain');
});

test('a rate of seconds has no unit', () => {
  equal(write('cpu_seconds_total', 'counter', 0.25), '0.25/s');
});

test('values have four digits and a prefix', () => {
  equal(write('x', 'gauge', 0), '0');
  equal(write('x', 'gauge', 1234567), '1.235M');
  equal(write('x', 'gauge', -1500), '-1.5k');
  equal(write('x', 'gauge', 0.00002), '2.00e-5');
  equal(write('x', 'gauge', 1e21), '1.00e6P');
  equal(write('cpu_percent', 'gauge', 12.3456), '12.35%');
  equal(write('a_bytes', 'gauge', 1536), '1.5 KiB');
  equal(write('a_bytes', 'gauge', 0), '0 B');
  equal(write('a_bytes', 'counter', 3 * 1024 ** 2), '3 MiB/s');
  equal(write('x', 'counter', 3200), '3.2k/s');
});

test('times have the unit that fits', () => {
  equal(write('a_seconds', 'gauge', 0), '0 s');
  equal(write('a_seconds', 'gauge', 0.0021), '2.1 ms');
  equal(write('a_ms', 'gauge', 2500), '2.5 s');
  equal(write('a_us', 'gauge', 7), '7 µs');
  equal(write('uptime_seconds', 'gauge', 5400), '1.5 h');
});

test('the labels of an axis share a prefix and their decimals', () => {
  const plain = unitOf('x', 'gauge');
  deepEqual(formatTicks([0, 0.25, 0.5], plain), ['0.00', '0.25', '0.50']);
  deepEqual(formatTicks([0, 500, 1000], plain), ['0.0k', '0.5k', '1.0k']);
  deepEqual(formatTicks([-0.0, 1, 2], plain), ['0', '1', '2']);
  deepEqual(formatTicks([], plain), []);
  const bytes = unitOf('x_bytes', 'counter');
  deepEqual(formatTicks([0, 1048576, 2097152], bytes), ['0 MiB/s', '1 MiB/s', '2 MiB/s']);
});
