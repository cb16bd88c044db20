// Finds metrics by what is typed, among a few in memory or among very many by asking the server.

import {allNames, type Found, lookup, type Metric} from './api.ts';
import {type Filter, matches, nameMatches, parseFilter} from './filter.ts';

// The most that one lookup gives; up to there the page has all metrics itself.
const kLookupMax = 2000;
// Past it: of so many names that match, so many metrics each.
const kNamesAsked = 25;
const kPerName = 200;

export class MetricSource {
  #sample: readonly Metric[] = [];
  #complete = true;
  #names: readonly string[] = [];

  // Whether all metrics are in memory, so that a search costs no call.
  get complete(): boolean {
    return this.#complete;
  }

  async refresh(signal: AbortSignal): Promise<void> {
    const found = await lookup({}, kLookupMax, signal);
    const names = found.more ? await allNames(signal) : [];
    this.#sample = sorted(found.metrics);
    this.#complete = !found.more;
    this.#names = names;
  }

  known(id: number): Metric|undefined {
    return this.#sample.find((metric) => metric.id === id);
  }

  async search(text: string, signal: AbortSignal): Promise<Found> {
    const filter = parseFilter(text);
    const inMemory = this.#sample.filter((metric) => matches(metric, filter));
    if (this.#complete) return {metrics: inMemory, more: false};
    const hasTags = Object.keys(filter.tags).length > 0;
    if (filter.words.length === 0 && !hasTags) return {metrics: this.#sample, more: true};
    const found = filter.words.length === 0 ?
        await lookup({tags: filter.tags}, kLookupMax, signal) :
        await this.#byNames(filter, signal);
    // Words may also be in tags: of those in memory at least.
    const ids = new Set(found.metrics.map((metric) => metric.id));
    const others = inMemory.filter((metric) => !ids.has(metric.id));
    return {metrics: sorted(found.metrics).concat(others), more: found.more};
  }

  async #byNames(filter: Filter, signal: AbortSignal): Promise<Found> {
    const names = this.#names.filter((name) => nameMatches(name, filter));
    names.sort((a, b) => a.length - b.length || compare(a, b));
    const answers =
        await Promise.all(names.slice(0, kNamesAsked)
                              .map((name) => lookup({name, tags: filter.tags}, kPerName, signal)));
    return {
      metrics: answers.flatMap((answer) => answer.metrics),
      more: names.length > kNamesAsked || answers.some((answer) => answer.more),
    };
  }
}

const compare = new Intl.Collator('en', {numeric: true}).compare;

function sorted(metrics: readonly Metric[]): Metric[] {
  return [...metrics].sort(
      (a, b) => compare(a.name, b.name) || compare(tagText(a), tagText(b)) || a.id - b.id);
}

export function tagText(metric: Metric): string {
  return Object.entries(metric.tags).map(([key, value]) => `${key}=${value}`).join('  ');
}
