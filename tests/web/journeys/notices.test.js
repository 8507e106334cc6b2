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

/** No notification leaves this browser, and whether somebody looks is for the test to say. @param {Person} person @param {NotificationPermission} answer */
async function withNotifications(person, answer) {
  await person.context.addInitScript((answer) => {
    const page = /** @type {any} */ (globalThis);
    page.told = [];
    page.badges = [];
    page.away = false;
    page.asked = 0;
    Document.prototype.hasFocus = () => !page.away;
    Navigator.prototype.setAppBadge = async (n) => void page.badges.push(n);
    page.Notification = class {
      static get permission() {
        return localStorage.getItem('permission') ?? 'default';
      }
      static async requestPermission() {
        page.asked += 1;
        localStorage.setItem('permission', answer);
        return answer;
      }
      constructor(title, options) {
        Object.assign(this, { title, ...options });
        page.told.push(this);
      }
      close() {
        this.closed = true;
      }
    };
  }, answer);
}

/** Two people who talk already; the first has notifications. @param {string} first @param {string} second @param {NotificationPermission} answer @param {object} [look] */
async function two(first, second, answer, look = {}) {
  await Promise.all([server.createUser(first, PASSWORD), server.createUser(second, PASSWORD)]);
  const [ann, bob] = [await Person.arrive(browser, server, first, look), await Person.arrive(browser, server, second)];
  await withNotifications(ann, answer);
  for (const { context, name } of [ann, bob]) await context.request.post('/api/login', { data: { login: name, password: PASSWORD } });
  const { id } = await (await bob.context.request.post('/api/rooms', { data: { username: first } })).json();
  await ann.context.request.post('/api/rooms', { data: { username: second } });
  const say = async (/** @type {string} */ body) => {
    const answer = await bob.context.request.post(`/api/rooms/${id}/messages`, { data: { client_id: crypto.randomUUID(), body } });
    return answer.json();
  };
  return { ann, bob, room: id, say };
}

const told = (page) => page.evaluate(() => globalThis.told.map(({ title, body, tag, closed = false }) => ({ title, body, tag, closed })));
const setAway = (page, away) => page.evaluate((away) => {
  globalThis.away = away;
  if (!away) globalThis.dispatchEvent(new Event('focus'));
}, away);
const toldOf = (page, body) => page.waitForFunction((body) => globalThis.told.some((one) => one.body === body), body);

test('a message is told of when nobody looks, and leads to its chat', async (t) => {
  const { ann, bob, room, say } = await two('ann', 'bob', 'granted');
  const { page } = ann;
  await journey(t, [ann, bob], async () => {
    await page.goto('/chat/');
    await ann.listed();
    assert.equal(await page.evaluate(() => globalThis.asked), 0, 'nobody is asked on loading');
    const bell = page.getByRole('button', { name: /^Turn notifications/ });
    await bell.focus();
    await page.keyboard.press('Enter');
    await page.getByText('Notifications are on, as long as Sotto is open in a tab.').waitFor();
    assert.equal(await bell.getAttribute('aria-label'), 'Turn notifications off');
    assert.deepEqual(await findings(page), [], 'once turned on');

    await say('while you look');
    await page.getByText('while you look').waitFor();
    await setAway(page, true);
    const message = await say('while you are away');
    await toldOf(page, 'while you are away');
    assert.deepEqual(await told(page), [{ title: 'bob', body: 'while you are away', tag: message.id, closed: false }]);
    assert.equal(await page.evaluate(() => globalThis.badges.at(-1)), 2);
    await say('and another');
    await toldOf(page, 'and another');
    assert.equal((await told(page)).length, 2, 'one for each message');

    await page.evaluate(() => globalThis.told[0].onclick());
    await page.waitForURL(`**/chat/room/${room}/`);
    await ann.sees('and another');
    await setAway(page, false);
    await page.waitForFunction(() => globalThis.told.every(({ closed }) => closed));
    assert.equal(await page.evaluate(() => globalThis.badges.at(-1)), 0);

    // After a reload it is still on; another tab that shows the chat keeps this one quiet.
    await page.reload();
    await ann.sees('and another');
    await page.getByRole('button', { name: 'Turn notifications off' }).waitFor();
    await setAway(page, true);
    const other = await ann.context.newPage();
    await other.goto(`/chat/room/${room}/`);
    await other.getByText('and another').last().waitFor();
    await other.getByRole('button', { name: 'Turn notifications off' }).waitFor();
    await say('the other tab has it');
    await other.locator('.msg').getByText('the other tab has it').waitFor();
    await page.waitForTimeout(1500);
    assert.deepEqual(await told(page), []);
    assert.deepEqual(await told(other), []);
    await other.close();

    await bell.click();
    await page.getByText('Notifications are off.').waitFor();
    await say('nobody hears');
    await page.locator('#rooms').getByText('nobody hears').waitFor();
    await page.waitForTimeout(1500);
    assert.deepEqual(await told(page), []);
  });
});

