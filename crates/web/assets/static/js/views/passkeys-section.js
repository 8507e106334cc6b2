// One's passkeys: making, naming and removing them.

/** @import {Passkey, User} from '../lib/types.js' */
import { Problem, call } from '../lib/api.js';
import { clone, find, findHtml, part } from '../lib/dom.js';
import { deviceRefusal, makePasskey, passkeysWork } from '../lib/passkey.js';
import { full, when } from '../models/time.js';
import { Form } from './form.js';
import { ProofFields } from './proof-fields.js';

export class PasskeysSection {
  #section = findHtml(document, '#passkeys');
  /** The one to be removed; none while one is made. @type {Passkey | null} */
  #leaving = null;

  /**
   * @param {User} me
   * @param {() => void} signIn
   * @param {() => Promise<void>} changed told when there is one more, or one less
   */
  constructor(me, signIn, changed) {
    this.me = me;
    this.signIn = signIn;
    this.changed = changed;
    this.form = new Form(find(document, '#passkey-proof', HTMLFormElement), (values) => this.#act(values));
    this.fields = new ProofFields(this.form);
    part(this.#section, 'add').addEventListener('click', () => this.#ask(null));
    find(this.form.form, '[data-back]', HTMLButtonElement).addEventListener('click', () => this.#rest());
  }

  async load() {
    /** @type {{available: boolean, passkeys: Passkey[]}} */
    const { available, passkeys } = await call('GET', '/api/me/passkeys');
    part(this.#section, 'list').replaceChildren(...passkeys.map((passkey) => this.#row(passkey)));
    part(this.#section, 'add').hidden = !available || !passkeysWork();
    this.#section.hidden = !available && passkeys.length === 0;
  }

  /** @param {Passkey} passkey */
  #row(passkey) {
    const item = clone('t-passkey');
    const [now, made] = [new Date(), new Date(passkey.created_at)];
    part(item, 'name').textContent = passkey.name;
    const created = part(item, 'created');
    created.setAttribute('datetime', passkey.created_at);
    created.title = full(made);
    created.textContent = when(made, now);
    const used = passkey.last_used_at && new Date(passkey.last_used_at);
    part(item, 'used').textContent = used ? `Last used ${when(used, now)}` : 'Never used';
    const remove = part(item, 'remove');
    remove.setAttribute('aria-label', `Remove ${passkey.name}`);
    remove.addEventListener('click', () => this.#ask(passkey));
    return item;
  }

  /** @param {Passkey | null} leaving */
  #ask(leaving) {
    this.#leaving = leaving;
    this.form.form.reset();
    this.form.clear();
    this.fields.show(this.me);
    part(this.#section, 'said').hidden = true;
    part(this.#section, 'choices').hidden = true;
    part(this.form.form, 'naming').hidden = leaving !== null;
    const name = find(this.form.form, '#passkey-name', HTMLInputElement);
    name.required = leaving === null;
    if (!leaving) name.value = 'This device';
    part(this.form.form, 'question').textContent = leaving ? `Remove “${leaving.name}”? It will no longer sign in.` : 'Your device asks you to confirm next.';
    this.form.button.textContent = leaving ? 'Remove' : 'Continue';
    this.form.button.classList.toggle('danger', leaving !== null);
    this.form.button.classList.toggle('primary', leaving === null);
    this.form.form.hidden = false;
    find(this.form.form, '.field:not([hidden]) input', HTMLInputElement).focus();
  }

  /** @param {string} [said] */
  #rest(said) {
    this.form.form.reset();
    this.form.form.hidden = true;
    part(this.#section, 'choices').hidden = false;
    const notice = part(this.#section, 'said');
    notice.hidden = !said;
    notice.dataset.kind = 'done';
    notice.textContent = said ?? '';
    if (said) findHtml(document, '#passkeys-heading').focus();
  }

  /** @param {Record<string, string>} values */
  async #act(values) {
    try {
      const done = this.#leaving ? await this.#remove(this.#leaving) : await this.#make(values['passkey-name']);
      if (!done) return;
      await this.load();
      await this.changed();
      this.#rest(done);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 401) this.signIn();
      this.fields.explain(problem);
      if (problem.errors.some((error) => error.field === 'name')) this.form.fieldError('passkey-name', 'A name has 1 to 50 characters.');
      throw problem;
    }
  }

  /** @param {string} name */
  async #make(name) {
    const begun = await call('POST', '/api/me/passkeys/options', this.fields.proof);
    let credential;
    try {
      credential = await makePasskey(begun);
    } catch (error) {
      this.form.say(deviceRefusal(error));
      return null;
    }
    await call('POST', '/api/me/passkeys', { ceremony: begun.ceremony, name: name.trim(), credential });
    return 'Your passkey is ready.';
  }

  /** @param {Passkey} passkey */
  async #remove(passkey) {
    await call('DELETE', `/api/me/passkeys/${passkey.id}`, this.fields.proof);
    return `“${passkey.name}” no longer signs in. You may delete it on its device, too.`;
  }
}
