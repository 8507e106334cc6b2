/** @import {User} from '../lib/types.js' */
import { lastSeen } from './time.js';

const TELL_EVERY = 3000;
const LASTS = 5000;

/**
 * Who of the others is online, as far as the server has told since the connection stands. Of a
 * deleted account nothing shows, whatever is told of its last sockets.
 */
export class Presence {
  /** When each was last seen; nothing while they are online. @type {Map<string, string | null>} */
  #told = new Map();

  /** @param {string} user @param {boolean} online @param {string | null} last_seen */
  take(user, online, last_seen) {
    if (online || last_seen) this.#told.set(user, online ? null : last_seen);
    else this.#told.delete(user);
  }

  /** Nothing is known of somebody any more. @param {string} user */
  forget(user) {
    this.#told.delete(user);
  }

  /** Nothing is known any more. */
  clear() {
    this.#told.clear();
  }

  /** @param {Pick<User, 'id' | 'deleted'>} person */
  isOnline({ id, deleted }) {
    return !deleted && this.#told.get(id) === null;
  }

  /** `online`, `last seen at 14:05`, or nothing. @param {Pick<User, 'id' | 'deleted'>} person @param {Date} now */
  words(person, now) {
    if (this.isOnline(person)) return 'online';
    const told = this.#told.get(person.id);
    return told && !person.deleted ? lastSeen(new Date(told), now) : '';
  }
}

/** In which rooms the other is writing, and when to tell them that I am. */
export class Typing {
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #writing = new Map();
  #toldRoom = '';
  #toldAt = 0;

  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
  }

  /** @param {string} room */
  isWriting(room) {
    return this.#writing.has(room);
  }

  /** The other is writing, for all that is known. @param {string} room */
  take(room) {
    clearTimeout(this.#writing.get(room));
    this.#writing.set(room, setTimeout(() => this.stop(room), LASTS));
    this.changed();
  }

  /** What was written has come, or did not. @param {string} room */
  stop(room) {
    clearTimeout(this.#writing.get(room));
    if (this.#writing.delete(room)) this.changed();
  }

  /** Nothing is known any more. */
  clear() {
    for (const room of this.#writing.keys()) this.stop(room);
  }

  /** I am writing. @param {string} room @returns {boolean} whether the other is to be told */
  tell(room) {
    const now = Date.now();
    if (room === this.#toldRoom && now - this.#toldAt < TELL_EVERY) return false;
    this.#toldRoom = room;
    this.#toldAt = now;
    return true;
  }

  /** What I wrote is sent: what I write next is told at once. */
  sent() {
    this.#toldRoom = '';
  }
}
