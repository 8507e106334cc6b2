import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';
import { timeline } from '../../../crates/web/assets/static/js/models/timeline.js';
import { FakeServer, bodies, chatOf, message, settle, stopAll } from './support.js';

afterEach(stopAll);

const ready = { type: 'ready', user: 'anna' };

/** @param {object} one */
const announced = (one) => ({ type: 'message', ...one });

/** Anna's chat, connected, with the room open. @param {FakeServer} server @param {Storage} [storage] */
async function opened(server, storage) {
  const parts = chatOf(server, storage);
  parts.chat.start();
  parts.socket().tell(ready);
  await settle();
  const history = await parts.chat.open('r');
  return { ...parts, history };
}

/** @param {number} count */
function serverWith(count) {
  const server = new FakeServer();
  for (let i = 0; i < count; i += 1) server.post();
  server.read.anna = count;
  return server;
}

test('a room opens with its newest messages', async () => {
  const { history } = await opened(serverWith(80));
  assert.equal(history.highest, 80);
  assert.equal(history.messages.length, 50);
  assert.equal(history.hasOlder, true);
});

test('a room with much unread opens around the first unread message', async () => {
  const server = serverWith(300);
  server.read.anna = 100;
  const { history } = await opened(server);
  assert.equal(history.lowest, 81);
  assert.equal(history.highest, 150);
  assert.equal(history.hasOlder && history.hasNewer, true);
});

test('a message that was found opens in its place, and from there the history goes on in both directions', async () => {
  const server = serverWith(200);
  const { chat, socket } = await opened(server);
  const history = await chat.openAround('r', 100);
  assert.ok(history.lowest < 100 && history.highest > 100);
  assert.equal(history.hasOlder && history.hasNewer, true);
  socket().tell(announced(server.post()));
  assert.ok(history.highest < 200, 'what is announced has its place after a hole');
  await chat.loadOlder(history);
  await chat.loadNewer(history);
  assert.deepEqual(history.messages.map(({ seq }) => seq), Array.from({ length: 110 }, (_, i) => i + 45));
  await chat.loadNewest(history);
  assert.equal(history.highest, 201);
  assert.equal(history.hasNewer, false);
});

test('a message that is loaded is found without asking', async () => {
  const server = serverWith(40);
  const { chat, history } = await opened(server);
  server.calls.length = 0;
  assert.equal(await chat.openAround('r', 7), history);
  assert.deepEqual(server.calls, []);
});

test('changes of what stands around a found message are learned like all others', async () => {
  const server = serverWith(200);
  const { chat, socket } = await opened(server);
  const history = await chat.openAround('r', 100);
  server.change(101, { body: 'edited' });
  socket().tell({ type: 'resync' });
  await settle();
  assert.ok(bodies(history.messages).includes('edited'));
});

test('who looks at a message amid unread ones has not read those before it', async () => {
  const server = serverWith(200);
  server.read.anna = 20;
  const { chat, socket } = await opened(server);
  const history = await chat.openAround('r', 100);
  socket().sent.length = 0;
  chat.markRead('r', 110);
  assert.deepEqual(socket().sent, []);
  assert.equal(chat.rooms.get('r')?.unread, 180);
  await chat.loadNewest(history);
  chat.markRead('r', 200);
  assert.deepEqual(socket().sent, [{ type: 'read', room: 'r', seq: 200 }]);
  assert.equal(chat.rooms.get('r')?.unread, 0);
});

test('an announced message appears without asking', async () => {
  const server = serverWith(3);
  const { history, socket } = await opened(server);
  server.calls.length = 0;
  socket().tell(announced(server.post()));
  assert.equal(history.highest, 4);
  assert.deepEqual(server.calls, []);
});

test('what came with the page is shown at once, and the list is read when the socket is ready', async () => {
  const server = serverWith(3);
  const { chat, socket } = chatOf(server);
  /** @type {string[]} */
  const news = [];
  chat.on('arrived', ({ body }) => news.push(body));
  chat.begin({ me: chat.me, rooms: [server.room()], blocked: ['cat'] });
  assert.equal(chat.listState, 'ready');
  assert.deepEqual(chat.rooms.ids, ['r']);
  assert.ok(chat.blocked.has('cat'));
  server.post({ body: 'on the way' });
  chat.start();
  await settle();
  assert.deepEqual(server.calls, [], 'nothing is asked twice');
  socket().tell(ready);
  await settle();
  assert.deepEqual(server.calls.filter((call) => call === 'rooms'), ['rooms']);
  assert.equal(chat.rooms.get('r')?.last_seq, 4);
  assert.deepEqual(news, ['on the way'], 'what was there is no news');
  assert.equal(chat.blocked.size, 0);
});

