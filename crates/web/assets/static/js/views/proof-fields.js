// What somebody shows to confirm what they ask for: their password or, without one, a mailed code.

/** @import {User} from '../lib/types.js' */
import { Problem, call } from '../lib/api.js';
import { find, findHtml } from '../lib/dom.js';
import { Form } from './form.js';

/** The fields `[data-with="password"]` and `[data-with="code"]` of a form. */
export class ProofFields {
  /** @param {Form} form */
  constructor(form) {
    this.form = form;
    find(form.form, '[data-mail-code]', HTMLButtonElement).addEventListener('click', () => void this.#mailCode());
  }

  /** Who has no password is asked for a code. @param {User} me */
  show(me) {
    this.byPassword = me.has_password ?? true;
    for (const way of ['password', 'code']) {
      const field = findHtml(this.form.form, `[data-with="${way}"]`);
      field.hidden = (way === 'password') !== this.byPassword;
      find(field, 'input', HTMLInputElement).required = !field.hidden;
    }
  }

  /** What was typed, as the API takes it. */
  get proof() {
    const { value } = this.#input;
    return this.byPassword ? { password: value } : { code: value };
  }

  /** Says beside the field what is wrong with it. @param {Problem} problem */
  explain(problem) {
    const wrong = problem.code === 'wrong_password' || problem.code.startsWith('otp_');
    if (wrong) this.form.fieldError(this.#input.name, this.byPassword ? 'This is not your password.' : `${problem.message}.`);
  }

  get #input() {
    const way = this.byPassword ? 'password' : 'code';
    return find(this.form.form, `[data-with="${way}"] input`, HTMLInputElement);
  }

  async #mailCode() {
    try {
      await call('POST', '/api/me/code');
      this.form.say('A code is on its way to your address.', 'done');
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.form.show(problem);
    }
  }
}
