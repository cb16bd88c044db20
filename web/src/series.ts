// Decides what to ask of a series and what of the answer to draw.

export interface Row {
  readonly bucket: number;
  readonly value: number|null;
}

export interface Span {
  // Whole seconds, closed.
  readonly start: number;
  readonly end: number;
  readonly bucket: number;
}

// What the chart draws: times ascending, null where the line is broken.
export interface Columns {
  readonly times: number[];
  readonly values: Array<number|null>;
}

export interface Summary {
  readonly last: number;
  readonly lastTime: number;
  readonly min: number;
  readonly avg: number;
  readonly max: number;
  readonly count: number;
}

const kNiceBuckets = [
  1,   2,   5,    10,   15,   20,   30,    60,    120,   300,
  600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400
];
const kPixelsPerPoint = 2;
const kPointsMin = 50;

// Seconds per point: a multiple of the ring's step, so that no bucket is empty between two samples,
// and as few points as the width in pixels can show.
export function chooseBucket(seconds: number, width: number, step: number): number {
  const points = Math.max(kPointsMin, Math.floor(width / kPixelsPerPoint));
  const wanted = seconds / points;
  const nice = kNiceBuckets.find((bucket) => bucket >= wanted && bucket % step === 0);
  return nice ?? Math.max(1, Math.ceil(wanted / step)) * step;
}

// The same range on whole buckets: a bucket that is cut would be another average.
export function alignSpan(start: number, end: number, bucket: number): Span {
  const first = Math.floor(start / bucket) * bucket;
  return {
    start: first,
    end: Math.max(first, Math.floor(end / bucket) * bucket + bucket - 1),
    bucket
  };
}

// How many buckets are asked for again: the newest ones still change while samples arrive.
const kOverlap = 4;

// What is to be asked when `rows` are there: the end of the span only. undefined: all of it.
export function tailOf(span: Span, rows: readonly Row[]): Span|undefined {
  const last = rows.at(-1);
  if (last === undefined) return undefined;
  const start = last.bucket - kOverlap * span.bucket;
  return start > span.start ? {...span, start} : undefined;
}

// Puts the answer for `tail` in place of what it covers. The first bucket asked for is kept as it was:
// the rate of a counter begins with the second one.
export function mergeTail(
    rows: readonly Row[], fresh: readonly Row[], tail: Span, span: Span): Row[] {
  const from = tail.start + tail.bucket;
  const kept = rows.filter((row) => row.bucket >= span.start && row.bucket < from);
  return kept.concat(fresh.filter((row) => row.bucket >= from));
}

// A hole longer than this many times the usual distance of two points breaks the line.
const kGapFactor = 2.5;

export function toColumns(rows: readonly Row[], bucket: number): Columns {
  const limit = Math.max(bucket, usualDistance(rows)) * kGapFactor;
  const times: number[] = [];
  const values: Array<number|null> = [];
  for (const row of rows) {
    const before = times.at(-1);
    if (before !== undefined && row.bucket - before > limit) {
      times.push(before + bucket);
      values.push(null);
    }
    times.push(row.bucket);
    values.push(row.value);
  }
  return {times, values};
}

// The median, so that neither a pause nor a burst decides.
function usualDistance(rows: readonly Row[]): number {
  const distances: number[] = [];
  for (let i = 1; i < rows.length; ++i) distances.push(rows[i]!.bucket - rows[i - 1]!.bucket);
  distances.sort((a, b) => a - b);
  return distances[Math.floor(distances.length / 2)] ?? 0;
}

// undefined when there is no value at all.
export function summarize(rows: readonly Row[]): Summary|undefined {
  let last: Row|undefined;
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let count = 0;
  for (const row of rows) {
    if (row.value === null) continue;
    last = row;
    min = Math.min(min, row.value);
    max = Math.max(max, row.value);
    sum += row.value;
    ++count;
  }
  if (last === undefined || last.value === null) return undefined;
  return {last: last.value, lastTime: last.bucket, min, avg: sum / count, max, count};
}

// The point nearest to a time, of those with a value, the later one of two; undefined when there is none.
export function nearest(columns: Columns, ts: number): number|undefined {
  const {times, values} = columns;
  let before: number|undefined;
  for (let i = 0; i < times.length; ++i) {
    if (values[i] === null) continue;
    if (times[i]! > ts)
      return before !== undefined && ts - times[before]! < times[i]! - ts ? before : i;
    before = i;
  }
  return before;
}

// The next point with a value to the left (-1) or right (+1); the outermost one stays.
export function stepFrom(columns: Columns, index: number, by: -1|1): number {
  for (let i = index + by; i >= 0 && i < columns.times.length; i += by) {
    if (columns.values[i] !== null) return i;
  }
  return index;
}
