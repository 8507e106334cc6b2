/** @import {Mail} from '../lib/types.js' */
import { Problem, call } from '../lib/api.js';
import { clone, find, findHtml, part } from '../lib/dom.js';
import { clock, full } from '../models/time.js';
import { richText } from '../views/rich-text.js';

const REFRESH = 2000;
const list = findHtml(document, '#mails');
const status = findHtml(document, '#status');
let shown = '';

/** @param {Mail} mail */
function drawMail(mail) {
  const item = clone('t-mail');
  part(item, 'subject').textContent = mail.subject;
  part(item, 'to').textContent = mail.to;
  part(item, 'text').replaceChildren(...richText(mail.text));
  const time = find(item, 'time', HTMLTimeElement);
  const at = new Date(mail.sent_at);
  time.dateTime = mail.sent_at;
  time.title = full(at);
  time.textContent = clock(at);
  return item;
}

async function refresh() {
  if (document.visibilityState === 'hidden') return;
  try {
    /** @type {Mail[]} */
    const mails = await call('GET', '/dev/mailbox.json');
    const state = JSON.stringify(mails);
    if (state === shown) return;
    shown = state;
    list.replaceChildren(...mails.map(drawMail));
    status.textContent = mails.length ? '' : 'No mail yet. Sign up, and the code arrives here.';
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    status.textContent = problem.status === 404 ? 'This server sends real mail; it has no development mailbox.' : problem.message;
    shown = '';
  }
}

document.addEventListener('visibilitychange', () => void refresh());
setInterval(() => void refresh(), REFRESH);
void refresh();
