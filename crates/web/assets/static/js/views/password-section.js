// Changing one's password, or setting the first.

/** @import {User} from '../lib/types.js' */
import { Problem, call } from '../lib/api.js';
import { find, findHtml } from '../lib/dom.js';
import { Form } from './form.js';
import { showStrength } from './strength-meter.js';

export class PasswordSection {
  /** @param {User} me @param {() => void} signIn */
  constructor(me, signIn) {
    this.me = me;
    this.signIn = signIn;
    this.form = new Form(find(document, '#change-password', HTMLFormElement), (values) => this.#change(values));
    showStrength(this.form.form, () => [me.username, me.email ?? '', (me.email ?? '').split('@')[0]]);
    this.#show();
    findHtml(document, '#security').hidden = false;
  }

  /** Who has no password yet is not asked for it. */
  #show() {
    const has = this.me.has_password ?? true;
    findHtml(document, '#current-field').hidden = !has;
    find(document, '#current', HTMLInputElement).required = has;
    this.form.button.textContent = has ? 'Change password' : 'Set a password';
  }

  /** @param {Record<string, string>} values */
  async #change(values) {
    try {
      const current = this.me.has_password === false ? {} : { current: values.current };
      await call('POST', '/api/me/password', { ...current, new: values.new });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 401) this.signIn();
      if (problem.code === 'wrong_password') this.form.fieldError('current', 'This is not your password.');
      throw problem;
    }
    this.me.has_password = true;
    this.form.form.reset();
    this.#show();
    findHtml(document, '#new-strength').hidden = true;
    this.form.say('Your password is changed. All other browsers are signed out.', 'done');
  }
}