test('what came with the page and is gone by the time the list is read leaves it', async () => {
  const server = serverWith(3);
  const { chat, socket } = chatOf(server);
  chat.begin({ me: chat.me, rooms: [server.room()], blocked: [] });
  server.cleared = 3;
  chat.start();
  socket().tell(ready);
  await settle();
  assert.deepEqual(chat.rooms.ids, []);
});

test('a history loaded before the socket is ready misses nothing', async () => {
  const server = serverWith(3);
  const { chat, socket } = chatOf(server);
  chat.begin({ me: chat.me, rooms: [server.room()], blocked: [] });
  chat.start();
  const history = await chat.open('r');
  server.post({ body: 'new' });
  server.change(1, { body: 'changed' });
  socket().tell(ready);
  await settle();
  assert.deepEqual(bodies(history.messages), ['changed', 'text 2', 'text 3', 'new']);
});

test('where there is no socket the list is read without it', async () => {
  const server = serverWith(3);
  const { chat, socket } = chatOf(server);
  chat.begin({ me: chat.me, rooms: [], blocked: [] });
  chat.start();
  socket().end(1006);
  await settle();
  assert.deepEqual(chat.rooms.ids, ['r']);
});

test('a new connection brings what was missed, edits of old messages included', async () => {
  const server = serverWith(10);
  const { history, connection, socket } = await opened(server);
  socket().end(1006);
  server.post({ body: 'missed' });
  server.change(3, { body: 'edited', edited_at: '2026-06-02T00:00:00.000Z' });
  connection.connect();
  socket().tell(ready);
  await settle();
  assert.deepEqual(history.messages, server.messages);
});

test('catching up pages until there is no more', async () => {
  const server = serverWith(5);
  const { history, socket } = await opened(server);
  for (let i = 0; i < 130; i += 1) server.post();
  server.pageSize = 50;
  socket().tell({ type: 'resync' });
  await settle();
  assert.equal(history.messages.length, 135);
  assert.equal(history.position, 135);
});

test('a rev met in passing does not move the position', async () => {
  const server = serverWith(5);
  const { history, socket } = await opened(server);
  server.post({ body: 'lost on the way' });
  server.change(2, { body: 'lost as well' });
  const last = server.post({ body: 'announced' });
  socket().tell(announced(last));
  await settle();
  assert.deepEqual(history.messages, server.messages);
  assert.ok(server.calls.includes('changes 5'));
});

test('a lost edit is found again although newer messages were announced', async () => {
  const server = serverWith(5);
  const { history, socket } = await opened(server);
  server.change(2, { body: 'edited, never announced' });
  socket().tell(announced(server.post()));
  socket().tell({ type: 'resync' });
  await settle();
  assert.equal(history.messages[1].body, 'edited, never announced');
});

test('what is announced while the history loads is in it', async () => {
  const server = serverWith(5);
  const parts = chatOf(server);
  parts.chat.start();
  parts.socket().tell(ready);
  await settle();
  let release = () => {};
  server.delay = new Promise((resolve) => (release = () => resolve(undefined)));
  const opening = parts.chat.open('r');
  await settle();
  parts.socket().tell(announced(server.post()));
  release();
  const history = await opening;
  assert.deepEqual(history.messages, server.messages);
});

test('a resync while one is running makes it run once more', async () => {
  const server = serverWith(5);
  const { socket } = await opened(server);
  server.calls.length = 0;
  for (let i = 0; i < 3; i += 1) socket().tell({ type: 'resync' });
  await settle();
  assert.equal(server.calls.filter((call) => call === 'rooms').length, 2);
});

test('a catch-up that fails is tried again', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const server = serverWith(5);
  const { history, socket } = await opened(server);
  server.offline = true;
  server.post();
  socket().tell({ type: 'resync' });
  await settle();
  assert.equal(history.highest, 5);
  server.offline = false;
  mock.timers.tick(10_000);
  await settle();
  assert.equal(history.highest, 6);
  mock.timers.reset();
});

