import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Problem } from '../../../crates/web/assets/static/js/lib/api.js';
import { UNDO_WITHIN } from '../../../crates/web/assets/static/js/models/changes.js';
import { Originals } from '../../../crates/web/assets/static/js/models/originals.js';
import { timeline } from '../../../crates/web/assets/static/js/models/timeline.js';
import { FakeServer, chatOf, memoryStorage, settle, stopAll } from './support.js';

/** @typedef {import('../../../crates/web/assets/static/js/lib/types.js').Change} Change */
/** @typedef {import('../../../crates/web/assets/static/js/lib/types.js').MessageItem} MessageItem */

const ready = { type: 'ready', user: 'anna' };

beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.UTC(2026, 5, 2) }));
afterEach(() => {
  mock.timers.reset();
  stopAll();
});

/** Two messages of Anna's and one of Ben's. */
function server() {
  const made = new FakeServer();
  made.post({ sender: 'anna', body: 'one' });
  made.post({ sender: 'anna', body: 'two' });
  made.post({ body: 'from ben' });
  made.read.anna = 3;
  return made;
}

/** Anna's chat with the room open. @param {FakeServer} at @param {Storage} [storage] */
async function opened(at, storage) {
  at.read.anna = at.messages.length;
  const parts = chatOf(at, storage);
  const changes = await parts.chat.loadChanges();
  parts.chat.start();
  parts.socket().tell(ready);
  await settle();
  const history = await parts.chat.open('r');
  await settle();
  at.calls.length = 0;
  const shown = () =>
    /** @type {MessageItem[]} */ (timeline({
      messages: history.messages, waiting: parts.outbox.forRoom('r'), changes: changes.forRoom('r'), me: 'anna', otherReadSeq: 0, deliveredSeq: 0, unreadAfter: null,
    }).filter(({ kind }) => kind === 'message'));
  return { ...parts, changes, history, shown, bodies: () => shown().map((item) => (item.content === 'deleted' ? '-' : item.body)) };
}

/** @param {number} seq @param {Change["kind"]} kind @param {string} [what] */
const wish = (seq, kind, what = '') => ({ room: 'r', key: seq === 3 ? 'm3' : `c${seq}`, id: `m${seq}`, kind, what });

test('an edit shows at once, and is told to the server', async () => {
  const at = server();
  const { changes, bodies, shown, history } = await opened(at);
  changes.add(wish(1, 'edit', 'ONE'));
  assert.deepEqual(bodies(), ['ONE', 'two', 'from ben']);
  assert.equal(shown()[0].state, 'pending');
  assert.ok(shown()[0].editedAt);
  await settle();
  assert.deepEqual(at.calls, ['edit m1 ONE']);
  assert.equal(history.messages[0].body, 'ONE');
  assert.deepEqual([shown()[0].state, changes.forRoom('r')], ['sent', []]);
});

test('a deletion shows at once, and is told only when nobody can undo it any more', async () => {
  const at = server();
  const { changes, bodies, shown } = await opened(at);
  changes.add(wish(1, 'delete'));
  assert.deepEqual([bodies()[0], shown()[0].undo], ['-', true]);
  mock.timers.tick(UNDO_WITHIN - 1);
  await settle();
  assert.deepEqual(at.calls, []);
  mock.timers.tick(1);
  assert.equal(shown()[0].undo, false);
  await settle();
  assert.deepEqual(at.calls, ['delete m1']);
  assert.equal(at.messages[0].deleted, true);
  assert.deepEqual(bodies(), ['-', 'two', 'from ben']);
});

test('a deletion that was undone is never told', async () => {
  const at = server();
  const { changes, bodies, storage } = await opened(at);
  changes.add(wish(1, 'delete'));
  changes.drop('c1');
  mock.timers.tick(UNDO_WITHIN * 2);
  await settle();
  assert.deepEqual([at.calls, bodies()[0]], [[], 'one']);
  assert.deepEqual([...Array(storage.length)].map((_, i) => storage.key(i)).filter((key) => key?.includes('change:')), []);
});

test('whoever leaves thinks no more: what is to be deleted goes at once', async () => {
  const at = server();
  const { changes } = await opened(at);
  changes.add(wish(1, 'delete'));
  changes.add(wish(2, 'delete'));
  changes.settle();
  assert.deepEqual(at.calls, ['delete m1', 'delete m2'], 'without waiting for one another');
  await settle();
  mock.timers.tick(UNDO_WITHIN);
  await settle();
  assert.equal(at.calls.length, 2);
});

test('changes survive a reload and go in order when the server is there again', async () => {
  const at = server();
  const storage = memoryStorage();
  const before = await opened(at, storage);
  at.offline = true;
  before.changes.add(wish(1, 'edit', 'ONE'));
  before.changes.add(wish(3, 'react', '👍'));
  before.changes.add(wish(2, 'delete'));
  await settle();
  before.changes.stop();
  mock.timers.tick(UNDO_WITHIN);
  at.offline = false;
  at.calls.length = 0;
  const { chat, socket } = chatOf(at, storage);
  chat.start();
  socket().tell(ready);
  await chat.loadChanges();
  await settle();
  assert.deepEqual(at.calls.filter((call) => / m\d/.test(call)), ['edit m1 ONE', 'react m3 👍', 'delete m2']);
  assert.deepEqual(chat.changes?.forRoom('r'), []);
});

