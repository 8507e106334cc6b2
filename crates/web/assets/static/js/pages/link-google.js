/** @import {WaitingLink} from '../lib/types.js' */
import { Problem, call } from '../lib/api.js';
import { find, findHtml } from '../lib/dom.js';
import { carryNext, offerMailbox, wanted } from '../lib/page.js';
import { localPath, withNext } from '../models/next.js';
import { clock, countdown } from '../models/time.js';
import { onlyDigits, refusedCode, takeDigits } from '../views/code-field.js';
import { Form } from '../views/form.js';

const sections = ['#loading', '#waiting', '#nothing', '#unreachable'].map((id) => findHtml(document, id));
const input = find(document, '#code', HTMLInputElement);
const resend = find(document, '#resend', HTMLButtonElement);
const again = findHtml(document, '#again');

/** When another code may be asked for, by this browser's clock. */
let resendAt = 0;

const form = new Form(find(document, 'form', HTMLFormElement), async ({ code }) => {
  const digits = onlyDigits(code);
  if (digits.length !== 6) {
    refuse('The code has six digits.');
    return;
  }
  try {
    await call('POST', '/api/link-google', { code: digits });
  } catch (problem) {
    if (!(problem instanceof Problem) || !explain(problem)) throw problem;
    return;
  }
  location.replace(localPath(wanted(), '/profile/'));
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
    refuse(refused.words);
    return true;
  }
  switch (problem.code) {
    case 'not_found':
      show('#nothing');
      return true;
    case 'second_factor_required':
      location.replace(`${withNext('/login/', wanted() ?? '/profile/')}#second-step`);
      return true;
    case 'account_disabled':
      form.say('This account is disabled. Ask whoever runs this Sotto.');
      return true;
    default:
      return false;
  }
}

function draw() {
  const wait = (resendAt - Date.now()) / 1000;
  resend.disabled = wait > 0;
  resend.textContent = wait > 0 ? `Send again (${countdown(wait)})` : 'Send again';
}

/** @param {string} id */
function show(id) {
  for (const section of sections) section.hidden = `#${section.id}` !== id;
}

async function load() {
  /** @type {WaitingLink} */
  let waiting;
  try {
    waiting = await call('GET', '/api/link-google');
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    show(problem.status === 404 ? '#nothing' : '#unreachable');
    return;
  }
  findHtml(document, '#address').textContent = waiting.email;
  findHtml(document, '#expiry').textContent = `There is time until ${clock(new Date(waiting.expires_at))}.`;
  show('#waiting');
  input.focus();
}

async function sendAgain() {
  again.textContent = '';
  resendAt = Date.now() + 60_000;
  draw();
  try {
    await call('POST', '/api/link-google/resend');
    form.clear();
    input.value = '';
    input.focus();
    again.textContent = 'Sent. Use the newest mail; older codes no longer work.';
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    resendAt = problem.status === 429 ? Date.now() + (problem.retryAfter || 60) * 1000 : 0;
    if (problem.status === 429) again.textContent = 'A code was sent just now. It is still good.';
    else if (!explain(problem)) again.textContent = problem.message;
  }
  draw();
}

takeDigits(input);
resend.addEventListener('click', () => void sendAgain());
find(document, '#reload', HTMLButtonElement).addEventListener('click', () => void load());

carryNext();
void load();
void offerMailbox(findHtml(document, '#mailbox'));
setInterval(draw, 1000);
