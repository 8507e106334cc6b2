/** @import {Attachment, Message, OutboxEntry} from '../lib/types.js' */
/** @import {LocalStore} from './local-store.js' */
import { Emitter } from '../lib/events.js';
import { uuid } from '../lib/ids.js';

/** More waiting messages than this are refused, so that storage stays bounded. */
export const MAX_WAITING = 200;

/**
 * My messages that the server has not acknowledged, in the order they were written. They survive a
 * reload; each keeps its `client_id`, so sending one twice stores it once.
 * @extends {Emitter<{change: string}>}
 */
export class Outbox extends Emitter {
  /** @type {Map<string, OutboxEntry>} */
  #entries = new Map();

  /** @param {LocalStore} store */
  constructor(store) {
    super();
    this.store = store;
    const saved = store.names('outbox:').map((name) => store.get(name)).filter(isEntry);
    saved.sort((a, b) => a.at - b.at);
    for (const entry of saved) this.#entries.set(entry.client_id, entry);
  }

  /** @param {string} room @returns {OutboxEntry[]} */
  forRoom(room) {
    return [...this.#entries.values()].filter((entry) => entry.room === room);
  }

  /** The rooms with something waiting. */
  get rooms() {
    return new Set([...this.#entries.values()].map((entry) => entry.room));
  }

  /** The next message to send in a room. @param {string} room */
  nextPending(room) {
    return this.forRoom(room).find((entry) => entry.state === 'pending');
  }

  get isFull() {
    return this.#entries.size >= MAX_WAITING;
  }

  /** @param {string} client_id */
  has(client_id) {
    return this.#entries.has(client_id);
  }

  /**
   * @param {string} room
   * @param {string} body already normalised
   * @param {string} [reply_to] the message it answers
   * @param {Attachment[]} [attachments]
   * @returns {OutboxEntry | null} `null` when too many are waiting
   */
  add(room, body, reply_to, attachments) {
    if (this.isFull) return null;
    // Two messages within a millisecond must keep their order over a reload.
    const last = [...this.#entries.values()].at(-1);
    const at = Math.max(Date.now(), (last?.at ?? 0) + 1);
    return this.#save({ client_id: uuid(), room, body, reply_to, attachments, at, state: 'pending' });
  }

  /**
   * Forgets what turned out to be stored.
   * @param {Message} message one of mine
   */
  resolve(message) {
    if (this.#entries.has(message.client_id)) this.remove(message.client_id);
  }

  /** @param {string} client_id @param {string} reason @param {string} [detail] */
  fail(client_id, reason, detail) {
    const entry = this.#entries.get(client_id);
    if (entry) this.#save({ ...entry, state: 'failed', reason, detail });
  }

  /**
   * Lets a refused message wait again, behind what was written since.
   * @param {string} client_id
   */
  retry(client_id) {
    const entry = this.#entries.get(client_id);
    if (entry?.state !== 'failed') return;
    // A used name would be refused for ever, so that message gets another.
    const name = entry.reason === 'client_id_reused' ? uuid() : client_id;
    this.remove(client_id);
    const { room, body, reply_to, attachments } = entry;
    this.#save({ client_id: name, room, body, reply_to, attachments, at: Date.now(), state: 'pending' });
  }

  /** @param {string} client_id */
  remove(client_id) {
    this.store.remove(`outbox:${client_id}`);
    this.forget(client_id);
  }

  /** Drops what another tab has dealt with. @param {string} client_id */
  forget(client_id) {
    const room = this.#entries.get(client_id)?.room;
    if (!this.#entries.delete(client_id) || !room) return;
    this.emit('change', room);
  }

  /** @param {OutboxEntry} entry */
  #save(entry) {
    this.#entries.set(entry.client_id, entry);
    this.store.set(`outbox:${entry.client_id}`, entry);
    this.emit('change', entry.room);
    return entry;
  }
}

/** @param {any} value @returns {value is OutboxEntry} */
function isEntry(value) {
  return ['client_id', 'room', 'body'].every((name) => typeof value?.[name] === 'string')
    && typeof value.at === 'number' && (value.state === 'pending' || value.state === 'failed');
}
