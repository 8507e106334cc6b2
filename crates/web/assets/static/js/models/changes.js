/** @import {Change, Message} from '../lib/types.js' */
/** @import {Chat} from './chat.js' */
import { Problem } from '../lib/api.js';

/** So long a deletion waits for second thoughts. */
export const UNDO_WITHIN = 5000;
/** More waiting changes than this are refused, so that storage stays bounded. */
const MAX_WAITING = 200;
const LONGEST_PAUSE = 30_000;

/** An emoji is given or taken, so the later wish replaces the earlier one. @param {Change} change */
const nameOf = ({ key, kind, what }) => `change:${key}:${kind.endsWith('react') ? what : kind}`;

/**
 * What I want otherwise about messages: edits, deletions and reactions that the server has not done
 * yet, in the order I wanted them. They survive a reload; asking twice does no harm.
 */
export class Changes {
  /** @type {Map<string, Change>} */
  #changes = new Map();
  /** What the server is being asked for. @type {Set<Change>} */
  #asked = new Set();
  #pumping = false;
  #stopped = false;
  #refusals = 0;
  #notBefore = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Chat} chat */
  constructor(chat) {
    this.chat = chat;
    this.store = chat.outbox.store;
    const { store } = this;
    const saved = store.names('change:').map((name) => store.get(name)).filter(isChange);
    for (const change of saved.sort((a, b) => a.at - b.at)) {
      if (change.id || chat.outbox.has(change.key)) this.#changes.set(nameOf(change), change);
      else store.remove(nameOf(change));
    }
    for (const { room } of saved) chat.emit('room', room);
    void this.pump();
  }

  /** @param {string} room */
  forRoom(room) {
    return [...this.#changes.values()].filter((change) => change.room === room);
  }

  /**
   * @param {Pick<Change, "room" | "key" | "id" | "kind" | "what">} wanted without an id of what is not sent yet
   * @returns {boolean} `false` when too many are waiting
   */
  add(wanted) {
    if (this.#changes.size >= MAX_WAITING) return false;
    // It may have been stored since it was drawn, and is not met again then.
    const wish = { ...wanted, id: wanted.id || this.#storedId(wanted) };
    const at = Date.now() + (wish.kind === 'delete' ? UNDO_WITHIN : 0);
    this.#changes.delete(nameOf({ ...wish, at, state: 'pending' })); // to the end of the line
    this.#save({ ...wish, at, state: 'pending' });
    void this.pump();
    return true;
  }

  /** @param {Pick<Change, "room" | "key">} wanted */
  #storedId({ room, key }) {
    const { me } = this.chat;
    const last = this.chat.rooms.get(room)?.last_message;
    const stored = [...(this.chat.history(room)?.messages ?? []), ...(last ? [last] : [])];
    return stored.findLast((message) => message.client_id === key && message.sender === me.id)?.id ?? '';
  }

  /** The refused ones go again. @param {string} key */
  retry(key) {
    for (const change of this.#of(key)) if (change.state === 'failed') this.#save({ ...change, at: Date.now(), state: 'pending' });
    void this.pump();
  }

  /** Forgets what was wanted of a message. @param {string} key @param {(change: Change) => boolean} [which] */
  drop(key, which = () => true) {
    for (const change of this.#of(key).filter(which)) this.#remove(change);
  }

  /** Drops what another tab has dealt with. @param {string} name */
  forget(name) {
    const change = this.#changes.get(name);
    if (change) this.#remove(change);
  }

  /** The server has this message of mine: what waited for it can go. @param {Message} message */
  met(message) {
    for (const change of this.#of(message.client_id)) {
      if (message.deleted) this.#remove(change);
      else if (!change.id) this.#save({ ...change, id: message.id });
    }
    void this.pump();
  }

  /** Nobody is there any more to think again: what is to be deleted is deleted now. */
  settle() {
    for (const change of this.#changes.values()) {
      if (change.kind !== 'delete' || change.at <= Date.now()) continue;
      const now = { ...change, at: 0 };
      this.#save(now);
      if (now.id) void this.#do(now);
    }
  }

  /** There is a connection again. */
  connected() {
    this.#notBefore = 0;
    void this.pump();
  }

  /** The session is over. */
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Asks for what is due, one after the other. */
  async pump() {
    if (this.#pumping) return;
    this.#pumping = true;
    for (let next = this.#next(); next; next = this.#next()) await this.#do(next);
    this.#pumping = false;
    clearTimeout(this.#timer);
    const waiting = [...this.#changes.values()].filter((one) => one.state === 'pending' && one.id && !this.#asked.has(one));
    const due = Math.max(Math.min(...waiting.map(({ at }) => at)), this.#notBefore) - Date.now();
    if (due < Infinity && !this.#stopped) this.#timer = setTimeout(() => void this.pump(), Math.max(due, 0));
  }

  #next() {
    const now = Date.now();
    if (this.#stopped || now < this.#notBefore) return undefined;
    return [...this.#changes.values()].find((one) => one.state === 'pending' && one.id && one.at <= now && !this.#asked.has(one));
  }

  /** @param {Change} change */
  async #do(change) {
    this.#asked.add(change);
    this.chat.emit('room', change.room); // too late to undo it
    try {
      await this.chat.change(change);
      this.#refusals = 0;
      this.#done(change);
    } catch (problem) {
      this.#refused(change, problem);
    } finally {
      this.#asked.delete(change);
    }
  }

  /** Unless something else is wanted by now. @param {Change} change */
  #done(change) {
    if (this.#changes.get(nameOf(change)) === change) this.#remove(change);
  }

  /** @param {Change} change @param {unknown} problem */
  #refused(change, problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.temporary || problem.status === 401) {
      this.#refusals += 1;
      const wait = Math.min(1000 * 2 ** (this.#refusals - 1), LONGEST_PAUSE);
      this.#notBefore = Date.now() + Math.max(wait, problem.retryAfter * 1000);
    } else if (change.kind === 'edit' || (change.kind === 'delete' && problem.status !== 404)) {
      if (this.#changes.get(nameOf(change)) === change) this.#save({ ...change, state: 'failed', detail: problem.message });
    } else {
      this.#done(change); // what is not there needs no deleting
      if (problem.status !== 404) this.chat.emit('refused', problem.message);
    }
  }

  /** @param {string} key */
  #of(key) {
    return [...this.#changes.values()].filter((change) => change.key === key);
  }

  /** @param {Change} change */
  #remove(change) {
    this.#changes.delete(nameOf(change));
    this.store.remove(nameOf(change));
    this.chat.emit('room', change.room);
  }

  /** @param {Change} change */
  #save(change) {
    this.#changes.set(nameOf(change), change);
    this.store.set(nameOf(change), change);
    this.chat.emit('room', change.room);
  }
}

/** @param {any} value @returns {value is Change} */
function isChange(value) {
  return ['room', 'key', 'id', 'kind', 'what'].every((name) => typeof value?.[name] === 'string')
    && typeof value.at === 'number' && (value.state === 'pending' || value.state === 'failed');
}
