// What becomes of a message that was sent: edited, deleted, answered, reacted to.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findings } from './support/axe.js';
import { DESKTOP, PASSWORD, PHONE, Person, journey, launchBrowser } from './support/browser.js';
import { Server } from './support/server.js';

const LOOKS = [
  { viewport: DESKTOP, colorScheme: 'light' },
  { viewport: PHONE, colorScheme: 'dark', hasTouch: true },
  { viewport: DESKTOP, colorScheme: 'dark' },
  { viewport: PHONE, colorScheme: 'light', hasTouch: true },
];
/** What is done on one side shows on the other within a second. */
const LIVE = { timeout: 1000 };

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Server} */
let server;
let pairs = 0;

before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), Server.start()]);
});
after(async () => {
  await browser.close();
  await server.stop();
});

/** Ann and Bob, who talk already, both looking at their room. */
async function annAndBob(look = LOOKS[0]) {
  pairs += 1;
  const names = [`ann${pairs}`, `bob${pairs}`];
  for (const name of names) await server.createUser(name, PASSWORD);
  const ann = await Person.arrive(browser, server, names[0], look);
  const bob = await Person.arrive(browser, server, names[1], look);
  await Promise.all([ann.signIn(), bob.signIn()]);
  const room = await (await ann.page.request.post('/api/rooms', { data: { username: bob.name } })).json();
  for (const person of [ann, bob]) await say(person, room.id, `hello from ${person.name.replace(/\d+/, '')}`);
  for (const person of [ann, bob]) {
    await person.page.goto(`/chat/room/${room.id}/`);
    await person.sees('hello from bob');
  }
  return { ann, bob, room: room.id };
}

/** A message by the API. */
async function say(person, room, body, more = {}) {
  const answer = await person.page.request.post(`/api/rooms/${room}/messages`, { data: { client_id: crypto.randomUUID(), body, ...more } });
  assert.ok(answer.ok(), await answer.text());
  return answer.json();
}

/** Writes and presses Send: on glass Enter breaks the line. */
async function write(person, text) {
  await person.composer.fill(text);
  await person.page.getByRole('button', { name: 'Send' }).click();
}

/** Opens a message's menu, as one does with a mouse or a finger. */
async function openMenu(person, text) {
  const bubble = person.bubble(text).locator('.bubble');
  if (await person.page.evaluate(() => matchMedia('(hover: none)').matches)) {
    await bubble.tap({ position: { x: 12, y: 10 } });
  } else {
    await bubble.hover();
    await person.bubble(text).getByRole('button', { name: 'Actions' }).click();
  }
  await person.page.getByRole('menu').waitFor();
}

async function choose(person, text, action) {
  await openMenu(person, text);
  await person.page.getByRole('menuitem', { name: action }).click();
}

for (const look of LOOKS) {
  const name = `${look.viewport.width} px, ${look.colorScheme}`;

  test(`a message is edited, deleted and brought back at ${name}`, async (t) => {
    const { ann, bob } = await annAndBob(look);
    await journey(t, [ann, bob], async () => {
      await write(ann, 'the cabin is boked');
      await ann.sees('boked', 'sent');
      await bob.sees('boked');
      await openMenu(ann, 'boked');
      assert.deepEqual(await findings(ann.page), [], 'with the menu open');
      await ann.page.getByRole('menuitem', { name: 'Edit' }).click();
      assert.equal(await ann.composer.inputValue(), 'the cabin is boked');
      assert.deepEqual(await findings(ann.page), [], 'while editing');
      await ann.composer.fill('the cabin is booked');
      await ann.page.getByRole('button', { name: 'Send' }).click();
      const edited = bob.bubble('the cabin is booked');
      await edited.getByText('edited', { exact: true }).waitFor(LIVE);
      assert.match(await edited.getByText('edited', { exact: true }).getAttribute('title'), /^Edited .* at \d\d:\d\d/);
      await ann.bubble('booked').getByText('edited', { exact: true }).waitFor();
      assert.equal(await ann.composer.inputValue(), '');

      await choose(ann, 'booked', 'Delete');
      await ann.bubble('Message deleted').getByRole('button', { name: 'Undo' }).waitFor();
      assert.deepEqual(await findings(ann.page), [], 'with an undo');
      await ann.bubble('Message deleted').getByRole('button', { name: 'Undo' }).click();
      await ann.sees('the cabin is booked', 'sent');
      await choose(ann, 'booked', 'Delete');
      await ann.page.waitForTimeout(4000);
      assert.equal(await bob.bubble('the cabin is booked').count(), 1, 'nothing is deleted while it can be undone');
      await bob.bubble('Message deleted').waitFor({ timeout: 2000 });
      assert.equal(await bob.bubble('booked').count(), 0);
      await ann.page.getByRole('button', { name: 'Undo' }).waitFor({ state: 'hidden' });
      assert.deepEqual(await ann.texts(), ['hello from ann', 'hello from bob', 'Message deleted']);
      assert.equal(await bob.bubble('Message deleted').getByRole('button').count(), 0, 'there is nothing to do with it');
    });
  });
}

