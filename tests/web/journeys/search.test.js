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

/** Lets somebody say these things without a page. @param {Person} person @param {string} room @param {string[]} texts */
async function say(person, room, texts) {
  for (const body of texts) {
    const answer = await person.context.request.post(`/api/rooms/${room}/messages`, { data: { client_id: crypto.randomUUID(), body } });
    assert.equal(answer.status(), 201);
  }
}

/** The id of somebody's room with another. @param {Person} person @param {string} username @returns {Promise<string>} */
async function roomWith(person, username) {
  return (await (await person.context.request.post('/api/rooms', { data: { username } })).json()).id;
}

/** Somebody with two chats and a long history in one of them. @param {string} name @param {object} look */
async function withHistory(name, look) {
  const others = [`${name}bob`, `${name}cat`];
  await Promise.all([name, ...others, `${name}dan`].map((one) => server.createUser(one, PASSWORD)));
  const person = await Person.arrive(browser, server, name, look);
  await person.context.request.post('/api/login', { data: { login: name, password: PASSWORD } });
  const [bob, cat] = [await roomWith(person, others[0]), await roomWith(person, others[1])];
  await say(person, bob, ['We met at the Café Ålesund, <b>remember</b>?']);
  await say(person, bob, Array.from({ length: 129 }, (_, i) => `line ${i + 2}`));
  await say(person, cat, ['The cafe again on Sunday']);
  return { person, bob, cat };
}

const palette = (/** @type {Person} */ person) => person.page.getByRole('dialog', { name: /^Search/ });

/** What is in view of the conversation. @param {Person} person */
const inView = (person) => person.page.evaluate(() => {
  const log = document.querySelector('#log').getBoundingClientRect();
  const seen = [...document.querySelectorAll('.msg')].filter((node) => {
    const { top, bottom } = node.getBoundingClientRect();
    return top >= log.top && bottom <= log.bottom;
  });
  return seen.map((node) => node.querySelector('.body').textContent);
});

/** Scrolls until this text is in view. @param {Person} person @param {string} text @param {"up" | "down"} way */
async function scrollTo(person, text, way) {
  for (let i = 0; i < 60 && !(await inView(person)).includes(text); i += 1) {
    await person.log.evaluate((log, way) => log.scrollBy(0, way === 'up' ? -500 : 500), way);
    await person.page.waitForTimeout(30);
  }
  assert.ok((await inView(person)).includes(text), `${text} is in view`);
}

for (const [look, name] of [
  [{ viewport: DESKTOP, colorScheme: 'light' }, 'ann'],
  [{ viewport: PHONE, colorScheme: 'dark' }, 'eve'],
  [{ viewport: DESKTOP, colorScheme: 'dark' }, 'fay'],
  [{ viewport: PHONE, colorScheme: 'light' }, 'gil'],
]) {
  test(`a message is found and opens in its place at ${look.viewport.width} px, ${look.colorScheme}`, async (t) => {
    const { person, bob } = await withHistory(name, look);
    const { page } = person;
    await journey(t, [person], async () => {
      await page.goto('/chat/');
      await person.listed();
      await page.getByRole('button', { name: 'Search', exact: true }).click();
      const dialog = palette(person);
      await dialog.getByRole('group', { name: 'Recent chats' }).getByRole('option').first().waitFor();
      assert.equal(await dialog.getByRole('option').count(), 2);
      assert.deepEqual(await findings(page), [], 'the open palette');
      const box = await dialog.boundingBox();
      if (look.viewport === PHONE) assert.deepEqual(box, { x: 0, y: 0, ...PHONE }, 'it is the whole screen');
      else assert.ok(box && box.width < DESKTOP.width / 2);

      await dialog.getByRole('combobox').fill('CAFE');
      const hits = dialog.getByRole('group', { name: 'Messages' }).getByRole('option');
      await hits.nth(1).waitFor();
      assert.deepEqual(await hits.locator('.row-name').allTextContents(), [`${name}cat`, `${name}bob`], 'newest first');
      assert.deepEqual(await hits.locator('mark').allTextContents(), ['cafe', 'Café']);
      assert.equal(await hits.nth(1).locator('b').count(), 0, 'text is only ever text');
      assert.match((await hits.nth(1).locator('.row-preview').textContent()) ?? '', /^You: We met at the Café Ålesund, <b>remember<\/b>\?$/);
      assert.match((await hits.nth(1).locator('time').textContent()) ?? '', /^\d\d:\d\d$/);
      await dialog.getByText('That’s all').waitFor();
      assert.deepEqual(await findings(page), [], 'with hits');

      await hits.nth(1).click();
      await page.waitForURL(`**/chat/room/${bob}/`);
      await page.locator('.msg.sought').getByText('Café').waitFor();
      assert.ok((await inView(person)).some((text) => text.startsWith('We met at the Café')));
      assert.equal(await person.bubble('line 130').count(), 0, 'the newest are not loaded');
      assert.deepEqual(await findings(page), [], 'at the hit');
      await page.locator('.msg.sought').waitFor({ state: 'detached' });

      await scrollTo(person, 'line 130', 'down');
      await page.getByRole('button', { name: 'Search in this chat' }).click();
      await dialog.getByRole('combobox').fill('line 60');
      await dialog.getByRole('option').first().click();
      await page.locator('.msg.sought').getByText('line 60', { exact: true }).waitFor();
      await scrollTo(person, 'line 20', 'up');
      await page.getByRole('button', { name: /newest/ }).click();
      await person.sees('line 130');
      assert.ok((await inView(person)).includes('line 130'));
      assert.ok(await page.getByRole('button', { name: /newest/ }).isHidden());
    });
  });
}

