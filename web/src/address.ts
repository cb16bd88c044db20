// Keeps what the page shows in its address, so that a reload or a sent link shows the same.

import {kDefaultRange, kLiveRanges, type Range} from './times.ts';

export interface View {
  readonly metric: number|undefined;
  readonly range: Range;
}

const kIdMax = 2 ** 32 - 1;

function wholeNumber(text: string|null, max: number): number|undefined {
  if (text === null || !/^\d{1,11}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}

// Whatever is not understood is left at its default: an address is typed by people.
export function parseAddress(search: string): View {
  const parameters = new URLSearchParams(search);
  const metric = wholeNumber(parameters.get('metric'), kIdMax);
  const start = wholeNumber(parameters.get('start'), 99999999999);
  const end = wholeNumber(parameters.get('end'), 99999999999);
  if (start !== undefined && end !== undefined && start < end) {
    return {metric, range: {kind: 'fixed', start, end}};
  }
  const named = kLiveRanges.find((range) => range.name === parameters.get('range'));
  return {metric, range: named ? {kind: 'live', seconds: named.seconds} : kDefaultRange};
}

// What follows the path: "?metric=3&range=15m".
export function formatAddress(view: View): string {
  const parameters = new URLSearchParams();
  if (view.metric !== undefined) parameters.set('metric', String(view.metric));
  if (view.range.kind === 'fixed') {
    parameters.set('start', String(view.range.start));
    parameters.set('end', String(view.range.end));
  } else {
    const {seconds} = view.range;
    const named = kLiveRanges.find((range) => range.seconds === seconds);
    if (named) parameters.set('range', named.name);
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
