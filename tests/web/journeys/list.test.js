import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, PASSWORD, PHONE, Person, journey, launchBrowser } from './support/browser.js';
import { Server } from './support/server.js';
import { findings } from './support/axe.js';

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

/** People with accounts, each in a browser; the first has a room with each of the others. @param {string[]} names @param {object} look */
async function acquaintances(names, look) {
  await Promise.all(names.map((name) => server.createUser(name, PASSWORD)));
  const people = await Promise.all(names.map((name, i) => Person.arrive(browser, server, name, i === 0 ? look : {})));
  await Promise.all(people.map(({ context, name }) => context.request.post('/api/login', { data: { login: name, password: PASSWORD } })));
  const rooms = [];
  for (const { context } of people.slice(1)) {
    const { request } = people[0].context;
    const other = names[rooms.length + 1];
    rooms.push((await (await request.post('/api/rooms', { data: { username: other } })).json()).id);
    await context.request.post('/api/rooms', { data: { username: names[0] } });
  }
  return { people, rooms };
}

/** Says something without a page. @param {Person} person @param {string} room @param {string} body */
async function say(person, room, body) {
  await person.context.request.post(`/api/rooms/${room}/messages`, { data: { client_id: crypto.randomUUID(), body } });
}

const names = (/** @type {Person} */ person) => person.page.locator('#rooms .row-name').allTextContents();
const row = (/** @type {Person} */ person, /** @type {string} */ name) => person.page.locator('#rooms .row', { has: person.page.locator('.row-name', { hasText: name }) });
const icon = (/** @type {Person} */ person) => person.page.locator('link[rel="icon"]').getAttribute('href');

for (const [look, [me, bob, cat]] of [
  [{ viewport: DESKTOP, colorScheme: 'light' }, ['ann', 'bob', 'cat']],
  [{ viewport: PHONE, colorScheme: 'dark' }, ['eva', 'fox', 'gus']],
]) {
  test(`the list lives at ${look.viewport.width} px`, async (t) => {
    const { people, rooms } = await acquaintances([me, bob, cat], look);
    const [person, second, third] = people;
    const { page } = person;
    await journey(t, people, async () => {
      await say(third, rooms[1], 'first');
      await say(second, rooms[0], 'second');
      await page.goto('/chat/');
      await page.waitForFunction(() => document.title === '(2) Sotto');
      assert.match((await icon(person)) ?? '', /sotto-unread\.svg$/);
      assert.deepEqual(await names(person), [bob, cat]);
      await say(third, rooms[1], 'third');
      await row(person, cat).getByText('2 unread').waitFor();
      assert.deepEqual(await names(person), [cat, bob], 'the latest on top');
      await page.waitForFunction(() => document.title === '(3) Sotto');

      await second.page.goto(`/chat/room/${rooms[0]}/`);
      await second.composer.pressSequentially('hm');
      await row(person, bob).getByText('typing…').waitFor();
      assert.deepEqual(await findings(page), [], 'while somebody writes');
      await second.composer.fill('');
      await row(person, bob).getByText('second').waitFor({ timeout: 8000 });

      await row(person, cat).click();
      await person.sees('third');
      await page.waitForFunction(() => document.title === '(1) Sotto');
      await person.composer.fill('half a thought');
      if (look.viewport === PHONE) await page.getByRole('link', { name: 'Back to your chats' }).click();
      else await row(person, bob).click();
      await row(person, cat).getByText('Draft: half a thought').waitFor();
      assert.deepEqual(await findings(page), [], 'with a draft');
      if (look.viewport === PHONE) await row(person, bob).click();
      await person.sees('second');
      await page.waitForFunction(() => document.title === 'Sotto');
      assert.match((await icon(person)) ?? '', /sotto\.svg$/);

      const head = page.locator('#room-head');
      await second.composer.pressSequentially('ok');
      await head.getByText('typing…').waitFor();
      await second.composer.press('Enter');
      await person.sees('ok');
      assert.equal(await head.getByText('typing…').count(), 0, 'what was written is there');
      await person.write('mine');
      await person.sees('mine', 'sent');
      if (look.viewport === PHONE) await page.getByRole('link', { name: 'Back to your chats' }).click();
      await row(person, bob).getByText('You: mine').waitFor();

      await page.reload();
      await row(person, cat).getByText('Draft: half a thought').waitFor();
      await row(person, cat).click();
      await person.composer.waitFor();
      assert.equal(await person.composer.inputValue(), 'half a thought');
      assert.equal(await row(person, cat).getByText('Draft:').count(), 0, 'it is in the message box');
    });
  });
}

test('drafts are of one person, are kept by other tabs, and end with signing out', async (t) => {
  const { people: [ida, jon], rooms } = await acquaintances(['ida', 'jon'], {});
  await journey(t, [ida, jon], async () => {
    const { page } = ida;
    await page.goto(`/chat/room/${rooms[0]}/`);
    await ida.composer.waitFor();
    const other = await ida.context.newPage();
    await other.goto(`/chat/room/${rooms[0]}/`);
    await other.getByRole('textbox', { name: 'Message' }).waitFor();
    await ida.composer.fill('not yet');
    await page.waitForFunction(() => Object.keys(localStorage).some((key) => key.includes(':draft:')));
    await other.close({ runBeforeUnload: true });
    await page.reload();
    await ida.composer.waitFor();
    assert.equal(await ida.composer.inputValue(), 'not yet', 'a tab that has nothing to keep takes nothing away');

    await page.goto('/profile/');
    const signOut = page.getByRole('button', { name: 'Sign out', exact: true });
    await signOut.click();
    const warning = page.getByRole('dialog');
    await warning.getByText('Only this browser has 1 draft. Signing out deletes it for good.').waitFor();
    await warning.getByRole('button', { name: 'Stay' }).click();
    await page.goto(`/chat/room/${rooms[0]}/`);
    await ida.composer.waitFor();
    assert.equal(await ida.composer.inputValue(), 'not yet');
    await page.goto('/profile/');
    await signOut.click();
    await warning.getByRole('button', { name: 'Sign out and lose it' }).click();
    await page.waitForURL(`${server.url}/`);
    assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), []);
    await ida.signIn();
    await page.goto(`/chat/room/${rooms[0]}/`);
    await ida.composer.waitFor();
    assert.equal(await ida.composer.inputValue(), '');
  });
});
