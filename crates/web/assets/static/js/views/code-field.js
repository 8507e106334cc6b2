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