test('what is deleted is deleted on leaving the room, and the page', async (t) => {
  const { ann, bob } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    for (const text of ['one', 'two']) {
      await write(ann, text);
      await ann.sees(text, 'sent');
    }
    await choose(ann, 'one', 'Delete');
    await ann.page.evaluate(() => history.pushState(null, '', '/chat/'));
    await ann.page.evaluate(() => dispatchEvent(new PopStateEvent('popstate')));
    await bob.bubble('Message deleted').waitFor(LIVE);
    await ann.page.goBack();
    await ann.sees('two');
    await choose(ann, 'two', 'Delete');
    await ann.page.goto('/profile/');
    await bob.page.waitForFunction(() => [...document.querySelectorAll('.msg .body')].filter((one) => one.textContent === 'Message deleted').length === 2, null, LIVE);
  });
});

test('edits and deletions made offline go out in order, also after a reload', async (t) => {
  const { ann, bob } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    await write(ann, 'first');
    await ann.sees('first', 'sent');
    await openMenu(ann, 'first');
    await ann.page.keyboard.press('Escape');
    await ann.page.route('**/api/rooms/*/messages/*', (route) => route.abort());
    await choose(ann, 'first', 'Edit');
    await write(ann, 'first, edited offline');
    await ann.sees('first, edited offline', 'pending');
    await choose(ann, 'hello from ann', 'Delete');
    await ann.page.waitForTimeout(5200);
    await ann.page.reload();
    await ann.sees('first, edited offline', 'pending');
    await ann.bubble('Message deleted').waitFor();
    assert.deepEqual(await bob.texts(), ['hello from ann', 'hello from bob', 'first']);
    await ann.page.unroute('**/api/rooms/*/messages/*');
    await bob.sees('first, edited offline');
    await bob.bubble('Message deleted').waitFor();
    await ann.sees('first, edited offline', 'sent');
    assert.deepEqual(await ann.texts(), ['Message deleted', 'hello from bob', 'first, edited offline']);
    await ann.page.reload();
    await ann.sees('first, edited offline');
    assert.deepEqual(await ann.texts(), ['Message deleted', 'hello from bob', 'first, edited offline']);
  });
});

test('what is edited or deleted before it is sent, is so once it is', async (t) => {
  const { ann, bob } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    await openMenu(ann, 'hello from ann');
    await ann.page.keyboard.press('Escape');
    await ann.context.setOffline(true);
    await write(ann, 'wrong');
    await write(ann, 'not this one');
    await ann.sees('not this one', 'pending');
    await choose(ann, 'wrong', 'Edit');
    await write(ann, 'right');
    await choose(ann, 'not this one', 'Delete');
    await ann.page.waitForTimeout(5200);
    await ann.context.setOffline(false);
    await bob.sees('right');
    await bob.bubble('Message deleted').waitFor();
    await ann.sees('right', 'sent');
    assert.deepEqual(await bob.texts(), ['hello from ann', 'hello from bob', 'right', 'Message deleted']);
    assert.deepEqual(await ann.texts(), await bob.texts());
  });
});

test('an edit the server refuses says why, and can be tried again or given up', async (t) => {
  const { ann, bob } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    const problem = { status: 403, contentType: 'application/problem+json', body: JSON.stringify({ code: 'not_delivered', detail: 'It can’t be delivered.' }) };
    await ann.page.route('**/api/rooms/*/messages/*', (route) => route.fulfill(problem));
    await choose(ann, 'hello from ann', 'Edit');
    await write(ann, 'goodbye');
    const message = ann.bubble('goodbye');
    await message.getByText('Not changed. It can’t be delivered.').waitFor();
    assert.deepEqual(await findings(ann.page), [], 'with a refusal');
    await message.getByRole('button', { name: 'Retry' }).click();
    await message.getByText('Not changed. It can’t be delivered.').waitFor();
    await message.getByRole('button', { name: 'Discard' }).click();
    await ann.sees('hello from ann', 'sent');
    await choose(ann, 'hello from ann', 'Edit');
    await write(ann, 'good day');
    await ann.page.getByText('Not changed.').waitFor();
    await ann.page.unroute('**/api/rooms/*/messages/*');
    await ann.page.getByRole('button', { name: 'Retry' }).click();
    await bob.bubble('good day').waitFor();
    await ann.page.getByText('Not changed.').waitFor({ state: 'hidden' });
  });
});
