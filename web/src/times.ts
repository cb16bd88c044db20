// Names the ranges of time that the page offers, and writes times and lengths of time.

export interface LiveRange {
  readonly kind: 'live';
  readonly seconds: number;
}
export interface FixedRange {
  readonly kind: 'fixed';
  // Whole seconds, closed.
  readonly start: number;
  readonly end: number;
}
export type Range = LiveRange|FixedRange;

export const kLiveRanges: ReadonlyArray<{readonly name: string, readonly seconds: number}> = [
  {name: '5m', seconds: 300},
  {name: '15m', seconds: 900},
  {name: '1h', seconds: 3600},
  {name: '6h', seconds: 21600},
  {name: '24h', seconds: 86400},
];
export const kDefaultRange: LiveRange = {
  kind: 'live',
  seconds: 900
};

export function sameRange(a: Range, b: Range): boolean {
  if (a.kind === 'live') return b.kind === 'live' && a.seconds === b.seconds;
  return b.kind === 'fixed' && a.start === b.start && a.end === b.end;
}

const kLengths: ReadonlyArray<readonly[number, string]> =
    [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];

// "45 s", "1 h 30 min": the two largest parts.
export function formatLength(seconds: number): string {
  const parts: string[] = [];
  let rest = Math.round(seconds);
  for (const [factor, name] of kLengths) {
    const count = Math.floor(rest / factor);
    if (count > 0) parts.push(`${count} ${name}`);
    rest -= count * factor;
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}

const two = (value: number): string => String(value).padStart(2, '0');

function dayOf(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function clockOf(date: Date, seconds: boolean): string {
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return seconds ? `${clock}:${two(date.getSeconds())}` : clock;
}

// Local time: "2026-11-21 20:15:07".
export function formatTime(ts: number): string {
  const date = new Date(ts * 1000);
  return `${dayOf(date)} ${clockOf(date, true)}`;
}

// The labels of a time axis; the first one and each first one of a day name the day below.
export function formatTimeTicks(ticks: readonly number[]): string[] {
  const step = ticks.length > 1 ? ticks[1]! - ticks[0]! : 60;
  let day = '';
  return ticks.map((ts) => {
    const date = new Date(ts * 1000);
    const newDay = dayOf(date);
    const label = step >= 86400 ? newDay : clockOf(date, step < 60);
    const first = newDay !== day;
    day = newDay;
    return first && step < 86400 ? `${label}\n${newDay}` : label;
  });
}

// What an <input type="datetime-local" step="1"> holds.
export function toLocalInput(ts: number): string {
  return formatTime(ts).replace(' ', 'T');
}

// undefined when it is no time.
export function fromLocalInput(text: string): number|undefined {
  const ms = new Date(text).getTime();
  return Number.isFinite(ms) ? Math.floor(ms / 1000) : undefined;
}
