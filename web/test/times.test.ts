import {deepEqual, equal} from 'node:assert/strict';
import {test} from 'node:test';

import {formatLength, formatTime, formatTimeTicks, fromLocalInput, toLocalInput} from '../src/times.ts';

const at = (text: string): number => new Date(text).getTime() / 1000;

test('a length of time has its two largest parts', () => {
  equal(formatLength(0), '0 s');
  equal(formatLength(45), '45 s');
  equal(formatLength(5400), '1 h 30 min');
  equal(formatLength(90061), '1 d 1 h');
});

test('times are local and sortable', () => {
  equal(formatTime(at('2026-03-04T05:06:07')), '2026-03-04 05:06:07');
});

test('an axis names the day once, and again where it changes', () => {
  const hour = at('2026-03-04T22:00:00');
  deepEqual(
      formatTimeTicks([hour, hour + 3600, hour + 7200, hour + 10800]),
      ['22:00\n2026-03-04', '23:00', '00:00\n2026-03-05', '01:00']);
  deepEqual(formatTimeTicks([hour, hour + 15]), ['22:00:00\n2026-03-04', '22:00:15']);
  deepEqual(formatTimeTicks([hour, hour + 86400]), ['2026-03-04', '2026-03-05']);
});

test('a time goes through the input field and back', () => {
  const ts = at('2026-03-04T05:06:07');
  equal(toLocalInput(ts), '2026-03-04T05:06:07');
  equal(fromLocalInput(toLocalInput(ts)), ts);
  equal(fromLocalInput(''), undefined);
  equal(fromLocalInput('yesterday'), undefined);
});
