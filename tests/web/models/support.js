// People, rooms and a server small enough to see through, for the model tests.

/** @import {Change, Message, OutboxEntry, Room, User} from '../../../crates/web/assets/static/js/lib/types.js' */
import { readFileSync } from 'node:fs';
import { Problem } from '../../../crates/web/assets/static/js/lib/api.js';
import { Connection } from '../../../crates/web/assets/static/js/models/connection.js';
import { Chat } from '../../../crates/web/assets/static/js/models/chat.js';
import { LocalStore } from '../../../crates/web/assets/static/js/models/local-store.js';
import { Outbox } from '../../../crates/web/assets/static/js/models/outbox.js';

/** @param {string} id @returns {User} */
export const person = (id) => ({
  id, username: id, first_name: '', last_name: '', picture_url: null, joined_at: '2026-01-01T00:00:00.000Z', deleted: false,
});

/**
 * @param {number} seq
 * @param {Partial<Message>} [more]
 * @returns {Message}
 */
export const message = (seq, more = {}) => ({
  id: `m${seq}`, room: 'r', seq, rev: seq, sender: 'ben', body: `text ${seq}`, client_id: `c${seq}`,
  sent_at: new Date(Date.UTC(2026, 5, 1, 12, 0, seq)).toISOString(), edited_at: null, deleted: false, unreadable: false,
  reply_to: null, reactions: [], attachments: [], ...more,
});

/** @param {number} from @param {number} to */
export const messages = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => message(from + i));

/** `localStorage` in memory. @returns {Storage} */
export function memoryStorage() {
  /** @type {Map<string, string>} */
  const items = new Map();
  return {
    get length() {
      return items.size;
    },
    clear: () => items.clear(),
    getItem: (key) => items.get(key) ?? null,
    key: (index) => [...items.keys()][index] ?? null,
    removeItem: (key) => void items.delete(key),
    setItem: (key, value) => void items.set(key, value),
  };
}

/** A socket whose other end is the test. */
export class FakeSocket {
  /** @type {any[]} */
  sent = [];
  closed = false;
  /** @type {((event: any) => void) | null} */
  onmessage = null;
  /** @type {((event: any) => void) | null} */
  onclose = null;

  /** @param {string} data */
  send(data) {
    this.sent.push(JSON.parse(data));
  }

  close() {
    this.closed = true;
  }

  /** @param {object} frame */
  tell(frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** @param {number} code */
  end(code) {
    this.onclose?.({ code });
  }
}

/** Lets everything that is due now happen. */
export async function settle() {
  for (let i = 0; i < 60; i += 1) await Promise.resolve();
}

/** One room between anna and ben, kept as the contract says. */
export class FakeServer {
  /** @type {Message[]} */
  messages = [];
  rev = 0;
  read = { anna: 0, ben: 0 };
  /** What reached a device of ben's. */
  delivered = 0;
  /** @type {Room["state"] | "declined"} */
  state = 'open';
  /** What anna cleared; it is out of her list until there is more. */
  cleared = -1;
  muted = false;
  /** Whom anna blocks. @type {Set<string>} */
  blocked = new Set();
  /** Calls that were made, in order. @type {string[]} */
  calls = [];
  /** Waited for before each answer is given, after it was worked out. @type {Promise<void> | null} */
  delay = null;
  offline = false;
  /** What it says to every change. @type {Problem | null} */
  refuses = null;
  pageSize = 50;

  /** @param {Partial<Message>} [more] */
  post(more = {}) {
    this.rev += 1;
    const made = message(this.messages.length + 1, { rev: this.rev, ...more });
    this.messages.push(made);
    return made;
  }

  /** @param {number} seq @param {Partial<Message>} change */
  change(seq, change) {
    this.rev += 1;
    return (this.messages[seq - 1] = { ...this.messages[seq - 1], ...change, rev: this.rev });
  }

  /** @returns {Room} */
  room() {
    const unread = this.messages.filter((one) => one.sender !== 'anna' && one.seq > this.read.anna && !one.deleted).length;
    return {
      id: 'r', other: person('ben'), last_message: this.messages.at(-1) ?? null, last_seq: this.messages.length, rev: this.rev,
      unread, read_seq: this.read.anna, other_read_seq: this.read.ben,
      other_delivered_seq: Math.max(this.delivered, this.read.ben),
      muted: this.muted, listed: this.#listed, state: this.state === 'request' ? 'request' : 'open', created_at: '2026-01-01T00:00:00.000Z',
    };
  }

  get #listed() {
    return this.state !== 'declined' && this.messages.length > this.cleared;
  }

