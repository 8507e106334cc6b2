// Two people whose networks fail again and again, each in many ways, while both write, edit and
// delete. `TEST_SEED` repeats the choices of a failure.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PASSWORD, Person, journey, launchBrowser } from './support/browser.js';
import { Chance, seed } from './support/chance.js';
import { Network } from './support/network.js';
import { Server } from './support/server.js';

/** So long everything fails, in milliseconds. */
const TROUBLE = 60_000;
/** So long after that, at most, until both pages are whole: longer than a page waits before it tries anything again. */
const WHOLE_WITHIN = 120_000;
const FAILURES = ['cut', 'stalled', 'forgotten', 'deaf', 'torn', 'slow', 'offline', 'closed'];
const STUB = 'Message deleted';

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

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Somebody who writes, and what should come of it. */
class Writer {
  /** What was written, in order: the key it has on the page, and what it says now. */
  written = [];

  constructor(person, network, chance) {
    Object.assign(this, { person, network, chance });
  }

  get page() {
    return this.person.page;
  }

  /** Lets the network fail in one way after the other. */
  async suffer(until) {
    this.suffered = [];
    while (Date.now() < until) {
      await sleep(Math.min(this.chance.between(300, 3500), Math.max(until - Date.now(), 0)));
      const how = this.chance.oneOf(FAILURES);
      // Now and then longer than anything waits for an answer.
      const long = this.chance.next() < 0.15 ? this.chance.between(10_000, 22_000) : this.chance.between(500, 6000);
      const wait = Math.min(long, Math.max(until - Date.now(), 0));
      this.suffered.push(`${how} ${Math.round(wait)} ms`);
      if (how === 'offline') await this.person.context.setOffline(true);
      else if (how === 'closed') this.network.closeSockets();
      else this.network.become(how);
      await sleep(wait);
      if (how === 'offline') await this.person.context.setOffline(false);
      this.network.become('whole');
    }
  }

  /** Writes, edits and deletes as people do. */
  async talk(until) {
    const { chance } = this;
    while (Date.now() < until) {
      const mine = this.written.filter(({ deleted }) => !deleted).slice(-8);
      const what = mine.length === 0 ? 0 : chance.next();
      if (what < 0.55) await this.write();
      else if (what < 0.8) await this.edit(chance.oneOf(mine));
      else await this.delete(chance.oneOf(mine));
      await sleep(chance.between(100, 1500));
    }
  }

  async write() {
    const body = `${this.person.name} writes ${this.written.length + 1}`;
    await this.person.write(body);
    const key = await this.bubbleOf(body).getAttribute('data-key');
    this.written.push({ key, body, edits: 0, deleted: false });
  }

  async edit(message) {
    await this.choose(message, 'Edit');
    assert.equal(await this.person.composer.inputValue(), message.body);
    message.edits += 1;
    message.body = `${message.body.replace(/, .*/, '')}, edit ${message.edits}`;
    await this.person.write(message.body);
    await this.bubbleOf(message.body).waitFor();
  }

  async delete(message) {
    await this.choose(message, 'Delete');
    message.deleted = true;
    await this.page.locator(`.msg[data-key="${message.key}"]`).filter({ hasText: STUB }).waitFor();
  }

  /** By keyboard: a bubble may move while others come. */
  async choose(message, action) {
    await this.page.locator(`.msg[data-key="${message.key}"] .actions`).press('Enter');
    await this.page.getByRole('menuitem', { name: action, exact: true }).click();
  }

  bubbleOf(body) {
    return this.person.log.locator('.msg').filter({ has: this.page.getByText(body, { exact: true }) });
  }

  /** All that the page shows, top to bottom, and what waits. */
  shown() {
    return this.page.evaluate(() => {
      const messages = [...document.querySelectorAll('.msg')].map((node) => ({
        id: node.dataset.id,
        seq: Number(node.dataset.seq),
        body: node.querySelector('.body').textContent,
        edited: !node.querySelector('[data-part="edited"]').hidden,
      }));
      const waiting = [...document.querySelectorAll('.tick')].filter(({ dataset }) => ['pending', 'failed'].includes(dataset.state)).length;
      const kept = Object.keys(localStorage).filter((key) => /:(outbox|change):/.test(key));
      return { messages, waiting, kept };
    });
  }
}

