import { clone, find, part } from '../lib/dom.js';
import { loadStyle } from './lazy.js';

const styled = loadStyle('dialog');

/**
 * Asks before something is lost.
 * @param {string} question
 * @param {string} explanation
 * @param {string} yes the words on the button that does it
 * @param {string} [no] those on the one that doesn’t
 * @returns {Promise<boolean>}
 */
export async function confirm(question, explanation, yes, no = 'Cancel') {
  await styled;
  const dialog = clone('t-confirm');
  if (!(dialog instanceof HTMLDialogElement)) throw new Error('t-confirm holds no dialog');
  part(dialog, 'question').textContent = question;
  part(dialog, 'explanation').textContent = explanation;
  const button = find(dialog, 'button[value="yes"]', HTMLButtonElement);
  button.textContent = yes;
  find(dialog, 'button[value="no"]', HTMLButtonElement).textContent = no;
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
  });
}