test('while the server can’t be reached it is asked again, less and less often', async () => {
  const at = server();
  const { changes, bodies } = await opened(at);
  at.offline = true;
  changes.add(wish(1, 'edit', 'ONE'));
  await settle();
  for (const [wait, calls] of [[999, 1], [1, 2], [1999, 2], [1, 3]]) {
    mock.timers.tick(wait);
    await settle();
    assert.equal(at.calls.length, calls, `after ${wait} ms`);
  }
  assert.equal(bodies()[0], 'ONE');
  at.offline = false;
  changes.connected();
  await settle();
  assert.equal(at.messages[0].body, 'ONE');
});

test('what is edited before it is sent, is so once it is sent, also after a reload', async () => {
  const at = server();
  const storage = memoryStorage();
  const before = await opened(at, storage);
  before.chat.sendMessage('r', 'helo');
  const [{ client_id }] = before.outbox.forRoom('r');
  before.changes.add({ room: 'r', key: client_id, id: '', kind: 'edit', what: 'hello' });
  await settle();
  assert.deepEqual(before.bodies(), ['one', 'two', 'from ben', 'hello']);
  assert.deepEqual(at.calls, []);
  const { socket, bodies } = await opened(at, storage);
  assert.equal(socket().sent.at(-1).body, 'helo', 'under its name a message is always the same');
  assert.deepEqual(bodies(), ['one', 'two', 'from ben', 'hello']);
  socket().tell({ type: 'message', ...at.post({ sender: 'anna', body: 'helo', client_id }) });
  await settle();
  assert.deepEqual(at.calls, ['edit m4 hello']);
  assert.equal(at.messages[3].body, 'hello');
});

test('what was stored since it was drawn is changed as well', async () => {
  const at = server();
  const { changes } = await opened(at);
  changes.add({ ...wish(2, 'edit', 'TWO'), id: '' });
  changes.add({ ...wish(1, 'delete'), id: '' });
  await settle();
  mock.timers.tick(UNDO_WITHIN);
  await settle();
  assert.deepEqual(at.calls, ['edit m2 TWO', 'delete m1']);
  assert.deepEqual(changes.forRoom('r'), []);
});

test('an edit that is refused says why, and can be tried again or given up', async () => {
  const at = server();
  const { changes, shown } = await opened(at);
  at.refuses = new Problem(403, 'not_delivered', 'It can’t be delivered.');
  const asked = () => at.calls.filter((call) => call.startsWith('edit')).length;
  changes.add(wish(1, 'edit', 'ONE'));
  await settle();
  assert.deepEqual([shown()[0].why, shown()[0].body, shown()[0].state], ['Not changed. It can’t be delivered.', 'ONE', 'sent']);
  mock.timers.tick(100_000);
  await settle();
  assert.equal(asked(), 1, 'nobody asks again by themselves');
  changes.retry('c1');
  await settle();
  assert.equal(asked(), 2);
  changes.drop('c1');
  assert.deepEqual([shown()[0].why, shown()[0].body], ['', 'one']);
});

test('a deletion that is refused shows the text again, and what is gone needs none', async () => {
  const at = server();
  const { changes, shown } = await opened(at);
  at.refuses = new Problem(403, 'forbidden', 'No.');
  changes.add(wish(1, 'delete'));
  mock.timers.tick(UNDO_WITHIN);
  await settle();
  assert.deepEqual([shown()[0].content, shown()[0].why], ['text', 'Not deleted. No.']);
  at.refuses = new Problem(404, 'not_found', 'There is no such message.');
  changes.retry('c1');
  await settle();
  assert.deepEqual(changes.forRoom('r'), []);
});

test('what is deleted elsewhere needs no edit any more', async () => {
  const at = server();
  const { changes, socket } = await opened(at);
  at.offline = true;
  changes.add(wish(1, 'edit', 'ONE'));
  await settle();
  socket().tell({ type: 'message', ...at.change(1, { body: '', deleted: true }) });
  await settle();
  assert.deepEqual(changes.forRoom('r'), []);
});

test('a reaction shows at once on top of what the other gave, and goes the same way', async () => {
  const at = server();
  at.change(3, { reactions: [{ emoji: '🎉', users: ['ben'] }] });
  const { changes, shown } = await opened(at);
  changes.add(wish(3, 'react', '🎉'));
  changes.add(wish(3, 'react', '👍'));
  assert.deepEqual(shown()[2].reactions, [{ emoji: '🎉', mine: true, theirs: true }, { emoji: '👍', mine: true, theirs: false }]);
  changes.add(wish(3, 'unreact', '👍'));
  assert.deepEqual(shown()[2].reactions, [{ emoji: '🎉', mine: true, theirs: true }]);
  await settle();
  assert.equal(at.calls.at(-1), 'unreact m3 👍', 'the last wish is the one that stands');
});

