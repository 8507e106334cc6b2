import { lastSeen } from './time.js';

/** Who of the others is online, as far as the server has told since the connection stands. */
export class Presence {
  /** When each was last seen; nothing while they are online. @type {Map<string, string | null>} */
  #told = new Map();

  /** @param {string} user @param {boolean} online @param {string | null} last_seen */
  take(user, online, last_seen) {
    if (online || last_seen) this.#told.set(user, online ? null : last_seen);
    else this.#told.delete(user);
  }

  /** Nothing is known any more. */
  clear() {
    this.#told.clear();
  }

  /** @param {string} user */
  isOnline(user) {
    return this.#told.get(user) === null;
  }

  /** `online`, `last seen at 14:05`, or nothing. @param {string} user @param {Date} now */
  words(user, now) {
    const told = this.#told.get(user);
    if (told === null) return 'online';
    return told ? lastSeen(new Date(told), now) : '';
  }
}
