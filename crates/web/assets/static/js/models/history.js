/** @import {Message, HistoryPage} from '../lib/types.js' */

/**
 * The stretch of one room's history that is held in memory, and how far its changes are known.
 *
 * What is held is a window on seq 1 … head without holes, but for the moment between an event that
 * overtook others and the catch-up that fills in. Three rules keep it equal to the store:
 *
 * - `position` is a rev the server vouched for: the one `changes` answered, or the room's rev read
 *   before the history was loaded. A rev met in passing proves nothing about those below it.
 * - Of two versions of a message the higher rev wins, wherever they came from.
 * - A version of a message outside the window is forgotten, because loading that part later brings
 *   a newer one; except while a page is on its way, which may have been read before that version.
 */
export class RoomHistory {
  /** Everything up to this rev is known for the window; `null` until it is loaded. @type {number | null} */
  position = null;
  loaded = false;
  hasOlder = false;
  hasNewer = false;
  /** @type {Message[]} in seq order */
  #messages = [];
  /** Versions met while pages are on their way. @type {Map<number, Message>} */
  #aside = new Map();
  #loads = 0;
  #generation = 0;

  /** @param {string} room */
  constructor(room) {
    this.room = room;
  }

  /** @returns {readonly Message[]} */
  get messages() {
    return this.#messages;
  }

  get lowest() {
    return this.#messages.at(0)?.seq ?? 0;
  }

  get highest() {
    return this.#messages.at(-1)?.seq ?? 0;
  }

  /** Whether a message is missing between two that are there. */
  get hasGap() {
    return this.#messages.length > 0 && this.highest - this.lowest + 1 !== this.#messages.length;
  }

  /**
   * Takes a message as it was announced or answered.
   * @param {Message} message
   * @returns {boolean} whether the window changed
   */
  apply(message) {
    if (this.#loads > 0) this.#keepAside(message);
    if (!this.loaded || this.#isOutside(message.seq)) return false;
    return this.#put(message);
  }

  /** @param {number} seq */
  #isOutside(seq) {
    return (this.hasNewer && seq > this.highest) || (this.hasOlder && seq < this.lowest);
  }

  /** @param {Message} message */
  #keepAside(message) {
    const known = this.#aside.get(message.seq);
    if (!known || known.rev < message.rev) this.#aside.set(message.seq, message);
  }

  /** @param {Message} message */
  #put(message) {
    const at = this.#indexOf(message.seq);
    const known = this.#messages[at];
    if (known?.seq === message.seq) {
      if (known.rev >= message.rev) return false;
      this.#messages[at] = message;
    } else {
      this.#messages.splice(at, 0, message);
    }
    return true;
  }

  /** The place of `seq`, or where it belongs. @param {number} seq */
  #indexOf(seq) {
    let low = 0;
    let high = this.#messages.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#messages[middle].seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Replaces the window by what `fetch` answers.
   * @param {() => Promise<{messages: Message[], hasOlder: boolean, hasNewer: boolean}>} fetch
   */
  async load(fetch) {
    const generation = (this.#generation += 1);
    await this.#whileLoading(async () => {
      const page = await fetch();
      if (generation !== this.#generation) return;
      this.#messages = [];
      this.hasOlder = page.hasOlder;
      this.hasNewer = page.hasNewer;
      this.loaded = true;
      for (const message of page.messages) this.#put(message);
      this.#takeAside();
    });
  }

  /**
   * Puts the page before the window in front of it.
   * @param {(before: number) => Promise<HistoryPage>} fetch
   */
  async loadOlder(fetch) {
    await this.#extend(this.lowest, () => this.lowest, fetch, (more) => (this.hasOlder = more));
  }

  /**
   * Puts the page after the window behind it.
   * @param {(after: number) => Promise<HistoryPage>} fetch
   */
  async loadNewer(fetch) {
    await this.#extend(this.highest, () => this.highest, fetch, (more) => (this.hasNewer = more));
  }

  /**
   * @param {number} edge
   * @param {() => number} edgeNow
   * @param {(edge: number) => Promise<HistoryPage>} fetch
   * @param {(more: boolean) => void} setMore
   */
  async #extend(edge, edgeNow, fetch, setMore) {
    const generation = this.#generation;
    await this.#whileLoading(async () => {
      const page = await fetch(edge);
      // The window may have been replaced or cut meanwhile; then the page no longer touches it.
      if (generation !== this.#generation || edge !== edgeNow()) return;
      setMore(page.has_more);
      for (const message of page.messages) this.#put(message);
      this.#takeAside();
    });
  }

  /** @param {() => Promise<void>} work */
  async #whileLoading(work) {
    this.#loads += 1;
    try {
      await work();
    } finally {
      this.#loads -= 1;
      if (this.#loads === 0) this.#aside.clear();
    }
  }

  #takeAside() {
    const waiting = [...this.#aside.values()].sort((a, b) => a.seq - b.seq);
    for (const message of waiting) if (!this.#isOutside(message.seq)) this.#put(message);
  }

  /**
   * Cuts the window down to `max` messages; what is cut can be loaded again.
   * @param {number} max
   * @param {"older" | "newer"} end where to cut
   */
  trim(max, end) {
    const excess = this.#messages.length - max;
    if (excess <= 0) return false;
    if (end === 'older') {
      this.#messages.splice(0, excess);
      this.hasOlder = true;
    } else {
      this.#messages.splice(-excess);
      this.hasNewer = true;
    }
    return true;
  }
}
