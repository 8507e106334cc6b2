import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PASSWORD, PHONE, Person, journey, launchBrowser } from './support/browser.js';
import { Server } from './support/server.js';

/** Bytes of all that comes at the first load of the chat's page, heads and data included. */
const LIMIT = 60_000;
/** Everything, but what is loaded in advance for later. */
const AFTERWARDS = 1200;

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Server} */
let server;

before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), Server.start({}, { SOTTO_RATE_LIMITS: 'off' })]);
});
after(async () => {
  await browser.close();
  await server.stop();
});

/** Signed in, without having seen a page. @param {string} name @param {object} [look] */
async function arrive(name, look) {
  await server.createUser(name, PASSWORD);
  const person = await Person.arrive(browser, server, name, look);
  const answer = await person.context.request.post('/api/login', { data: { login: name, password: PASSWORD } });
  assert.ok(answer.ok());
  return person;
}

/** @param {Person} person @param {string} username @param {string} body */
async function write(person, username, body) {
  const { request } = person.context;
  const { id } = await (await request.post('/api/rooms', { data: { username } })).json();
  const answer = await request.post(`/api/rooms/${id}/messages`, { data: { client_id: crypto.randomUUID(), body } });
  assert.ok(answer.ok());
  return id;
}

test('everything of the first load is at most 60 KB, and the list waits for no call', async (t) => {
  const me = await arrive('me');
  const friends = Array.from({ length: 20 }, (_, i) => `friend${i}`);
  for (const name of friends) {
    await server.createUser(name, PASSWORD);
    await write(me, name, `See you on Friday at ${name}’s, or a little later if the train is late again`);
  }
  await journey(t, [me], async () => {
    const { page } = me;
    const devtools = await me.context.newCDPSession(page);
    await devtools.send('Network.enable');
    /** @type {Map<string, {path: string, bytes: number}>} */
    const received = new Map();
    devtools.on('Network.requestWillBeSent', ({ requestId, request }) => received.set(requestId, { path: new URL(request.url).pathname, bytes: 0 }));
    devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      const one = received.get(requestId);
      if (one) one.bytes = encodedDataLength;
    });
    /** @type {() => void} */
    let answer = () => {};
    const held = new Promise((resolve) => (answer = () => resolve(undefined)));
    await page.route('**/api/**', (route) => held.then(() => route.continue()));
    await page.goto('/chat/');
    await page.locator('#rooms').getByText('friend19', { exact: true }).waitFor();
    await page.locator('#rooms-loading').waitFor({ state: 'hidden' });
    const shown = await page.locator('#rooms .row-name').allTextContents();
    assert.deepEqual(shown, friends.slice(5).reverse(), 'the newest came with the page');
    answer();
    await page.locator('#rooms').getByText('friend0', { exact: true }).waitFor();
    await page.waitForTimeout(AFTERWARDS);
    const all = [...received.values()].filter(({ bytes }) => bytes > 0);
    const paths = all.map(({ path }) => path);
    const bytes = all.reduce((sum, one) => sum + one.bytes, 0);
    t.diagnostic(`${bytes} bytes in ${all.length} answers`);
    assert.ok(paths.includes('/chat/') && paths.includes('/api/rooms'), paths.join());
    assert.ok(!paths.includes('/api/me'), 'who I am came with the page');
    assert.equal(paths.filter((path) => path === '/api/rooms').length, 1, 'the list is read once');
    assert.ok(bytes <= LIMIT, `${bytes} bytes are more than ${LIMIT}: ${all.map(({ path, bytes: each }) => `${path} ${each}`).join(', ')}`);
  });
});

test('what came with the page is only ever text', async (t) => {
  const body = '</script><script>globalThis.ran = true</script><!-- <script> & \u2028 ]]> \\u003c';
  const [ann, bob] = [await arrive('ann'), await arrive('bob', { viewport: PHONE })];
  const room = await write(bob, 'ann', body);
  await bob.context.request.patch('/api/me', { data: { first_name: '</script><b>Bob' } });
  await journey(t, [ann, bob], async () => {
    for (const path of ['/chat/', `/chat/room/${room}/`]) {
      await ann.page.goto(path);
      await ann.page.locator('#rooms .row-name', { hasText: '</script><b>Bob' }).waitFor();
      const preview = await ann.page.locator('#rooms [data-part="preview"]').textContent();
      assert.equal(preview, body.replace(/\s+/g, ' '));
      assert.equal(await ann.page.evaluate(() => Reflect.get(globalThis, 'ran')), undefined);
      assert.equal(await ann.page.locator('#beginning').count(), 0, 'it is read once');
    }
  });
});

test('whoever comes back sees the list as it is by now', async (t) => {
  const [eva, fox] = [await arrive('eva'), await arrive('fox')];
  await write(fox, 'eva', 'before');
  await journey(t, [eva, fox], async () => {
    const { page } = eva;
    await page.goto('/chat/');
    await page.locator('#rooms').getByText('before').waitFor();
    await page.goto('/profile/');
    await write(fox, 'eva', 'meanwhile');
    await page.goBack();
    await page.locator('#rooms').getByText('meanwhile').waitFor();
  });
});

test('a room opens although the list could not be read', async (t) => {
  const [gus, hal] = [await arrive('gus'), await arrive('hal')];
  const room = await write(hal, 'gus', 'hello');
  await journey(t, [gus, hal], async () => {
    const { page } = gus;
    await page.route('**/api/rooms?*', (route) => route.abort());
    await page.goto(`/chat/room/${room}/`);
    await gus.sees('hello');
    await page.locator('#rooms').getByText('hello').waitFor();
    assert.equal(await page.locator('#rooms-failed').isVisible(), false);
  });
});
