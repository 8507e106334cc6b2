/** @import {User} from '../lib/types.js' */
import { Problem, call } from '../lib/api.js';
import { find, findHtml } from '../lib/dom.js';
import { LocalStore } from '../models/local-store.js';
import { displayName } from '../models/person.js';
import { full, longDate } from '../models/time.js';
import { drawAvatar } from '../views/avatar.js';
import { showBlocked } from '../views/blocked-people.js';
import { confirm } from '../views/confirm.js';
import { showDevices } from '../views/devices.js';

const notice = findHtml(document, '#notice');
const button = find(document, '#sign-out', HTMLButtonElement);

/** @param {User} me */
function draw(me) {
  drawAvatar(findHtml(document, '#avatar'), me);
  findHtml(document, '#name').textContent = displayName(me);
  findHtml(document, '#username').textContent = `@${me.username}`;
  findHtml(document, '#email').textContent = me.email ?? '';
  const joined = find(document, '#joined', HTMLTimeElement);
  const at = new Date(me.joined_at);
  joined.dateTime = me.joined_at;
  joined.title = full(at);
  joined.textContent = longDate(at);
  findHtml(document, '#loading').hidden = true;
  findHtml(document, '#profile').hidden = false;
}

/** Asks before what was never sent is lost. @param {LocalStore} store */
async function mayWipe(store) {
  const { messages, changes, drafts } = store.unsent;
  const counts = [count(messages, 'unsent message'), count(changes, 'unsent change'), count(drafts, 'draft')];
  const losses = counts.filter(Boolean);
  if (losses.length === 0) return true;
  const one = messages + changes + drafts === 1 ? 'it' : 'them';
  const list = losses.join(', ').replace(/, ([^,]*)$/, ' and $1');
  const explanation = `Only this browser has ${list}. Signing out deletes ${one} for good.`;
  return confirm('Sign out?', explanation, `Sign out and lose ${one}`, 'Stay');
}

/** @param {number} n @param {string} what */
const count = (n, what) => (n ? `${n} ${what}${n === 1 ? '' : 's'}` : '');

/** @param {User} me */
async function signOut(me) {
  const store = new LocalStore(me.id, localStorage);
  if (!(await mayWipe(store))) return;
  button.disabled = true;
  try {
    await call('POST', '/api/logout');
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status !== 401) {
      button.disabled = false;
      say(problem.message);
      return;
    }
  }
  store.wipe();
  void navigator.clearAppBadge?.().catch(() => undefined);
  location.replace('/');
}

/** @param {string} text */
function say(text) {
  notice.textContent = text;
  notice.hidden = false;
}

try {
  const me = await call('GET', '/api/me');
  draw(me);
  button.addEventListener('click', () => void signOut(me));
  await Promise.all([showDevices(() => void signOut(me)), showBlocked(me)]);
} catch (problem) {
  if (!(problem instanceof Problem)) throw problem;
  if (problem.status === 401) location.replace('/login/?next=/profile/');
  else say(problem.message);
}