test('a tab that shows the chat speaks for those that do not, although nothing is read there', async (t) => {
  const { ann, bob, say } = await two('cid', 'dot', 'granted');
  const { page } = ann;
  await journey(t, [ann, bob], async () => {
    await page.goto('/chat/');
    await ann.listed();
    await page.getByRole('button', { name: 'Turn notifications on' }).click();
    await page.getByRole('button', { name: 'Turn notifications off' }).waitFor();
    await setAway(page, true);
    const other = await ann.context.newPage();
    await other.goto('/chat/');
    await other.getByRole('button', { name: 'Turn notifications off' }).waitFor();
    await say('in the list of the other tab');
    await other.locator('#rooms').getByText('in the list of the other tab').waitFor();
    await page.waitForTimeout(1500);
    assert.deepEqual(await told(page), []);
    await setAway(other, true);
    await say('now neither looks');
    await toldOf(page, 'now neither looks');
    await toldOf(other, 'now neither looks');
    assert.equal((await told(page))[0].tag, (await told(other))[0].tag, 'the browser shows one of both');
  });
});

test('whoever refuses notifications learns where to allow them', async (t) => {
  const { ann, bob, say } = await two('eli', 'fay', 'denied', { viewport: PHONE, colorScheme: 'dark' });
  const { page } = ann;
  await journey(t, [ann, bob], async () => {
    await page.goto('/chat/');
    await ann.listed();
    await page.getByRole('button', { name: 'Turn notifications on' }).click();
    await page.getByText('You can allow it in the settings for this site.').waitFor();
    assert.deepEqual(await findings(page), [], 'once refused');
    await setAway(page, true);
    await say('unheard');
    await page.getByText('unheard').waitFor();
    await page.waitForTimeout(1200);
    assert.deepEqual(await told(page), []);
  });
});

test('a stranger’s request tells who they are once, and nothing of what they write', async (t) => {
  const { ann, bob } = await two('gil', 'hob', 'granted', { viewport: PHONE });
  await server.createUser('stranger', PASSWORD);
  const stranger = await Person.arrive(browser, server, 'stranger', { viewport: DESKTOP });
  const { page } = ann;
  await journey(t, [ann, bob, stranger], async () => {
    await page.goto('/chat/');
    await ann.listed();
    await page.getByRole('button', { name: 'Turn notifications on' }).click();
    await page.getByRole('button', { name: 'Turn notifications off' }).waitFor();
    await setAway(page, true);
    await stranger.signIn();
    await stranger.find('gil');
    await stranger.write('buy this');
    await stranger.write('buy that');
    await stranger.sees('buy that', 'sent');
    await toldOf(page, 'stranger wants to write to you');
    await page.waitForTimeout(1200);
    const all = await told(page);
    assert.deepEqual(all.map(({ title, body }) => [title, body]), [['Request', 'stranger wants to write to you']]);
  });
});

for (const look of [{ viewport: PHONE, colorScheme: 'dark' }, { viewport: DESKTOP }]) {
  const { width } = look.viewport;

  test(`a muted chat keeps quiet on every device and says so in the list at ${width} px`, async (t) => {
    const { ann, bob, room, say } = await two(`una${width}`, `vic${width}`, 'granted', look);
    const { page } = ann;
    await journey(t, [ann, bob], async () => {
      await page.goto('/chat/');
      await ann.listed();
      await page.getByRole('button', { name: 'Turn notifications on' }).click();
      await page.getByRole('button', { name: 'Turn notifications off' }).waitFor();
      const elsewhere = await ann.context.newPage();
      await elsewhere.goto('/chat/');
      const row = (/** @type {any} */ page) => page.locator('#rooms').getByRole('link', { name: new RegExp(bob.name) });
      const sign = (/** @type {any} */ page) => row(page).getByRole('img', { name: 'Muted' });
      await row(elsewhere).waitFor();
      assert.equal(await sign(page).count(), 0);
      const icon = () => page.locator('link[rel="icon"]').getAttribute('href');

      await page.bringToFront();
      await page.goto(`/chat/room/${room}/`);
      await ann.composer.waitFor();
      const menu = page.getByLabel('More');
      await menu.focus();
      await page.keyboard.press('Enter');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await sign(elsewhere).waitFor();
      await page.waitForFunction(() => document.querySelector('#mute')?.textContent === 'Unmute');
      await page.goto('/chat/');
      await ann.listed();
      await sign(page).waitFor();
      await page.getByRole('button', { name: 'Turn notifications off' }).waitFor();

      await setAway(page, true);
      await setAway(elsewhere, true);
      await say('psst');
      await row(page).getByText('1 unread').waitFor();
      await page.waitForTimeout(1500);
      assert.deepEqual([await told(page), await told(elsewhere)], [[], []]);
      assert.equal(await page.title(), 'Sotto');
      assert.match((await icon()) ?? '', /sotto\.svg$/);
      assert.ok(await page.evaluate(() => globalThis.badges.every((n) => n === 0)));
      assert.deepEqual(await findings(page), [], 'a list with a muted chat');
      const colours = await page.evaluate(() => {
        const pill = document.querySelector('.pill');
        const probe = document.body.appendChild(document.createElement('i'));
        probe.style.background = 'var(--line)';
        const line = getComputedStyle(probe).backgroundColor;
        probe.remove();
        return [pill && getComputedStyle(pill).backgroundColor, line];
      });
      assert.equal(colours[0], colours[1], 'its pill is grey');

      await row(page).click();
      await ann.sees('psst');
      await menu.click();
      assert.deepEqual(await findings(page), [], 'an open menu');
      await page.getByRole('button', { name: 'Unmute' }).click();
      await sign(elsewhere).waitFor({ state: 'hidden' });
      await say('listen');
      await toldOf(elsewhere, 'listen');
      await bob.page.goto('/chat/');
      await bob.listed();
      assert.equal(await bob.page.getByRole('img', { name: 'Muted' }).count(), 0, 'the other never learns');
    });
  });
}