  /** @template T @param {string} call @param {() => T} answer @returns {Promise<T>} */
  async #answer(call, answer) {
    this.calls.push(call);
    if (this.offline) throw new Problem(0, 'network', 'offline');
    const given = structuredClone(answer());
    if (this.delay) await this.delay;
    return given;
  }

  get api() {
    const list = () => ({ rooms: this.#listed ? [this.room()] : [], cursor: null });
    return {
      me: () => this.#answer('me', () => person('anna')),
      rooms: () => this.#answer('rooms', list),
      latestRooms: () => this.#answer('latest rooms', list),
      /** @param {string} id */
      room: (id) => this.#answer('room', () => {
        if (id !== 'r' || this.state === 'declined') throw new Problem(404, 'not_found', 'no such room');
        return this.room();
      }),
      openRoom: () => this.#answer('open', () => this.room()),
      accept: () => this.#answer('accept', () => {
        this.state = 'open';
        return this.room();
      }),
      decline: () => this.#answer('decline', () => {
        if (this.state === 'open') throw new Problem(409, 'already_open', 'too late');
        this.state = 'declined';
        return null;
      }),
      clear: () => this.#answer('clear', () => {
        this.cleared = this.messages.length;
        return null;
      }),
      /** @param {string} _room @param {boolean} muted */
      mute: (_room, muted) => this.#answer(muted ? 'mute' : 'unmute', () => {
        this.muted = muted;
        return this.room();
      }),
      blocks: () => this.#answer('blocks', () => ({ users: [...this.blocked].map(person) })),
      /** @param {string} user */
      block: (user) => this.#answer('block', () => (this.blocked.add(user), null)),
      /** @param {string} user */
      unblock: (user) => this.#answer('unblock', () => (this.blocked.delete(user), null)),
      users: () => this.#answer('users', () => ({ users: [] })),
      /** @param {Change} change */
      change: ({ id, kind, what }) => this.#answer(`${kind} ${id}${what && ` ${what}`}`, () => {
        if (this.refuses) throw this.refuses;
        const found = this.messages.find((one) => one.id === id);
        if (!found || found.deleted) throw new Problem(404, 'not_found', 'There is no such message.');
        if (kind === 'edit') return this.change(found.seq, { body: what, edited_at: '2026-06-02T00:00:00.000Z' });
        if (kind === 'delete') return this.change(found.seq, { body: '', deleted: true, reactions: [] });
        const others = found.reactions.filter(({ emoji }) => emoji !== what);
        return this.change(found.seq, { reactions: kind === 'react' ? [...others, { emoji: what, users: ['anna'] }] : others });
      }),
      /** @param {{query: string}} what */
      search: ({ query }) => this.#answer('search', () => {
        const found = this.messages.filter((one) => one.body.includes(query)).reverse();
        return { hits: found.map((message) => ({ message, room: message.room })), cursor: null };
      }),
      /** @param {string} _room @param {{before?: number, after?: number, around?: number, limit?: number}} where */
      messages: (_room, { before, after, around, limit = 50 }) => this.#answer('messages', () => {
        if (around !== undefined) {
          const start = Math.max(0, around - 1 - Math.floor(limit / 2));
          const page = this.messages.slice(start, start + limit);
          return { messages: page, has_more: page.length < this.messages.length };
        }
        if (after !== undefined) {
          const rest = this.messages.filter((one) => one.seq > after);
          return { messages: rest.slice(0, limit), has_more: rest.length > limit };
        }
        const rest = this.messages.filter((one) => before === undefined || one.seq < before);
        return { messages: rest.slice(-limit), has_more: rest.length > limit };
      }),
      /** @param {string} _room @param {number} after */
      changes: (_room, after) => this.#answer(`changes ${after}`, () => {
        const rest = this.messages.filter((one) => one.rev > after).sort((a, b) => a.rev - b.rev);
        const page = rest.slice(0, this.pageSize);
        return { messages: page, rev: page.at(-1)?.rev ?? after, has_more: rest.length > page.length };
      }),
    };
  }
}

/** @type {Connection[]} */
const connections = [];

/** Ends what the tests began, so that no timer keeps the process alive. */
export function stopAll() {
  for (const connection of connections.splice(0)) connection.stop();
}

/**
 * Anna's chat against that server.
 * @param {FakeServer} server
 * @param {Storage} [storage]
 */
export function chatOf(server, storage = memoryStorage()) {
  /** @type {FakeSocket[]} */
  const sockets = [];
  const connection = new Connection(() => {
    const socket = new FakeSocket();
    sockets.push(socket);
    return /** @type {any} */ (socket);
  });
  connections.push(connection);
  const outbox = new Outbox(new LocalStore('anna', storage));
  const chat = new Chat({ me: person('anna'), api: server.api, connection, outbox });
  const socket = () => /** @type {FakeSocket} */ (sockets.at(-1));
  return { chat, outbox, connection, sockets, socket, storage };
}

/** @param {readonly (Message | OutboxEntry)[]} list */
export const bodies = (list) => list.map((one) => one.body);

const PARTIALS = new URL('../../../crates/web/assets/partials/', import.meta.url);

/** A page with its partials in place, as the server sends it but for the hash. @param {string} html */
export function withPartials(html) {
  return html.replace(/\{\{(?!static\})(\w+)\}\}/g, (_, name) => readFileSync(new URL(`${name}.html`, PARTIALS), 'utf8').trimEnd());
}
