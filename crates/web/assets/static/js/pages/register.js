import { Problem, call } from '../lib/api.js';
import { find } from '../lib/dom.js';
import { carryNext, onTheWay, signUpDraft } from '../lib/page.js';
import { Form } from '../views/form.js';
import { showStrength } from '../views/strength-meter.js';

carryNext();

const form = new Form(find(document, 'form', HTMLFormElement), async (values) => {
  signUpDraft.save(values);
  const { username, email, password, first_name, last_name } = values;
  try {
    const body = { username: username.trim(), email: email.trim(), password, first_name: first_name.trim(), last_name: last_name.trim() };
    await call('POST', '/api/register', body);
  } catch (problem) {
    form.fill({ password: '' });
    if (!(problem instanceof Problem) || problem.code !== 'username_taken') throw problem;
    form.fieldError('username', 'This name is taken. Please choose another.');
    form.show(problem);
    return;
  }
  location.assign(onTheWay('/verify-otp/'));
});

form.fill(signUpDraft.read());
showStrength(form.form, () => {
  const { username, email } = form.values;
  return [username.trim(), email.trim(), email.split('@')[0]];
});
