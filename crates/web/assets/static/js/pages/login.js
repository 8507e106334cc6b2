import { Problem, call } from '../lib/api.js';
import { find, findHtml } from '../lib/dom.js';
import { afterSignIn, carryNext, onTheWay, takeWord, wanted } from '../lib/page.js';
import { deviceRefusal, passkeysWork, usePasskey } from '../lib/passkey.js';
import { sentence } from '../models/google.js';
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
      askForMore(problem.extra.second_factors ?? []);
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

/** Shows the second step. @param {string[]} kinds what will do */
function askForMore(kinds) {
  const [app, passkey] = [kinds.includes('app'), kinds.includes('passkey') && passkeysWork()];
  findHtml(document, '#code-hint').textContent = app
    ? 'Type the code that your authenticator app shows. Without the app, one of your recovery codes will do.'
    : 'Without your passkey, one of your recovery codes will do.';
  const button = find(second.form, '[data-passkey]', HTMLButtonElement);
  button.hidden = !passkey;
  show(true);
  if (passkey && !app) button.focus();
  else find(document, '#code', HTMLInputElement).focus();
}

/** Shows the second step, or the first. @param {boolean} more */
function show(more) {
  form.form.hidden = more;
  second.form.hidden = !more;
  findHtml(document, '#other-ways').hidden = more;
  findHtml(document, '#heading').textContent = more ? 'One more step' : 'Sign in';
}

function showFirst() {
  show(false);
  find(document, '#login', HTMLInputElement).focus();
}

/** Signs in with a passkey; refusals are told in the form it was asked for in. @param {Form} asking */
async function byPasskey(asking) {
  why.hidden = true;
  asking.clear();
  try {
    const begun = await call('POST', '/api/login/passkey/options');
    const credential = await usePasskey(begun);
    await call('POST', '/api/login/passkey', { ceremony: begun.ceremony, credential });
  } catch (problem) {
    if (!(problem instanceof Problem)) asking.say(deviceRefusal(problem));
    else if (problem.code === 'passkey_invalid') asking.say('No account here knows this passkey.');
    else asking.show(problem);
    return;
  }
  location.replace(afterSignIn());
}

for (const asking of [form, second]) {
  const button = find(asking.form, '[data-passkey]', HTMLButtonElement);
  button.hidden = !passkeysWork();
  button.addEventListener('click', () => void byPasskey(asking));
}

/** @param {string} reason */
function beginAgain(reason) {
  second.clear();
  showFirst();
  form.say(reason);
}

find(document, '#begin-again', HTMLButtonElement).addEventListener('click', () => {
  second.form.reset();
  second.clear();
  form.clear();
  showFirst();
});

/** Whoever comes back from elsewhere may have the second step before them. */
async function goOn() {
  if (location.hash !== '#second-step') return;
  try {
    const { second_factors: kinds } = await call('GET', '/api/login/second-factor');
    askForMore(kinds);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status !== 404) form.show(problem);
  }
}

// Who was sent here, from a private page or from Google, should know why.
const said = sentence(takeWord('google'));
if (said) form.say(said);
else if (wanted() && location.hash !== '#second-step') why.hidden = false;
void goOn();