test('everything in the palette goes by keyboard', async (t) => {
  const { person, bob, cat } = await withHistory('hal', { viewport: DESKTOP });
  const { page } = person;
  await journey(t, [person], async () => {
    await page.goto(`/chat/room/${cat}/`);
    await person.composer.waitFor();
    await person.sees('The cafe again');
    await page.keyboard.press('Control+k');
    const dialog = palette(person);
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'text', 'the focus is where it was');

    await page.keyboard.press('Meta+k');
    await page.keyboard.type('hal');
    const option = (/** @type {string} */ text) => dialog.getByRole('option', { name: text });
    await option('haldan').waitFor();
    const names = dialog.getByRole('option').locator('.row-name');
    assert.deepEqual(await names.allTextContents(), ['halcat', 'halbob', 'haldan'], 'chats, then people');
    const active = () => page.evaluate(() => {
      const id = document.activeElement?.getAttribute('aria-activedescendant');
      const node = id ? document.getElementById(id) : null;
      return node?.getAttribute('aria-selected') === 'true' ? node.querySelector('.row-name')?.textContent : null;
    });
    assert.equal(await active(), 'halcat');
    await page.keyboard.press('ArrowUp');
    assert.equal(await active(), 'haldan', 'round the end');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    assert.equal(await active(), 'halbob');
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/chat/room/${bob}/`);
    await page.waitForFunction(() => document.activeElement?.id === 'text');

    // In this chat alone, and out of it again.
    await page.getByRole('button', { name: 'Search in this chat' }).focus();
    await page.keyboard.press('Enter');
    await dialog.waitFor();
    await page.keyboard.type('cafe');
    await dialog.getByRole('option').first().waitFor();
    await dialog.getByText('That’s all').waitFor();
    assert.equal(await dialog.getByRole('option').count(), 1);
    assert.deepEqual(await names.allTextContents(), ['You']);
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+End');
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Backspace');
    await page.keyboard.type('cafe');
    await dialog.getByRole('option').nth(1).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.locator('.msg.sought').waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.querySelector('.body')?.textContent);
    assert.match((await focused()) ?? '', /Café/, 'what was found is read out');

    // Somebody new.
    await page.keyboard.press('Control+k');
    await dialog.waitFor();
    assert.equal(await dialog.getByRole('combobox').inputValue(), 'cafe', 'back at the same hits');
    await page.keyboard.type('@HALD');
    await option('haldan').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'haldan' }).waitFor();
  });
});

test('a search says what it does, and what it did not find', async (t) => {
  const { person } = await withHistory('ida', { viewport: PHONE });
  const { page } = person;
  await journey(t, [person], async () => {
    await page.goto('/chat/');
    await person.listed();
    // A history in three parts, of which the second takes its time; then one question too many.
    /** @type {(() => void)[]} */
    const gates = [];
    let asked = 0;
    await page.route('**/api/search?*', async (route) => {
      const url = new URL(route.request().url());
      if (url.searchParams.get('query') !== 'parts') return route.continue();
      asked += 1;
      if (asked === 1) return route.fulfill({ json: { hits: [], cursor: 'two' } });
      if (asked === 2) {
        await new Promise((resolve) => gates.push(() => resolve(null)));
        return route.fulfill({ status: 429, headers: { 'retry-after': '1' }, json: { code: 'rate_limited', detail: 'too often' } });
      }
      assert.equal(url.searchParams.get('cursor'), 'two');
      return asked === 3 ? route.fulfill({ json: { hits: [], cursor: null } }) : route.abort();
    });
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    const dialog = palette(person);
    const field = dialog.getByRole('combobox');
    await field.fill('x');
    await dialog.getByText('Type at least two characters.').waitFor();
    await field.fill('nowhere to be found');
    await dialog.getByText('Searching…').waitFor();
    await dialog.getByText('Nothing found').waitFor();
    assert.deepEqual(await findings(page), [], 'without hits');

    await field.fill('parts');
    await dialog.getByText('Searching older messages…').waitFor();
    gates[0]();
    await dialog.getByText('Many searches at once.').waitFor();
    await dialog.getByText('Nothing found').waitFor();
    assert.equal(asked, 3);

    await person.context.setOffline(true);
    await field.fill('line 7');
    await dialog.getByText('Couldn’t search. Check your connection.').waitFor();
    assert.deepEqual(await findings(page), [], 'without a connection');
    await person.context.setOffline(false);
    await dialog.getByRole('button', { name: 'Retry' }).click();
    await dialog.getByRole('option', { name: /line 70/ }).waitFor();

    // Many hits come in parts.
    await field.fill('line');
    await dialog.getByRole('option').nth(49).waitFor();
    assert.equal(await dialog.getByRole('option').count(), 50);
    await dialog.getByRole('button', { name: 'Search older messages' }).click();
    await dialog.getByRole('option').nth(99).waitFor();
    await dialog.getByRole('listbox').evaluate((list) => list.scrollBy(0, 100_000));
    await dialog.getByText('That’s all').waitFor();
    assert.equal(await dialog.getByRole('option').count(), 129);
    await dialog.getByRole('button', { name: 'Close' }).click();
    await dialog.waitFor({ state: 'hidden' });
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'search');
  });
});

test('going back closes the palette', async (t) => {
  const { person, bob } = await withHistory('kim', { viewport: PHONE });
  const { page } = person;
  await journey(t, [person], async () => {
    await page.goto('/chat/');
    await person.listed();
    await page.getByRole('link', { name: /kimbob/ }).click();
    await page.waitForURL(`**/chat/room/${bob}/`);
    await page.getByRole('button', { name: 'Search in this chat' }).click();
    await palette(person).waitFor();
    await page.goBack();
    await palette(person).waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Search', exact: true }).waitFor();
  });
});
