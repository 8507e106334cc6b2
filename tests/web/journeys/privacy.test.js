import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findings } from './support/axe.js';
import { DESKTOP, PASSWORD, PHONE, Person, journey, launchBrowser } from './support/browser.js';
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

/** Two people who talk, and who both have read what the other said. */
async function talking(look, names) {
  const people = await Promise.all(names.map(async (name) => {
    await server.createUser(name, PASSWORD);
    const person = await Person.arrive(browser, server, name, look);
    await person.signIn();
    return person;
  }));
  const [ann, bob] = people;
  await ann.find(bob.name);
  await bob.find(ann.name);
  await ann.write('Hello Bob');
  await bob.write('Hello Ann');
  await ann.sees('Hello Bob', 'read');
  await bob.sees('Hello Ann', 'read');
  for (const person of people) await online(person).waitFor();
  return people;
}

/** @param {Person} person */
const online = (person) => person.page.locator('#room-head').getByText('online');

/** That what somebody wrote shows as sent or delivered and no more. @param {Person} person @param {string} text */
const unread = (person, text) => person.bubble(text).locator('.tick[data-state="sent"], .tick[data-state="delivered"]').waitFor();

/** The settings in another tab. @param {Person} person */
async function settings(person) {
  const page = await person.context.newPage();
  page.on('pageerror', (error) => person.console.push(`error: ${error.stack}`));
  await page.goto('/profile/edit/');
  const section = page.locator('#privacy');
  await section.waitFor();
  return { page, section, of: (name) => section.getByRole('switch', { name }) };
}

for (const look of LOOKS) {
  const { width } = look.viewport;

  test(`reading is hidden and shown again, for both and at once, at ${width} px`, async (t) => {
    const [ann, bob] = await talking(look, [`ann${width}`, `bob${width}`]);
    await journey(t, [ann, bob], async () => {
      const { page, section, of } = await settings(ann);
      const receipts = of('Read receipts');
      assert.equal(await receipts.isChecked(), true);
      await receipts.focus();
      await page.keyboard.press('Space');
      await section.getByRole('status').filter({ hasText: 'Saved' }).waitFor();
      assert.equal(await receipts.isChecked(), false);
      assert.deepEqual(await findings(page), [], 'receipts are off');
      await Promise.all([unread(bob, 'Hello Ann'), unread(ann, 'Hello Bob')]);

      await bob.page.bringToFront();
      await bob.write('Can you see that I read?');
      await ann.page.bringToFront();
      await ann.sees('Can you see that I read?');
      await ann.write('No, nor can you');
      await bob.page.bringToFront();
      await bob.sees('No, nor can you');
      await bob.page.waitForTimeout(500);
      for (const person of [ann, bob]) {
        assert.equal(await person.page.locator('.tick[data-state="read"]').count(), 0, person.name);
      }
      await bob.page.reload();
      await unread(bob, 'Hello Ann');
      assert.equal(await bob.page.locator('.tick[data-state="read"]').count(), 0, 'nor to a page that is opened anew');

      await page.bringToFront();
      await receipts.click();
      await ann.sees('No, nor can you', 'read');
      await bob.sees('Can you see that I read?', 'read');
    });
  });

  test(`being online is hidden and shown again, for both and at once, at ${width} px`, async (t) => {
    const [cleo, dan] = await talking(look, [`cleo${width}`, `dan${width}`]);
    await journey(t, [cleo, dan], async () => {
      const { page, section, of } = await settings(cleo);
      const presence = of('Online and last seen');
      await section.getByText('Online and last seen').click();
      await section.getByRole('status').filter({ hasText: 'Saved' }).waitFor();
      for (const person of [cleo, dan]) {
        await online(person).waitFor({ state: 'detached' });
        assert.equal(await person.page.locator('#room-head [data-part="presence"]').innerText(), '', person.name);
        assert.equal(await person.page.locator('.avatar.online').count(), 0, person.name);
      }
      await dan.sees('Hello Ann', 'read');
      await dan.page.reload();
      await dan.sees('Hello Ann');
      await dan.page.waitForTimeout(2_500); // that somebody writes is told once in two seconds
      assert.equal(await online(dan).count(), 0, 'nor to a page that is opened anew');
      await cleo.page.bringToFront();
      await cleo.composer.pressSequentially('typing');
      await dan.page.locator('#room-head').getByText('typing').waitFor();

      await page.bringToFront();
      await presence.click();
      for (const person of [cleo, dan]) await online(person).waitFor();
    });
  });

  test(`what could not be saved is put back, and what was changed elsewhere shows at ${width} px`, async (t) => {
    const name = `eve${width}`;
    await server.createUser(name, PASSWORD);
    const eve = await Person.arrive(browser, server, name, look);
    await eve.signIn();
    await journey(t, [eve], async () => {
      const { page, section, of } = await settings(eve);
      assert.deepEqual(await findings(page), [], 'all is on');
      const receipts = of('Read receipts');
      await page.route('**/api/me/privacy', (route) => (route.request().method() === 'PATCH' ? route.abort() : route.continue()));
      await receipts.click();
      await section.getByRole('alert').filter({ hasText: 'Not saved. The server can’t be reached.' }).waitFor();
      assert.equal(await receipts.isChecked(), true);
      assert.equal(await section.getByText('Saved', { exact: true }).count(), 0);
      assert.deepEqual(await findings(page), [], 'it was not saved');
      await page.unroute('**/api/me/privacy');
      await receipts.click();
      await section.getByText('Saved', { exact: true }).waitFor();
      assert.equal(await section.getByRole('alert').count(), 0);
      for (const label of await section.locator('label').all()) {
        const { height } = await label.boundingBox();
        assert.ok(height >= 44, `${height} px high`);
      }
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, 'nothing sticks out');

      await eve.page.request.patch('/api/me/privacy', { data: { presence: false, read_receipts: true } });
      await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
      await of('Online and last seen').and(page.locator(':not(:checked)')).waitFor();
      assert.equal(await receipts.isChecked(), true);
      await page.reload();
      await section.waitFor();
      assert.equal(await of('Online and last seen').isChecked(), false);
    });
  });
}
