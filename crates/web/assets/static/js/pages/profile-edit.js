/** @import {User} from '../lib/types.js' */
import { Problem, call } from '../lib/api.js';
import { find } from '../lib/dom.js';
import { DataSection } from '../views/data-section.js';
import { EmailSection } from '../views/email-section.js';
import { Form } from '../views/form.js';
import { GoogleSection } from '../views/google-section.js';
import { LeavingSection } from '../views/leaving-section.js';
import { PasskeysSection } from '../views/passkeys-section.js';
import { PasswordSection } from '../views/password-section.js';
import { TwoStepSection } from '../views/two-step-section.js';
import { PrivacySection } from '../views/privacy-section.js';
import { PictureSection } from '../views/picture-section.js';

const form = new Form(find(document, '#names', HTMLFormElement), async ({ username, first_name, last_name }) => {
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
  /** @type {User} */
  const me = await call('GET', '/api/me');
  form.fill({ username: me.username, first_name: me.first_name, last_name: me.last_name });
  find(document, 'fieldset', HTMLFieldSetElement).disabled = false;
  new PictureSection(me, signIn);
  new PasswordSection(me, signIn);
  new GoogleSection(me, signIn);
  new EmailSection(me, signIn);
  new DataSection(signIn);
  new LeavingSection(me, signIn);
  const twoStep = new TwoStepSection(me, signIn);
  const passkeys = new PasskeysSection(me, signIn, () => twoStep.load());
  await Promise.all([twoStep.load(), passkeys.load(), new PrivacySection(signIn).load()]);
} catch (problem) {
  if (!(problem instanceof Problem)) throw problem;
  if (problem.status === 401) signIn();
  else form.show(problem);
}