test('a sent message is pending, then stored, and never there twice', async () => {
  const server = serverWith(3);
  const { chat, history, outbox, socket } = await opened(server);
  chat.sendMessage('r', 'hello');
  assert.deepEqual(bodies(outbox.forRoom('r')), ['hello']);
  const frame = socket().sent.at(-1);
  const stored = server.post({ sender: 'anna', body: 'hello', client_id: frame.client_id });
  socket().tell(announced(stored));
  socket().tell(announced(stored));
  assert.equal(outbox.forRoom('r').length, 0);
  assert.equal(history.messages.filter((one) => one.body === 'hello').length, 1);
});

test('a message that was stored although its acknowledgement was lost is not pending any more', async () => {
  const server = serverWith(3);
  const { chat, connection, history, outbox, socket } = await opened(server);
  chat.sendMessage('r', 'hello');
  const frame = socket().sent.at(-1);
  server.post({ sender: 'anna', body: 'hello', client_id: frame.client_id });
  socket().end(1006);
  connection.connect();
  socket().tell(ready);
  await settle();
  assert.equal(outbox.forRoom('r').length, 0);
  assert.deepEqual(history.messages, server.messages);
});

test('a resync while sending neither loses nor doubles a message', async () => {
  const server = serverWith(3);
  const { chat, history, outbox, socket } = await opened(server);
  for (const body of ['one', 'two']) chat.sendMessage('r', body);
  const first = server.post({ sender: 'anna', body: 'one', client_id: socket().sent.at(-1).client_id });
  socket().tell({ type: 'resync' });
  await settle();
  const second = socket().sent.at(-1);
  assert.equal(second.body, 'two', 'the catch-up counts as the acknowledgement');
  socket().tell(announced(first));
  socket().tell(announced(server.post({ sender: 'anna', body: 'two', client_id: second.client_id })));
  await settle();
  assert.equal(outbox.forRoom('r').length, 0);
  assert.deepEqual(history.messages, server.messages);
});

test('what was pending before a reload is sent after it, under the same name', async () => {
  const server = serverWith(3);
  const before = await opened(server);
  before.socket().end(1006);
  before.chat.sendMessage('r', 'written offline');
  const [waiting] = before.outbox.forRoom('r');
  const after = await opened(server, before.storage);
  const sent = after.socket().sent.find((frame) => frame.type === 'send');
  assert.deepEqual([sent.client_id, sent.body], [waiting.client_id, 'written offline']);
});

test('a message of mine from another device is not confused with the other person', async () => {
  const server = serverWith(3);
  const { chat, socket } = await opened(server);
  socket().tell(announced(server.post({ sender: 'anna', client_id: 'elsewhere' })));
  assert.equal(chat.rooms.get('r')?.unread, 0);
});

test('an error without a name, and frames of a newer server, disturb nothing', async () => {
  const server = serverWith(3);
  const { history, socket } = await opened(server);
  socket().tell({ type: 'error', code: 'malformed', detail: '?' });
  socket().tell({ type: 'presence', user: 'ben', online: true });
  socket().onmessage?.({ data: 'not json' });
  assert.equal(history.messages.length, 3);
});

test('a message in an unknown room makes the room appear', async () => {
  const server = new FakeServer();
  const { chat, socket } = chatOf(server);
  chat.connection.connect();
  socket().tell({ type: 'message', ...server.post() });
  await settle();
  assert.equal(chat.rooms.get('r')?.unread, 1);
});

test('unread counts go up with messages and down with reading', async () => {
  const server = serverWith(3);
  const { chat, socket } = await opened(server);
  for (let i = 0; i < 3; i += 1) socket().tell(announced(server.post()));
  assert.equal(chat.rooms.unread, 3);
  chat.markRead('r', 5);
  assert.equal(chat.rooms.unread, 1);
  assert.deepEqual(socket().sent.at(-1), { type: 'read', room: 'r', seq: 5 });
  chat.markRead('r', 4);
  assert.equal(chat.rooms.get('r')?.read_seq, 5, 'reading never goes back');
});

test('what was read without a connection is told with the next one', async () => {
  const server = serverWith(3);
  server.read.anna = 1;
  const { chat, connection, socket } = await opened(server);
  socket().end(1006);
  chat.markRead('r', 3);
  connection.connect();
  socket().tell(ready);
  await settle();
  assert.ok(socket().sent.some((frame) => frame.type === 'read' && frame.seq === 3));
  assert.equal(chat.rooms.unread, 0);
});

