// Finds the elements of index.html, each with its type.

function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} with the id ${id}`);
  return found;
}

export const page = {
  state: element('state', HTMLElement),
  stateText: element('state-text', HTMLElement),
  theme: element('theme', HTMLButtonElement),
  helpOpen: element('help-open', HTMLButtonElement),
  help: element('help', HTMLDialogElement),
  banner: element('banner', HTMLElement),
  bannerText: element('banner-text', HTMLElement),
  bannerRetry: element('banner-retry', HTMLButtonElement),
  metrics: element('metrics', HTMLElement),
  search: element('search', HTMLInputElement),
  note: element('note', HTMLElement),
  list: element('list', HTMLElement),
  empty: element('empty', HTMLElement),
  emptyCommand: element('empty-command', HTMLElement),
  emptyCopy: element('empty-copy', HTMLButtonElement),
  welcome: element('welcome', HTMLElement),
  shown: element('shown', HTMLElement),
  name: element('name', HTMLElement),
  tags: element('tags', HTMLElement),
  shape: element('shape', HTMLElement),
  ranges: element('ranges', HTMLElement),
  customOpen: element('custom-open', HTMLButtonElement),
  custom: element('custom', HTMLFormElement),
  customStart: element('custom-start', HTMLInputElement),
  customEnd: element('custom-end', HTMLInputElement),
  customError: element('custom-error', HTMLElement),
  chart: element('chart', HTMLElement),
  noData: element('no-data', HTMLElement),
  pointed: element('pointed', HTMLElement),
  last: element('last', HTMLElement),
  min: element('min', HTMLElement),
  avg: element('avg', HTMLElement),
  max: element('max', HTMLElement),
} as const;

// Writes text only where it changed: what is announced to screen readers is announced once.
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}
