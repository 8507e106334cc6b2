/** @import {Problem} from '../lib/api.js' */
// A field for a mailed code: digits only, however they come.

/** @param {string} text */
export const onlyDigits = (text) => text.replace(/\D/g, '');

/**
 * Keeps six digits and nothing else in the field. A code that comes in one piece, pasted or filled in
 * by the phone, needs no further press.
 * @param {HTMLInputElement} input
 */
export function takeDigits(input) {
  input.addEventListener('input', () => {
    const digits = onlyDigits(input.value).slice(0, 6);
    if (digits !== input.value) input.value = digits;
  });
  input.addEventListener('paste', (event) => {
    event.preventDefault();
    const digits = onlyDigits(event.clipboardData?.getData('text') ?? '').slice(0, 6);
    if (!digits) return;
    input.value = digits;
    if (digits.length === 6) input.form?.requestSubmit();
  });
}

/**
 * What to say of a code that was refused, and whether it is of no more use.
 * @param {Problem} problem
 * @returns {{words: string, spent: boolean} | null} `null` if the refusal is about something else
 */
export function refusedCode({ code, extra: { attempts_left: left } }) {
  switch (code) {
    case 'otp_invalid':
      if (left === 0) return { words: 'Not right, and that was the last try. Send a new code.', spent: true };
      if (typeof left !== 'number') return { words: 'Not right. Is it the newest mail?', spent: false };
      return { words: `Not right, ${left} ${left === 1 ? 'try' : 'tries'} left.`, spent: false };
    case 'otp_exhausted':
      return { words: 'This code has been tried too often. Send a new code.', spent: true };
    case 'otp_expired':
      return { words: 'This code has expired. Send a new code.', spent: true };
    default:
      return null;
  }
}
