// What one lets others see: switches that are saved at once, each by itself.

import { Problem, call } from '../lib/api.js';
import { find, findHtml, part } from '../lib/dom.js';

/** @typedef {"read_receipts" | "presence"} Name */
/** @type {Name[]} */
const NAMES = ['read_receipts', 'presence'];

export class PrivacySection {
  /** What the server has. @type {Record<Name, boolean>} */
  #stored = { read_receipts: true, presence: true };
  /** What is being saved. @type {Set<Name>} */
  #saving = new Set();

  /** @param {() => void} signIn */
  constructor(signIn) {
    this.signIn = signIn;
    this.section = findHtml(document, '#privacy');
    this.notice = part(this.section, 'notice');
    for (const name of NAMES) this.#input(name).addEventListener('change', () => void this.#save(name));
    // It may have been changed elsewhere while nobody looked.
    document.addEventListener('visibilitychange', () => void this.#lookAgain());
  }

  /** @throws {Problem} */
  async load() {
    const stored = await call('GET', '/api/me/privacy');
    for (const name of NAMES) {
      // What is being saved is newer, or about to be.
      if (!this.#saving.has(name)) this.#input(name).checked = this.#stored[name] = stored[name];
    }
    this.section.hidden = false;
  }

  async #lookAgain() {
    if (document.visibilityState !== 'visible' || this.section.hidden) return;
    try {
      await this.load();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 401) this.signIn();
    }
  }

  /** Until what is stored is what is wanted, however often that changes meanwhile. @param {Name} name */
  async #save(name) {
    if (this.#saving.has(name)) return;
    const [input, saved] = [this.#input(name), part(this.section, `${name}-saved`)];
    this.#saving.add(name);
    this.notice.hidden = true;
    saved.textContent = '';
    try {
      while (input.checked !== this.#stored[name]) {
        const stored = await call('PATCH', '/api/me/privacy', { [name]: input.checked });
        this.#stored[name] = stored[name];
      }
      saved.textContent = 'Saved';
    } catch (problem) {
      input.checked = this.#stored[name];
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 401) this.signIn();
      else this.#say(problem);
    } finally {
      this.#saving.delete(name);
    }
  }

  /** @param {Problem} problem */
  #say({ status, retryAfter, message }) {
    const again = status === 429 && retryAfter ? `Too many changes. Please wait ${retryAfter} s.` : message;
    this.notice.textContent = `Not saved. ${again}`;
    this.notice.hidden = false;
  }

  /** @param {Name} name */
  #input(name) {
    return find(document, `#${name}`, HTMLInputElement);
  }
}
