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

/** Two people with accounts, in one room, both looking at it. */
async function twoInARoom(first, second, options = {}) {
  await Promise.all([server.createUser(first, PASSWORD), server.createUser(second, PASSWORD)]);
  const ann = await Person.arrive(browser, server, first, options);
  const bob = await Person.arrive(browser, server, second, options);
  await Promise.all([ann.signIn(), bob.signIn()]);
  await ann.find(second);
  await bob.page.goto(ann.page.url());
  await bob.composer.waitFor();
  return [ann, bob];
}

/** Lets a person's sockets lead nowhere, while everything else still works. */
async function cutSockets(person) {
  await person.page.addInitScript(() => {
    const Real = WebSocket;
    globalThis.WebSocket = class extends Real {
      /** @param {string} url */
      constructor(url) {
        super(localStorage.getItem('cut') ? `${url}nowhere/` : url);
      }
    };
  });
  await person.page.evaluate(() => localStorage.setItem('cut', 'yes'));
  return () => person.page.evaluate(() => localStorage.removeItem('cut'));
}

test('two people sign up through the pages and talk', async (t) => {
  const ann = await Person.arrive(browser, server, 'ann', { viewport: DESKTOP });
  const bob = await Person.arrive(browser, server, 'bob', { viewport: PHONE, colorScheme: 'dark' });
  await journey(t, [ann, bob], async () => {
    await Promise.all([ann.signUp(), bob.signUp()]);
    await ann.find('bob');
    await ann.write('Hello Bob, this is Ann');
    await ann.sees('Hello Bob, this is Ann', 'sent');

    const row = bob.page.getByRole('link', { name: /ann/i }).filter({ hasText: 'Hello Bob' });
    await row.getByText('1 unread').waitFor();
    await row.click();
    await bob.sees('Hello Bob, this is Ann');
    await bob.page.getByRole('button', { name: 'Accept', exact: true }).click();
    await ann.sees('Hello Bob, this is Ann', 'read');

    await bob.write('Hi Ann!\nhttps://example.com/path');
    await ann.sees('Hi Ann!');
    const link = ann.bubble('Hi Ann!').getByRole('link');
    assert.match((await link.getAttribute('rel')) ?? '', /noopener noreferrer/);
    assert.equal(await link.getAttribute('href'), 'https://example.com/path');
  });
});

for (const look of [{ viewport: DESKTOP }, { viewport: PHONE, colorScheme: 'dark' }]) {
  const { width } = look.viewport;

  test(`a tick says what is stored, what is delivered and what is read at ${width} px`, async (t) => {
    const [ann, bob] = await twoInARoom(`tia${width}`, `tom${width}`, look);
    await journey(t, [ann, bob], async () => {
      const tick = (/** @type {string} */ text) => ann.bubble(text).locator('.tick');
      const shown = (/** @type {string} */ text) => tick(text).evaluate((node) => {
        const { color } = getComputedStyle(node);
        return { words: node.ariaLabel, icon: node.querySelector('use')?.getAttribute('href'), color };
      });
      const room = bob.page.url();
      await bob.context.request.post(`/api/rooms/${room.split('/').at(-2)}/accept`);
      await bob.page.goto('about:blank');
      await ann.write('while you are away');
      await tick('while you are away').and(ann.page.locator('[data-state="sent"]')).waitFor();
      await ann.page.waitForTimeout(1000);
      const sent = await shown('while you are away');
      assert.deepEqual([sent.words, sent.icon], ['Sent', '#i-check'], 'one check: nobody has it yet');

      await bob.page.goto('/chat/');
      await bob.listed();
      await ann.sees('while you are away', 'delivered');
      const delivered = await shown('while you are away');
      assert.deepEqual([delivered.words, delivered.icon], ['Delivered', '#i-checks'], 'two checks: a device has it');
      assert.equal(delivered.color, sent.color);
      assert.deepEqual(await findings(ann.page), [], 'what is delivered');

      await ann.write('now that you are here');
      const began = Date.now();
      await tick('now that you are here').and(ann.page.locator('[data-state="delivered"]')).waitFor();
      t.diagnostic(`delivered after ${Date.now() - began} ms`);

      await bob.page.goto(room);
      await bob.sees('now that you are here');
      await bob.page.bringToFront();
      await ann.sees('now that you are here', 'read');
      const read = await shown('now that you are here');
      assert.deepEqual([read.words, read.icon], ['Read', '#i-checks']);
      assert.notEqual(read.color, delivered.color, 'what is read has a colour');
      await ann.page.reload();
      await ann.sees('while you are away', 'read');
      assert.equal(await bob.log.locator('.tick:visible').count(), 0, 'what the other wrote has none');
    });
  });
}