/** The history as the server tells it to one who asks past all networks. */
async function historyOf(person, room) {
  const cookie = (await person.context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  const messages = [];
  for (let more = true; more; ) {
    const after = messages.at(-1)?.seq ?? 0;
    const answer = await fetch(`${server.url}/api/rooms/${room}/messages?after=${after}&limit=200`, { headers: { cookie } });
    assert.equal(answer.status, 200);
    const page = await answer.json();
    messages.push(...page.messages);
    more = page.has_more;
  }
  return messages;
}

/** What a page has to show for a history. */
const asShown = (history) => history.map(({ id, seq, body, deleted, edited_at }) => ({
  id, seq, body: deleted ? STUB : body, edited: edited_at !== null && !deleted,
}));

/** What is wrong with a history, given what was written; nothing if nothing is. */
function faultOf(history, writers) {
  if (history.some(({ seq }, at) => seq !== at + 1)) return 'there are holes';
  const of = (writer) => new Set(writer.written.map(({ key }) => key));
  if (history.length !== writers.reduce((sum, { written }) => sum + written.length, 0)) return `there are ${history.length} messages`;
  for (const writer of writers) {
    const mine = history.filter(({ client_id }) => of(writer).has(client_id));
    const got = mine.map(({ client_id, body, deleted }) => `${client_id} ${deleted ? STUB : body}`);
    const expected = writer.written.map(({ key, body, deleted }) => `${key} ${deleted ? STUB : body}`);
    const at = expected.findIndex((line, i) => line !== got[i]);
    if (got.length !== expected.length || at >= 0) return `${writer.person.name}'s message ${at + 1} of ${expected.length} is ${got[at]}, not ${expected[at]}`;
  }
  return null;
}

/** Each of two people on a network of their own, in one room. */
async function arrive(t, chance) {
  const writers = [];
  for (const name of ['ann', 'bob']) {
    await server.createUser(name, PASSWORD);
    const network = await Network.start(chance.split());
    t.after(() => network.stop());
    const person = await Person.arrive(browser, server, name, { proxy: network.proxy });
    await person.signIn();
    writers.push(new Writer(person, network, chance.split()));
  }
  const [ann, bob] = writers;
  const { id } = await (await ann.page.request.post('/api/rooms', { data: { username: 'bob' } })).json();
  await bob.page.request.post(`/api/rooms/${id}/accept`);
  for (const writer of writers) {
    await writer.page.goto(`/chat/room/${id}/`);
    await writer.person.composer.waitFor();
  }
  return { writers, room: id };
}

test('with networks that fail for a minute in every way, both pages end with the same whole history', async (t) => {
  const chance = new Chance(seed());
  const { writers, room } = await arrive(t, chance);
  const people = writers.map(({ person }) => person);
  await journey(t, people, async () => {
    for (const writer of writers) {
      await writer.write();
      await writer.choose(writer.written[0], 'Edit'); // what that needs is loaded
      await writer.page.keyboard.press('Escape');
      await writer.page.evaluate(() => (globalThis.neverReloaded = true));
    }
    const until = Date.now() + TROUBLE;
    await Promise.all(writers.flatMap((writer) => [writer.suffer(until), writer.talk(until)]));
    const whole = Date.now();

    let fault = null;
    for (;;) {
      const history = await historyOf(people[0], room);
      fault = faultOf(history, writers);
      for (const writer of writers) {
        const { messages, waiting, kept } = await writer.shown();
        const [shown, expected] = [messages, asShown(history)].map((list) => list.map((one) => JSON.stringify(one)));
        const at = expected.findIndex((line, i) => line !== shown[i]);
        const { name } = writer.person;
        if (at >= 0 || shown.length !== expected.length) fault ??= `${name} sees ${shown.length} of ${expected.length} messages, and ${shown[at]} instead of ${expected[at]}`;
        if (waiting || kept.length) fault ??= `${name} has ${waiting} waiting, and keeps ${kept}`;
      }
      if (!fault) break;
      const suffered = writers.map(({ person, suffered }) => `${person.name}: ${suffered.join(', ')}`).join('\n');
      assert.ok(Date.now() - whole < WHOLE_WITHIN, `${fault}\n${suffered}`);
      await sleep(250);
    }
    const all = writers.flatMap(({ written }) => written);
    const edits = all.reduce((sum, one) => sum + one.edits, 0);
    const deletions = all.filter(({ deleted }) => deleted).length;
    t.diagnostic(`${all.length} messages, ${edits} edits, ${deletions} deletions; whole after ${Date.now() - whole} ms`);
    assert.ok(all.length > 10 && edits > 2 && deletions > 2, 'that was much');
    for (const writer of writers) assert.equal(await writer.page.evaluate(() => globalThis.neverReloaded), true, 'without a reload');
  });
});
