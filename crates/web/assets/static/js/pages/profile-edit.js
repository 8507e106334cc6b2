import { Problem, call } from '../lib/api.js';
import { find } from '../lib/dom.js';
import { Form } from '../views/form.js';

const form = new Form(find(document, 'form', HTMLFormElement), async ({ username, first_name, last_name }) => {
  try {
    const body = { username: username.trim(), first_name: first_name.trim(), last_name: last_name.trim() };
    form.fill(await call('PATCH', '/api/me', body));
    form.say('Saved', 'done');
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status === 401) signIn();
    if (problem.code === 'username_taken') form.fieldError('username', 'This name is taken. Please choose another.');
    throw problem;
  }
});

const signIn = () => location.assign('/login/?next=/profile/edit/');

try {
  form.fill(await call('GET', '/api/me'));
  find(document, 'fieldset', HTMLFieldSetElement).disabled = false;
} catch (problem) {
  if (!(problem instanceof Problem)) throw problem;
  if (problem.status === 401) signIn();
  else form.show(problem);
}
