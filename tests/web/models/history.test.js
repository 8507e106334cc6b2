import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RoomHistory } from '../../../crates/web/assets/static/js/models/history.js';
import { message, messages } from './support.js';

/** @param {RoomHistory} history */
const seqs = (history) => history.messages.map((one) => one.seq);

/** @param {number} from @param {number} to */
const range = (from, to) => messages(from, to).map((one) => one.seq);

/** A page that arrives when the test says so. */
function held() {
  /** @type {(page: any) => void} */
  let arrive = () => {};
  /** @type {(reason: Error) => void} */
  let fail = () => {};
  const page = new Promise((resolve, reject) => {
    arrive = resolve;
    fail = reject;
  });
  return { fetch: () => /** @type {Promise<any>} */ (page), arrive, fail };
}

/** @param {number} from @param {number} to */
async function loaded(from, to, hasOlder = false, hasNewer = false) {
  const history = new RoomHistory('r');
  await history.load(async () => ({ messages: messages(from, to), hasOlder, hasNewer }));
  return history;
}

test('messages that arrive out of order stand in seq order', async () => {
  const history = await loaded(1, 2);
  for (const seq of [5, 3, 4]) history.apply(message(seq));
  assert.deepEqual(seqs(history), range(1, 5));
  assert.equal(history.hasGap, false);
});

test('a message that arrives twice is there once', async () => {
  const history = await loaded(1, 3);
  assert.equal(history.apply(message(4)), true);
  assert.equal(history.apply(message(4)), false);
  assert.deepEqual(seqs(history), range(1, 4));
});

test('of two versions the higher rev wins, whichever comes first', async () => {
  const history = await loaded(1, 3);
  history.apply(message(2, { rev: 9, body: 'newest' }));
  history.apply(message(2, { rev: 7, body: 'older' }));
  assert.equal(history.messages[1].body, 'newest');
});

test('a missing message shows as a gap until it comes', async () => {
  const history = await loaded(1, 3);
  history.apply(message(5));
  assert.equal(history.hasGap, true);
  history.apply(message(4));
  assert.equal(history.hasGap, false);
});

test('what lies outside a cut window does not tear a hole into it', async () => {
  const history = await loaded(11, 20, true, true);
  assert.equal(history.apply(message(25)), false);
  assert.equal(history.apply(message(3, { rev: 30 })), false);
  assert.deepEqual(seqs(history), range(11, 20));
});

test('older and newer pages join the window', async () => {
  const history = await loaded(11, 20, true, true);
  await history.loadOlder(async (before) => ({ messages: messages(1, before - 1), has_more: false }));
  await history.loadNewer(async (after) => ({ messages: messages(after + 1, 30), has_more: false }));
  assert.deepEqual(seqs(history), range(1, 30));
  assert.equal(history.hasOlder || history.hasNewer, false);
});

test('a message that comes while the page before it is on its way is not lost', async () => {
  const history = await loaded(1, 10, false, true);
  const page = held();
  const loading = history.loadNewer(page.fetch);
  history.apply(message(21));
  page.arrive({ messages: messages(11, 20), has_more: false });
  await loading;
  assert.deepEqual(seqs(history), range(1, 21));
});

test('an edit that overtakes the page with the old version survives it', async () => {
  const history = await loaded(11, 20, true);
  const page = held();
  const loading = history.loadOlder(page.fetch);
  history.apply(message(5, { rev: 40, body: 'edited' }));
  page.arrive({ messages: messages(1, 10), has_more: false });
  await loading;
  assert.equal(history.messages[4].body, 'edited');
});

test('an edit that overtakes a reload of the whole window survives it', async () => {
  const history = await loaded(1, 10);
  const page = held();
  const loading = history.load(page.fetch);
  history.apply(message(5, { rev: 40, body: 'edited' }));
  page.arrive({ messages: messages(1, 10), hasOlder: false, hasNewer: false });
  await loading;
  assert.equal(history.messages[4].body, 'edited');
});

test('a page for a window that was cut meanwhile is dropped', async () => {
  const history = await loaded(101, 400, true);
  const page = held();
  const loading = history.loadOlder(page.fetch);
  history.trim(200, 'older');
  page.arrive({ messages: messages(51, 100), has_more: true });
  await loading;
  assert.deepEqual(seqs(history), range(201, 400));
  assert.equal(history.hasGap, false);
});

test('of two loads of the window the later one counts', async () => {
  const history = new RoomHistory('r');
  const first = held();
  const second = held();
  const loads = [history.load(first.fetch), history.load(second.fetch)];
  second.arrive({ messages: messages(5, 9), hasOlder: true, hasNewer: false });
  first.arrive({ messages: messages(1, 2), hasOlder: false, hasNewer: false });
  await Promise.all(loads);
  assert.deepEqual(seqs(history), range(5, 9));
});

test('a failed load leaves the window as it was', async () => {
  const history = await loaded(11, 20, true);
  const page = held();
  const loading = history.loadOlder(page.fetch);
  page.fail(new Error('no network'));
  await assert.rejects(loading);
  assert.deepEqual(seqs(history), range(11, 20));
  assert.equal(history.hasOlder, true);
});

test('what is cut off can be loaded again', async () => {
  const history = await loaded(1, 40);
  history.trim(30, 'newer');
  assert.deepEqual(seqs(history), range(1, 30));
  assert.equal(history.hasNewer, true);
  await history.loadNewer(async (after) => ({ messages: messages(after + 1, 40), has_more: false }));
  history.trim(30, 'older');
  assert.deepEqual(seqs(history), range(11, 40));
  assert.equal(history.hasOlder, true);
});
