/** @import {User} from '../lib/types.js' */
import { Problem, call } from '../lib/api.js';
import { clone, findHtml, part } from '../lib/dom.js';
import { LocalStore } from '../models/local-store.js';
import { displayName } from '../models/person.js';
import { drawAvatar } from './avatar.js';

/** Whom one blocks, each with a way to end it. @param {User} me */
export async function showBlocked(me) {
  const section = findHtml(document, '#blocked');
  const [notice, list, empty] = [part(section, 'notice'), part(section, 'list'), part(section, 'empty')];

  /** @param {string} text @param {'error' | 'done'} kind */
  function say(text, kind) {
    notice.dataset.kind = kind;
    notice.textContent = text;
    notice.hidden = false;
  }

  async function draw() {
    /** @type {{users: User[]}} */
    const { users } = await call('GET', '/api/blocks');
    list.replaceChildren(...users.map(row));
    empty.hidden = users.length > 0;
  }

  /** Shows who is left and says so; focus goes to where reading goes on. @param {User} user */
  async function unblock(user) {
    try {
      await call('DELETE', `/api/blocks/${encodeURIComponent(user.id)}`);
      new LocalStore(me.id, localStorage).set('people', Date.now()); // an open chat hears of it
      await draw();
      say(`${displayName(user)} is no longer blocked.`, 'done');
      findHtml(section, 'h2').focus();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 401) location.replace('/login/?next=/profile/');
      else say(problem.message, 'error');
    }
  }

  /** @param {User} user */
  function row(user) {
    const item = clone('t-blocked');
    drawAvatar(part(item, 'avatar'), user);
    part(item, 'name').textContent = displayName(user);
    part(item, 'username').textContent = `@${user.username}`;
    const button = part(item, 'unblock');
    button.setAttribute('aria-label', `Unblock ${displayName(user)}`);
    button.addEventListener('click', () => void unblock(user));
    return item;
  }

  try {
    await draw();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    say(problem.message, 'error');
  }
  section.hidden = false;
}
