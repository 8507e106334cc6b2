// Taking away all that is stored about oneself. A plain link fetches it, since only then the browser
// writes it to the disk as it comes; what hinders it, the server says in the address of this page.

import { Problem, call } from '../lib/api.js';
import { find, findHtml, part } from '../lib/dom.js';
import { takeWord } from '../lib/page.js';
import { sentence } from '../models/export.js';

export class DataSection {
  /** @param {() => void} signIn */
  constructor(signIn) {
    this.signIn = signIn;
    this.section = findHtml(document, '#data');
    this.notice = part(this.section, 'notice');
    this.link = find(document, '#export', HTMLAnchorElement);
    this.link.addEventListener('click', (event) => {
      event.preventDefault();
      void this.#download();
    });
    this.section.hidden = false;
    this.#explain();
  }

  /** Who was sent back here wants to know why. */
  #explain() {
    const wait = Number(takeWord('wait')) || 0;
    const said = sentence(takeWord('export'), wait);
    if (!said) return;
    this.#say(said, 'error');
    this.section.scrollIntoView({ block: 'center' });
  }

  async #download() {
    this.notice.hidden = true;
    try {
      // Nobody is shown a bare error for having been signed out meanwhile.
      await call('GET', '/api/me');
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 401) this.signIn();
      else this.#say(problem.message, 'error');
      return;
    }
    this.#say('Your browser downloads it now. A long history takes a while.', 'done');
    location.assign(this.link.href);
  }

  /** @param {string} text @param {"error" | "done"} kind */
  #say(text, kind) {
    this.notice.textContent = text;
    this.notice.dataset.kind = kind;
    this.notice.hidden = false;
  }
}
