// Asks the server for metrics and series, and tells its errors apart.

import type {Row, Span} from './series.ts';
import type {MetricType} from './units.ts';

export interface Metric {
  readonly id: number;
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly type: MetricType;
  // Seconds per slot.
  readonly step: number;
  readonly slots: number;
}

export interface Found {
  readonly metrics: readonly Metric[];
  // More than these match.
  readonly more: boolean;
}

// What a call failed with, worded for the person at the page.
export class CallError extends Error {
  // 0: the server did not answer at all.
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const kTimeoutMs = 10_000;

// A clock that is this wrong would show an old line, or none; answers say when they were made.
const kSkewMinMs = 2000;
let skewMs = 0;

// The server's time, in whole seconds.
export function serverNow(): number {
  return Math.floor((Date.now() + skewMs) / 1000);
}

function noteTime(response: Response): void {
  const skew = Date.parse(response.headers.get('date') ?? '') - Date.now();
  if (Number.isFinite(skew)) skewMs = Math.abs(skew) >= kSkewMinMs ? skew : 0;
}

async function call(
    path: string, signal: AbortSignal, body?: unknown): Promise<Record<string, unknown>> {
  const request: RequestInit = {
    headers: {accept: 'application/json'},
    cache: 'no-store',
    signal: AbortSignal.any([signal, AbortSignal.timeout(kTimeoutMs)]),
  };
  if (body !== undefined) {
    request.method = 'POST';
    request.headers = {accept: 'application/json', 'content-type': 'application/json'};
    request.body = JSON.stringify(body);
  }
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, request);
    noteTime(response);
    text = await response.text();
  } catch (error) {
    // The caller's own wish is not an error of the server.
    if (signal.aborted) throw error;
    const late = error instanceof DOMException && error.name === 'TimeoutError';
    const reason = late ? `no answer within ${kTimeoutMs / 1000} s` : 'no connection';
    throw new CallError(0, `The server at ${location.host} does not answer: ${reason}.`);
  }
  return contentOf(response, text);
}

function contentOf(response: Response, text: string): Record<string, unknown> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    content = undefined;
  }
  const isObject = typeof content === 'object' && content !== null && !Array.isArray(content);
  const fields = isObject ? content as Record<string, unknown>: {};
  if (!response.ok) {
    const detail = typeof fields['detail'] === 'string' ? fields['detail'] : response.statusText;
    throw new CallError(response.status, `The server answered ${response.status}: ${detail}`);
  }
  if (!isObject)
    throw new CallError(
        response.status, 'The server answered with something that is no JSON object.');
  return fields;
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

// undefined when it is none: one odd entry must not hide the others.
function toMetric(value: unknown): Metric|undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  const id = fields['metric_id'];
  const name = fields['name'];
  if (typeof id !== 'number' || typeof name !== 'string') return undefined;
  const tags: Record<string, string> = Object.create(null);
  for (const [key, tag] of Object.entries(fields['tags'] ?? {})) tags[key] = String(tag);
  const type = fields['type'] === 1 ? 'counter' : 'gauge';
  return {
    id,
    name,
    tags,
    type,
    step: Number(fields['step']) || 1,
    slots: Number(fields['slots']) || 0
  };
}

export interface Wanted {
  readonly name?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

export async function lookup(wanted: Wanted, limit: number, signal: AbortSignal): Promise<Found> {
  const answer = await call('/metrics/lookup', signal, {...wanted, limit});
  const metrics = asList(answer['metrics']).map(toMetric).filter((metric) => metric !== undefined);
  return {metrics, more: answer['hit_limit'] === true};
}

export async function allNames(signal: AbortSignal): Promise<string[]> {
  const answer = await call('/metrics/names', signal);
  return asList(answer['names']).filter((name) => typeof name === 'string');
}

// CallError 404 when there is no such metric.
export async function metricOf(id: number, signal: AbortSignal): Promise<Metric> {
  const metric = toMetric(await call(`/metrics/${id}`, signal));
  if (metric === undefined) throw new CallError(200, `The server did not describe metric ${id}.`);
  return metric;
}

export async function series(id: number, span: Span, signal: AbortSignal): Promise<Row[]> {
  const range = `start_ts=${span.start}&end_ts=${span.end}&bucket=${span.bucket}`;
  const answer = await call(`/metrics/${id}/series?${range}`, signal);
  const rows: Row[] = [];
  for (const entry of asList(answer['rows'])) {
    const {bucket, value} = entry as Record<string, unknown>;
    if (typeof bucket === 'number')
      rows.push({bucket, value: typeof value === 'number' ? value : null});
  }
  return rows;
}