test('reading on another device counts here', async () => {
  const server = serverWith(3);
  server.read.anna = 0;
  const { chat, socket } = await opened(server);
  socket().tell({ type: 'read', room: 'r', user: 'anna', seq: 3 });
  assert.equal(chat.rooms.unread, 0);
  socket().tell({ type: 'read', room: 'r', user: 'ben', seq: 2 });
  assert.equal(chat.rooms.get('r')?.other_read_seq, 2);
});

test('reading that the other hides vanishes at once, and comes back', async () => {
  const server = serverWith(3);
  server.read.ben = 2;
  const { chat, socket } = await opened(server);
  const seen = () => chat.rooms.get('r')?.other_read_seq;
  assert.equal(seen(), 2);
  for (const seq of [0, 2]) {
    server.read.ben = seq;
    socket().tell({ type: 'room', ...server.room() });
    assert.equal(seen(), seq);
  }
});

test('reading that was hidden elsewhere vanishes with the next catching up', async () => {
  const server = serverWith(3);
  server.read.ben = 2;
  const { chat, socket } = await opened(server);
  server.read.ben = 0;
  socket().tell({ type: 'resync' });
  assert.equal(chat.rooms.get('r')?.other_read_seq, 2, 'until it is told, nothing flickers');
  await settle();
  assert.equal(chat.rooms.get('r')?.other_read_seq, 0);
});

test('an answer that was overtaken takes back no reading', async () => {
  const server = serverWith(3);
  const { chat, socket } = await opened(server);
  let give = () => {};
  server.delay = new Promise((resolve) => (give = () => resolve()));
  socket().tell({ type: 'resync' });
  socket().tell({ type: 'read', room: 'r', user: 'ben', seq: 3 });
  give();
  await settle();
  assert.equal(chat.rooms.get('r')?.other_read_seq, 3);
});

test('a room that is not mine is refused', async () => {
  const { chat } = chatOf(new FakeServer());
  await assert.rejects(chat.open('other'), { status: 404 });
});

test('a room whose history could not be loaded can be opened again', async () => {
  const server = serverWith(3);
  const { chat } = chatOf(server);
  await chat.catchUp();
  server.offline = true;
  await assert.rejects(chat.open('r'), { code: 'network' });
  server.offline = false;
  assert.equal((await chat.open('r')).messages.length, 3);
});

test('the end of the session stops the connection and keeps what waits', async () => {
  const server = serverWith(3);
  const { chat, connection, outbox, socket } = await opened(server);
  chat.sendMessage('r', 'hello');
  let ended = 0;
  chat.on('ended', () => (ended += 1));
  socket().end(4401);
  assert.equal(ended, 1);
  assert.equal(connection.state, 'stopped');
  assert.deepEqual(bodies(outbox.forRoom('r')), ['hello']);
});

test('any order of announcements, losses and catch-ups ends with the store’s history', async () => {
  let seed = 7;
  const chance = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  const server = serverWith(20);
  const { history, socket } = await opened(server);
  for (let step = 0; step < 400; step += 1) {
    const edit = chance() < 0.4;
    const at = 1 + Math.floor(chance() * server.messages.length);
    const change = edit ? server.change(at, { body: `edit ${step}` }) : server.post({ body: `post ${step}` });
    if (chance() < 0.6) socket().tell(announced(change));
    if (chance() < 0.05) socket().tell({ type: 'resync' });
    if (chance() < 0.2) await settle();
  }
  socket().tell({ type: 'resync' });
  for (let i = 0; i < 20; i += 1) await settle();
  assert.deepEqual(history.messages, server.messages);
});

test('the histories in memory are bounded', async () => {
  const server = serverWith(3);
  const { chat } = chatOf(server);
  for (let i = 0; i < 12; i += 1) {
    chat.rooms.merge({ ...server.room(), id: `r${i}` });
    await chat.open(`r${i}`);
  }
  assert.equal(chat.history('r0'), undefined);
  assert.ok(chat.history('r11'));
});

test('a message that proves an older one missing makes the list ask', async () => {
  const server = serverWith(3);
  const { chat, socket } = chatOf(server);
  chat.start();
  socket().tell(ready);
  await settle();
  server.post();
  socket().tell(announced(server.post()));
  await settle();
  assert.equal(chat.rooms.get('r')?.unread, 2);
  assert.equal(message(5).seq, chat.rooms.get('r')?.last_seq);
});

