import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, PASSWORD, PHONE, Person, journey, launchBrowser } from './support/browser.js';
import { Server } from './support/server.js';
import { findings } from './support/axe.js';

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
  await Promise.all([server.createUser('ann', PASSWORD), server.createUser('bob', PASSWORD)]);
});
after(async () => {
  await browser.close();
  await server.stop();
});

async function check(page, where) {
  assert.deepEqual(await findings(page), [], where);
}

for (const look of LOOKS) {
  const name = `${look.viewport.width} px, ${look.colorScheme}`;

  test(`the pages for everybody are accessible at ${name}`, async (t) => {
    const guest = await Person.arrive(browser, server, `guest${look.viewport.width}`, look);
    await journey(t, [guest], async () => {
      for (const path of ['/', '/login/', '/register/', '/verify-otp/', '/forgot-password/', '/reset-password/', '/dev/mailbox/', '/nowhere/']) {
        await guest.page.goto(path);
        await check(guest.page, path);
      }
      await guest.page.goto('/register/');
      await guest.page.getByLabel('Username').fill('x!');
      await guest.page.getByLabel('Email').fill('guest@example.com');
      await guest.page.getByLabel('Password', { exact: true }).fill('password');
      await guest.page.getByRole('button', { name: 'Continue' }).click();
      await guest.page.locator('[aria-invalid="true"]').first().waitFor();
      await check(guest.page, 'a refused sign-up');
    });
  });

  test(`the pages behind the sign-in are accessible at ${name}`, async (t) => {
    const ann = await Person.arrive(browser, server, 'ann', look);
    await journey(t, [ann], async () => {
      await ann.signIn();
      await ann.listed();
      await check(ann.page, 'the list');
      await ann.page.getByRole('button', { name: 'Search', exact: true }).click();
      await ann.page.getByRole('combobox').fill('bo');
      await ann.page.getByRole('option', { name: 'bob' }).waitFor();
      await check(ann.page, 'finding people');
      await ann.page.getByRole('option', { name: 'bob' }).click();
      await ann.composer.waitFor();
      await ann.write(`Hello at ${name} https://example.com`);
      await ann.sees(`Hello at ${name}`, 'sent');
      await check(ann.page, 'a conversation');
      for (const path of ['/profile/', '/profile/edit/']) {
        await ann.page.goto(path);
        await ann.page.getByRole('heading', { level: 1 }).waitFor();
        await check(ann.page, path);
      }
    });
  });
}

test('axe would find something if there were something', async () => {
  const guest = await Person.arrive(browser, server, 'planter');
  await guest.page.goto('/');
  await guest.page.evaluate(() => document.body.append(document.createElement('button')));
  assert.ok((await findings(guest.page)).some((found) => found.includes('button-name')));
  await guest.context.close();
});
