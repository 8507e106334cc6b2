// One's second factor: setting up an authenticator app, recovery codes, turning it off.

/** @import {SecondFactor, User} from '../lib/types.js' */
import { Problem, call } from '../lib/api.js';
import { element, find, findHtml, part } from '../lib/dom.js';
import { longDate } from '../models/time.js';
import { Form } from './form.js';
import { ProofFields } from './proof-fields.js';

/** What a proof is asked for, and what the button says. */
const ACTIONS = {
  begin: 'Continue',
  passkeys: 'Ask for a passkey',
  renew: 'Make new codes',
  off: 'Turn off',
};

export class TwoStepSection {
  #section = findHtml(document, '#two-step');
  /** @type {keyof typeof ACTIONS} */
  #action = 'begin';
  #setUp = '';
  #passkeys = false;
  /** @type {SecondFactor | null} */
  #state = null;

  /** @param {User} me @param {() => void} signIn */
  constructor(me, signIn) {
    this.me = me;
    this.signIn = signIn;
    this.proof = new Form(find(document, '#two-step-proof', HTMLFormElement), () => this.#act());
    this.app = new Form(find(document, '#two-step-app', HTMLFormElement), (values) => this.#confirm(values));
    this.fields = new ProofFields(this.proof);
    for (const button of this.#section.querySelectorAll('button[data-action]')) {
      button.addEventListener('click', () => this.#ask(/** @type {keyof typeof ACTIONS} */ (button.getAttribute('data-action'))));
    }
    for (const back of this.#section.querySelectorAll('button[data-back]')) {
      back.addEventListener('click', () => this.#rest());
    }
    part(this.#section, 'copy').addEventListener('click', () => void this.#copy());
    part(this.#section, 'kept').addEventListener('click', () => this.#rest('Two-step sign-in is on.'));
  }

  async load() {
    const [state, { passkeys }] = await Promise.all([call('GET', '/api/me/second-factor'), call('GET', '/api/me/passkeys')]);
    this.#state = state;
    this.#passkeys = passkeys.length > 0;
    this.#rest();
    this.#section.hidden = false;
  }

  /** Shows one part of the card, and the others not. @param {'choices' | 'proof' | 'app' | 'recovery'} what */
  #show(what) {
    part(this.#section, 'state').hidden = what === 'app' || what === 'recovery';
    part(this.#section, 'choices').hidden = what !== 'choices';
    this.proof.form.hidden = what !== 'proof';
    this.app.form.hidden = what !== 'app';
    part(this.#section, 'recovery').hidden = what !== 'recovery';
  }

  /** Nothing is under way. @param {string} [said] what just happened */
  #rest(said) {
    this.#setUp = '';
    for (const secret of this.#section.querySelectorAll('[data-part="secret"], [data-part="codes"]')) secret.replaceChildren();
    this.proof.form.reset();
    this.app.form.reset();
    const { required, since, app, recovery_codes_left: left } = this.#state ?? { required: false, since: null, app: false, recovery_codes_left: 0 };
    const asked = app ? 'a code of your app' + (this.#passkeys ? ' or a passkey' : '') : 'a passkey';
    part(this.#section, 'state').textContent = required
      ? `On since ${longDate(new Date(since ?? ''))}. Signing in asks for ${asked}. ${left} ${left === 1 ? 'recovery code is' : 'recovery codes are'} left.`
      : 'Off. With an authenticator app or a passkey, nobody gets in by your password alone.';
    const notice = part(this.#section, 'said');
    notice.hidden = !said;
    notice.dataset.kind = 'done';
    notice.textContent = said ?? '';
    for (const action of ['renew', 'off']) find(this.#section, `[data-action="${action}"]`, HTMLButtonElement).hidden = !required;
    find(this.#section, '[data-action="begin"]', HTMLButtonElement).textContent = app ? 'Set up another app' : 'Set up an app';
    find(this.#section, '[data-action="passkeys"]', HTMLButtonElement).hidden = required || !this.#passkeys;
    this.#show('choices');
    if (said) findHtml(document, '#two-step-heading').focus();
  }

  /** Asks for a proof. @param {keyof typeof ACTIONS} action */
  #ask(action) {
    this.#action = action;
    this.proof.clear();
    this.fields.show(this.me);
    this.proof.button.textContent = ACTIONS[action];
    this.proof.button.classList.toggle('danger', action === 'off');
    this.proof.button.classList.toggle('primary', action !== 'off');
    this.#show('proof');
    find(this.proof.form, '.field:not([hidden]) input', HTMLInputElement).focus();
  }

  async #act() {
    try {
      const { proof } = this.fields;
      if (this.#action === 'begin') this.#offer(await call('POST', '/api/me/second-factor/app', proof));
      else if (this.#action === 'renew') await this.#keep(await call('POST', '/api/me/second-factor/recovery-codes', proof));
      else if (this.#action === 'passkeys') await this.#keep(await call('POST', '/api/me/second-factor/passkeys', proof));
      else await this.#off(proof);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 401) this.signIn();
      this.fields.explain(problem);
      throw problem;
    }
  }

  /** Shows the secret to whoever sets up an app. @param {{secret: string, set_up: string, qr: {size: number, path: string}}} offer */
  #offer({ secret, set_up: setUp, qr }) {
    this.#setUp = setUp;
    this.proof.form.reset();
    const drawing = find(this.app.form, 'svg', SVGElement);
    drawing.setAttribute('viewBox', `0 0 ${qr.size} ${qr.size}`);
    find(drawing, 'path', SVGElement).setAttribute('d', qr.path);
    part(this.app.form, 'secret').textContent = (secret.match(/.{4}/g) ?? [secret]).join(' ');
    this.app.clear();
    this.#show('app');
    find(this.app.form, 'input', HTMLInputElement).focus();
  }

  /** @param {Record<string, string>} values */
  async #confirm({ app_code: code }) {
    try {
      await this.#keep(await call('POST', '/api/me/second-factor/app/confirm', { set_up: this.#setUp, app_code: code }));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 401) this.signIn();
      if (problem.code === 'second_factor_invalid') this.app.fieldError('app_code', 'Not right. Is it the one that shows now?');
      throw problem;
    }
  }

  /** Shows codes for the only time. @param {{recovery_codes: string[]}} codes */
  async #keep({ recovery_codes: codes }) {
    part(this.#section, 'codes').replaceChildren(...codes.map((code) => element('li', code)));
    part(this.#section, 'copy').textContent = 'Copy';
    part(this.#section, 'said').hidden = true;
    this.app.form.reset();
    this.#show('recovery');
    findHtml(document, '#recovery-heading').focus();
    // The codes are in view by now, whatever comes of this.
    this.#state = await call('GET', '/api/me/second-factor').catch(() => this.#state);
  }

  /** @param {object} proof */
  async #off(proof) {
    await call('DELETE', '/api/me/second-factor', proof);
    this.#state = null;
    this.#rest('Two-step sign-in is off.');
  }

  async #copy() {
    const codes = [...part(this.#section, 'codes').children].map((code) => code.textContent);
    const button = part(this.#section, 'copy');
    try {
      await navigator.clipboard.writeText(codes.join('\n'));
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Please copy by hand';
    }
  }
}