test('who is online is shown until the connection or some announcements are lost', async () => {
  const { chat, connection, socket } = await opened(serverWith(3));
  const ben = { id: 'ben', deleted: false };
  let drawn = 0;
  chat.on('presence', () => (drawn += 1));
  const online = { type: 'presence', user: 'ben', online: true, last_seen: null };
  socket().tell(online);
  assert.deepEqual([chat.presence.isOnline(ben), drawn], [true, 1]);
  socket().tell({ type: 'resync' });
  assert.deepEqual([chat.presence.isOnline(ben), drawn], [false, 2]);
  socket().tell(online);
  socket().end(1006);
  assert.equal(chat.presence.isOnline(ben), false);
  connection.connect();
  socket().tell(ready);
  assert.equal(chat.presence.isOnline(ben), false, 'until it is told');
  socket().tell({ ...online, online: false, last_seen: '2026-06-01T12:00:00.000Z' });
  assert.match(chat.presence.words(ben, new Date()), /^last seen on /);
  await settle();
});

/** @param {FakeServer} server */
async function requested(server) {
  server.state = 'request';
  server.read.anna = 0;
  const parts = await opened(server);
  /** @type {string[]} */
  const left = [];
  parts.chat.on('left', (room) => left.push(room));
  return { ...parts, left };
}

test('a request is one until it is accepted, here or on another device', async () => {
  const { chat } = await requested(serverWith(1));
  assert.equal(chat.rooms.get('r')?.state, 'request');
  await chat.accept('r');
  assert.equal(chat.rooms.get('r')?.state, 'open');

  const server = serverWith(1);
  const elsewhere = await requested(server);
  const before = server.room();
  server.state = 'open';
  elsewhere.socket().tell({ type: 'room', ...server.room() });
  elsewhere.chat.rooms.merge(before);
  assert.equal(elsewhere.chat.rooms.get('r')?.state, 'open', 'an answer from before makes it no request again');
});

test('what is declined leaves the list, whatever list was on its way', async () => {
  const server = serverWith(1);
  const { chat, left } = await requested(server);
  let release = () => {};
  server.delay = new Promise((resolve) => (release = () => resolve(undefined)));
  void chat.catchUp();
  await settle();
  server.delay = null;
  await chat.decline('r');
  release();
  await settle();
  assert.deepEqual([chat.rooms.ids, left.at(-1), chat.history('r')], [[], 'r', undefined]);
});

test('what was declined on another device leaves the list with the next catch-up', async () => {
  const server = serverWith(1);
  const { chat, left, socket } = await requested(server);
  server.state = 'declined';
  socket().tell({ type: 'resync' });
  await settle();
  assert.deepEqual([chat.rooms.ids, left], [[], ['r']]);
});

test('what is cleared leaves the list and comes back empty with what is new', async () => {
  const server = serverWith(2);
  const { chat, left, socket } = await requested(server);
  await chat.clear('r');
  await settle();
  assert.deepEqual([chat.rooms.ids, left, chat.history('r')], [[], ['r'], undefined]);
  socket().tell({ type: 'message', ...server.post({ sender: 'ben' }) });
  await settle();
  assert.deepEqual(chat.rooms.ids, ['r']);
});

test('what was cleared or declined on another device leaves the list at once', async () => {
  const server = serverWith(2);
  const { chat, left, socket } = await requested(server);
  server.cleared = 2;
  socket().tell({ type: 'room', ...server.room() });
  assert.deepEqual([chat.rooms.ids, left], [[], ['r']]);
});

test('a room that is missing in the list for a moment stays', async () => {
  const server = serverWith(1);
  const { chat, left, socket } = await requested(server);
  const { api } = chat;
  chat.api = { ...api, rooms: async () => ({ rooms: [], cursor: null }) };
  socket().tell({ type: 'resync' });
  await settle();
  assert.deepEqual([chat.rooms.ids, left], [['r'], []]);
});

test('what was accepted elsewhere can’t be declined, and shows so', async () => {
  const server = serverWith(1);
  const { chat, left } = await requested(server);
  server.state = 'open';
  await assert.rejects(chat.decline('r'), { code: 'already_open' });
  await settle();
  assert.deepEqual([chat.rooms.get('r')?.state, left], ['open', []]);
});

