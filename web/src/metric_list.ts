// Shows metrics in a list of which only the rows in sight are in the document, however many there are.
//
// Names and tags are what clients sent: they are written as text, never as markup.

import type {Metric} from './api.ts';
import {tagText} from './metric_source.ts';

// As --row in style.css.
const kRowPixels = 46;
const kRowsBeyond = 4;

export interface MetricListEvents {
  readonly picked: (metric: Metric) => void;
}

export class MetricList {
  readonly #box: HTMLElement;
  readonly #spacer = document.createElement('div');
  readonly #input: HTMLInputElement;
  readonly #events: MetricListEvents;
  #metrics: readonly Metric[] = [];
  // Where the keyboard is.
  #active = -1;
  #picked: number|undefined;

  constructor(box: HTMLElement, input: HTMLInputElement, events: MetricListEvents) {
    this.#box = box;
    this.#input = input;
    this.#events = events;
    this.#spacer.className = 'spacer';
    this.#spacer.role = 'presentation';
    box.replaceChildren(this.#spacer);
    box.addEventListener('scroll', () => this.#draw());
    new ResizeObserver(() => this.#draw()).observe(box);
    box.addEventListener('click', (event) => {
      const row = (event.target as Element).closest<HTMLElement>('[role=option]');
      if (row === null) return;
      this.#activate(Number(row.dataset['index']));
      this.#pick();
    });
  }

  show(metrics: readonly Metric[]): void {
    // Rows that stay are left alone: one may be under a finger at this moment.
    const same = metrics.length === this.#metrics.length &&
        metrics.every((metric, i) => metric.id === this.#metrics[i]?.id);
    if (!same) {
      const active = this.#metrics[this.#active]?.id;
      this.#metrics = metrics;
      this.#active = this.#indexOf(active);
      this.#spacer.style.height = `${metrics.length * kRowPixels}px`;
      this.#draw();
    }
    this.#box.dataset['count'] = String(metrics.length);
    // After a search the keyboard is where the drawn metric is.
    if (this.#active < 0 && this.#input.value === '') this.#activate(this.#indexOf(this.#picked));
  }

  // Marks the metric that is drawn, and begins there with the keyboard.
  mark(id: number|undefined): void {
    // Said with every answer of the server: rows that stay are left alone.
    if (id === undefined && this.#picked === undefined) return;
    this.#picked = id;
    this.#activate(this.#indexOf(id));
    this.#draw();
  }

  // To the first row that the next search brings.
  toTop(): void {
    this.#active = -1;
    this.#box.scrollTop = 0;
    this.#draw();
  }

  // Returns whether the key meant something here.
  key(name: string): boolean {
    const page = Math.max(1, Math.floor(this.#box.clientHeight / kRowPixels) - 1);
    const last = this.#metrics.length - 1;
    const moves: Record<string, number> = {
      ArrowDown: this.#active + 1,
      ArrowUp: this.#active < 0 ? last : this.#active - 1,
      PageDown: this.#active + page,
      PageUp: this.#active - page,
    };
    const target = moves[name];
    if (target !== undefined) {
      this.#activate(Math.max(0, Math.min(last, target)));
      return true;
    }
    if (name !== 'Enter') return false;
    // Enter right after typing takes the first one.
    if (this.#active < 0) this.#activate(0);
    this.#pick();
    return true;
  }

  #pick(): void {
    const metric = this.#metrics[this.#active];
    if (metric) this.#events.picked(metric);
  }

  // -1: it is not in the list.
  #indexOf(id: number|undefined): number {
    return this.#metrics.findIndex((metric) => metric.id === id);
  }

  #activate(index: number): void {
    if (index < 0 || index >= this.#metrics.length) return;
    this.#active = index;
    const top = index * kRowPixels;
    const height = this.#box.clientHeight;
    if (top < this.#box.scrollTop) this.#box.scrollTop = top;
    if (top + kRowPixels > this.#box.scrollTop + height)
      this.#box.scrollTop = top + kRowPixels - height;
    this.#draw();
  }

  #draw(): void {
    const first = Math.max(0, Math.floor(this.#box.scrollTop / kRowPixels) - kRowsBeyond);
    const count = Math.ceil(this.#box.clientHeight / kRowPixels) + 2 * kRowsBeyond;
    const rows =
        this.#metrics.slice(first, first + count).map((metric, i) => this.#row(metric, first + i));
    this.#spacer.replaceChildren(...rows);
    const active = this.#metrics[this.#active];
    // The focus is in the search field while typing, in the list after a pick.
    for (const element of [this.#input, this.#box]) {
      if (active) {
        element.setAttribute('aria-activedescendant', `metric-${active.id}`);
      } else {
        element.removeAttribute('aria-activedescendant');
      }
    }
  }

  #row(metric: Metric, index: number): HTMLElement {
    const row = document.createElement('div');
    row.role = 'option';
    row.id = `metric-${metric.id}`;
    row.dataset['index'] = String(index);
    row.style.transform = `translateY(${index * kRowPixels}px)`;
    row.classList.toggle('active', index === this.#active);
    row.ariaSelected = String(metric.id === this.#picked);
    row.ariaSetSize = String(this.#metrics.length);
    row.ariaPosInSet = String(index + 1);
    const name = document.createElement('span');
    name.className = 'name';
    name.textContent = metric.name;
    const tags = document.createElement('span');
    tags.className = 'tags';
    tags.textContent = tagText(metric) || 'no tags';
    row.title = `${metric.name}\n${tagText(metric)}`;
    row.append(name, tags);
    return row;
  }
}
