/** @import {PendingSignUp} from '../lib/types.js' */
import { Problem, call, serverNow } from '../lib/api.js';
import { find, findHtml } from '../lib/dom.js';
import { afterSignIn, carryNext, offerMailbox, signUpDraft } from '../lib/page.js';
import { clock, countdown } from '../models/time.js';
import { onlyDigits, refusedCode, takeDigits } from '../views/code-field.js';
import { Form } from '../views/form.js';

const sections = ['#loading', '#waiting', '#nothing', '#unreachable'].map((id) => findHtml(document, id));
const input = find(document, '#code', HTMLInputElement);
const verify = findHtml(document, '#verify');
const resend = find(document, '#resend', HTMLButtonElement);
const again = findHtml(document, '#again');

/** @type {PendingSignUp | null} */
let pending = null;
/** Whether the code is of no more use, so that only a new one helps. */
let spent = false;

const form = new Form(find(document, 'form', HTMLFormElement), async ({ code }) => {
  if (!pending) return;
  const digits = onlyDigits(code);
  if (digits.length !== 6) {
    refuse('The code has six digits.');
    return;
  }
  try {
    await call('POST', '/api/verify-otp', { email: pending.email, code: digits });
  } catch (problem) {
    if (!(problem instanceof Problem) || !explain(problem)) throw problem;
    return;
  }
  signUpDraft.clear();
  location.replace(afterSignIn());
});

/** @param {string} text */
function refuse(text) {
  form.fieldError('code', text);
  input.focus();
  input.select();
}

/** Whether the refusal has been explained. @param {Problem} problem */
function explain(problem) {
  const refused = refusedCode(problem);
  if (refused) {
    (refused.spent ? spend : refuse)(refused.words);
    return true;
  }
  if (problem.code !== 'username_taken') return false;
  findHtml(document, '#taken').hidden = false;
  verify.hidden = true;
  return true;
}

/** @param {string} why */
function spend(why) {
  spent = true;
  input.value = '';
  form.clear();
  form.say(why);
  draw();
  if (!resend.disabled) resend.focus();
}

function draw() {
  if (!pending) return;
  const wait = (Date.parse(pending.resend_at) - serverNow()) / 1000;
  const expires = new Date(pending.expires_at);
  if (!spent && expires.getTime() <= serverNow()) spend('This code has expired. Send a new code.');
  findHtml(document, '#address').textContent = pending.email;
  findHtml(document, '#expiry').textContent = `The code is good until ${clock(expires)}.`;
  verify.classList.toggle('spent', spent);
  const label = spent ? 'Send a new code' : 'Send again';
  resend.disabled = wait > 0;
  resend.textContent = wait > 0 ? `${label} (${countdown(wait)})` : label;
  resend.classList.toggle('primary', spent);
}

/** @param {string} id */
function show(id) {
  for (const section of sections) section.hidden = `#${section.id}` !== id;
}

async function load() {
  try {
    pending = await call('GET', '/api/verify-otp');
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    show(problem.status === 404 ? '#nothing' : '#unreachable');
    return;
  }
  show('#waiting');
  spent = false;
  if (pending?.attempts_left === 0) spend('This code has been tried too often. Send a new code.');
  draw();
  if (!spent) input.focus();
}

async function sendAgain() {
  if (!pending) return;
  resend.disabled = true;
  again.textContent = '';
  try {
    await call('POST', '/api/resend-otp', { email: pending.email });
    form.clear();
    input.value = '';
    await load();
    again.textContent = 'Sent. Use the newest mail; older codes no longer work.';
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status === 429) pending.resend_at = new Date(serverNow() + (problem.retryAfter || 60) * 1000).toISOString();
    else form.show(problem);
    draw();
  }
}

takeDigits(input);
resend.addEventListener('click', () => void sendAgain());
find(document, '#reload', HTMLButtonElement).addEventListener('click', () => void load());

carryNext();
void load();
void offerMailbox(findHtml(document, '#mailbox'));
setInterval(draw, 1000);
