import { call } from '../lib/api.js';
import { find } from '../lib/dom.js';
import { Form } from '../views/form.js';

const form = new Form(find(document, 'form', HTMLFormElement), async ({ email }) => {
  await call('POST', '/api/password/forgot', { email: email.trim() });
  // The same words for everybody: who has an account is nobody's business.
  form.say('If this address has an account, a link is on its way. It may take a minute.', 'done');
});
