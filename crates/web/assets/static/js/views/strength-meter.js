// A bar and a word for how hard a password looks to guess, while somebody types.

import { find } from '../lib/dom.js';
import { strengthOf } from '../models/strength.js';

/**
 * For each `[data-strength-of]` in a form, of the input with that id.
 * @param {HTMLFormElement} form
 * @param {() => string[]} [about] words that others know of its owner
 */
export function showStrength(form, about = () => []) {
  for (const place of form.querySelectorAll('[data-strength-of]')) {
    const input = find(form, `#${place.getAttribute('data-strength-of')}`, HTMLInputElement);
    const meter = document.createElement('meter');
    Object.assign(meter, { min: 0, max: 4, low: 2, high: 3, optimum: 4 });
    meter.setAttribute('aria-hidden', 'true');
    const word = document.createElement('span');
    place.append(meter, word);
    input.addEventListener('input', () => {
      const { score, label } = strengthOf(input.value, about());
      if (place instanceof HTMLElement) place.hidden = !input.value;
      meter.value = score;
      word.textContent = label;
    });
  }
}
