// Keeps the list of metrics fresh and searches it.

import type {Metric} from './api.ts';
import type {Health} from './health.ts';
import {MetricList} from './metric_list.ts';
import {MetricSource} from './metric_source.ts';
import {page, setText} from './page.ts';
import {Poller} from './poller.ts';

// A first metric is waited for; a list of thousands changes seldom.
const kEmptyMs = 1000;
const kUsualMs = 5000;
const kManyMs = 20_000;
const kTypingMs = 150;

export interface MetricsEvents {
  readonly picked: (metric: Metric) => void;
  // After each look at the server.
  readonly refreshed: (any: boolean) => void;
}

export class MetricsView {
  readonly source = new MetricSource();
  readonly list: MetricList;
  readonly #health: Health;
  readonly #events: MetricsEvents;
  readonly #poller: Poller;
  #searching = new AbortController();
  #timer: ReturnType<typeof setTimeout>|undefined;
  #found: Promise<void> = Promise.resolve();

  constructor(health: Health, events: MetricsEvents) {
    this.#health = health;
    this.#events = events;
    this.list = new MetricList(page.list, page.search, {picked: events.picked});
    this.#poller = new Poller(kEmptyMs, {
      task: (signal) => this.#refresh(signal),
      failed: (error) => health.failed('metrics', error),
      succeeded: () => health.succeeded('metrics'),
    });
    page.search.addEventListener('input', () => this.#typed());
  }

  start(): void {
    this.#poller.restart();
  }

  clearSearch(): void {
    page.search.value = '';
    this.#typed();
  }

  // Enter takes the first one of what was typed, also when the answer to that is still to come.
  async enter(): Promise<void> {
    const searching = this.#searching;
    if (this.#timer !== undefined) this.#searchSoon(searching.signal, 0);
    await this.#found;
    if (!searching.signal.aborted) this.list.key('Enter');
  }

  #typed(): void {
    this.list.toTop();
    this.#searching.abort();
    this.#searching = new AbortController();
    // In memory there is nothing to save by waiting for the next letter.
    this.#searchSoon(this.#searching.signal, this.source.complete ? 0 : kTypingMs);
  }

  #searchSoon(signal: AbortSignal, delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (delayMs === 0) {
      this.#found = this.#searchNow(signal);
    } else {
      this.#timer = setTimeout(() => this.#searchSoon(signal, 0), delayMs);
    }
  }

  async #searchNow(signal: AbortSignal): Promise<void> {
    try {
      await this.#find(signal);
    } catch (error) {
      if (signal.aborted) return;
      this.#health.failed('metrics', error);
    }
  }

  async #refresh(signal: AbortSignal): Promise<void> {
    await this.source.refresh(signal);
    if (signal.aborted) return;
    const found = await this.#find(AbortSignal.any([signal, this.#searching.signal]));
    const any = found > 0 || page.search.value !== '' || !this.source.complete;
    this.#poller.intervalMs = !any ? kEmptyMs : this.source.complete ? kUsualMs : kManyMs;
    this.#events.refreshed(any);
  }

  async #find(signal: AbortSignal): Promise<number> {
    const text = page.search.value.trim();
    const {metrics, more} = await this.source.search(text, signal);
    if (signal.aborted) return 0;
    this.list.show(metrics);
    setText(page.note, noteOf(metrics.length, more, text));
    return metrics.length;
  }
}

function noteOf(count: number, more: boolean, text: string): string {
  const number = count.toLocaleString('en');
  if (more)
    return text === '' ? `The first ${number}; type to find others` :
                         `More than ${number} match; type more`;
  if (text === '') return count === 1 ? '1 metric' : `${number} metrics`;
  if (count === 0) return 'Nothing matches';
  return count === 1 ? '1 matches' : `${number} match`;
}
