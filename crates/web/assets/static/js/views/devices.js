/** @import {Session} from '../lib/types.js' */
import { Problem, call } from '../lib/api.js';
import { clone, findHtml, part } from '../lib/dom.js';
import { deviceName } from '../models/device.js';
import { full, when } from '../models/time.js';
import { confirm } from './confirm.js';

/**
 * Where one is signed in, each with a way to end it.
 * @param {() => void} signOut what ends the session in use, with all that this browser keeps
 */
export async function showDevices(signOut) {
  const section = findHtml(document, '#devices');
  const [notice, list] = [part(section, 'notice'), part(section, 'list')];
  const endOthers = part(section, 'end-others');

  /** @param {string} text @param {'error' | 'done'} kind */
  function say(text, kind) {
    notice.dataset.kind = kind;
    notice.textContent = text;
    notice.hidden = false;
  }

  async function draw() {
    /** @type {{sessions: Session[]}} */
    const { sessions } = await call('GET', '/api/sessions');
    list.replaceChildren(...sessions.map(row));
    endOthers.hidden = sessions.length < 2;
  }

  /** Ends some, shows what is left and says so; focus goes to where reading goes on. */
  async function end(/** @type {string} */ path, /** @type {string} */ done) {
    try {
      await call('DELETE', path).catch(unlessGone);
      await draw();
      say(done, 'done');
      findHtml(section, 'h2').focus();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 401) location.replace('/login/?next=/profile/');
      else say(problem.message, 'error');
    }
  }

  /** @param {Session} session */
  function row(session) {
    const item = clone('t-device');
    const name = deviceName(session);
    part(item, 'name').textContent = name;
    part(item, 'address').textContent = session.address;
    part(item, 'current').hidden = !session.current;
    const [now, used] = [new Date(), new Date(session.last_used_at)];
    part(item, 'used').textContent = session.current ? 'In use now' : `Last used ${when(used, now)}`;
    part(item, 'used').title = full(used);
    const created = part(item, 'created');
    created.setAttribute('datetime', session.created_at);
    created.title = full(new Date(session.created_at));
    created.textContent = when(new Date(session.created_at), now);
    const button = part(item, 'end');
    button.setAttribute('aria-label', `Sign out ${name}${session.current ? ', this device' : ''}`);
    button.addEventListener('click', () => {
      if (session.current) signOut();
      else void end(`/api/sessions/${session.id}`, `${name} is signed out.`);
    });
    return item;
  }

  endOthers.addEventListener('click', async () => {
    const explanation = 'Every browser but this one has to sign in again.';
    if (!(await confirm('Sign out all others?', explanation, 'Sign out all others'))) return;
    await end('/api/sessions', 'All others are signed out.');
  });

  try {
    await draw();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    say(problem.message, 'error');
  }
  section.hidden = false;
  if (location.hash === '#devices') section.scrollIntoView();
}

/** One that is gone already needs no ending. @param {unknown} problem */
function unlessGone(problem) {
  if (!(problem instanceof Problem) || problem.status !== 404) throw problem;
}
