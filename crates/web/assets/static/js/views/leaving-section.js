// Deleting one's account.

/** @import {User} from '../lib/types.js' */
import { Problem, call } from '../lib/api.js';
import { find, findHtml } from '../lib/dom.js';
import { LocalStore } from '../models/local-store.js';
import { confirm } from './confirm.js';
import { Form } from './form.js';
import { ProofFields } from './proof-fields.js';

export class LeavingSection {
  /** @param {User} me @param {() => void} signIn */
  constructor(me, signIn) {
    this.me = me;
    this.signIn = signIn;
    this.form = new Form(find(document, '#delete-account', HTMLFormElement), () => this.#delete());
    this.fields = new ProofFields(this.form);
    this.fields.show(me);
    findHtml(document, '#leaving').hidden = false;
  }

  async #delete() {
    const question = `Delete the account @${this.me.username}?`;
    if (!(await confirm(question, 'There is no way back.', 'Delete for good'))) return;
    try {
      await call('DELETE', '/api/me', this.fields.proof);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 401) this.signIn();
      this.fields.explain(problem);
      throw problem;
    }
    new LocalStore(this.me.id, localStorage).wipe();
    location.replace('/');
  }
}