test('a reaction that is refused goes, and says why', async () => {
  const at = server();
  const { chat, changes, shown } = await opened(at);
  /** @type {string[]} */
  const said = [];
  chat.on('refused', (why) => said.push(why));
  at.refuses = new Problem(409, 'too_many_reactions', 'At most 20.');
  changes.add(wish(3, 'react', '👍'));
  await settle();
  assert.deepEqual([said, shown()[2].reactions, changes.forRoom('r')], [['At most 20.'], [], []]);
});

test('more than two hundred changes are not kept', async () => {
  const at = server();
  const { changes } = await opened(at);
  at.offline = true;
  for (let i = 0; i < 200; i += 1) assert.ok(changes.add(wish(3, 'react', `${i}`)));
  assert.equal(changes.add(wish(3, 'react', '👍')), false);
  assert.equal(changes.forRoom('r').length, 200);
});

test('the end of the session ends the asking and keeps the changes', async () => {
  const at = server();
  const { changes } = await opened(at);
  at.refuses = new Problem(401, 'signed_out', 'Sign in.');
  changes.add(wish(1, 'edit', 'ONE'));
  await settle();
  mock.timers.tick(100_000);
  await settle();
  assert.deepEqual([at.calls.length, changes.forRoom('r').length], [1, 1]);
});

test('an answer shows what it answers, as that is by now', async () => {
  const at = server();
  at.post({ body: 'an answer', reply_to: 'm1' });
  const { changes, shown } = await opened(at);
  const quote = () => shown().at(-1)?.quote;
  assert.deepEqual(quote(), { mine: true, text: 'one', quiet: false });
  const before = shown().at(-1)?.version;
  changes.add(wish(1, 'edit', 'ONE\nand more'));
  assert.deepEqual(quote(), { mine: true, text: 'ONE', quiet: false });
  assert.notEqual(shown().at(-1)?.version, before);
  changes.add(wish(1, 'delete'));
  assert.deepEqual(quote(), { mine: true, text: 'Message deleted', quiet: true });
});

test('an answer is sent with what it answers', async () => {
  const at = server();
  const { chat, outbox, socket, shown } = await opened(at);
  chat.sendMessage('r', 'my answer', 'm3');
  assert.equal(socket().sent.at(-1).reply_to, 'm3');
  assert.equal(shown().at(-1)?.quote?.text, 'from ben');
  const [entry] = outbox.forRoom('r');
  outbox.fail(entry.client_id, 'too_long');
  outbox.retry(entry.client_id);
  assert.equal(outbox.forRoom('r')[0].reply_to, 'm3');
});

test('a page goes around a message, and knows that there is more on both sides', async () => {
  const at = server();
  for (let i = 0; i < 300; i += 1) at.post();
  const { chat } = await opened(at);
  const history = await chat.openAround('r', 100);
  assert.ok(history.lowest < 100 && history.highest > 100 && history.messages.some(({ seq }) => seq === 100));
  assert.deepEqual([history.hasOlder, history.hasNewer], [true, true]);
});

/** @param {Originals} originals @param {string} id */
async function lookedFor(originals, id) {
  assert.equal(originals.find('r', id), undefined);
  await settle();
  return originals.find('r', id);
}

test('what is answered but not loaded is found, and follows its changes', async () => {
  const at = server();
  for (let i = 0; i < 400; i += 1) at.post();
  const { chat, socket } = await opened(at);
  const originals = new Originals(chat);
  assert.equal((await lookedFor(originals, 'm2'))?.body, 'two');
  assert.equal(at.calls.length, 2);
  socket().tell({ type: 'message', ...at.change(2, { body: 'TWO' }) });
  assert.equal(originals.find('r', 'm2')?.body, 'TWO');
});

test('looking back unasked is bounded; whoever wants to go there gets farther', async () => {
  const at = server();
  for (let i = 0; i < 1500; i += 1) at.post();
  const { chat } = await opened(at);
  const originals = new Originals(chat);
  assert.equal(await lookedFor(originals, 'm1'), null);
  assert.equal(at.calls.length, 5);
  assert.equal((await originals.findFar('r', 'm1'))?.body, 'one');
});

test('what can’t be looked for is looked for later', async () => {
  const at = server();
  for (let i = 0; i < 200; i += 1) at.post();
  const { chat } = await opened(at);
  const originals = new Originals(chat);
  at.offline = true;
  assert.equal(await lookedFor(originals, 'm1'), undefined);
  at.offline = false;
  assert.equal(await lookedFor(originals, 'm1'), undefined, 'not at once');
  mock.timers.tick(6000);
  assert.equal((await lookedFor(originals, 'm1'))?.body, 'one');
});
