import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findings } from './support/axe.js';
import { DESKTOP, PASSWORD, PHONE, Person, journey, launchBrowser } from './support/browser.js';
import { codeOf } from './support/phone.js';
import { Server } from './support/server.js';

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

async function check(page, where) {
  assert.deepEqual(await findings(page), [], where);
}

/** Keeps a picture where somebody wants to look at the pages. */
async function shoot(page, name, look) {
  const folder = process.env.SHOTS;
  if (folder) await page.screenshot({ path: `${folder}/${name}-${look.viewport.width}-${look.colorScheme}.png`, fullPage: true });
}

async function firstStep(person) {
  const { page } = person;
  await page.goto('/login/?next=/profile/');
  await page.getByLabel('Username or email').fill(person.name);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'One more step' }).waitFor();
}

async function secondStep(page, code) {
  await page.getByLabel('Code').fill(code);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

for (const look of LOOKS) {
  test(`an app is set up, asked for and turned off through the pages at ${look.viewport.width} px`, async (t) => {
    const name = `tia${look.viewport.width}`;
    await server.createUser(name, PASSWORD);
    const tia = await Person.arrive(browser, server, name, look);
    await journey(t, [tia], async () => {
      const { page } = tia;
      await tia.signIn();
      await page.goto('/profile/edit/');
      const card = page.getByRole('region', { name: 'Two-step sign-in' });
      await card.getByText('Off. With an authenticator app or a passkey').waitFor();
      await card.getByRole('button', { name: 'Set up an app' }).click();
      await card.getByLabel('Your password').fill('not my password');
      await card.getByRole('button', { name: 'Continue' }).click();
      await card.getByText('This is not your password.').waitFor();
      await card.getByLabel('Your password').fill(PASSWORD);
      await card.getByRole('button', { name: 'Continue' }).click();

      const qr = card.getByRole('img', { name: 'QR code' });
      await qr.waitFor();
      const box = await qr.boundingBox();
      assert.ok(box && box.width > 150 && Math.abs(box.width - box.height) < 1, JSON.stringify(box));
      const secret = (await card.locator('.secret').textContent()).replaceAll(' ', '');
      assert.match(secret, /^[A-Z2-7]{32}$/);
      await check(page, 'setting up');
      await shoot(page, 'set-up', look);
      await card.getByLabel('Code that the app shows').fill('12345');
      await card.getByRole('button', { name: 'Turn on' }).click();
      await card.getByText('Is it the one that shows now?').waitFor();
      await card.getByLabel('Code that the app shows').fill(codeOf(secret));
      await card.getByRole('button', { name: 'Turn on' }).click();
      await card.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
      const codes = await card.getByRole('listitem').allTextContents();
      assert.equal(new Set(codes).size, 10);
      await check(page, 'recovery codes');
      await shoot(page, 'codes', look);
      await card.getByRole('button', { name: 'I have kept them' }).click();
      await card.getByText('10 recovery codes are left').waitFor();
      assert.equal(await card.getByRole('listitem').count(), 0, 'nothing of them stays on the page');
      await check(page, 'it is on');
      await shoot(page, 'on', look);

      await page.goto('/profile/');
      await page.locator('#sign-out').click();
      await page.waitForURL((url) => url.pathname === '/');
      await firstStep(tia);
      await check(page, 'the second step');
      await shoot(page, 'second-step', look);
      await secondStep(page, codes[0].slice(0, 5));
      await page.getByText('Not right, 4 tries left.').waitFor();
      await page.goto('/login/?next=/profile/#second-step');
      await page.getByRole('heading', { name: 'One more step' }).waitFor();
      await secondStep(page, codeOf(secret, 1));
      await page.waitForURL((url) => url.pathname === '/profile/');

      await page.locator('#sign-out').click();
      await page.waitForURL((url) => url.pathname === '/');
      await firstStep(tia);
      await secondStep(page, codes[0].toUpperCase());
      await page.waitForURL((url) => url.pathname === '/profile/');

      await page.goto('/profile/edit/');
      await card.getByText('9 recovery codes are left').waitFor();
      await card.getByRole('button', { name: 'New recovery codes' }).click();
      await card.getByLabel('Your password').fill(PASSWORD);
      await shoot(page, 'proof', look);
      await card.getByRole('button', { name: 'Make new codes' }).click();
      await card.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
      const anew = await card.getByRole('listitem').allTextContents();
      assert.ok(anew.every((code) => !codes.includes(code)));
      await card.getByRole('button', { name: 'I have kept them' }).click();
      await card.getByRole('button', { name: 'Turn off' }).click();
      await card.getByLabel('Your password').fill(PASSWORD);
      await card.getByRole('button', { name: 'Turn off' }).click();
      await card.getByText('Two-step sign-in is off.').waitFor();
      await check(page, 'it is off');
    });
  });
}

test('too many wrong codes lead back to the password', async (t) => {
  await server.createUser('ugo', PASSWORD);
  const ugo = await Person.arrive(browser, server, 'ugo', { viewport: PHONE });
  await journey(t, [ugo], async () => {
    const { page } = ugo;
    await ugo.signIn();
    const ask = (path, body) => page.evaluate(async ([to, data]) => {
      const answer = await fetch(to, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(data) });
      return answer.json();
    }, [path, body]);
    const { secret, set_up } = await ask('/api/me/second-factor/app', { password: PASSWORD });
    await ask('/api/me/second-factor/app/confirm', { set_up, app_code: codeOf(secret) });
    await page.goto('/profile/');
    await page.locator('#sign-out').click();
    await page.waitForURL((url) => url.pathname === '/');
    await firstStep(ugo);
    for (const left of [4, 3, 2, 1]) {
      await secondStep(page, 'nonsense');
      await page.getByText(`Not right, ${left} `).waitFor();
    }
    await secondStep(page, 'nonsense');
    await page.getByText('that was the last try').waitFor();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'One more step' }).waitFor();
    await page.getByRole('button', { name: 'Back' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });
});
