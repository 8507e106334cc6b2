import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';
import { Notices } from '../../../crates/web/assets/static/js/models/notices.js';
import { FakeServer, chatOf, settle, stopAll } from './support.js';

afterEach(stopAll);

/** Anna's chat, connected, and what she is notified of. @param {FakeServer} server */
async function notified(server) {
  const { chat, socket } = chatOf(server);
  /** @type {string[]} */
  const told = [];
  /** @type {string[]} */
  const closed = [];
  const page = { seen: false, elsewhere: false };
  const notices = new Notices(chat, {
    isSeen: () => page.seen,
    isSeenElsewhere: async () => page.elsewhere,
    show: (message, room) => {
      told.push(`${room.other.username}: ${message.body}`);
      return { close: () => void closed.push(message.body) };
    },
  });
  notices.on = true;
  chat.start();
  socket().tell({ type: 'ready', user: 'anna' });
  await settle();
  return { chat, socket, told, closed, page, notices };
}

/** @param {(tick: (ms: number) => Promise<void>) => Promise<void>} walk */
async function onTheClock(walk) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  try {
    await walk(async (ms) => {
      await settle();
      mock.timers.tick(ms);
      await settle();
    });
  } finally {
    stopAll();
    mock.timers.reset();
  }
}

/** @param {object} message */
const announced = (message) => ({ type: 'message', ...message });

test('a new message of the other is worth a notification, once', async () => {
  await onTheClock(async (tick) => {
    const server = new FakeServer();
    server.post({ body: 'there before' });
    const { socket, told } = await notified(server);
    const message = server.post({ body: 'hello' });
    socket().tell(announced(message));
    socket().tell(announced(message));
    socket().tell(announced(server.change(2, { body: 'edited' })));
    socket().tell(announced(server.post({ sender: 'anna', body: 'from my phone' })));
    socket().tell({ type: 'resync' });
    await tick(1000);
    assert.deepEqual(told, ['ben: hello']);
  });
});

test('what came while the connection was lost is told by its newest message', async () => {
  await onTheClock(async (tick) => {
    const server = new FakeServer();
    const { socket, told } = await notified(server);
    socket().end(1001);
    server.post({ body: 'one' });
    server.post({ body: 'two' });
    await tick(5000);
    socket().tell({ type: 'ready', user: 'anna' });
    await tick(1000);
    assert.deepEqual(told, ['ben: two']);
  });
});

test('nobody is notified of what is looked at, here, in another tab or on another device', async () => {
  await onTheClock(async (tick) => {
    const server = new FakeServer();
    const { socket, told, page } = await notified(server);
    const post = () => socket().tell(announced(server.post({ body: 'hello' })));
    page.seen = true;
    post();
    await tick(1000);
    page.seen = false;
    page.elsewhere = true;
    post();
    await tick(1000);
    page.elsewhere = false;
    post();
    await tick(100);
    server.read.anna = 3;
    socket().tell({ type: 'read', room: 'r', user: 'anna', seq: 3 });
    await tick(1000);
    post();
    socket().tell(announced(server.change(4, { body: '', deleted: true })));
    await tick(1000);
    assert.deepEqual(told, []);
    post();
    await tick(1000);
    assert.deepEqual(told, ['ben: hello']);
  });
});

test('a notification goes once its message is read', async () => {
  await onTheClock(async (tick) => {
    const server = new FakeServer();
    const { socket, told, closed } = await notified(server);
    socket().tell(announced(server.post({ body: 'one' })));
    socket().tell(announced(server.post({ body: 'two' })));
    await tick(1000);
    assert.equal(told.length, 2);
    socket().tell({ type: 'read', room: 'r', user: 'anna', seq: 1 });
    await tick(0);
    assert.deepEqual(closed, ['one']);
    server.read.anna = 2;
    socket().tell({ type: 'read', room: 'r', user: 'anna', seq: 2 });
    await tick(0);
    assert.deepEqual(closed, ['one', 'two']);
  });
});

test('a request tells once', async () => {
  await onTheClock(async (tick) => {
    const server = new FakeServer();
    server.state = 'request';
    const { socket, told } = await notified(server);
    for (const body of ['one', 'two', 'three']) {
      socket().tell(announced(server.post({ body })));
      await tick(1000);
    }
    assert.deepEqual(told, ['ben: one']);
  });
});

test('whoever turned notifications off hears nothing', async () => {
  await onTheClock(async (tick) => {
    const server = new FakeServer();
    const { socket, told, closed, notices } = await notified(server);
    socket().tell(announced(server.post({ body: 'one' })));
    await tick(1000);
    socket().tell(announced(server.post({ body: 'two' })));
    notices.stop();
    await tick(1000);
    assert.deepEqual([told, closed], [['ben: one'], ['one']]);
  });
});

test('a muted chat tells of nothing', async () => {
  await onTheClock(async (tick) => {
    const server = new FakeServer();
    const { chat, socket, told } = await notified(server);
    socket().tell(announced(server.post({ body: 'before' })));
    await chat.mute('r', true); // before it is told of
    await tick(1000);
    socket().tell(announced(server.post({ body: 'muted' })));
    await tick(1000);
    assert.deepEqual(told, []);
    await chat.mute('r', false);
    socket().tell(announced(server.post({ body: 'heard again' })));
    await tick(1000);
    assert.deepEqual(told, ['ben: heard again']);
  });
});
