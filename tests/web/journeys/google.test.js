import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findings } from './support/axe.js';
import { DESKTOP, PASSWORD, PHONE, Person, journey, launchBrowser } from './support/browser.js';
import { codeOf } from './support/phone.js';
import { Provider } from './support/provider.js';
import { Server } from './support/server.js';

const LOOKS = [
  { viewport: PHONE, colorScheme: 'light' },
  { viewport: DESKTOP, colorScheme: 'dark' },
];

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Provider} */
let provider;
/** @type {Server} */
let server;

before(async () => {
  provider = await Provider.start();
  [browser, server] = await Promise.all([launchBrowser(), Server.start({}, provider.settings)]);
});
after(async () => {
  await browser.close();
  await server.stop();
  await provider.stop();
});

async function check(page, where) {
  assert.deepEqual(await findings(page), [], where);
}

/** Presses the button and agrees, or does not. @param {Person} person */
async function visit(person, answer = /Continue as/) {
  const { page } = person;
  provider.account = { sub: `sub of ${person.name}`, email: person.email, given_name: 'Gwen' };
  await page.getByRole('link', { name: 'Continue with Google' }).click();
  await page.getByRole('link', { name: answer }).click();
}

for (const look of LOOKS) {
  const at = `at ${look.viewport.width} px`;

  test(`somebody new comes by Google and gets a profile ${at}`, async (t) => {
    const gwen = await Person.arrive(browser, server, `gwen${look.viewport.width}`, look);
    await journey(t, [gwen], async () => {
      const { page } = gwen;
      await page.goto('/register/');
      await check(page, 'the sign-up page with the button');
      await visit(gwen, 'Cancel');
      await page.waitForURL('**/login/**');
      await page.getByText('Google was not allowed to say who you are.').waitFor();
      assert.equal(new URL(page.url()).search, '', 'a reload says it no more');
      await check(page, 'the sign-in page after a refusal');

      await visit(gwen);
      await page.waitForURL('**/profile/');
      await page.getByText(`@${gwen.name}`).waitFor();
      await page.getByText(gwen.email).waitFor();
      await check(page, 'the profile');

      // Where they wanted to go, once they are known.
      await page.locator('#sign-out').click();
      await page.waitForURL(server.url + '/');
      await page.goto('/profile/edit/');
      await page.waitForURL('**/login/**');
      await visit(gwen);
      await page.waitForURL('**/profile/edit/');
      await page.getByText('Linked. You can sign in with Google.').waitFor();

      // Nobody is left without a way in.
      const unlink = page.getByRole('button', { name: 'Unlink Google' });
      await unlink.click();
      await page.getByRole('dialog').getByRole('button', { name: 'Unlink' }).click();
      await page.getByText('Set a password first').waitFor();
      await check(page, 'a refusal to unlink');
      await page.getByLabel('New password').fill(PASSWORD);
      await page.getByRole('button', { name: 'Set a password' }).click();
      await page.getByText('Your password is changed').waitFor();
      await unlink.click();
      await page.getByRole('dialog').getByRole('button', { name: 'Unlink' }).click();
      await page.getByText('Your account is no longer linked with Google.').waitFor();
    });
  });

  test(`an account that is there is linked by a mailed code ${at}`, async (t) => {
    const name = `hugo${look.viewport.width}`;
    await server.createUser(name, PASSWORD);
    const hugo = await Person.arrive(browser, server, name, look);
    await journey(t, [hugo], async () => {
      const { page } = hugo;
      await page.goto('/chat/');
      await page.waitForURL('**/login/**');
      await visit(hugo);
      await page.waitForURL('**/link-google/**');
      await page.getByText(hugo.email).waitFor();
      await check(page, 'the page that asks for the code');
      const code = page.getByLabel('Code');
      const mailed = await server.code(hugo.email);
      await code.fill(mailed === '000000' ? '000001' : '000000');
      await page.getByRole('button', { name: 'Link and sign in' }).click();
      await page.getByText('2 tries left').waitFor();
      await check(page, 'a wrong code');
      await page.getByRole('button', { name: 'Send again' }).click();
      await page.getByText('sent just now').waitFor();
      await code.fill(mailed);
      await page.getByRole('button', { name: 'Link and sign in' }).click();
      await page.waitForURL('**/chat/');
      await hugo.listed();

      await page.goto('/link-google/');
      await code.waitFor({ state: 'hidden' });
      await page.getByText('Nothing to link').waitFor();
      await check(page, 'nothing waits');
    });
  });

  test(`Google is linked and unlinked in the profile ${at}`, async (t) => {
    const name = `ivan${look.viewport.width}`;
    await server.createUser(name, PASSWORD);
    const ivan = await Person.arrive(browser, server, name, look);
    await journey(t, [ivan], async () => {
      const { page } = ivan;
      await ivan.signIn();
      await page.goto('/profile/edit/');
      provider.account = { sub: `sub of ${name}`, email: `${name}@elsewhere.example` };
      const link = page.getByRole('button', { name: 'Link with Google' });
      await link.click();
      await page.getByRole('link', { name: 'Cancel' }).click();
      await page.waitForURL('**/profile/edit/**');
      await page.getByText('Google was not allowed to say who you are.').waitFor();
      await link.click();
      await page.getByRole('link', { name: /Continue as/ }).click();
      await page.getByText('Your account is linked with Google.').waitFor();
      await check(page, 'a linked account');
      await page.getByRole('button', { name: 'Unlink Google' }).click();
      await check(page, 'the question');
      await page.getByRole('dialog').getByRole('button', { name: 'Unlink' }).click();
      await page.getByText('Your account is no longer linked with Google.').waitFor();
      await link.waitFor();
    });
  });
}

