// Linking one's account with Google, and unlinking it.

/** @import {User} from '../lib/types.js' */
import { Problem, call } from '../lib/api.js';
import { find, findHtml, part } from '../lib/dom.js';
import { takeWord } from '../lib/page.js';
import { sentence } from '../models/google.js';
import { confirm } from './confirm.js';

export class GoogleSection {
  /** @param {User} me @param {() => void} signIn */
  constructor(me, signIn) {
    this.me = me;
    this.signIn = signIn;
    this.section = findHtml(document, '#google');
    this.notice = part(this.section, 'notice');
    this.unlink = find(document, '#unlink-google', HTMLButtonElement);
    /** Only where signing in with Google is set up. */
    this.link = document.querySelector('#link-google');
    this.unlink.addEventListener('click', () => void this.#unlink());
    this.link?.addEventListener('click', () => void this.#run(() => this.#leave()));
    this.#show();
    this.#welcomeBack();
  }

  #show() {
    const linked = this.me.google_linked ?? false;
    this.section.hidden = !linked && !this.link;
    this.unlink.hidden = !linked;
    if (this.link instanceof HTMLElement) this.link.hidden = linked;
    findHtml(document, '#google-state').textContent = linked
      ? 'Linked. You can sign in with Google.'
      : 'Not linked. Link it to sign in without typing your password.';
  }

  /** Who comes back from Google wants to know what became of it. */
  #welcomeBack() {
    const word = takeWord('google');
    const said = sentence(word);
    if (word === 'linked' && this.me.google_linked) this.#say('Your account is linked with Google.', 'done');
    else if (said) this.#say(said);
    else return;
    this.section.scrollIntoView({ block: 'center' });
  }

  async #leave() {
    const { url } = await call('POST', '/api/me/google');
    location.assign(url);
  }

  async #unlink() {
    if (!(await confirm('Unlink Google?', 'From then on you sign in with your password.', 'Unlink'))) return;
    await this.#run(async () => {
      const { google_linked } = await call('DELETE', '/api/me/google');
      this.me.google_linked = google_linked;
      this.#show();
      this.#say('Your account is no longer linked with Google.', 'done');
    });
  }

  /** @param {() => Promise<void>} work */
  async #run(work) {
    this.notice.hidden = true;
    try {
      await work();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 401) this.signIn();
      else if (problem.code === 'password_needed') this.#say('Set a password first: without Google you could not sign in any more.');
      else this.#say(problem.message);
    }
  }

  /** @param {string} text @param {"error" | "done"} [kind] */
  #say(text, kind = 'error') {
    this.notice.textContent = text;
    this.notice.dataset.kind = kind;
    this.notice.hidden = false;
  }
}