test('whom one blocks is out of sight at once, and when they are unblocked nobody knows', async () => {
  const { chat, socket } = await opened(serverWith(1));
  const ben = { id: 'ben', deleted: false };
  const online = { type: 'presence', user: 'ben', online: true, last_seen: null };
  socket().tell(online);
  await chat.block('ben');
  assert.deepEqual([chat.blocked.has('ben'), chat.presence.isOnline(ben)], [true, false]);
  socket().tell({ ...online, online: false, last_seen: '2026-06-01T12:00:00.000Z' });
  assert.equal(chat.presence.words(ben, new Date()), '', 'they have not left, they are blocked');
  await chat.unblock('ben');
  assert.deepEqual([chat.blocked.size, chat.presence.words(ben, new Date())], [0, '']);
  socket().tell(online);
  assert.equal(chat.presence.isOnline(ben), true);
});

test('a block that was put while the blocks were read is not undone by their answer', async () => {
  const server = serverWith(1);
  const { chat, socket } = await opened(server);
  let release = () => {};
  server.delay = new Promise((resolve) => (release = () => resolve(undefined)));
  socket().tell({ type: 'resync' });
  await settle();
  server.delay = null;
  await chat.block('ben');
  release();
  await settle();
  assert.ok(chat.blocked.has('ben'));
});

test('a block that was put elsewhere is known when the page opens, and when a message is refused for it', async () => {
  const server = serverWith(1);
  server.blocked.add('ben');
  const { chat, outbox, socket } = await opened(server);
  assert.ok(chat.blocked.has('ben'));
  server.blocked.clear();
  socket().tell({ type: 'resync' });
  await settle();
  assert.equal(chat.blocked.size, 0);
  server.blocked.add('ben');
  chat.sendMessage('r', 'hello');
  socket().tell({ type: 'error', code: 'blocked', detail: 'no', client_id: socket().sent.at(-1).client_id });
  await settle();
  assert.ok(chat.blocked.has('ben'));
  assert.equal(outbox.forRoom('r')[0].reason, 'blocked');
});

test('the other is writing until their message comes, or some seconds pass', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  try {
    const server = serverWith(1);
    const { chat, socket } = await opened(server);
    const write = () => socket().tell({ type: 'typing', room: 'r', user: 'ben' });
    write();
    assert.ok(chat.typing.isWriting('r'));
    mock.timers.tick(4999);
    assert.ok(chat.typing.isWriting('r'));
    mock.timers.tick(1);
    assert.equal(chat.typing.isWriting('r'), false);
    write();
    socket().tell(announced(server.post()));
    assert.equal(chat.typing.isWriting('r'), false);
    write();
    socket().tell(announced(server.change(1, { body: 'edited' })));
    assert.ok(chat.typing.isWriting('r'), 'an edit is not what they write');
    socket().tell({ type: 'typing', room: 'other', user: 'anna' });
    assert.equal(chat.typing.isWriting('other'), false, 'not oneself in another tab');
    socket().end(1006);
    assert.equal(chat.typing.isWriting('r'), false, 'without a connection nobody knows');
  } finally {
    stopAll();
    mock.timers.reset();
  }
});

test('the other is told that I write now and then, and at once after a message', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  try {
    const { chat, socket } = await opened(serverWith(1));
    const told = () => socket().sent.filter(({ type }) => type === 'typing').length;
    chat.type('r');
    chat.type('r');
    mock.timers.tick(2999);
    chat.type('r');
    assert.equal(told(), 1);
    mock.timers.tick(1);
    chat.type('r');
    assert.equal(told(), 2);
    chat.sendMessage('r', 'hello');
    chat.type('r');
    assert.equal(told(), 3);
  } finally {
    stopAll();
    mock.timers.reset();
  }
});

test('a muted room counts in the list alone, wherever it was muted', async () => {
  const server = serverWith(3);
  server.read.anna = 1;
  const { chat, socket } = await opened(server);
  assert.equal(chat.rooms.unread, 2);
  await chat.mute('r', true);
  assert.equal(server.calls.at(-1), 'mute');
  assert.equal(chat.rooms.get('r')?.muted, true);
  assert.equal(chat.rooms.unread, 0, 'title, icon and badge go by this');
  socket().tell(announced(server.post()));
  assert.deepEqual([chat.rooms.get('r')?.unread, chat.rooms.unread], [3, 0]);
  server.muted = false;
  socket().tell({ type: 'room', ...server.room() });
  assert.equal(chat.rooms.unread, 3, 'another device had it sound again');
  await chat.mute('r', true);
  await chat.mute('r', false);
  assert.equal(chat.rooms.unread, 3);
});

