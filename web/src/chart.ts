// Draws one series over time, with a crosshair for mouse and keyboard.

import uPlot from 'uplot';

import {type Columns, nearest, type Span, stepFrom} from './series.ts';
import {formatTimeTicks} from './times.ts';
import {formatTicks, type Unit} from './units.ts';

export interface Drawing {
  readonly columns: Columns;
  readonly span: Span;
  readonly unit: Unit;
}

export interface Pointed {
  readonly time: number;
  readonly value: number;
}

export interface ChartEvents {
  // What the crosshair is at; undefined when it is nowhere.
  readonly pointed: (at: Pointed|undefined) => void;
  // A stretch of time was marked with the mouse.
  readonly zoomed: (start: number, end: number) => void;
}

const kZoomPixelsMin = 6;
// Ticks of bytes are multiples of powers of two; those of all else are uPlot's own.
const kBinarySteps = Array.from({length: 60}, (_, i) => 2 ** i);

function rangeOf(min: number|null, max: number|null, unit: Unit): [number, number] {
  if (min === null || max === null) return [0, 1];
  const side: uPlot.Range.Limit = {pad: 0.1, soft: 0, mode: 3};
  const [low, high] = uPlot.rangeNum(min, max, {min: side, max: side});
  const floor = unit.perSecond && min >= 0 ? 0 : low ?? 0;
  const full = unit.kind === 'percent' && max <= 100;
  const ceiling = full ? Math.min(100, high ?? 100) : high ?? floor + 1;
  return ceiling > floor ? [floor, ceiling] : [floor, floor + 1];
}

export class Chart {
  readonly #host: HTMLElement;
  readonly #events: ChartEvents;
  #plot: uPlot|undefined;
  #drawing: Drawing|undefined;
  // The time that the keyboard points at: the crosshair stays with it while the line moves on.
  #held: number|undefined;

  constructor(host: HTMLElement, events: ChartEvents) {
    this.#host = host;
    this.#events = events;
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(host);
    host.addEventListener('keydown', (event) => {
      // With Alt, Control or Meta they are the browser's.
      if (event.altKey || event.ctrlKey || event.metaKey || !this.#key(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
    });
    host.addEventListener('blur', () => this.#release());
    host.addEventListener('pointermove', () => {
      this.#held = undefined;
    });
  }

  get width(): number {
    return this.#host.clientWidth;
  }

  draw(drawing: Drawing): void {
    const before = this.#drawing;
    this.#drawing = drawing;
    if (this.#plot === undefined || before?.unit.kind !== drawing.unit.kind) {
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(drawing.unit), [[], []], this.#host);
    }
    const plot = this.#plot;
    const {columns, span} = drawing;
    plot.batch(() => {
      plot.setData([columns.times, columns.values], false);
      plot.setScale('x', {min: span.start, max: Math.max(span.end, span.start + 1)});
    });
    if (this.#held !== undefined) this.#pointAt(this.#held);
  }

  // Takes the colours of the theme again.
  restyle(): void {
    this.#plot?.redraw(false, true);
  }

  #size(): {width: number, height: number} {
    return {width: this.#host.clientWidth, height: this.#host.clientHeight};
  }

  #colour(name: string): string {
    return getComputedStyle(this.#host).getPropertyValue(name).trim();
  }

  #options(unit: Unit): uPlot.Options {
    const axis: uPlot.Axis = {
      stroke: () => this.#colour('--muted'),
      grid: {stroke: () => this.#colour('--grid'), width: 1},
      ticks: {stroke: () => this.#colour('--grid'), width: 1, size: 5},
      font: '12px system-ui, sans-serif',
    };
    const steps = unit.kind === 'bytes' ? {incrs: kBinarySteps} : {};
    const line = {stroke: () => this.#colour('--line'), fill: () => this.#colour('--fill')};
    return {
      ...this.#size(),
      legend: {show: false},
      cursor: {
        drag: {x: true, y: false, setScale: false},
        dataIdx: (_plot, _series, index) => this.#withValue(index),
        points: {size: 8},
      },
      scales: {y: {range: (_plot, min, max) => rangeOf(min, max, this.#drawing?.unit ?? unit)}},
      axes: [
        {...axis, values: (_plot, ticks) => formatTimeTicks(ticks), space: 80},
        {
          ...axis,
          ...steps,
          values: (_plot, ticks) => formatTicks(ticks, this.#drawing?.unit ?? unit),
          size: 84
        },
      ],
      series: [{}, {...line, width: 1.5, points: {size: 4}}],
      hooks: {setCursor: [() => this.#cursorMoved()], setSelect: [() => this.#selected()]},
    };
  }

  // The crosshair rests on points that have a value.
  #withValue(index: number): number {
    const columns = this.#drawing?.columns;
    if (columns === undefined || columns.values[index] !== null) return index;
    return nearest(columns, columns.times[index] ?? 0) ?? index;
  }

  #cursorMoved(): void {
    const index = this.#plot?.cursor.idxs?.[1] ?? undefined;
    const time = index === undefined ? undefined : this.#drawing?.columns.times[index];
    const value = index === undefined ? undefined : this.#drawing?.columns.values[index];
    this.#events.pointed(time === undefined || value == null ? undefined : {time, value});
  }

  #selected(): void {
    const plot = this.#plot;
    if (plot === undefined || plot.select.width === 0) return;
    const {left, width} = plot.select;
    plot.setSelect({left: 0, top: 0, width: 0, height: 0}, false);
    if (width < kZoomPixelsMin) return;
    const start = Math.floor(plot.posToVal(left, 'x'));
    this.#events.zoomed(start, Math.max(start + 1, Math.ceil(plot.posToVal(left + width, 'x'))));
  }

  #pointAt(time: number): void {
    const plot = this.#plot;
    const columns = this.#drawing?.columns;
    const index = columns === undefined ? undefined : nearest(columns, time);
    if (plot === undefined || columns === undefined || index === undefined) return;
    const at = columns.times[index]!;
    this.#held = at;
    plot.setCursor({left: plot.valToPos(at, 'x'), top: plot.valToPos(columns.values[index]!, 'y')});
  }

  #release(): void {
    if (this.#held === undefined) return;
    this.#held = undefined;
    this.#plot?.setCursor({left: -10, top: -10});
  }

  #key(name: string): boolean {
    const columns = this.#drawing?.columns;
    if (columns === undefined) return false;
    const last = nearest(columns, Infinity);
    if (last === undefined) return false;
    const here = this.#held === undefined ? undefined : nearest(columns, this.#held);
    const targets: Record<string, () => number> = {
      ArrowLeft: () => (here === undefined ? last : stepFrom(columns, here, -1)),
      ArrowRight: () => (here === undefined ? last : stepFrom(columns, here, 1)),
      Home: () => stepFrom(columns, -1, 1),
      End: () => last,
    };
    const target = targets[name];
    if (target === undefined) return false;
    this.#pointAt(columns.times[target()]!);
    return true;
  }
}
