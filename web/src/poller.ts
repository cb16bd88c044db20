// Repeats a call while the page can be seen, less often while it fails.

export interface PollerEvents {
  readonly task: (signal: AbortSignal) => Promise<void>;
  readonly failed: (error: unknown, retryMs: number) => void;
  readonly succeeded: () => void;
}

const kRetryMaxMs = 10_000;

// How long to wait after so many failures in a row: 1 s, 2 s, 4 s, 8 s, 10 s.
export function retryDelay(failures: number): number {
  return Math.min(kRetryMaxMs, 1000 * 2 ** Math.max(0, failures - 1));
}

// One call at a time. A call that was overtaken by restart() or stop() reports nothing.
export class Poller {
  readonly #events: PollerEvents;
  #intervalMs: number;
  #timer: ReturnType<typeof setTimeout>|undefined;
  #running: AbortController|undefined;
  #failures = 0;
  #active = false;

  constructor(intervalMs: number, events: PollerEvents) {
    this.#intervalMs = intervalMs;
    this.#events = events;
    document.addEventListener('visibilitychange', () => this.#visibilityChanged());
  }

  set intervalMs(value: number) {
    this.#intervalMs = value;
  }

  // Begins, or drops what runs and asks at once.
  restart(): void {
    this.stop();
    this.#active = true;
    if (!document.hidden) void this.#run();
  }

  stop(): void {
    this.#active = false;
    this.#pause();
  }

  #pause(): void {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = undefined;
  }

  #visibilityChanged(): void {
    if (!this.#active) return;
    this.#pause();
    if (!document.hidden) void this.#run();
  }

  async #run(): Promise<void> {
    const running = new AbortController();
    this.#running = running;
    let delay = this.#intervalMs;
    try {
      await this.#events.task(running.signal);
      if (running.signal.aborted) return;
      this.#failures = 0;
      this.#events.succeeded();
    } catch (error) {
      if (running.signal.aborted) return;
      this.#failures += 1;
      delay = Math.max(delay, retryDelay(this.#failures));
      this.#events.failed(error, delay);
    }
    // What was just reported may have stopped or restarted this poller.
    if (!running.signal.aborted) this.#timer = setTimeout(() => void this.#run(), delay);
  }
}
