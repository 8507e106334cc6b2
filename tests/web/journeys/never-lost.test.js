// What somebody wrote is sent once, in order, whatever comes between: until they themselves give it up.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findings } from './support/axe.js';
import { DESKTOP, PASSWORD, PHONE, Person, journey, launchBrowser } from './support/browser.js';
import { Chance } from './support/chance.js';
import { Network } from './support/network.js';
import { Server } from './support/server.js';

/** Whatever comes after a wait of the page's own. */
const PATIENT = { timeout: 60_000 };

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Server} */
let server;
let pairs = 0;

before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), Server.start({}, { SOTTO_RATE_LIMITS: 'off' })]);
});
after(async () => {
  await browser.close();
  await server.stop();
});

/** Ann and Bob, who talk already, both looking at their room. */
async function annAndBob(look = {}, arrive = (name) => Person.arrive(browser, server, name, look)) {
  pairs += 1;
  const names = [`ann${pairs}`, `bob${pairs}`];
  for (const name of names) await server.createUser(name, PASSWORD);
  const [ann, bob] = [await arrive(names[0]), await Person.arrive(browser, server, names[1], look)];
  for (const person of [ann, bob]) await person.signIn();
  const { id: room } = await (await ann.page.request.post('/api/rooms', { data: { username: bob.name } })).json();
  await bob.page.request.post(`/api/rooms/${room}/accept`);
  await say(ann, room, 'hello');
  for (const person of [ann, bob]) {
    await person.page.goto(`/chat/room/${room}/`);
    await person.sees('hello');
  }
  return { ann, bob, room };
}

/** A message by the API. */
async function say(person, room, body, client_id = crypto.randomUUID()) {
  const answer = await person.page.request.post(`/api/rooms/${room}/messages`, { data: { client_id, body } });
  assert.ok(answer.ok(), await answer.text());
  return answer.json();
}

/** Writes and presses Send: on glass Enter breaks the line. */
async function write(person, text) {
  await person.composer.fill(text);
  await person.page.getByRole('button', { name: 'Send' }).click();
}

/** What this browser keeps of anybody. */
const kept = ({ page }) => page.evaluate(() => Object.keys(localStorage).map((key) => key.replace(/^sotto:[^:]*:|:.*/g, '')).sort());
/** Waits until a draft is kept. */
const draftIsKept = ({ page }) => page.waitForFunction(() => Object.keys(localStorage).some((key) => key.includes(':draft:')));

/** Nothing gets to the server or from it, also not on the next pages. */
async function cutOff(person) {
  await person.context.routeWebSocket('**/ws/chat/**', (socket) => socket.close());
  await person.context.route(/\/api\/rooms\/[^/]+\/messages\/./, (route) => route.abort());
}

test('what waits and what is half written survive the end of the browser', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sotto-browser-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { ann, bob, room } = await annAndBob({}, (name) => Person.comeBack(folder, server, name));
  await ann.context.setOffline(true);
  for (const text of ['one', 'two', 'three']) await ann.write(text);
  await ann.sees('three', 'pending');
  await ann.composer.fill('half a thought');
  await draftIsKept(ann);
  await ann.context.close();
  assert.deepEqual(await bob.texts(), ['hello']);

  const again = await Person.comeBack(folder, server, ann.name);
  await journey(t, [again, bob], async () => {
    await again.page.goto(`/chat/room/${room}/`);
    await again.sees('three', 'sent');
    assert.equal(await again.composer.inputValue(), 'half a thought');
    await bob.sees('three');
    for (const person of [again, bob]) assert.deepEqual(await person.texts(), ['hello', 'one', 'two', 'three']);
    assert.deepEqual((await kept(again)).filter((name) => name === 'outbox'), []);
  });
});

test('a session that ended keeps what waits, from others too, and it goes when the same person is back', async (t) => {
  const { ann, bob, room } = await annAndBob();
  const eve = `eve${pairs}`;
  await server.createUser(eve, PASSWORD);
  await journey(t, [ann, bob], async () => {
    const { page } = ann;
    await ann.context.setOffline(true);
    for (const text of ['one', 'two']) await ann.write(text);
    await ann.sees('two', 'pending');
    await ann.composer.fill('half a thought');
    await draftIsKept(ann);
    await page.request.post('/api/logout');
    await ann.context.setOffline(false);
    await page.getByText('Your session has ended').waitFor();
    await ann.sees('two', 'pending');

    // Somebody else at the same browser neither sees nor sends it, and takes nothing away on leaving.
    const signIn = async (name) => {
      await page.getByLabel('Username or email').fill(name);
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
      await page.getByRole('button', { name: 'Sign in' }).click();
    };
    await page.goto('/login/');
    await signIn(eve);
    await page.waitForURL('**/chat/');
    await ann.listed();
    await page.goto('/profile/');
    await page.locator('#sign-out').click();
    await page.waitForURL(`${server.url}/`);
    assert.deepEqual(await bob.texts(), ['hello']);

    await page.goto(`/login/?next=/chat/room/${room}/`);
    await signIn(ann.name);
    await page.waitForURL('**/chat/room/**');
    await ann.sees('two', 'sent');
    assert.equal(await ann.composer.inputValue(), 'half a thought');
    await bob.sees('two');
    for (const person of [ann, bob]) assert.deepEqual(await person.texts(), ['hello', 'one', 'two']);
  });
});