test('whoever comes by another name of this machine is led to the one that works', async (t) => {
  const guest = await Person.arrive(browser, server, 'guest');
  await journey(t, [guest], async () => {
    await guest.page.goto(`${server.url.replace('127.0.0.1', 'localhost')}/login/?next=/chat/`);
    assert.equal(guest.page.url(), `${server.url}/login/?next=/chat/`);
  });
});

test('text is only ever text', async (t) => {
  const [ann, bob] = await twoInARoom('carl', 'dora');
  await journey(t, [ann, bob], async () => {
    const attack = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    await ann.write(attack);
    await bob.sees(attack);
    assert.equal(await bob.log.locator('img, script').count(), 0);
    assert.match(await bob.page.title(), /Sotto/);
  });
});

test('Enter sends and Shift+Enter breaks the line', async (t) => {
  const [ann, bob] = await twoInARoom('emma', 'fred');
  await journey(t, [ann, bob], async () => {
    await ann.composer.pressSequentially('first');
    await ann.composer.press('Shift+Enter');
    await ann.composer.pressSequentially('second');
    assert.equal(await ann.composer.inputValue(), 'first\nsecond');
    await ann.composer.press('Enter');
    await bob.sees('first');
    assert.deepEqual(await bob.texts(), ['first\nsecond']);
    assert.equal(await ann.composer.inputValue(), '');
  });
});

test('one who loses the connection catches up without a reload', async (t) => {
  const [ann, bob] = await twoInARoom('gina', 'hugo');
  await journey(t, [ann, bob], async () => {
    await ann.write('before');
    await bob.sees('before');
    await bob.context.setOffline(true);
    await ann.write('while you were away');
    await ann.write('and another');
    await ann.sees('and another', 'sent');
    await bob.write('written offline');
    await bob.sees('written offline', 'pending');
    await bob.page.getByText(/Connecting/).waitFor();

    await bob.context.setOffline(false);
    await bob.sees('and another');
    await bob.sees('written offline', 'sent');
    await ann.sees('written offline');
    const expected = ['before', 'while you were away', 'and another', 'written offline'];
    assert.deepEqual(await ann.texts(), expected);
    await bob.page.waitForFunction((n) => document.querySelectorAll('.msg').length === n, expected.length);
    assert.deepEqual(await bob.texts(), expected);
  });
});

test('what is pending survives a reload and is sent once', async (t) => {
  const [ann, bob] = await twoInARoom('iris', 'jack');
  await journey(t, [ann, bob], async () => {
    const mend = await cutSockets(ann);
    await ann.page.reload();
    await ann.composer.waitFor();
    await ann.write('one');
    await ann.write('two');
    await ann.sees('two', 'pending');
    await ann.page.reload();
    await ann.sees('two', 'pending');
    await mend();
    await ann.sees('one', 'sent');
    await ann.sees('two', 'sent');
    await bob.sees('two');
    assert.deepEqual(await bob.texts(), ['one', 'two']);
    assert.deepEqual(await ann.texts(), ['one', 'two']);
  });
});

test('after a crash of the server everything acknowledged is there and the pages go on', async (t) => {
  const [ann, bob] = await twoInARoom('kate', 'liam');
  await journey(t, [ann, bob], async () => {
    for (const n of [1, 2, 3]) await ann.write(`message ${n}`);
    await ann.sees('message 3', 'sent');
    await server.kill();
    await ann.write('while the server is down');
    await ann.sees('while the server is down', 'pending');
    await server.launch();
    await ann.sees('while the server is down', 'sent');
    await bob.sees('while the server is down');
    const expected = ['message 1', 'message 2', 'message 3', 'while the server is down'];
    assert.deepEqual(await bob.texts(), expected);
    await bob.page.reload();
    await bob.sees('while the server is down');
    assert.deepEqual(await bob.texts(), expected);
  });
});

