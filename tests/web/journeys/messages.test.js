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

/** The message that says this itself, whatever others quote of it. */
const saying = (person, text) => person.log.locator('.msg').filter({ has: person.page.locator('.body', { hasText: text }) });

/** Opens a message's menu, as one does with a mouse or a finger. */
async function openMenu(person, text) {
  const message = saying(person, text);
  if (await person.page.evaluate(() => matchMedia('(hover: none)').matches)) {
    await message.locator('.body').tap();
  } else {
    await message.locator('.bubble').hover();
    await message.getByRole('button', { name: 'Actions' }).click();
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

for (const look of LOOKS.slice(0, 2)) {
  const name = `${look.viewport.width} px, ${look.colorScheme}`;

  test(`an answer shows what it answers, follows it and leads there at ${name}`, async (t) => {
    const { ann, bob, room } = await annAndBob(look);
    await journey(t, [ann, bob], async () => {
      await choose(bob, 'hello from ann', 'Reply');
      assert.deepEqual(await findings(bob.page), [], 'while answering');
      await bob.page.getByText(/^Reply to ann/).first().waitFor();
      await bob.page.getByRole('button', { name: 'Cancel' }).click();
      await bob.page.locator('.task').waitFor({ state: 'detached' });
      await choose(bob, 'hello from ann', 'Reply');
      await write(bob, 'good to hear from you');
      assert.equal(await bob.page.locator('.task').count(), 0);
      const quote = ann.bubble('good to hear').locator('.quote');
      await quote.getByText('hello from ann').waitFor(LIVE);
      await quote.getByText('You', { exact: true }).waitFor();
      await bob.bubble('good to hear').locator('.quote').getByText(ann.name).waitFor();

      await choose(ann, 'hello from ann', 'Edit');
      await write(ann, 'greetings from **ann**');
      await bob.bubble('good to hear').locator('.quote').getByText('greetings from ann').waitFor(LIVE);

      for (let n = 0; n < 20; n += 1) await say(bob, room, `later ${n}\n\n\n.`);
      await ann.sees('later 19');
      await quote.scrollIntoViewIfNeeded();
      await quote.click();
      const original = ann.log.locator('.msg.sought');
      await original.getByText('greetings from').waitFor();
      assert.deepEqual(await findings(ann.page), [], 'with an answer');

      await choose(ann, 'greetings', 'Delete');
      await quote.getByText('Message deleted').waitFor();
      await ann.page.evaluate(() => dispatchEvent(new Event('pagehide')));
      await bob.bubble('good to hear').locator('.quote').getByText('Message deleted').waitFor(LIVE);
    });
  });

  test(`reactions come and go on both sides at ${name}`, async (t) => {
    const { ann, bob } = await annAndBob(look);
    await journey(t, [ann, bob], async () => {
      await openMenu(bob, 'hello from ann');
      await bob.page.getByRole('menuitemcheckbox', { name: 'heart' }).click();
      const chips = (person) => person.bubble('hello from ann').locator('.chip');
      await ann.bubble('hello from ann').getByRole('button', { name: `❤️ from ${bob.name}`, pressed: false }).waitFor(LIVE);
      await chips(ann).click();
      await ann.bubble('hello from ann').getByRole('button', { name: `❤️ 2 from you and ${bob.name}`, pressed: true }).waitFor();
      await bob.bubble('hello from ann').getByRole('button', { name: `❤️ 2 from you and ${ann.name}` }).waitFor(LIVE);
      assert.equal(await chips(bob).textContent(), '❤️ 2');
      assert.deepEqual(await findings(bob.page), [], 'with a reaction');
      await chips(bob).click();
      await ann.bubble('hello from ann').getByRole('button', { name: '❤️ from you', exact: true }).waitFor(LIVE);
      await chips(ann).click();
      await chips(bob).waitFor({ state: 'detached', ...LIVE });
      assert.equal(await chips(ann).count(), 0);

      await choose(bob, 'hello from ann', 'More emoji');
      const picker = bob.page.getByRole('dialog', { name: 'Choose an emoji' });
      await picker.getByRole('button', { name: 'Food', exact: true }).click();
      await picker.getByRole('button', { name: 'red apple' }).waitFor();
      assert.deepEqual(await findings(bob.page), [], 'with the choice of emoji');
      await picker.getByLabel('Search emoji by name').fill('party po');
      await picker.getByRole('button', { name: 'party popper' }).click();
      await ann.bubble('hello from ann').getByRole('button', { name: `🎉 from ${bob.name}` }).waitFor(LIVE);
      await picker.waitFor({ state: 'detached' });
      await ann.page.reload();
      await ann.bubble('hello from ann').getByRole('button', { name: `🎉 from ${bob.name}` }).waitFor();
    });
  });
}

test('an emoji goes into the text where the cursor is', async (t) => {
  const { ann, bob } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    const button = ann.page.getByRole('button', { name: 'Emoji', exact: true });
    const picker = ann.page.getByRole('dialog', { name: 'Choose an emoji' });
    await ann.composer.fill('well done you');
    await ann.composer.evaluate((box) => box.setSelectionRange(4, 9));
    await button.click();
    await picker.getByLabel('Search emoji by name').fill('party po');
    await ann.page.keyboard.press('Enter');
    await picker.waitFor({ state: 'detached' });
    assert.equal(await ann.composer.inputValue(), 'well🎉 you', 'in place of what was selected');
    await ann.page.keyboard.type('!');
    assert.equal(await ann.composer.inputValue(), 'well🎉! you', 'one goes on writing behind it');

    await button.click();
    await picker.waitFor();
    await ann.page.keyboard.press('Escape');
    await picker.waitFor({ state: 'detached' });
    assert.equal(await ann.composer.inputValue(), 'well🎉! you');
    await ann.composer.press('Enter');
    await bob.bubble('well🎉! you').waitFor(LIVE);
  });
});

