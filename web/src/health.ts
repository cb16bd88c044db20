// Shows whether the page is connected, and why not.

import {CallError} from './api.ts';
import {page, setText} from './page.ts';

export type Source = 'metrics'|'series';

function reasonOf(error: unknown): string {
  if (error instanceof CallError) return error.message;
  return `This page failed: ${error instanceof Error ? error.message : String(error)}`;
}

export class Health {
  readonly #problems = new Map<Source, string>();
  #working = 'Connected';
  #live = false;

  failed(source: Source, error: unknown): void {
    this.#problems.set(source, reasonOf(error));
    this.#show();
  }

  succeeded(source: Source): void {
    this.#problems.delete(source);
    this.#show();
  }

  // What the page does while all is well.
  doing(text: string, live: boolean): void {
    this.#working = text;
    this.#live = live;
    this.#show();
  }

  #show(): void {
    const problem = this.#problems.get('series') ?? this.#problems.get('metrics');
    page.banner.hidden = problem === undefined;
    if (problem !== undefined) setText(page.bannerText, `${problem} Trying again by itself.`);
    page.state.dataset['state'] = problem !== undefined ? 'failed' : this.#live ? 'live' : 'idle';
    setText(page.stateText, problem !== undefined ? 'Interrupted' : this.#working);
  }
}
