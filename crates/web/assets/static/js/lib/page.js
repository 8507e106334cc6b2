// What the pages around the chat share.

import { localPath, withNext } from '../models/next.js';
import { call } from './api.js';

/** Where this visit wants to end up, if the address says so. */
export const wanted = () => new URLSearchParams(location.search).get('next');

/** Where to go once signed in. */
export const afterSignIn = () => localPath(wanted());

/** Another page, with the wish carried along. @param {string} path */
export const onTheWay = (path) => withNext(path, wanted());

/**
 * What became of a visit elsewhere, as the address says it, once: whoever reloads the page has read it.
 * @param {string} name
 */
export function takeWord(name) {
  const address = new URL(location.href);
  const word = address.searchParams.get(name);
  if (word === null) return null;
  address.searchParams.delete(name);
  history.replaceState(null, '', address);
  return word;
}

/** Lets the links between the sign-in pages carry the wish along. */
export function carryNext() {
  for (const link of document.querySelectorAll('a[data-carry-next]')) {
    const path = link.getAttribute('href');
    if (path) link.setAttribute('href', onTheWay(path));
  }
}

const SIGN_UP = 'sotto:sign-up';

/** What was typed to sign up, for coming back to it; never the password. */
export const signUpDraft = {
  /** @returns {Record<string, string>} */
  read() {
    try {
      return JSON.parse(sessionStorage.getItem(SIGN_UP) ?? '{}');
    } catch {
      return {};
    }
  },

  /** @param {Record<string, string>} values */
  save({ username, email, first_name, last_name }) {
    try {
      sessionStorage.setItem(SIGN_UP, JSON.stringify({ username, email, first_name, last_name }));
    } catch {
      // A convenience only.
    }
  },

  clear() {
    try {
      sessionStorage.removeItem(SIGN_UP);
    } catch {
      // A convenience only.
    }
  },
};

/** Shows the link to the development mailbox where there is one. @param {HTMLElement} link */
export async function offerMailbox(link) {
  if (!['localhost', '127.0.0.1', '[::1]'].includes(location.hostname)) return;
  try {
    await call('GET', '/dev/mailbox.json');
    link.hidden = false;
  } catch {
    // This server sends real mail.
  }
}
