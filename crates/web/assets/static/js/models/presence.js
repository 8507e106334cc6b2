/** @import {User} from '../lib/types.js' */
import { lastSeen } from './time.js';

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
