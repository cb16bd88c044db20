// Wires the page: what is picked, in which range, by mouse, keyboard and address.

import {formatAddress, parseAddress, type View} from './address.ts';
import {type Metric, metricOf, serverNow} from './api.ts';
import {Health} from './health.ts';
import {installKeys} from './keys.ts';
import {MetricsView} from './metrics_view.ts';
import {page, setText} from './page.ts';
import {SeriesView} from './series_view.ts';
import {applyTheme, chooseTheme, currentTheme, onSystemTheme} from './theme_choice.ts';
import {fromLocalInput, kDefaultRange, kLiveRanges, type LiveRange, type Range, sameRange, toLocalInput} from './times.ts';

const kTitle = document.title;

class App {
  readonly #health = new Health();
  readonly #series =
      new SeriesView(this.#health, (start, end) => this.setRange({kind: 'fixed', start, end}));
  readonly #metrics = new MetricsView(this.#health, {
    picked: (metric) => this.pick(metric),
    refreshed: (any) => void this.#refreshed(any),
  });
  #view: View = parseAddress(location.search);
  #metric: Metric|undefined;
  // Whether the server has metrics; unknown before its first answer.
  #any: boolean|undefined;
  // Where Escape leads back to.
  #live: LiveRange = this.#view.range.kind === 'live' ? this.#view.range : kDefaultRange;

  start(): void {
    this.#showTheme();
    this.#showRange();
    setText(page.emptyCommand, firstSample(location.origin));
    window.addEventListener('popstate', () => this.#arrived());
    page.bannerRetry.addEventListener('click', () => this.#retry());
    window.addEventListener('online', () => this.#retry());
    page.theme.addEventListener('click', () => this.toggleTheme());
    onSystemTheme(() => this.#themeChanged());
    page.helpOpen.addEventListener('click', () => page.help.showModal());
    page.emptyCopy.addEventListener('click', () => void this.#copy());
    page.ranges.addEventListener('click', (event) => this.#rangeClicked(event));
    page.custom.addEventListener('submit', (event) => this.#customGiven(event));
    installKeys({
      list: this.#metrics.list,
      clearSearch: () => this.#metrics.clearSearch(),
      enter: () => void this.#metrics.enter(),
      toggleTheme: () => this.toggleTheme(),
      liveRange: (index) => this.#liveRange(index),
      back: () => this.#back(),
    });
    this.#metrics.start();
  }

  pick(metric: Metric): void {
    this.#metric = metric;
    if (this.#view.metric !== metric.id) this.#go({...this.#view, metric: metric.id});
    this.#draw();
  }

  setRange(range: Range): void {
    if (range.kind === 'live') this.#live = range;
    if (!sameRange(range, this.#view.range)) this.#go({...this.#view, range});
    this.#showRange();
    if (this.#metric) this.#draw();
  }

  toggleTheme(): void {
    chooseTheme(currentTheme() === 'dark' ? 'light' : 'dark');
    this.#themeChanged();
  }

  #go(view: View): void {
    this.#view = view;
    history.pushState(null, '', location.pathname + formatAddress(view));
  }

  #arrived(): void {
    this.#view = parseAddress(location.search);
    this.#metric = undefined;
    this.#showRange();
    if (this.#any !== undefined) void this.#refreshed(this.#any);
  }

  // A metric of the address is looked for until it is there.
  async #refreshed(any: boolean): Promise<void> {
    this.#any = any;
    const {metric} = this.#view;
    page.metrics.hidden = !any;
    page.empty.hidden = any || this.#metric !== undefined;
    page.welcome.hidden = !any || metric !== undefined;
    if (metric === undefined) {
      this.#series.stop();
      this.#metrics.list.mark(undefined);
      document.title = kTitle;
      page.shown.hidden = true;
      this.#health.doing('Connected', false);
    } else if (any && this.#metric === undefined) {
      await this.#find(metric);
    }
  }

  async #find(id: number): Promise<void> {
    try {
      const found =
          this.#metrics.source.known(id) ?? await metricOf(id, AbortSignal.timeout(10_000));
      this.#health.succeeded('series');
      if (this.#view.metric === id && this.#metric === undefined) this.pick(found);
    } catch (error) {
      this.#health.failed('series', error);
    }
  }

  #draw(): void {
    const metric = this.#metric;
    if (metric === undefined) return;
    const {range} = this.#view;
    page.empty.hidden = true;
    page.welcome.hidden = true;
    page.shown.hidden = false;
    document.title = `${metric.name} – Varve`;
    this.#metrics.list.mark(metric.id);
    this.#health.doing(range.kind === 'live' ? 'Live' : 'Fixed range', range.kind === 'live');
    this.#series.show(metric, range);
  }

  #retry(): void {
    this.#metrics.start();
    this.#series.retry();
  }

  #showRange(): void {
    const {range} = this.#view;
    for (const button of page.ranges.querySelectorAll<HTMLElement>('[data-range]')) {
      const named = kLiveRanges.find(({name}) => name === button.dataset['range']);
      button.ariaPressed = String(range.kind === 'live' && named?.seconds === range.seconds);
    }
    page.customOpen.ariaPressed = String(range.kind === 'fixed');
    if (range.kind === 'live') this.#openCustom(false);
  }

  #openCustom(open: boolean): void {
    page.custom.hidden = !open;
    page.customOpen.ariaExpanded = String(open);
    setText(page.customError, '');
  }

  #rangeClicked(event: Event): void {
    const button = (event.target as Element).closest('button');
    if (button === page.customOpen) {
      const now = serverNow();
      const shown = this.#view.range.kind === 'fixed' ? this.#view.range : this.#series.span;
      page.customStart.value = toLocalInput(shown?.start ?? now - this.#live.seconds);
      page.customEnd.value = toLocalInput(Math.min(now, shown?.end ?? now));
      this.#openCustom(page.custom.hidden !== false);
      if (!page.custom.hidden) page.customStart.focus();
    } else if (button) {
      this.#liveRange(kLiveRanges.findIndex(({name}) => name === button.dataset['range']));
    }
  }

  #liveRange(index: number): void {
    const range = kLiveRanges[index];
    if (range) this.setRange({kind: 'live', seconds: range.seconds});
  }

  #customGiven(event: Event): void {
    event.preventDefault();
    const start = fromLocalInput(page.customStart.value);
    const end = fromLocalInput(page.customEnd.value);
    if (start === undefined || end === undefined || start >= end) {
      setText(page.customError, 'The range ends before it begins.');
      return;
    }
    setText(page.customError, '');
    this.setRange({kind: 'fixed', start, end});
  }

  #back(): void {
    this.#openCustom(false);
    if (this.#view.range.kind === 'fixed') this.setRange(this.#live);
  }

  #themeChanged(): void {
    applyTheme();
    this.#showTheme();
    this.#series.restyle();
  }

  #showTheme(): void {
    setText(page.theme, currentTheme() === 'dark' ? 'Light' : 'Dark');
  }

  async #copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(page.emptyCommand.textContent ?? '');
      setText(page.emptyCopy, 'Copied');
    } catch {
      // Not allowed here: marked, so that the keyboard copies it.
      getSelection()?.selectAllChildren(page.emptyCommand);
      setText(page.emptyCopy, 'Marked: copy it with the keyboard');
    }
  }
}

function firstSample(origin: string): string {
  const named = '"name": "room_temperature", "tags": {"room": "kitchen"}';
  const sample = `{${named}, "value": 21.5, "ts": '$(date +%s)'}`;
  const header = '-H \'Content-Type: application/json\'';
  return `curl -X POST ${origin}/ingest/gauge ${header} \\\n  -d '${sample}'`;
}

new App().start();