for (const look of [{ viewport: DESKTOP }, { viewport: PHONE, colorScheme: 'dark', hasTouch: true }]) {
  test(`signing out says what is lost by it, and then it is, at ${look.viewport.width} px`, async (t) => {
    const { ann, bob, room } = await annAndBob(look);
    await journey(t, [ann, bob], async () => {
      const { page } = ann;
      await page.locator('.msg').filter({ hasText: 'hello' }).locator('.actions').press('Enter');
      await page.getByRole('menuitem', { name: 'Edit' }).waitFor();
      await page.keyboard.press('Escape');
      await cutOff(ann);
      await page.reload();
      await page.locator('.msg').filter({ hasText: 'hello' }).locator('.actions').press('Enter');
      await page.getByRole('menuitem', { name: 'Edit' }).click();
      await write(ann, 'hello, changed');
      for (const text of ['one', 'two']) await write(ann, text);
      await ann.sees('two', 'pending');
      await ann.composer.fill('half a thought');
      await draftIsKept(ann);

      const words = 'Only this browser has 2 unsent messages, 1 unsent change and 1 draft. Signing out deletes them for good.';
      const warning = page.getByRole('dialog');
      const thisDevice = page.getByRole('button', { name: /^Sign out .*, this device$/ });
      for (const button of [page.locator('#sign-out'), thisDevice]) {
        await page.goto('/profile/');
        await button.click();
        await warning.getByText(words).waitFor();
        assert.deepEqual(await findings(page), [], 'with the warning');
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
        await warning.getByRole('button', { name: 'Stay' }).click();
        await warning.waitFor({ state: 'detached' });
        await page.goto(`/chat/room/${room}/`);
        await ann.sees('two', 'pending');
        assert.equal(await ann.composer.inputValue(), 'half a thought');
      }
      await page.goto('/profile/');
      await thisDevice.click();
      await warning.getByRole('button', { name: 'Sign out and lose them' }).click();
      await page.waitForURL(`${server.url}/`);
      assert.deepEqual(await kept(ann), []);
      await ann.context.unrouteAll();
      await ann.signIn();
      await page.goto(`/chat/room/${room}/`);
      await ann.sees('hello');
      assert.equal(await ann.composer.inputValue(), '');
      for (const person of [ann, bob]) assert.deepEqual(await person.texts(), ['hello']);
      // With nothing to lose nobody is asked.
      await page.goto('/profile/');
      await page.locator('#sign-out').click();
      await page.waitForURL(`${server.url}/`);
    });
  });
}

test('what is refused says why, goes when it is tried again, all at once too, and is gone when it is deleted', async (t) => {
  const { ann, bob } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    const { page } = ann;
    const { id: hers } = await (await page.request.get('/api/me')).json();
    const block = (method) => bob.page.request.fetch(`/api/blocks/${hers}`, { method });
    await block('PUT');
    const failure = (text) => ann.bubble(text).locator('xpath=ancestor-or-self::*[contains(@class,"msg")]').locator('.failure');
    await ann.write('one');
    await failure('one').getByText('Not delivered.').waitFor();
    const bar = page.locator('#failed-bar');
    assert.equal(await bar.isVisible(), false, 'one is told of where it stands');
    for (const text of ['two', 'three']) await ann.write(text);
    await bar.getByText('3 messages not sent').waitFor();
    assert.deepEqual(await findings(page), [], 'with refusals');
    await failure('two').getByRole('button', { name: 'Delete' }).click();
    await bar.getByText('2 messages not sent').waitFor();
    let refusals = 0;
    page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => {
      if (String(payload).includes('"not_delivered"')) refusals += 1;
    }));
    await page.reload();
    await bar.getByText('2 messages not sent').waitFor();
    assert.deepEqual(await ann.texts(), ['hello', 'one', 'three']);

    await bar.getByRole('button', { name: 'Retry all' }).click();
    for (let i = 0; i < 500 && refusals < 2; i += 1) await page.waitForTimeout(20);
    assert.equal(refusals, 2, 'both went again');
    await bar.getByText('2 messages not sent').waitFor();
    await block('DELETE');
    await failure('three').getByRole('button', { name: 'Retry' }).click();
    await ann.sees('three', 'sent');
    await bar.waitFor({ state: 'hidden' });
    await block('PUT');
    await ann.write('four');
    await bar.getByText('2 messages not sent').waitFor();
    await block('DELETE');
    await bar.getByRole('button', { name: 'Retry all' }).click();
    await ann.sees('four', 'sent');
    await bob.sees('four');
    for (const person of [ann, bob]) assert.deepEqual(await person.texts(), ['hello', 'three', 'one', 'four']);
  });
});