test('what I wrote is sent, then delivered, then read, and never less', async () => {
  const server = new FakeServer();
  server.post({ sender: 'anna' });
  server.post();
  server.post({ sender: 'anna' });
  const { chat, socket, history } = await opened(server);
  const states = () => {
    const { other_read_seq: otherReadSeq, other_delivered_seq: deliveredSeq } = /** @type {any} */ (chat.rooms.get('r'));
    const items = timeline({ messages: history.messages, waiting: [], me: 'anna', otherReadSeq, deliveredSeq, unreadAfter: null });
    return items.flatMap((item) => (item.kind === 'message' ? [item.state] : []));
  };
  assert.deepEqual(states(), ['sent', null, 'sent']);
  let drawn = 0;
  chat.on('room', () => (drawn += 1));
  socket().tell({ type: 'delivered', room: 'r', user: 'ben', seq: 1 });
  assert.equal(drawn, 1, 'it shows at once');
  assert.deepEqual(states(), ['delivered', null, 'sent']);
  socket().tell({ type: 'delivered', room: 'r', user: 'ben', seq: 3 });
  socket().tell({ type: 'delivered', room: 'r', user: 'ben', seq: 2 });
  assert.deepEqual(states(), ['delivered', null, 'delivered']);
  socket().tell({ type: 'resync' });
  await settle();
  assert.deepEqual(states(), ['delivered', null, 'delivered'], 'an answer that is behind takes nothing back');
  socket().tell({ type: 'read', room: 'r', user: 'ben', seq: 1 });
  assert.deepEqual(states(), ['read', null, 'delivered']);
  server.read.ben = 3;
  socket().tell({ type: 'room', ...server.room() });
  assert.deepEqual(states(), ['read', null, 'read']);
  socket().tell({ type: 'delivered', room: 'elsewhere', user: 'ben', seq: 1 });
  assert.equal(chat.rooms.get('elsewhere'), undefined);
});

test('a delivery that was missed is told by the list of rooms', async () => {
  const server = new FakeServer();
  server.post({ sender: 'anna' });
  const { chat, socket } = await opened(server);
  assert.equal(chat.rooms.get('r')?.other_delivered_seq, 0);
  server.delivered = 1;
  socket().tell(ready);
  await settle();
  assert.equal(chat.rooms.get('r')?.other_delivered_seq, 1);
});

/** Lets nothing come over the socket for a while. */
async function silence() {
  mock.timers.tick(45_000);
  await settle();
}

test('a socket that died without a word is found out, and what it missed is learned', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  try {
    const server = serverWith(3);
    const { chat, socket, sockets, history } = await opened(server);
    socket().tell(announced(server.post()));
    server.change(2, { body: 'edited' });
    socket().tell(announced(server.messages[1]));
    await settle();
    await silence();
    assert.equal(sockets.length, 1, 'all there is was told of');
    server.post({ body: 'unheard' });
    await silence();
    assert.equal(sockets.length, 2);
    socket().tell(ready);
    await settle();
    assert.equal(bodies(history.messages).at(-1), 'unheard');
    await silence();
    assert.equal(sockets.length, 2, 'and that is enough');
    assert.equal(chat.connection.state, 'ready');
  } finally {
    mock.timers.reset();
  }
});

test('where nothing can be asked, a silent socket is given up, too', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  try {
    const server = serverWith(3);
    const { sockets } = await opened(server);
    server.offline = true;
    await silence();
    assert.equal(sockets.length, 2);
  } finally {
    mock.timers.reset();
  }
});

test('a socket that says something while the list is asked for is alive', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  try {
    const server = serverWith(3);
    const { socket, sockets } = await opened(server);
    const said = server.post();
    let answer = () => {};
    server.delay = new Promise((resolve) => (answer = () => resolve(undefined)));
    await silence();
    socket().tell(announced(said));
    answer();
    await settle();
    assert.equal(sockets.length, 1);
  } finally {
    mock.timers.reset();
  }
});
