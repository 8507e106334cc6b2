import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Problem } from '../../../crates/web/assets/static/js/lib/api.js';
import { upload } from '../../../crates/web/assets/static/js/lib/upload.js';
import { LocalStore } from '../../../crates/web/assets/static/js/models/local-store.js';
import { Outbox } from '../../../crates/web/assets/static/js/models/outbox.js';
import { Sender } from '../../../crates/web/assets/static/js/models/sender.js';
import { preview, timeline } from '../../../crates/web/assets/static/js/models/timeline.js';
import { MAX_FILES, MAX_SIZE, Uploads, sizeOf } from '../../../crates/web/assets/static/js/models/uploads.js';
import { memoryStorage, message, settle } from './support.js';

/** @param {string} name @param {number} [size] @returns {File} */
const file = (name, size = 10) => /** @type {any} */ ({ name, size, type: 'text/plain' });

/** @param {string} name @param {Partial<import('../../../crates/web/assets/static/js/lib/types.js').Attachment>} [more] */
const attachment = (name, more = {}) => ({
  id: `id-${name}`, name, type: 'text/plain', size: 10, width: null, height: null, url: `/api/attachments/id-${name}`, preview_url: null, ...more,
});
const photo = attachment('lake.png', { type: 'image/png', width: 3, height: 2, preview_url: '/api/attachments/id-lake.png/preview' });

/** A request whose other end is the test. */
class FakeRequest {
  /** @type {any} */
  upload = {};
  status = 0;
  responseText = '';
  aborted = false;
  /** @type {any} */
  onload;
  /** @type {any} */
  onloadend;
  /** @type {string[]} */
  headers = [];

  open() {}

  /** @param {string} name @param {string} value */
  setRequestHeader(name, value) {
    this.headers.push(`${name}: ${value}`);
  }

  send() {}

  abort() {
    this.aborted = true;
    this.onloadend();
  }

  /** @param {number} status @param {string} text */
  answer(status, text) {
    Object.assign(this, { status, responseText: text });
    this.onload();
    this.onloadend();
  }
}

/** An upload over such a request. */
function overFake() {
  const request = new FakeRequest();
  /** @type {any} */ (globalThis).XMLHttpRequest = function () {
    return request;
  };
  const cancel = new AbortController();
  /** @type {number[]} */
  const sent = [];
  const answer = upload('/api/rooms/r/attachments?name=a', file('a'), (bytes) => sent.push(bytes), cancel.signal);
  return { request, cancel, sent, answer };
}

/** Uploads that end when the test says so. */
function setUp() {
  /** @type {Map<string, {progress: (sent: number) => void, end: (answer: any) => void, fail: (problem: unknown) => void}>} */
  const going = new Map();
  /** @type {string[]} */
  const begun = [];
  const uploads = new Uploads((one, progress) => new Promise((end, fail) => {
    begun.push(one.file.name);
    going.set(one.file.name, { progress, end, fail });
  }));
  const hold = (/** @type {string} */ name) => /** @type {NonNullable<ReturnType<typeof going.get>>} */ (going.get(name));
  const finish = async (/** @type {string} */ name) => {
    hold(name).end(attachment(name));
    await settle();
  };
  return { uploads, begun, hold, finish };
}

test('two files go at once, the others wait, and a message names all in their order', async () => {
  const { uploads, begun, finish } = setUp();
  assert.equal(uploads.add('r', [file('a'), file('b'), file('c')]), '');
  assert.deepEqual(begun, ['a', 'b']);
  assert.equal(uploads.ready('r'), null);
  await finish('b');
  assert.deepEqual(begun, ['a', 'b', 'c']);
  await finish('c');
  assert.equal(uploads.ready('r'), null);
  await finish('a');
  assert.deepEqual(uploads.ready('r')?.map(({ name }) => name), ['a', 'b', 'c']);
  uploads.clear('r');
  assert.deepEqual(uploads.ready('r'), []);
});

test('what is empty, too large or too much is left out, and said', () => {
  const { uploads, begun } = setUp();
  assert.equal(uploads.add('r', [file('void', 0), file('film', MAX_SIZE + 1), file('just', MAX_SIZE)]), '“void” is empty. “film” is larger than 20 MiB.');
  assert.deepEqual(begun, ['just']);
  const many = Array.from({ length: MAX_FILES + 1 }, (_, i) => file(`f${i}`));
  assert.equal(uploads.add('r', many), 'A message takes up to 10 files; 2 were left out.');
  assert.equal(uploads.of('r').length, MAX_FILES);
  assert.equal(uploads.add('s', [file('elsewhere')]), '', 'another room has its own');
});

test('a file that failed says why, holds the message back and can be tried again', async () => {
  const { uploads, begun, hold, finish } = setUp();
  uploads.add('r', [file('a')]);
  hold('a').progress(4);
  hold('a').fail(new Problem(409, 'quota_exceeded', 'There is no space left.'));
  await settle();
  const [upload] = uploads.of('r');
  assert.deepEqual([upload.state, upload.why], ['failed', 'There is no space left.']);
  assert.equal(uploads.ready('r'), null);
  uploads.retry(upload);
  assert.deepEqual([upload.state, upload.sent, upload.why], ['going', 0, '']);
  assert.deepEqual(begun, ['a', 'a']);
  await finish('a');
  assert.equal(uploads.ready('r')?.length, 1);
});