test('a tab that was frozen is up to date without a reload once it goes on', async (t) => {
  const network = await Network.start(new Chance(1));
  t.after(() => network.stop());
  const { ann, bob, room } = await annAndBob({}, (name) => Person.arrive(browser, server, name, { proxy: network.proxy }));
  await journey(t, [ann, bob], async () => {
    const { page } = ann;
    await page.evaluate(() => (globalThis.neverReloaded = true));
    for (const round of [1, 2]) {
      network.sleep();
      const said = await say(bob, room, `while she slept ${round}`);
      await bob.page.request.patch(`/api/rooms/${room}/messages/${said.id}`, { data: { body: `said while she slept ${round}` } });
      assert.deepEqual((await ann.texts()).at(-1), round === 1 ? 'hello' : 'awake 1', 'nobody says that the socket is dead');
      // Headless tabs are never frozen; this is what is said to one that goes on.
      await page.evaluate(() => document.dispatchEvent(new Event('resume')));
      await ann.bubble(`said while she slept ${round}`).waitFor(PATIENT);
      await ann.write(`awake ${round}`);
      await bob.sees(`awake ${round}`);
    }
    assert.equal(await page.evaluate(() => globalThis.neverReloaded), true);
    assert.deepEqual(await ann.texts(), await bob.texts());
  });
});

test('a page is up to date soon after its clock jumped, and after its socket died without a word', async (t) => {
  const network = await Network.start(new Chance(1));
  t.after(() => network.stop());
  const { ann, bob, room } = await annAndBob({}, async (name) => {
    const person = await Person.arrive(browser, server, name, { proxy: network.proxy });
    await person.page.clock.install();
    return person;
  });
  await journey(t, [ann, bob], async () => {
    const { page } = ann;
    await page.evaluate(() => (globalThis.neverReloaded = true));
    // Nothing runs while a machine sleeps; then the clock says something else.
    for (const [text, asleep] of [['overnight', '09:00:00'], ['for a moment', '01:00']]) {
      network.sleep();
      await say(bob, room, text);
      await page.clock.fastForward(asleep);
      await ann.bubble(text).waitFor(PATIENT);
    }
    assert.equal(await page.evaluate(() => globalThis.neverReloaded), true);
    assert.deepEqual(await ann.texts(), ['hello', 'overnight', 'for a moment']);
  });
});

test('what waited for days is sent, and once, also where the server had it all the time', async (t) => {
  const { ann, bob, room } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    const { page } = ann;
    const { id: hers } = await (await page.request.get('/api/me')).json();
    // Acknowledgements of these were lost; meanwhile they were changed elsewhere.
    const names = Array.from({ length: 4 }, () => crypto.randomUUID());
    const [edited, deleted] = [await say(ann, room, 'was edited', names[0]), await say(ann, room, 'was deleted', names[1])];
    await page.request.patch(`/api/rooms/${room}/messages/${edited.id}`, { data: { body: 'edited' } });
    await page.request.delete(`/api/rooms/${room}/messages/${deleted.id}`);
    await bob.sees('Message deleted');
    await page.goto('/profile/');
    await page.evaluate(
      ({ hers, room, names }) => {
        const bodies = ['was edited', 'was deleted', 'days ago', 'and one more'];
        const nineDaysAgo = Date.now() - 9 * 24 * 60 * 60 * 1000;
        names.forEach((client_id, i) => {
          const entry = { client_id, room, body: bodies[i], at: nineDaysAgo + i, state: 'pending' };
          localStorage.setItem(`sotto:${hers}:outbox:${client_id}`, JSON.stringify(entry));
        });
      },
      { hers, room, names },
    );
    await page.goto(`/chat/room/${room}/`);
    await bob.sees('and one more');
    const expected = ['hello', 'edited', 'Message deleted', 'days ago', 'and one more'];
    await ann.sees('and one more', 'sent');
    for (const person of [ann, bob]) assert.deepEqual(await person.texts(), expected);
    assert.deepEqual((await kept(ann)).filter((name) => name === 'outbox'), []);
  });
});
