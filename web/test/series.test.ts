import {deepEqual, equal} from 'node:assert/strict';
import {test} from 'node:test';

import {alignSpan, chooseBucket, mergeTail, nearest, type Row, stepFrom, summarize, tailOf, toColumns,} from '../src/series.ts';

const rows = (...pairs: Array<[number, number | null]>): Row[] =>
    pairs.map(([bucket, value]) => ({bucket, value}));

test('a bucket is as wide as two pixels, and a round number', () => {
  equal(chooseBucket(300, 1000, 1), 1);
  equal(chooseBucket(900, 1000, 1), 2);
  equal(chooseBucket(3600, 1000, 1), 10);
  equal(chooseBucket(86400, 1000, 1), 300);
  equal(chooseBucket(86400, 0, 1), 1800);
});

test('a bucket is a multiple of the step', () => {
  equal(chooseBucket(300, 1000, 10), 10);
  equal(chooseBucket(3600, 1000, 7), 14);
  equal(chooseBucket(300, 1000, 60), 60);
  equal(chooseBucket(1e9, 1000, 1), 2000000);
});

test('a span is made of whole buckets', () => {
  deepEqual(alignSpan(103, 127, 10), {start: 100, end: 129, bucket: 10});
  deepEqual(alignSpan(100, 129, 10), {start: 100, end: 129, bucket: 10});
  deepEqual(alignSpan(5, 5, 1), {start: 5, end: 5, bucket: 1});
});

test('only the end of what is there is asked for again', () => {
  const span = {start: 0, end: 109, bucket: 10};
  equal(tailOf(span, []), undefined);
  equal(tailOf(span, rows([30, 1])), undefined);
  deepEqual(tailOf(span, rows([0, 1], [90, 2])), {start: 50, end: 109, bucket: 10});
});

test('an answer for the end replaces the end, and the rest moves on', () => {
  const span = {start: 10, end: 109, bucket: 10};
  const before = rows([0, 1], [10, 2], [50, 3], [60, 4], [90, 5]);
  const tail = {start: 50, end: 109, bucket: 10};
  // The first bucket of a counter's answer has no rate: what was there is kept.
  deepEqual(
      mergeTail(before, rows([50, null], [60, 40], [100, 6]), tail, span),
      rows([10, 2], [50, 3], [60, 40], [100, 6]));
});

test('a hole breaks the line, a sparse series does not', () => {
  deepEqual(toColumns(rows([1, 1], [2, 2], [3, 3], [9, 4]), 1), {
    times: [1, 2, 3, 4, 9],
    values: [1, 2, 3, null, 4],
  });
  deepEqual(toColumns(rows([10, 1], [70, 2], [130, 3]), 1).values, [1, 2, 3]);
  deepEqual(toColumns(rows([1, 1], [2, null], [3, 3]), 1).values, [1, null, 3]);
  deepEqual(toColumns([], 1), {times: [], values: []});
});

test('a summary leaves nulls out', () => {
  deepEqual(summarize(rows([1, 4], [2, null], [3, 2], [4, null])), {
    last: 2,
    lastTime: 3,
    min: 2,
    avg: 3,
    max: 4,
    count: 2,
  });
  equal(summarize(rows([1, null])), undefined);
});

test('the crosshair goes from value to value', () => {
  const columns = {times: [0, 10, 20, 30], values: [1, null, 3, 4]};
  equal(nearest(columns, 11), 2);
  equal(nearest(columns, 9), 0);
  equal(nearest(columns, -5), 0);
  equal(nearest(columns, Infinity), 3);
  equal(nearest({times: [1], values: [null]}, 1), undefined);
  equal(stepFrom(columns, 2, -1), 0);
  equal(stepFrom(columns, 0, -1), 0);
  equal(stepFrom(columns, 0, 1), 2);
  equal(stepFrom(columns, 3, 1), 3);
});
