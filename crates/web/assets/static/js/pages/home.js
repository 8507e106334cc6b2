import { call } from '../lib/api.js';
import { findHtml } from '../lib/dom.js';

// Whoever is signed in already wants in, not another sign-up.
try {
  await call('GET', '/api/me');
  for (const place of document.querySelectorAll('[data-signed-out]')) place.setAttribute('hidden', '');
  for (const place of document.querySelectorAll('[data-signed-in]')) place.removeAttribute('hidden');
} catch {
  // Signed out, or the server is busy: the page is right as it is.
} finally {
  findHtml(document, 'main').dataset.known = '';
}
