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

/** What is lost by signing out, in words; nothing if nothing is. @param {LocalStore} store */
function lossOf(store) {
  const { messages, drafts } = store.unsent;
  const count = (/** @type {number} */ n, /** @type {string} */ what) => (n ? [`${n} ${what}${n === 1 ? '' : 's'}`] : []);
  return [...count(messages, 'unsent message'), ...count(drafts, 'draft')].join(' and ');
}

/** @param {User} me */
async function signOut(me) {
  const store = new LocalStore(me.id, localStorage);
  const loss = lossOf(store);
  if (loss && !(await confirm('Sign out?', `This deletes ${loss} from this browser.`, 'Sign out'))) return;
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
