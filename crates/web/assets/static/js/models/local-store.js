// What this browser keeps of somebody: drafts and messages that are not sent yet. Every item has a
// key of its own, so that two tabs never overwrite each other's.

/** @param {string} user */
const prefixOf = (user) => `sotto:${user}:`;

/** Storage that may be full or forbidden; losing it must never stop a conversation. */
export class LocalStore {
  /** Hears of every change that is made here. @type {(name: string) => void} */
  onChange = () => {};

  /**
   * @param {string} user
   * @param {Storage} storage
   */
  constructor(user, storage) {
    this.prefix = prefixOf(user);
    this.storage = storage;
  }

  /** @param {string} name @returns {any} */
  get(name) {
    try {
      return JSON.parse(this.storage.getItem(this.prefix + name) ?? 'null');
    } catch {
      return null;
    }
  }

  /** @param {string} name @param {unknown} value */
  set(name, value) {
    try {
      this.storage.setItem(this.prefix + name, JSON.stringify(value));
      this.onChange(name);
      return true;
    } catch {
      return false;
    }
  }

  /** @param {string} name */
  remove(name) {
    try {
      this.storage.removeItem(this.prefix + name);
      this.onChange(name);
    } catch {
      // Nothing to remove where nothing can be stored.
    }
  }

  /** The names that begin with `start`. @param {string} start */
  names(start) {
    const names = [];
    try {
      for (let i = 0; i < this.storage.length; i += 1) {
        const key = this.storage.key(i);
        if (key?.startsWith(this.prefix + start)) names.push(key.slice(this.prefix.length));
      }
    } catch {
      // No storage, no names.
    }
    return names;
  }

  /** What would be lost by `wipe`. */
  get unsent() {
    const count = (/** @type {string} */ start) => this.names(start).length;
    return { messages: count('outbox:'), changes: count('change:'), drafts: count('draft:') };
  }

  /** Forgets everything about this person. */
  wipe() {
    for (const name of this.names('')) this.remove(name);
  }
}