test('a cancelled file is aborted, gives its place to the next, and its end is heard of no more', async () => {
  const { uploads, begun, hold } = setUp();
  uploads.add('r', [file('a'), file('b'), file('c')]);
  const [first] = uploads.of('r');
  let ends = 0;
  uploads.on('done', () => (ends += 1));
  uploads.remove(first);
  assert.equal(first.cancel.signal.aborted, true);
  assert.deepEqual(begun, ['a', 'b', 'c']);
  hold('a').end(attachment('a'));
  await settle();
  assert.equal(ends, 0);
  assert.deepEqual(uploads.of('r').map((one) => one.file.name), ['b', 'c']);
});

test('a message in the outbox names its files, also after a reload and a retry', () => {
  const storage = memoryStorage();
  const before = new Outbox(new LocalStore('anna', storage));
  assert.ok(before.add('r', '', undefined, [photo]));
  const outbox = new Outbox(new LocalStore('anna', storage));
  /** @type {any[]} */
  const sent = [];
  const sender = new Sender(outbox, (frame) => sent.push(frame), () => undefined);
  sender.connected();
  assert.deepEqual(sent[0].attachments, ['id-lake.png']);
  sender.refused(sent[0].client_id, 'client_id_reused');
  const [failed] = outbox.forRoom('r');
  outbox.retry(failed.client_id);
  sender.pump();
  assert.deepEqual(sent[1].attachments, ['id-lake.png']);
  sender.disconnected();
});

test('files show while they wait and when they are sent, but not of what was deleted', () => {
  const [entry] = (() => {
    const outbox = new Outbox(new LocalStore('anna', memoryStorage()));
    outbox.add('r', '', undefined, [photo]);
    return outbox.forRoom('r');
  })();
  const known = message(1, { body: '', attachments: [photo] });
  const shown = (/** @type {Partial<Parameters<typeof timeline>[0]>} */ more) =>
    timeline({ messages: [known], waiting: [entry], me: 'anna', otherReadSeq: 0, deliveredSeq: 0, unreadAfter: null, ...more })
      .flatMap((item) => (item.kind === 'message' ? [item] : []));
  assert.deepEqual(shown({}).map(({ attachments }) => attachments), [[photo], [photo]]);
  const change = { room: 'r', key: entry.client_id, id: '', kind: /** @type {const} */ ('delete'), what: '', at: 0, state: /** @type {const} */ ('pending') };
  assert.deepEqual(shown({ changes: [change] })[1].attachments, []);
  const answer = message(2, { reply_to: known.id });
  assert.equal(shown({ messages: [known, answer] })[1].quote?.text, 'Photo');
});

test('in a line a message without words is named by its files', () => {
  const line = (/** @type {string} */ body, /** @type {any[]} */ attachments) => preview(message(1, { body, attachments }), undefined, 'anna').text;
  assert.equal(line('', [photo]), 'Photo');
  assert.equal(line('', [attachment('plan.pdf')]), '📎 plan.pdf');
  assert.equal(line('', [photo, photo, photo]), 'Photo +2');
  assert.equal(line('look', [photo]), 'look');
});

test('sizes are told as people read them', () => {
  assert.deepEqual([0, 1023, 1024, 10 * 1024, 1536 * 1024, MAX_SIZE].map(sizeOf), ['0 B', '1023 B', '1.0 KiB', '10 KiB', '1.5 MiB', '20 MiB']);
});

test('a file goes with its type, tells how far it is and becomes what the server says', async () => {
  const { request, sent, answer } = overFake();
  assert.ok(request.headers.includes('content-type: text/plain'));
  request.upload.onprogress({ loaded: 4 });
  request.answer(201, JSON.stringify(photo));
  assert.deepEqual(await answer, photo);
  assert.deepEqual(sent, [4]);
});

test('what the server has against a file is told, also when it is a proxy that speaks', async () => {
  const refused = overFake();
  refused.request.answer(409, JSON.stringify({ code: 'quota_exceeded', detail: 'There is no space left.' }));
  await assert.rejects(refused.answer, { status: 409, code: 'quota_exceeded', message: 'There is no space left.' });
  const proxied = overFake();
  proxied.request.answer(502, '<html>Bad gateway</html>');
  await assert.rejects(proxied.answer, { status: 502, code: 'unknown' });
});

test('a connection that is silent for a minute is given up, one that moves is not', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { request, answer } = overFake();
  mock.timers.tick(50_000);
  request.upload.onprogress({ loaded: 4 });
  mock.timers.tick(50_000);
  assert.equal(request.aborted, false);
  mock.timers.tick(10_000);
  await assert.rejects(answer, { status: 0, code: 'network' });
  assert.equal(request.aborted, true);
  mock.timers.reset();
});

test('a cancelled file is no longer sent', () => {
  const { request, cancel } = overFake();
  cancel.abort();
  assert.equal(request.aborted, true);
});