test('an answer leads to what is far above, and back', async (t) => {
  const { ann, bob, room } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    const { messages } = await (await ann.page.request.get(`/api/rooms/${room}/messages?limit=2`)).json();
    for (let n = 0; n < 130; n += 1) await say(ann, room, `line ${n}`);
    await say(ann, room, 'as you said', { reply_to: messages[1].id });
    await ann.page.reload();
    const quote = ann.bubble('as you said').locator('.quote');
    await quote.getByText('hello from bob').waitFor();
    await quote.click();
    const original = ann.log.locator('.msg.sought');
    await original.getByText('hello from bob').waitFor();
    assert.ok(await original.evaluate((node) => {
      const [log, box] = [document.querySelector('#log'), node].map((one) => one.getBoundingClientRect());
      return box.top >= log.top && box.bottom <= log.bottom;
    }), 'the original is on screen');
    await ann.page.getByRole('button', { name: 'Go to the newest message' }).click();
    await ann.bubble('as you said').waitFor();
  });
});

test('everything can be done to a message by keyboard alone', async (t) => {
  const { ann, bob } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    const { keyboard } = ann.page;
    const focused = () => ann.page.evaluate(() => document.activeElement?.closest('.msg')?.querySelector('.body')?.textContent);
    await ann.page.waitForFunction(() => document.activeElement?.id === 'text');
    await keyboard.type('helo');
    await keyboard.press('Enter');
    await ann.sees('helo', 'sent');
    await keyboard.press('ArrowUp');
    await ann.page.locator('.task').waitFor();
    await keyboard.press('Escape');
    assert.equal(await ann.composer.inputValue(), '');
    await keyboard.press('ArrowUp');
    await ann.page.locator('.task').waitFor();
    await keyboard.press('End');
    await keyboard.press('Backspace');
    await keyboard.type('lo!');
    await keyboard.press('Enter');
    await bob.bubble('hello!').waitFor(LIVE);

    await keyboard.press('Shift+Tab');
    assert.equal(await focused(), 'hello!', 'one step back from the message box is the newest message');
    await keyboard.press('ArrowUp');
    assert.equal(await focused(), 'hello from bob');
    await keyboard.press('Enter');
    await ann.page.getByRole('menu').waitFor();
    assert.deepEqual(await ann.page.getByRole('menuitem').allTextContents(), ['', 'Reply', 'Copy text'], 'what is not mine I can’t change');
    await keyboard.press('ArrowRight');
    await keyboard.press('Enter');
    await bob.bubble('hello from bob').getByRole('button', { name: `❤️ from ${ann.name}` }).waitFor(LIVE);
    assert.equal(await focused(), 'hello from bob');
    await keyboard.press('Enter');
    await ann.page.getByRole('menu').waitFor();
    await keyboard.press('Escape');
    await ann.page.getByRole('menu').waitFor({ state: 'detached' });
    assert.equal(await focused(), 'hello from bob', 'the focus comes back');
    await keyboard.press('Tab');
    await keyboard.press('Space');
    await bob.bubble('hello from bob').locator('.chip').waitFor({ state: 'detached', ...LIVE });
    await ann.page.waitForFunction(() => document.activeElement !== document.body);

    await ann.composer.focus();
    await keyboard.press('Shift+Tab');
    await keyboard.press('Home');
    await keyboard.press('Enter');
    await ann.page.getByRole('menu').waitFor();
    await keyboard.press('ArrowLeft'); // from the first to the last: Delete
    await keyboard.press('ArrowUp');
    await keyboard.press('ArrowUp');
    await keyboard.press('ArrowUp');
    await keyboard.press('Enter');
    await ann.page.locator('.task').waitFor();
    await keyboard.type('an answer');
    await keyboard.press('Enter');
    await bob.bubble('an answer').locator('.quote').getByText('hello from ann').waitFor(LIVE);

    await keyboard.press('Shift+Tab');
    await keyboard.press('Enter');
    await ann.page.getByRole('menu').waitFor();
    await keyboard.press('End');
    await keyboard.press('Enter');
    await ann.page.getByRole('button', { name: 'Undo' }).waitFor();
    await keyboard.press('Enter');
    await ann.sees('an answer', 'sent');
    assert.equal(await focused(), 'an answer', 'undone');
    await keyboard.press('Enter');
    await ann.page.getByRole('menu').waitFor();
    await keyboard.press('End');
    await keyboard.press('Enter');
    await bob.bubble('Message deleted').waitFor({ timeout: 7000 });
    await ann.page.waitForFunction(() => document.activeElement?.id === 'text');
  });
});

