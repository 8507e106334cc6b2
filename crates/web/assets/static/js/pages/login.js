import { Problem, call } from '../lib/api.js';
import { find, findHtml } from '../lib/dom.js';
import { afterSignIn, carryNext, onTheWay, wanted } from '../lib/page.js';
import { Form } from '../views/form.js';

carryNext();

const why = findHtml(document, '#why');

const form = new Form(find(document, 'form', HTMLFormElement), async ({ login, password }) => {
  why.hidden = true;
  try {
    await call('POST', '/api/login', { login: login.trim(), password });
  } catch (problem) {
    if (problem instanceof Problem && problem.code === 'email_unverified') {
      location.assign(onTheWay('/verify-otp/'));
      return;
    }
    form.fill({ password: '' });
    if (!(problem instanceof Problem) || problem.code !== 'invalid_credentials') throw problem;
    form.say('That name and password don’t go together.');
    find(form.form, '#password', HTMLInputElement).focus();
    return;
  }
  location.replace(afterSignIn());
});

// Who was sent here from a private page should know why.
if (wanted()) why.hidden = false;
