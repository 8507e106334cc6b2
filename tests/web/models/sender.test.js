import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';
import { LocalStore } from '../../../crates/web/assets/static/js/models/local-store.js';
import { MAX_WAITING, Outbox } from '../../../crates/web/assets/static/js/models/outbox.js';
import { Sender } from '../../../crates/web/assets/static/js/models/sender.js';
import { bodies, memoryStorage, message } from './support.js';

/** @type {Sender[]} */
const senders = [];
afterEach(() => {
  for (const sender of senders.splice(0)) sender.disconnected();
});

function setUp(storage = memoryStorage()) {
  const outbox = new Outbox(new LocalStore('anna', storage));
  /** @type {any[]} */
  const sent = [];
  let silences = 0;
  const sender = new Sender(outbox, (frame) => sent.push(frame), () => (silences += 1));
  senders.push(sender);
  return { outbox, sender, sent, storage, silences: () => silences };
}

/** @param {Outbox} outbox @param {Sender} sender @param {any} frame */
function acknowledge(outbox, sender, frame) {
  outbox.resolve(message(1, { client_id: frame.client_id, sender: 'anna' }));
  sender.acknowledged(frame.room, frame.client_id);
}

test('messages of one room go one after the other, in the order they were written', () => {
  const { outbox, sender, sent } = setUp();
  for (const body of ['one', 'two', 'three']) outbox.add('r', body);
  sender.connected();
  assert.deepEqual(bodies(sent), ['one']);
  acknowledge(outbox, sender, sent[0]);
  acknowledge(outbox, sender, sent[1]);
  assert.deepEqual(bodies(sent), ['one', 'two', 'three']);
});

test('one room does not wait for another', () => {
  const { outbox, sender, sent } = setUp();
  outbox.add('r', 'here');
  outbox.add('s', 'there');
  sender.connected();
  assert.deepEqual(bodies(sent), ['here', 'there']);
});

test('after a lost connection the unanswered message goes again under the same name', () => {
  const { outbox, sender, sent } = setUp();
  outbox.add('r', 'one');
  sender.connected();
  sender.disconnected();
  sender.connected();
  assert.equal(sent.length, 2);
  assert.equal(sent[0].client_id, sent[1].client_id);
});

for (const code of ['unavailable', 'rate_limited']) {
  test(`${code} makes everything wait and go again in order`, () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const { outbox, sender, sent } = setUp();
    outbox.add('r', 'one');
    outbox.add('r', 'two');
    sender.connected();
    sender.refused(sent[0].client_id, code);
    sender.pump();
    assert.deepEqual(bodies(sent), ['one']);
    mock.timers.tick(1000);
    assert.deepEqual(bodies(sent), ['one', 'one']);
    sender.refused(sent[1].client_id, code);
    mock.timers.tick(1000);
    assert.equal(sent.length, 2, 'the second wait is longer');
    mock.timers.tick(1000);
    acknowledge(outbox, sender, sent[2]);
    assert.deepEqual(bodies(sent), ['one', 'one', 'one', 'two']);
    mock.timers.reset();
  });
}

test('a definite refusal fails that message, says why and lets the next one go', () => {
  const { outbox, sender, sent } = setUp();
  outbox.add('r', 'one');
  outbox.add('r', 'two');
  sender.connected();
  sender.refused(sent[0].client_id, 'too_long', 'Too long.');
  const [failed] = outbox.forRoom('r');
  assert.deepEqual([failed.state, failed.reason, failed.detail], ['failed', 'too_long', 'Too long.']);
  assert.deepEqual(bodies(sent), ['one', 'two']);
});

test('silence instead of an acknowledgement is noticed', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { outbox, sender, silences } = setUp();
  outbox.add('r', 'one');
  sender.connected();
  mock.timers.tick(15_000);
  assert.equal(silences(), 1);
  mock.timers.reset();
});

test('what waits survives a reload, in order, with its names', () => {
  const { outbox, storage } = setUp();
  for (const body of ['one', 'two', 'three']) outbox.add('r', body);
  const names = outbox.forRoom('r').map((entry) => entry.client_id);
  const reloaded = setUp(storage).outbox.forRoom('r');
  assert.deepEqual(bodies(reloaded), ['one', 'two', 'three']);
  assert.deepEqual(reloaded.map((entry) => entry.client_id), names);
});

test('what is stored is forgotten for good', () => {
  const { outbox, sender, sent, storage } = setUp();
  outbox.add('r', 'one');
  sender.connected();
  acknowledge(outbox, sender, sent[0]);
  assert.equal(setUp(storage).outbox.forRoom('r').length, 0);
});

test('a failed message stays failed over a reload and can be sent again', () => {
  const { outbox, storage } = setUp();
  const entry = outbox.add('r', 'one');
  outbox.fail(entry?.client_id ?? '', 'not_delivered');
  const again = setUp(storage);
  assert.equal(again.outbox.forRoom('r')[0].state, 'failed');
  again.sender.connected();
  assert.equal(again.sent.length, 0);
  again.outbox.retry(entry?.client_id ?? '');
  again.sender.pump();
  assert.equal(again.sent[0].client_id, entry?.client_id);
});

test('a message whose name was used for something else goes again under another', () => {
  const { outbox } = setUp();
  const entry = outbox.add('r', 'one');
  outbox.fail(entry?.client_id ?? '', 'client_id_reused');
  outbox.retry(entry?.client_id ?? '');
  const [again] = outbox.forRoom('r');
  assert.equal(again.state, 'pending');
  assert.notEqual(again.client_id, entry?.client_id);
});

test('two people and two tabs on one browser do not disturb each other', () => {
  const storage = memoryStorage();
  const anna = setUp(storage).outbox;
  const other = setUp(storage).outbox;
  const ben = new Outbox(new LocalStore('ben', storage));
  anna.add('r', 'from one tab');
  other.add('r', 'from the other');
  ben.add('r', 'from ben');
  assert.equal(setUp(storage).outbox.forRoom('r').length, 2);
  new LocalStore('anna', storage).wipe();
  assert.equal(setUp(storage).outbox.forRoom('r').length, 0);
  assert.equal(new Outbox(new LocalStore('ben', storage)).forRoom('r').length, 1);
});

test('the outbox is bounded', () => {
  const { outbox } = setUp();
  for (let i = 0; i < MAX_WAITING; i += 1) assert.ok(outbox.add('r', `${i}`));
  assert.equal(outbox.add('r', 'one too many'), null);
});

test('storage that is full or broken keeps nobody from writing', () => {
  const storage = memoryStorage();
  storage.setItem('sotto:anna:outbox:broken', '{');
  storage.setItem = () => {
    throw new Error('quota');
  };
  const { outbox, sender, sent } = setUp(storage);
  outbox.add('r', 'one');
  sender.connected();
  assert.deepEqual(bodies(sent), ['one']);
});
