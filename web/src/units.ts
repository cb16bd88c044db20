// Says in which unit a metric is, from its name, and writes values in it.

export type MetricType = 'gauge'|'counter';

export interface Unit {
  readonly kind: 'percent'|'bytes'|'seconds'|'plain';
  // What one unit of the metric is in the unit of `kind`: 0.001 for milliseconds.
  readonly scale: number;
  readonly perSecond: boolean;
}

const kSuffixes: ReadonlyArray<readonly[RegExp, Unit['kind'], number]> = [
  [/(^|[_.])(percent|pct)$/, 'percent', 1],
  [/(^|[_.])bytes([_.]|$)/, 'bytes', 1],
  [/(^|[_.])(seconds|secs)([_.]total)?$/, 'seconds', 1],
  [/(^|[_.])(milliseconds|millis|ms)$/, 'seconds', 1e-3],
  [/(^|[_.])(microseconds|micros|us)$/, 'seconds', 1e-6],
];

export function unitOf(name: string, type: MetricType): Unit {
  const perSecond = type === 'counter';
  for (const [pattern, kind, scale] of kSuffixes) {
    // A rate of seconds is a share of time, which has no unit.
    if (pattern.test(name) && !(perSecond && kind === 'seconds')) return {kind, scale, perSecond};
  }
  return {kind: 'plain', scale: 1, perSecond};
}

interface Prefix {
  readonly factor: number;
  readonly text: string;
}

const kBinary: readonly Prefix[] =
    ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'].map((text, i) => ({factor: 1024 ** i, text}));
const kDecimal: readonly Prefix[] =
    ['', 'k', 'M', 'G', 'T', 'P'].map((text, i) => ({factor: 1000 ** i, text}));
const kTimes: readonly Prefix[] = [
  {factor: 1e-9, text: 'ns'},
  {factor: 1e-6, text: 'µs'},
  {factor: 1e-3, text: 'ms'},
  {factor: 1, text: 's'},
  {factor: 60, text: 'min'},
  {factor: 3600, text: 'h'},
  {factor: 86400, text: 'd'},
];
const kPercent: readonly Prefix[] = [{factor: 1, text: '%'}];

function prefixesOf(unit: Unit): readonly Prefix[] {
  switch (unit.kind) {
    case 'percent':
      return kPercent;
    case 'bytes':
      return kBinary;
    case 'seconds':
      return kTimes;
    case 'plain':
      return kDecimal;
  }
}

// The largest prefix that leaves at least 1 before the point.
function prefixFor(magnitude: number, unit: Unit): Prefix {
  const prefixes = prefixesOf(unit);
  let found = prefixes[0]!;
  // Zero seconds are "0 s", not "0 ns".
  if (magnitude === 0) return prefixes.find((prefix) => prefix.factor === 1) ?? found;
  for (const prefix of prefixes) {
    if (magnitude >= prefix.factor) found = prefix;
  }
  return found;
}

function withUnit(digits: string, prefix: Prefix, unit: Unit): string {
  const suffix = prefix.text + (unit.perSecond ? '/s' : '');
  const glued = unit.kind === 'plain' || unit.kind === 'percent';
  return glued ? digits + suffix : `${digits} ${suffix}`;
}

// Past the last prefix, or below what four digits show, the plain writing of JavaScript is clearer.
function digitsOf(value: number, significant: number): string {
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e6)) {
    return value.toExponential(2).replace('e+', 'e');
  }
  return String(Number(value.toPrecision(Math.max(significant, digitsBefore(magnitude)))));
}

function digitsBefore(magnitude: number): number {
  return magnitude < 1 ? 1 : Math.floor(Math.log10(magnitude)) + 1;
}

// A value with four significant digits: "12.35%", "1.5 GiB", "3.2k/s".
export function formatValue(value: number, unit: Unit): string {
  const scaled = value * unit.scale;
  const prefix = prefixFor(Math.abs(scaled), unit);
  return withUnit(digitsOf(scaled / prefix.factor, 4), prefix, unit);
}

// The labels of an axis: one prefix for all of them, as many decimals as tell them apart.
export function formatTicks(ticks: readonly number[], unit: Unit): string[] {
  const scaled = ticks.map((tick) => tick * unit.scale);
  const prefix = prefixFor(Math.max(0, ...scaled.map(Math.abs)), unit);
  const values = scaled.map((value) => value / prefix.factor);
  const step = values.length > 1 ? Math.abs(values[1]! - values[0]!) : 0;
  const decimals = decimalsOf(step);
  return values.map((value) => {
    const huge = Math.abs(value) >= 1e6 || decimals > 6;
    return withUnit(
        huge ? digitsOf(value, 4) : withoutMinusZero(value.toFixed(decimals)), prefix, unit);
  });
}

function withoutMinusZero(digits: string): string {
  return /^-0(\.0*)?$/.test(digits) ? digits.slice(1) : digits;
}

// How many decimals a multiple of `step` needs: 0.25 needs two. At most seven are looked for.
function decimalsOf(step: number): number {
  if (step === 0) return 2;
  for (let decimals = 0; decimals < 7; ++decimals) {
    const shifted = step * 10 ** decimals;
    if (Math.abs(shifted - Math.round(shifted)) < 1e-6 * Math.max(1, shifted) && shifted >= 0.5)
      return decimals;
  }
  return 7;
}
