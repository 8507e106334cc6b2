import { Problem, call } from '../lib/api.js';
import { find, findHtml } from '../lib/dom.js';
import { afterSignIn, carryNext, onTheWay, wanted } from '../lib/page.js';
import { Form } from '../views/form.js';

carryNext();

const why = findHtml(document, '#why');

const form = new Form(find(document, '#sign-in', HTMLFormElement), async ({ login, password }) => {
  why.hidden = true;
  try {
    await call('POST', '/api/login', { login: login.trim(), password });
  } catch (problem) {
    if (problem instanceof Problem && problem.code === 'email_unverified') {
      location.assign(onTheWay('/verify-otp/'));
      return;
    }
    form.fill({ password: '' });
    if (problem instanceof Problem && problem.code === 'second_factor_required') {
      askForMore(true);
      return;
    }
    if (!(problem instanceof Problem) || problem.code !== 'invalid_credentials') throw problem;
    form.say('That name and password don’t go together.');
    find(form.form, '#password', HTMLInputElement).focus();
    return;
  }
  location.replace(afterSignIn());
});

const second = new Form(find(document, '#second-step', HTMLFormElement), async ({ code }) => {
  try {
    await call('POST', '/api/login/second-factor', { code });
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    second.fill({ code: '' });
    const left = problem.extra.attempts_left;
    if (problem.code === 'sign_in_expired') beginAgain('That took too long, or too many tries. Please sign in again.');
    else if (problem.code !== 'second_factor_invalid') throw problem;
    else if (left === 0) beginAgain('Not right, and that was the last try. Please sign in again.');
    else {
      second.fieldError('code', `Not right, ${left} ${left === 1 ? 'try' : 'tries'} left.`);
      find(second.form, '#code', HTMLInputElement).focus();
    }
    return;
  }
  location.replace(afterSignIn());
});

/** Shows the second step, or the first. @param {boolean} more */
function askForMore(more) {
  form.form.hidden = more;
  second.form.hidden = !more;
  findHtml(document, '#heading').textContent = more ? 'One more step' : 'Sign in';
  find(document, more ? '#code' : '#login', HTMLInputElement).focus();
}

/** @param {string} reason */
function beginAgain(reason) {
  second.clear();
  askForMore(false);
  form.say(reason);
}

find(document, '#begin-again', HTMLButtonElement).addEventListener('click', () => {
  second.form.reset();
  second.clear();
  form.clear();
  askForMore(false);
});

/** Whoever comes back from elsewhere may have the second step before them. */
async function goOn() {
  if (location.hash !== '#second-step') return;
  try {
    await call('GET', '/api/login/second-factor');
    askForMore(true);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status !== 404) form.show(problem);
  }
}

// Who was sent here from a private page should know why.
if (wanted()) why.hidden = false;
void goOn();
