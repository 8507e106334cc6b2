import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Connection } from '../../../crates/web/assets/static/js/models/connection.js';
import { FakeSocket } from './support.js';

function setUp() {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  /** @type {FakeSocket[]} */
  const sockets = [];
  const connection = new Connection(() => {
    const socket = new FakeSocket();
    sockets.push(socket);
    return /** @type {any} */ (socket);
  });
  const greet = () => sockets.at(-1)?.tell({ type: 'ready', user: 'anna' });
  return { connection, sockets, greet };
}

/** @param {string} name @param {(parts: ReturnType<typeof setUp>) => void} body */
function timed(name, body) {
  test(name, () => {
    try {
      body(setUp());
    } finally {
      mock.timers.reset();
    }
  });
}

timed('it is ready once the server greets, not when the socket opens', ({ connection, greet }) => {
  connection.connect();
  assert.equal(connection.state, 'connecting');
  assert.equal(connection.send({ type: 'read', room: 'r', seq: 1 }), false);
  greet();
  assert.equal(connection.state, 'ready');
  assert.equal(connection.send({ type: 'read', room: 'r', seq: 1 }), true);
});

timed('without a greeting it gives up after ten seconds and tries again', ({ connection, sockets }) => {
  connection.connect();
  mock.timers.tick(10_000);
  assert.equal(connection.state, 'waiting');
  assert.equal(sockets[0].closed, true);
  mock.timers.tick(500);
  assert.equal(sockets.length, 2);
});

timed('waits grow to thirty seconds at most, and a greeting makes them short again', ({ connection, sockets, greet }) => {
  connection.connect();
  const waits = [];
  for (let i = 0; i < 12; i += 1) {
    sockets.at(-1)?.end(1006);
    waits.push(connection.retryAt - Date.now());
    mock.timers.tick(30_000);
  }
  assert.ok(waits[0] <= 500);
  assert.ok(waits.every((wait) => wait <= 30_000));
  assert.ok(waits[11] >= 15_000);
  greet();
  sockets.at(-1)?.end(1006);
  assert.ok(connection.retryAt - Date.now() <= 500);
});

timed('a server that goes away is returned to within five seconds', ({ connection, sockets, greet }) => {
  connection.connect();
  greet();
  sockets[0].end(1001);
  assert.equal(connection.state, 'waiting');
  mock.timers.tick(5000);
  assert.equal(sockets.length, 2);
});

timed('after being thrown out for abuse it stays away for a while', ({ connection, sockets, greet }) => {
  connection.connect();
  greet();
  sockets[0].end(1008);
  mock.timers.tick(29_000);
  assert.equal(sockets.length, 1);
  mock.timers.tick(1000);
  assert.equal(sockets.length, 2);
});

timed('the end of the session is final', ({ connection, sockets, greet }) => {
  let ended = 0;
  connection.on('ended', () => (ended += 1));
  connection.connect();
  greet();
  sockets[0].end(4401);
  mock.timers.tick(120_000);
  assert.deepEqual([ended, sockets.length, connection.state], [1, 1, 'stopped']);
});

timed('a refused upgrade is reported, so that somebody can ask why', ({ connection, sockets }) => {
  let refused = 0;
  connection.on('refused', () => (refused += 1));
  connection.connect();
  sockets[0].end(1006);
  assert.equal(refused, 1);
});

timed('connecting now drops the old socket and hears no more of it', ({ connection, sockets, greet }) => {
  connection.connect();
  greet();
  const [old] = sockets;
  const { onclose } = old;
  connection.connect();
  greet();
  assert.equal(old.closed, true);
  onclose?.({ code: 1006 });
  assert.equal(connection.state, 'ready');
});

timed('a lost network ends the connection at once', ({ connection, greet }) => {
  connection.connect();
  greet();
  connection.drop();
  assert.equal(connection.state, 'waiting');
});

timed('silence is told of again and again, until something comes or the socket is another', ({ connection, sockets, greet }) => {
  let told = 0;
  connection.on('silent', () => (told += 1));
  connection.connect();
  greet();
  mock.timers.tick(44_000);
  sockets[0].tell({ type: 'typing', room: 'r', user: 'ben' });
  mock.timers.tick(44_000);
  assert.deepEqual([told, connection.isSilent], [0, false]);
  mock.timers.tick(1000);
  assert.deepEqual([told, connection.isSilent], [1, true]);
  mock.timers.tick(45_000);
  assert.equal(told, 2);
  sockets[0].tell({ type: 'typing', room: 'r', user: 'ben' });
  assert.equal(connection.isSilent, false);
  mock.timers.tick(45_000);
  connection.connect();
  assert.equal(connection.isSilent, false);
  greet();
  assert.deepEqual([told, sockets.length, connection.state], [3, 2, 'ready']);
});
