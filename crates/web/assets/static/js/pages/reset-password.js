import { Problem, call } from '../lib/api.js';
import { find, findHtml } from '../lib/dom.js';
import { Form } from '../views/form.js';
import { showStrength } from '../views/strength-meter.js';

// The token stands behind the `#`, which no server is told. Out of the address at once, so that it
// is neither in the history nor on a screen.
const token = location.hash.slice(1);
history.replaceState(null, '', location.pathname);

const form = new Form(find(document, 'form', HTMLFormElement), async ({ password }) => {
  try {
    await call('POST', '/api/password/reset', { token, password });
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.code !== 'reset_expired') throw problem;
    expire('This link no longer works. It may be too old, or used already.');
    return;
  }
  form.form.hidden = true;
  findHtml(document, '#done').hidden = false;
});
showStrength(form.form);

if (!token) expire('This page needs the link from the mail.');

/** @param {string} why */
function expire(why) {
  form.form.hidden = true;
  findHtml(document, '#again').hidden = false;
  findHtml(document, '#why').textContent = why;
}
