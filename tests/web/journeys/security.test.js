import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findings } from './support/axe.js';
import { DESKTOP, PASSWORD, PHONE, Person, journey, launchBrowser } from './support/browser.js';
import { Server } from './support/server.js';

const NEW = 'velvet tractor plum';
const LOOKS = [
  { viewport: PHONE, colorScheme: 'light' },
  { viewport: DESKTOP, colorScheme: 'dark' },
];

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Server} */
let server;

before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), Server.start()]);
});
after(async () => {
  await browser.close();
  await server.stop();
});

/** The link mailed last to an address. */
async function link(email) {
  for (let tries = 0; tries < 100; tries += 1) {
    const mails = await (await fetch(`${server.url}/dev/mailbox.json`)).json();
    const mail = mails.find(({ to, subject }) => to === email && subject.startsWith('Choose a new password'));
    if (mail) return mail.text.match(/http\S+#\S+/)[0];
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no link was mailed to ${email}`);
}

async function check(page, where) {
  assert.deepEqual(await findings(page), [], where);
}

for (const look of LOOKS) {
  const at = `at ${look.viewport.width} px`;

  test(`a forgotten password is replaced through the pages ${at}`, async (t) => {
    const name = `fay${look.viewport.width}`;
    await server.createUser(name, PASSWORD);
    const fay = await Person.arrive(browser, server, name, look);
    await journey(t, [fay], async () => {
      const { page } = fay;
      await page.goto('/login/');
      await page.getByRole('link', { name: 'Forgot your password?' }).click();
      await page.getByLabel('Email').fill(fay.email);
      await page.getByRole('button', { name: 'Mail me a link' }).click();
      await page.getByText('a link is on its way').waitFor();
      await check(page, 'a link was mailed');

      const mailed = await link(fay.email);
      await page.goto(mailed);
      await page.waitForFunction(() => location.hash === '');
      const field = page.getByLabel('New password');
      await field.fill('password');
      await page.getByText('Easy to guess').waitFor();
      await page.getByRole('button', { name: 'Set password' }).click();
      await page.getByText('too easy to guess').waitFor();
      await check(page, 'a weak password was refused');
      await field.fill(NEW);
      await page.getByRole('button', { name: 'Set password' }).click();
      await page.getByText('Your password is set').waitFor();
      await check(page, 'the password is set');

      await page.goto('about:blank');
      await page.goto(mailed);
      await page.getByLabel('New password').fill(NEW);
      await page.getByRole('button', { name: 'Set password' }).click();
      await page.getByText('This link no longer works').waitFor();
      await check(page, 'the link was used');
      await page.goto('/reset-password/');
      await page.getByText('needs the link from the mail').waitFor();

      await page.goto('/login/');
      await page.getByLabel('Username or email').fill(fay.name);
      await page.getByLabel('Password', { exact: true }).fill(NEW);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.waitForURL('**/chat/**');
    });
  });

  test(`password and address are changed in the profile ${at}`, async (t) => {
    const name = `gil${look.viewport.width}`;
    await server.createUser(name, PASSWORD);
    const gil = await Person.arrive(browser, server, name, look);
    await journey(t, [gil], async () => {
      const { page } = gil;
      await gil.signIn();
      await page.goto('/profile/edit/');
      await page.getByLabel('Current password').fill('not my password');
      await page.getByLabel('New password').fill(NEW);
      await page.getByRole('button', { name: 'Change password' }).click();
      await page.getByText('This is not your password.').waitFor();
      await check(page, 'a wrong password');
      await page.getByLabel('Current password').fill(PASSWORD);
      await page.getByRole('button', { name: 'Change password' }).click();
      await page.getByText('Your password is changed').waitFor();

      const moved = `${name}@example.org`;
      await page.getByLabel('New email').fill(moved);
      await page.locator('#address').getByLabel('Your password').fill(NEW);
      await page.getByRole('button', { name: 'Mail a code to it' }).click();
      const code = page.getByLabel(/Code from the mail/);
      await code.waitFor();
      const mailed = await server.code(moved);
      await code.fill(mailed === '000000' ? '000001' : '000000');
      await page.getByRole('button', { name: 'Confirm' }).click();
      await page.getByText('2 tries left').waitFor();
      await check(page, 'a wrong code');
      await code.fill(mailed);
      await page.getByRole('button', { name: 'Confirm' }).click();
      await page.getByText('Your address is changed.').waitFor();
      assert.equal(await page.locator('#email-now').textContent(), moved);
      await check(page, 'the address is changed');
    });
  });

  test(`an account is deleted and the other page shows it ${at}`, async (t) => {
    const [name, other] = [`hal${look.viewport.width}`, `ida${look.viewport.width}`];
    await Promise.all([server.createUser(name, PASSWORD), server.createUser(other, PASSWORD)]);
    const [hal, ida] = await Promise.all([name, other].map((who) => Person.arrive(browser, server, who, look)));
    await journey(t, [hal, ida], async () => {
      await Promise.all([hal.signIn(), ida.signIn()]);
      await hal.find(other);
      await hal.write('I was here');
      await ida.find(name);
      await ida.sees('I was here');

      const { page } = hal;
      await page.goto('/profile/edit/');
      const section = page.locator('#leaving');
      await section.getByLabel('Your password').fill('not my password');
      await section.getByRole('button', { name: 'Delete account' }).click();
      await page.getByRole('dialog').getByText('There is no way back.').waitFor();
      await page.getByRole('button', { name: 'Delete for good' }).click();
      await section.getByText('This is not your password.').waitFor();
      await section.getByLabel('Your password').fill(PASSWORD);
      await section.getByRole('button', { name: 'Delete account' }).click();
      await page.getByRole('button', { name: 'Delete for good' }).click();
      await page.waitForURL(server.url + '/');
      await page.goto('/chat/');
      await page.waitForURL('**/login/**');

      await ida.page.getByText('This account was deleted.').waitFor({ timeout: 2_000 });
      await ida.sees('I was here');
      assert.equal(await ida.composer.isVisible(), false);
      assert.equal(await ida.page.locator('.avatar.online').count(), 0, 'nobody is there');
      assert.equal(await ida.page.locator('#room-head [data-part="presence"]').textContent(), '');
      await check(ida.page, 'a conversation with a deleted account');
    });
  });
}
