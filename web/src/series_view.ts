// Keeps the series of one metric fresh and draws it.
//
// The last data stay drawn when a call fails. Of a live range only its end is asked for every second, and
// all of it now and then, for samples that came late.

import {type Metric, series, serverNow} from './api.ts';
import {Chart, type Pointed} from './chart.ts';
import type {Health} from './health.ts';
import {page, setText} from './page.ts';
import {Poller} from './poller.ts';
import {alignSpan, chooseBucket, mergeTail, type Row, type Span, summarize, tailOf, toColumns} from './series.ts';
import {formatLength, formatTime, type Range} from './times.ts';
import {formatValue, type Unit, unitOf} from './units.ts';

const kLiveMs = 1000;
const kFixedMs = 10_000;
const kWholeEveryMs = 60_000;
const kWidthUnknown = 800;

export class SeriesView {
  readonly #chart: Chart;
  readonly #poller: Poller;
  #metric: Metric|undefined;
  #range: Range|undefined;
  #rows: Row[] = [];
  #span: Span|undefined;
  #wholeAt = 0;

  constructor(health: Health, zoomed: (start: number, end: number) => void) {
    this.#chart = new Chart(page.chart, {pointed: (at) => this.#pointed(at), zoomed});
    this.#poller = new Poller(kLiveMs, {
      task: (signal) => this.#refresh(signal),
      failed: (error) => health.failed('series', error),
      succeeded: () => health.succeeded('series'),
    });
  }

  get span(): Span|undefined {
    return this.#span;
  }

  show(metric: Metric, range: Range): void {
    if (this.#metric?.id !== metric.id) this.#describe(metric);
    this.#metric = metric;
    this.#range = range;
    this.#span = undefined;
    this.#poller.intervalMs = range.kind === 'live' ? kLiveMs : kFixedMs;
    this.#poller.restart();
  }

  retry(): void {
    if (this.#metric) this.#poller.restart();
  }

  stop(): void {
    this.#metric = undefined;
    this.#poller.stop();
  }

  restyle(): void {
    this.#chart.restyle();
  }

  #unit(metric: Metric): Unit {
    return unitOf(metric.name, metric.type);
  }

  #describe(metric: Metric): void {
    setText(page.name, metric.name);
    page.tags.replaceChildren(...Object.entries(metric.tags).map(([key, value]) => {
      const tag = document.createElement('span');
      tag.textContent = `${key}=${value}`;
      return tag;
    }));
    const kept = formatLength(metric.step * metric.slots);
    const rate = metric.type === 'counter' ? 'counter, drawn as its rate' : 'gauge';
    setText(
        page.shape, `${rate}; a sample every ${formatLength(metric.step)}, the last ${kept} kept`);
    page.chart.ariaLabel = `${metric.name} over time`;
    // The old metric's line under the new one's name would be a lie.
    this.#rows = [];
    this.#span = undefined;
    for (const field of [page.last, page.min, page.avg, page.max]) setText(field, '–');
    setText(page.pointed, '');
    delete page.chart.dataset['points'];
  }

  #spanNow(metric: Metric, range: Range): Span {
    const now = serverNow();
    const [start, end] =
        range.kind === 'live' ? [now - range.seconds + 1, now] : [range.start, range.end];
    const bucket = chooseBucket(end - start, this.#chart.width || kWidthUnknown, metric.step);
    const span = alignSpan(start, end, bucket);
    // The rate over a bucket that is not over yet would seem to fall each time.
    const unfinished = metric.type === 'counter' && span.end >= now;
    return unfinished ? {...span, end: Math.max(span.start, span.end - bucket)} : span;
  }

  async #refresh(signal: AbortSignal): Promise<void> {
    const metric = this.#metric;
    const range = this.#range;
    if (metric === undefined || range === undefined) return;
    const span = this.#spanNow(metric, range);
    const now = performance.now();
    const same = this.#span?.bucket === span.bucket && range.kind === 'live';
    const tail = same && now - this.#wholeAt < kWholeEveryMs ? tailOf(span, this.#rows) : undefined;
    const fresh = await series(metric.id, tail ?? span, signal);
    if (signal.aborted) return;
    if (tail === undefined) this.#wholeAt = now;
    this.#rows = tail === undefined ? fresh : mergeTail(this.#rows, fresh, tail, span);
    this.#span = span;
    this.#draw(metric, span);
  }

  #draw(metric: Metric, span: Span): void {
    const unit = this.#unit(metric);
    this.#chart.draw({columns: toColumns(this.#rows, span.bucket), span, unit});
    const summary = summarize(this.#rows);
    const write = (value: number|undefined): string =>
        (value === undefined ? '–' : formatValue(value, unit));
    setText(page.last, write(summary?.last));
    setText(page.min, write(summary?.min));
    setText(page.avg, write(summary?.avg));
    setText(page.max, write(summary?.max));
    const {dataset} = page.chart;
    dataset['metric'] = String(metric.id);
    dataset['points'] = String(summary?.count ?? 0);
    dataset['lastTime'] = String(summary?.lastTime ?? '');
    dataset['lastValue'] = String(summary?.last ?? '');
    dataset['bucket'] = String(span.bucket);
    page.noData.hidden = summary !== undefined;
    if (summary === undefined) setText(page.noData, this.#whyNothing(metric, span));
  }

  #whyNothing(metric: Metric, span: Span): string {
    if (metric.type === 'counter' && this.#rows.length > 0)
      return 'A rate needs two samples; there is one so far.';
    return `No samples between ${formatTime(span.start)} and ${formatTime(span.end)}.`;
  }

  #pointed(at: Pointed|undefined): void {
    const metric = this.#metric;
    const text =
        at && metric ? `${formatTime(at.time)}   ${formatValue(at.value, this.#unit(metric))}` : '';
    setText(page.pointed, text);
    page.chart.setAttribute('aria-valuetext', text || 'no point chosen');
    page.chart.ariaValueNow = String(at?.value ?? 0);
  }
}