test('whoever has a second factor is asked for it after Google, too', async (t) => {
  await server.createUser('lena', PASSWORD);
  const lena = await Person.arrive(browser, server, 'lena');
  await journey(t, [lena], async () => {
    const { context, page } = lena;
    const post = async (path, data) => {
      const answer = await context.request.post(path, { data });
      assert.equal(answer.ok(), true, await answer.text());
      return answer.json();
    };
    await lena.signIn();
    const { set_up, secret } = await post('/api/me/second-factor/app', { password: PASSWORD });
    await post('/api/me/second-factor/app/confirm', { set_up, app_code: codeOf(secret) });
    await context.clearCookies();

    await page.goto('/login/');
    await visit(lena);
    await page.waitForURL('**/link-google/**');
    await page.getByLabel('Code').fill(await server.code(lena.email));
    await page.getByRole('button', { name: 'Link and sign in' }).click();
    await page.getByRole('heading', { name: 'One more step' }).waitFor();
    await page.goto('/login/');
    await visit(lena);
    await page.getByRole('heading', { name: 'One more step' }).waitFor();
    assert.equal(await page.getByRole('link', { name: 'Continue with Google' }).isVisible(), false);
    await check(page, 'the second step');
    await page.getByLabel('Code').fill(codeOf(secret, 1));
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL('**/profile/');
  });
});

test('the button is there where Google is set up and nowhere else', async (t) => {
  const without = await Server.start();
  const [jan, kim] = await Promise.all([Person.arrive(browser, without, 'jan'), Person.arrive(browser, server, 'kim')]);
  try {
    await journey(t, [jan, kim], async () => {
      for (const path of ['/login/', '/register/']) {
        for (const [person, count] of [[jan, 0], [kim, 1]]) {
          await person.page.goto(path);
          assert.equal(await person.page.getByRole('link', { name: 'Continue with Google' }).count(), count, path);
        }
      }
      await without.createUser('jan', PASSWORD);
      await jan.signIn();
      await jan.page.goto('/profile/edit/');
      await jan.page.getByText('Change password').waitFor();
      assert.equal(await jan.page.locator('#google').isVisible(), false);
    });
  } finally {
    await without.stop();
  }
});
