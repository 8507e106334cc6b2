// What all forms share: one submission at a time, refusals beside the field they are about.

import { Problem } from '../lib/api.js';
import { find } from '../lib/dom.js';

/**
 * A form whose fields are `input#name` with a `#name-error` beside them, and a `[data-part="notice"]`
 * for what is about none of them.
 */
export class Form {
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #countdown;

  /**
   * @param {HTMLFormElement} form
   * @param {(values: Record<string, string>) => Promise<void>} submit
   */
  constructor(form, submit) {
    this.form = form;
    this.notice = find(form, '[data-part="notice"]', HTMLElement);
    this.button = find(form, 'button[type="submit"]', HTMLButtonElement);
    form.noValidate = true;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#run(submit);
    });
    for (const toggle of form.querySelectorAll('button[data-reveal]')) revealOnClick(form, toggle);
  }

  /** @returns {Record<string, string>} */
  get values() {
    return Object.fromEntries([...new FormData(this.form)].map(([name, value]) => [name, String(value)]));
  }

  /** @param {Record<string, string>} values */
  fill(values) {
    for (const input of this.form.querySelectorAll('input')) {
      if (values[input.name] !== undefined) input.value = values[input.name];
    }
  }

  /** @param {(values: Record<string, string>) => Promise<void>} submit */
  async #run(submit) {
    if (this.button.getAttribute('aria-disabled') === 'true') return;
    this.clear();
    if (!this.#complete()) return;
    this.#busy(true);
    try {
      await submit(this.values);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.show(problem);
    } finally {
      this.#busy(false);
    }
  }

  /** Whether every required field has something in it. */
  #complete() {
    const missing = [...this.form.querySelectorAll('input')].filter((input) => input.required && !input.value.trim());
    for (const input of missing) this.fieldError(input.name, 'Please fill this in.');
    missing[0]?.focus();
    return missing.length === 0;
  }

  /** The button keeps the focus while it waits, so it is not disabled outright. @param {boolean} busy */
  #busy(busy) {
    this.form.classList.toggle('busy', busy);
    if (!this.#countdown) this.button.setAttribute('aria-disabled', String(busy));
  }

  clear() {
    this.notice.hidden = true;
    for (const input of this.form.querySelectorAll('input')) {
      input.removeAttribute('aria-invalid');
      const error = this.form.querySelector(`#${input.name}-error`);
      if (error) error.textContent = '';
    }
  }

  /**
   * Says what was wrong where it was wrong, and takes the cursor there.
   * @param {Problem} problem
   */
  show(problem) {
    const known = problem.errors.filter((error) => this.#input(error.field));
    for (const error of known) this.fieldError(error.field, error.detail);
    const first = this.form.querySelector('[aria-invalid="true"]');
    if (first instanceof HTMLElement) first.focus();
    else if (problem.status === 429 && problem.retryAfter) this.#waitFor(problem.retryAfter);
    else this.say(problem.message);
  }

  /** @param {string} name @param {string} text */
  fieldError(name, text) {
    const input = this.#input(name);
    const error = this.form.querySelector(`#${name}-error`);
    if (!input || !error) return;
    input.setAttribute('aria-invalid', 'true');
    error.textContent = text;
  }

  /** @param {string} name */
  #input(name) {
    return this.form.querySelector(`input[name="${CSS.escape(name)}"]`);
  }

  /** @param {string} text @param {"error" | "done"} [kind] */
  say(text, kind = 'error') {
    this.notice.textContent = text;
    this.notice.dataset.kind = kind;
    this.notice.hidden = false;
  }

  /** @param {number} seconds */
  #waitFor(seconds) {
    const until = Date.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      if (left > 0) {
        this.say(`Too many tries. Please wait ${left} s.`);
        return;
      }
      clearInterval(this.#countdown);
      this.#countdown = undefined;
      this.button.removeAttribute('aria-disabled');
      this.notice.hidden = true;
    };
    this.button.setAttribute('aria-disabled', 'true');
    clearInterval(this.#countdown);
    this.#countdown = setInterval(tick, 1000);
    tick();
  }
}

/** @param {HTMLFormElement} form @param {Element} toggle */
function revealOnClick(form, toggle) {
  const input = find(form, `#${toggle.getAttribute('data-reveal')}`, HTMLInputElement);
  toggle.addEventListener('click', () => {
    const reveal = input.type === 'password';
    input.type = reveal ? 'text' : 'password';
    toggle.textContent = reveal ? 'Hide' : 'Show';
    toggle.setAttribute('aria-label', reveal ? 'Hide password' : 'Show password');
  });
}