test('an edit or a reaction is not read out, a new message is', async (t) => {
  const { ann, bob, room } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    await ann.page.waitForTimeout(1200);
    // What the log says of itself at the moment something in it changes.
    await ann.page.evaluate(() => {
      const log = document.querySelector('#log');
      globalThis.heard = [];
      new MutationObserver((changes) => {
        for (const { target, addedNodes } of changes) {
          if (addedNodes.length > 0) globalThis.heard.push(`${log.getAttribute('aria-live')} ${target.className}`);
        }
      }).observe(log, { childList: true, subtree: true });
    });
    const { messages } = await (await bob.page.request.get(`/api/rooms/${room}/messages`)).json();
    const mine = `/api/rooms/${room}/messages/${messages[1].id}`;
    await bob.page.request.patch(mine, { data: { body: 'hello again' } });
    await ann.sees('hello again');
    await bob.page.request.put(`${mine}/reactions/${encodeURIComponent('👍')}`);
    await ann.bubble('hello again').locator('.chip').waitFor();
    const changes = await ann.page.evaluate(() => globalThis.heard.splice(0));
    assert.ok(changes.length >= 2 && changes.every((heard) => heard.startsWith('off ')), changes.join());
    await say(bob, room, 'something new');
    await ann.sees('something new');
    assert.ok((await ann.page.evaluate(() => globalThis.heard)).includes('polite items'), 'new messages are read');
    await ann.page.waitForTimeout(700);
    assert.equal(await ann.log.getAttribute('aria-live'), 'polite');
  });
});

test('what the reader looks at stays where it is when messages above it grow, and who is at the bottom stays there', async (t) => {
  const { ann, bob, room } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    /** @type {any[]} */
    const sent = [];
    for (let n = 0; n < 40; n += 1) sent.push(await say(bob, room, `line ${n}`));
    await ann.sees('line 39');
    const change = async (at) => {
      const path = `/api/rooms/${room}/messages/${sent[at].id}`;
      await bob.page.request.patch(path, { data: { body: `line ${at}\n${'grown\n'.repeat(8)}` } });
      await bob.page.request.put(`${path}/reactions/${encodeURIComponent('👍')}`);
      await ann.bubble(`line ${at}`).filter({ hasText: 'grown' }).locator('.chip').waitFor();
    };
    const distance = () => ann.page.evaluate(() => {
      const log = document.querySelector('#log');
      return log.scrollHeight - log.scrollTop - log.clientHeight;
    });
    await change(38);
    assert.ok((await distance()) < 2, 'still at the bottom');
    await ann.page.evaluate(() => (document.querySelector('#log').scrollTop = 300));
    const place = () => ann.page.evaluate(() => {
      const top = document.querySelector('#log').getBoundingClientRect().top;
      const whole = [...document.querySelectorAll('.msg')].find((one) => one.getBoundingClientRect().top >= top);
      return [whole.querySelector('.body').textContent, Math.round(whole.getBoundingClientRect().top)];
    });
    const [text, top] = await place();
    const at = Number(text.slice(5));
    await change(at - 1); // the one that is cut by the upper edge, or just above it
    await change(at - 3);
    const [textAfter, topAfter] = await place();
    assert.equal(textAfter, text);
    assert.ok(Math.abs(topAfter - top) <= 1, `${top} became ${topAfter}`);
  });
});

test('code and emphasis show as such, and stay text', async (t) => {
  const { ann, bob } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    await write(ann, 'run `cargo test` **now**, _please_: <b>not</b> https://example.com/a_b_c');
    const body = saying(bob, 'cargo test').locator('.body');
    await body.waitFor(LIVE);
    for (const [tag, text] of [['code', 'cargo test'], ['strong', 'now'], ['em', 'please'], ['a', 'https://example.com/a_b_c']]) {
      assert.deepEqual(await body.locator(tag).allTextContents(), [text]);
    }
    assert.equal(await body.textContent(), 'run cargo test now, please: <b>not</b> https://example.com/a_b_c');
    assert.equal(await body.locator('b').count(), 0);
  });
});
