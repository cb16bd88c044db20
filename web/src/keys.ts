// Gives each key its meaning, wherever the focus is.

import type {MetricList} from './metric_list.ts';
import {page} from './page.ts';

export interface KeyEvents {
  readonly list: MetricList;
  readonly clearSearch: () => void;
  // Takes what was searched for.
  readonly enter: () => void;
  readonly toggleTheme: () => void;
  readonly liveRange: (index: number) => void;
  readonly back: () => void;
}

function inSearch(name: string, events: KeyEvents): boolean {
  if (name === 'Escape') {
    if (page.search.value === '')
      page.list.focus();
    else
      events.clearSearch();
    return true;
  }
  if (name !== 'Enter') return events.list.key(name);
  events.enter();
  // From here 1 to 5 are ranges, and / leads back.
  page.list.focus();
  return true;
}

function anywhere(name: string, target: Element, events: KeyEvents): boolean {
  const presses = target.closest('button, a') !== null && name === 'Enter';
  if (presses) return false;
  if (/^[1-5]$/.test(name)) {
    events.liveRange(Number(name) - 1);
    return true;
  }
  const actions: Record<string, () => void> = {
    '/': () => {
      page.search.focus();
      page.search.select();
    },
    '?': () => page.help.showModal(),
    't': events.toggleTheme,
    'Escape': events.back,
  };
  const action = actions[name];
  action?.();
  return action !== undefined || (!page.metrics.hidden && events.list.key(name));
}

export function installKeys(events: KeyEvents): void {
  document.addEventListener('keydown', (event) => {
    // With Control, Alt or Meta they are the browser's; an open dialog has its own.
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || page.help.open)
      return;
    const target = event.target instanceof Element ? event.target : document.body;
    let known = false;
    if (target === page.search) {
      known = inSearch(event.key, events);
    } else if (target.closest('#custom') !== null) {
      if (event.key === 'Escape') events.back();
    } else {
      known = anywhere(event.key, target, events);
    }
    if (known) event.preventDefault();
  });
}