test('older history loads on scrolling up without a jump', async (t) => {
  const [ann, bob] = await twoInARoom('mona', 'nils');
  await journey(t, [ann, bob], async () => {
    const room = new URL(ann.page.url()).pathname.split('/')[3];
    await ann.page.evaluate(async (room) => {
      for (let n = 1; n <= 130; n += 1) {
        const body = JSON.stringify({ client_id: crypto.randomUUID(), body: `line ${n}` });
        const headers = { 'content-type': 'application/json' };
        await fetch(`/api/rooms/${room}/messages`, { method: 'POST', headers, body });
      }
    }, room);
    await ann.page.reload();
    await ann.sees('line 130');
    assert.equal(await ann.bubble(/^.*line 1$/).count(), 0, 'not everything is loaded at once');

    // Scrolls to the very top again and again; what was in view must stay where it was.
    for (let scroll = 0; scroll < 20 && (await ann.log.getByText('line 1', { exact: true }).count()) === 0; scroll += 1) {
      const before = await ann.page.evaluate(() => {
        const log = document.querySelector('#log');
        log.scrollTop = 0;
        const first = document.querySelector('.msg');
        return { key: first.dataset.key, count: document.querySelectorAll('.msg').length };
      });
      await ann.page.waitForFunction(
        ({ key, count }) => {
          const first = document.querySelector('.msg');
          const atTheTop = first.querySelector('.body').textContent === 'line 1';
          return atTheTop || document.querySelectorAll('.msg').length > count || first.dataset.key !== key;
        },
        before,
      );
      const seen = await ann.page.evaluate((key) => {
        const log = document.querySelector('#log').getBoundingClientRect();
        const box = document.querySelector(`.msg[data-key="${key}"]`).getBoundingClientRect();
        return box.top < log.bottom && box.bottom > log.top;
      }, before.key);
      assert.ok(seen, 'the message at the top of the view is still in view');
    }
    await ann.log.getByText('line 1', { exact: true }).waitFor();
    const nodes = await ann.page.evaluate(() => document.querySelectorAll('.msg').length);
    assert.ok(nodes <= 300, `${nodes} message nodes`);
  });
});

test('a session that ended keeps the draft and leads back', async (t) => {
  const [ann, bob] = await twoInARoom('olga', 'paul');
  await journey(t, [ann, bob], async () => {
    await ann.composer.fill('an unfinished thought');
    const room = ann.page.url();
    await ann.page.evaluate(() => fetch('/api/logout', { method: 'POST' }));
    await ann.page.getByText('Your session has ended').waitFor();
    await ann.page.getByRole('link', { name: 'Sign in again' }).click();
    await ann.page.getByLabel('Username or email').fill('olga');
    await ann.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await ann.page.getByRole('button', { name: 'Sign in' }).click();
    await ann.page.waitForURL(room);
    await ann.composer.waitFor();
    assert.equal(await ann.composer.inputValue(), 'an unfinished thought');
  });
});

test('everything can be done by keyboard', async (t) => {
  await Promise.all([server.createUser('quinn', PASSWORD), server.createUser('rosa', PASSWORD)]);
  const quinn = await Person.arrive(browser, server, 'quinn');
  await journey(t, [quinn], async () => {
    const { page } = quinn;
    await page.goto('/login/');
    await page.keyboard.type('quinn');
    await page.keyboard.press('Tab');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/chat/**');
    await quinn.listed();
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.type('ros');
    await page.getByRole('option', { name: 'rosa' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/chat/room/**');
    await quinn.composer.waitFor();
    await page.waitForFunction(() => document.activeElement?.id === 'text');
    await page.keyboard.type('no mouse needed');
    await page.keyboard.press('Enter');
    await quinn.sees('no mouse needed', 'sent');
  });
});
