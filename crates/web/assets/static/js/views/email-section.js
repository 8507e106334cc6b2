// Moving one's account to another address: a code proves that it is one's own.

/** @import {User} from '../lib/types.js' */
import { Problem, call } from '../lib/api.js';
import { find, findHtml } from '../lib/dom.js';
import { Form } from './form.js';
import { ProofFields } from './proof-fields.js';

export class EmailSection {
  /** @param {User} me @param {() => void} signIn */
  constructor(me, signIn) {
    this.me = me;
    this.signIn = signIn;
    this.ask = new Form(find(document, '#change-email', HTMLFormElement), (values) => this.#begin(values));
    this.prove = new Form(find(document, '#verify-email', HTMLFormElement), (values) => this.#verify(values));
    find(document, '#other-email', HTMLButtonElement).addEventListener('click', () => this.#asks(true));
    this.fields = new ProofFields(this.ask);
    this.#show();
    findHtml(document, '#address').hidden = false;
  }

  #show() {
    findHtml(document, '#email-now').textContent = this.me.email ?? '';
    this.fields.show(this.me);
  }

  /** @param {boolean} asks for an address, or else for the code */
  #asks(asks) {
    this.ask.form.hidden = !asks;
    this.prove.form.hidden = asks;
    find(document, asks ? '#email' : '#code', HTMLInputElement).focus();
  }

  /** @param {Record<string, string>} values */
  async #begin(values) {
    const email = values.email.trim();
    try {
      await call('POST', '/api/me/email', { email, ...this.fields.proof });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 401) this.signIn();
      this.fields.explain(problem);
      throw problem;
    }
    findHtml(document, '#email-new').textContent = email;
    this.prove.form.reset();
    this.#asks(false);
  }

  /** @param {Record<string, string>} values */
  async #verify({ code }) {
    try {
      this.me = await call('POST', '/api/me/email/verify', { code });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 401) this.signIn();
      const left = problem.extra.attempts_left;
      const tries = left ? ` ${left} ${left === 1 ? 'try' : 'tries'} left.` : '';
      if (problem.code.startsWith('otp_')) this.prove.fieldError('code', `${problem.message}.${tries}`);
      throw problem;
    }
    this.ask.form.reset();
    this.#show();
    this.#asks(true);
    this.ask.say('Your address is changed.', 'done');
  }
}
