import { Emitter } from '../lib/events.js';
import { Problem } from '../lib/api.js';

const ASK_AFTER = 250;
/** So many are found without being asked for more. */
const ENOUGH = 20;
/** The shortest wait where the server wants one. */
const SHORTEST_WAIT = 1;

/**
 * Looks for something while somebody types. The server searches a part of the history at a time, so
 * one search may be many requests: they follow each other until there are enough hits.
 *
 * `state` is `idle`, `searching`, `older` (further parts), `waiting` (until `retryAt`), `paused`
 * (there may be more), `done` or `failed`.
 * @template Hit
 * @extends {Emitter<{change: null}>}
 */
export class Search extends Emitter {
  /** @type {"idle" | "searching" | "older" | "waiting" | "paused" | "done" | "failed"} */
  state = 'idle';
  /** @type {Hit[]} */
  hits = [];
  /** When it goes on, in milliseconds. */
  retryAt = 0;
  /** What `hits` are hits of. */
  text = '';
  #room = '';
  /** @type {string | null} */
  #cursor = null;
  /** How many hits are wanted. */
  #wanted = 0;
  /** @type {AbortController | undefined} */
  #asking;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {(what: {query: string, room?: string, cursor?: string}, signal: AbortSignal) => Promise<{hits: Hit[], cursor: string | null}>} ask
   * @param {(text: string) => boolean} isEnough whether there is something to look for
   */
  constructor(ask, isEnough) {
    super();
    this.ask = ask;
    this.isEnough = isEnough;
  }

  get busy() {
    return ['searching', 'older', 'waiting'].includes(this.state);
  }

  /**
   * Drops what was looked for before. Nothing is asked before the typing rests.
   * @param {string} text
   * @param {string} [room] only there; everywhere if empty
   */
  search(text, room = '') {
    this.#stop();
    this.hits = [];
    this.text = text.trim();
    this.#room = room;
    this.#cursor = null;
    this.#wanted = ENOUGH;
    if (!this.isEnough(this.text)) {
      this.#set('idle');
      return;
    }
    this.#set('searching');
    this.#timer = setTimeout(() => void this.#follow(), ASK_AFTER);
  }

  /** Goes on where it paused or failed. */
  more() {
    if (this.state === 'paused') this.#wanted = this.hits.length + ENOUGH;
    else if (this.state !== 'failed') return;
    this.#set(this.hits.length || this.#cursor ? 'older' : 'searching');
    void this.#follow();
  }

  /** Asks nothing any more. */
  stop() {
    this.#stop();
    this.#set('idle');
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  async #follow() {
    const asking = (this.#asking = new AbortController());
    try {
      do {
        const page = await this.ask({ query: this.text, ...this.#where }, asking.signal);
        if (asking.signal.aborted) return;
        this.hits = [...this.hits, ...page.hits];
        this.#cursor = page.cursor;
        this.#set(page.cursor ? 'older' : 'done');
      } while (this.#cursor && this.hits.length < this.#wanted);
      if (this.#cursor) this.#set('paused');
    } catch (problem) {
      if (asking.signal.aborted) return;
      this.#failed(problem);
    }
  }

  /** A cursor knows its room. */
  get #where() {
    if (this.#cursor) return { cursor: this.#cursor };
    return this.#room ? { room: this.#room } : {};
  }

  /** @param {unknown} problem */
  #failed(problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status !== 429) {
      // What the server finds nothing to look for in, is in no message.
      this.#set(problem.status === 422 ? 'done' : 'failed');
      return;
    }
    const wait = Math.max(problem.retryAfter, SHORTEST_WAIT) * 1000;
    this.retryAt = Date.now() + wait;
    this.#set('waiting');
    this.#timer = setTimeout(() => {
      this.#set(this.#cursor ? 'older' : 'searching');
      void this.#follow();
    }, wait);
  }

  /** @param {Search<Hit>["state"]} state */
  #set(state) {
    this.state = state;
    this.emit('change', null);
  }
}

/** One letter is in nearly every message; one character of a script without spaces may be a word. @param {string} text */
export const isWord = (text) => [...text].length >= 2 || /[^\u0000-\u052f\s]/u.test(text);
