/** @import {Message} from '../lib/types.js' */
/** @import {Chat} from './chat.js' */

const PAGE = 200;
/** How far back is looked unasked, and when the reader wants to go there. */
const PAGES = 5;
const PAGES_ASKED = 50;
const MAX_KEPT = 300;
const AGAIN_AFTER = 5000;

/**
 * Messages that are answered but not loaded. An answer names what it answers, not where that is, so
 * the history is looked through backwards, page by page, within bounds.
 */
export class Originals {
  /** `null` for what was not found. @type {Map<string, Message | null>} */
  #known = new Map();
  /** What is looked for next. @type {Set<string>} */
  #wanted = new Set();
  #looking = false;
  #notBefore = 0;

  /** @param {Chat} chat */
  constructor(chat) {
    this.chat = chat;
    chat.on('message', (message) => this.#take(message));
  }

  /**
   * The message; `undefined` while it is looked for, after which the room changes.
   * @param {string} room
   * @param {string} id
   */
  find(room, id) {
    const known = this.#known.get(id);
    if (known === undefined && Date.now() >= this.#notBefore) {
      this.#wanted.add(id);
      if (!this.#looking) {
        this.#looking = true;
        queueMicrotask(() => void this.#look(room));
      }
    }
    return known;
  }

  /**
   * Looks as far as can be asked of anybody.
   * @param {string} room
   * @param {string} id
   * @returns {Promise<Message | null>}
   */
  async findFar(room, id) {
    return this.#known.get(id) ?? (await this.#walk(room, new Set([id]), PAGES_ASKED), this.#known.get(id) ?? null);
  }

  /** @param {string} room */
  async #look(room) {
    const wanted = this.#wanted;
    this.#wanted = new Set();
    try {
      await this.#walk(room, wanted, PAGES);
    } catch {
      this.#notBefore = Date.now() + AGAIN_AFTER;
      setTimeout(() => this.chat.emit('room', room), AGAIN_AFTER + 50);
    } finally {
      this.#looking = false;
      this.chat.emit('room', room);
    }
  }

  /** @param {string} room @param {Set<string>} wanted @param {number} pages */
  async #walk(room, wanted, pages) {
    let before = this.chat.history(room)?.lowest;
    for (let page = 0; page < pages && before && before > 1 && wanted.size > 0; page += 1) {
      const { messages } = await this.chat.api.messages(room, { before, limit: PAGE });
      for (const message of messages) if (wanted.delete(message.id)) this.#keep(message.id, message);
      before = messages[0]?.seq;
    }
    for (const id of wanted) this.#keep(id, null);
  }

  /** @param {string} id @param {Message | null} message */
  #keep(id, message) {
    this.#known.delete(id);
    this.#known.set(id, message);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KEPT) this.#known.delete(oldest);
  }

  /** @param {Message} message */
  #take(message) {
    const known = this.#known.get(message.id);
    if (known === null || (known && known.rev < message.rev)) this.#known.set(message.id, message);
  }
}
