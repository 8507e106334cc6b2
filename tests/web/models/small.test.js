// The models that fit into a few lines: times, names, local paths, the timeline.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalStore } from '../../../crates/web/assets/static/js/models/local-store.js';
import { localPath, withNext } from '../../../crates/web/assets/static/js/models/next.js';
import { deviceName } from '../../../crates/web/assets/static/js/models/device.js';
import { colourOf, displayName, initials } from '../../../crates/web/assets/static/js/models/person.js';
import { Presence } from '../../../crates/web/assets/static/js/models/presence.js';
import { clock, countdown, dayLabel, full, lastSeen, listTime, longDate, when } from '../../../crates/web/assets/static/js/models/time.js';
import { preview, timeline } from '../../../crates/web/assets/static/js/models/timeline.js';
import { uuid } from '../../../crates/web/assets/static/js/lib/ids.js';
import { memoryStorage, message, person } from './support.js';

const now = new Date(2026, 5, 10, 15, 0);

/** @param {number} days @param {number} [hour] */
const ago = (days, hour = 9) => new Date(2026, 5, 10 - days, hour, 5);

test('only a path on this server is gone to after signing in', () => {
  assert.equal(localPath('/chat/room/x/?a=1#b'), '/chat/room/x/?a=1#b');
  for (const evil of ['//evil.org', '/\\evil.org', 'https://evil.org', 'javascript:alert(1)', '', null, 'chat', '/\t/evil.org', '/\n/evil.org', '/..//evil.example', '/.//evil.example', '/%2e//evil.example', '/x/..//evil.example', '/../\\evil.example']) {
    assert.equal(localPath(evil), '/chat/', String(evil));
  }
});

test('the wish to return is carried along, unless it leads elsewhere', () => {
  assert.equal(withNext('/login/', '/chat/room/a b/'), '/login/?next=%2Fchat%2Froom%2Fa%2520b%2F');
  assert.equal(withNext('/login/', '//evil.org'), '/login/');
});

test('days are named as people name them', () => {
  assert.equal(dayLabel(ago(0), now), 'Today');
  assert.equal(dayLabel(ago(1, 23), now), 'Yesterday');
  assert.equal(dayLabel(ago(40), now), '1 May');
  assert.equal(dayLabel(ago(365), now), '10 June 2025');
});

test('the list shows the time, then the day, then the date', () => {
  assert.equal(listTime(ago(0), now), '09:05');
  assert.equal(listTime(ago(1), now), 'Yesterday');
  assert.equal(listTime(ago(3), now), 'Sun');
  assert.equal(listTime(ago(30), now), '11 May');
  assert.equal(listTime(ago(365), now), '10/06/2025');
});

test('a whole date and time is written out', () => {
  assert.equal(full(new Date(2027, 2, 3, 4, 5, 9)), 'Wednesday, 3 March 2027 at 04:05:09');
  assert.equal(longDate(new Date(2026, 11, 31, 23, 59)), '31 December 2026');
  assert.equal(clock(new Date(2026, 11, 31, 23, 59, 59)), '23:59');
  assert.equal(listTime(new Date(2026, 0, 2, 12), new Date(2026, 8, 30)), '2 Jan');
});

test('it is said when somebody was last seen as people say it', () => {
  assert.equal(lastSeen(ago(0), now), 'last seen at 09:05');
  assert.equal(lastSeen(ago(1), now), 'last seen yesterday at 09:05');
  assert.equal(lastSeen(ago(40), now), 'last seen on 1 May');
});

test('it is said when something was as people say it', () => {
  assert.equal(when(ago(0), now), 'today at 09:05');
  assert.equal(when(ago(1), now), 'yesterday at 09:05');
  assert.equal(when(ago(40), now), 'on 1 May');
});

test('a device is named by what is known of it', () => {
  assert.equal(deviceName({ browser: 'Firefox 141', system: 'Linux' }), 'Firefox 141 on Linux');
  assert.equal(deviceName({ browser: 'Firefox 141', system: '' }), 'Firefox 141');
  assert.equal(deviceName({ browser: '', system: 'Linux' }), 'Unknown browser on Linux');
  assert.equal(deviceName({ browser: '', system: '' }), 'Unknown browser');
});

test('who is online is as it was told last, and of others nothing is said', () => {
  const presence = new Presence();
  const ben = { id: 'ben', deleted: false };
  assert.deepEqual([presence.isOnline(ben), presence.words(ben, now)], [false, '']);
  presence.take('ben', true, null);
  assert.deepEqual([presence.isOnline(ben), presence.words(ben, now)], [true, 'online']);
  presence.take('ben', false, ago(1).toISOString());
  assert.deepEqual([presence.isOnline(ben), presence.words(ben, now)], [false, 'last seen yesterday at 09:05']);
  presence.take('ben', false, null);
  assert.equal(presence.words(ben, now), '', 'gone since nobody knows when');
});

test('of a deleted account nothing shows, whatever is told of it', () => {
  const presence = new Presence();
  const gone = { id: 'ben', deleted: true };
  presence.take('ben', true, null);
  assert.deepEqual([presence.isOnline(gone), presence.words(gone, now)], [false, '']);
  presence.take('ben', false, ago(1).toISOString());
  assert.deepEqual([presence.isOnline(gone), presence.words(gone, now)], [false, '']);
});

test('a countdown never goes below nothing', () => {
  assert.deepEqual([countdown(61.2), countdown(42), countdown(-3)], ['1:02', '0:42', '0:00']);
});

test('people are called by their names, else by their username', () => {
  const anna = { ...person('anna'), first_name: 'Anna', last_name: 'Öberg' };
  assert.deepEqual([displayName(anna), initials(anna)], ['Anna Öberg', 'AÖ']);
  assert.deepEqual([displayName(person('ben')), initials(person('ben'))], ['ben', 'B']);
  assert.equal(displayName({ ...anna, deleted: true }), 'Deleted account');
});

test('a colour is the same every time', () => {
  assert.equal(colourOf('01J9'), colourOf('01J9'));
  const colours = new Set(Array.from({ length: 200 }, (_, i) => colourOf(`user-${i}`)));
  assert.equal(colours.size, 8);
});

test('ids are random UUIDs, also where the browser has no randomUUID', () => {
  const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  assert.match(uuid(), pattern);
  const native = crypto.randomUUID;
  Object.defineProperty(crypto, 'randomUUID', { value: undefined, configurable: true });
  try {
    assert.match(uuid(), pattern);
    assert.notEqual(uuid(), uuid());
  } finally {
    Object.defineProperty(crypto, 'randomUUID', { value: native, configurable: true });
  }
});

/** @param {Partial<Parameters<typeof timeline>[0]>} more */
const items = (more) => timeline({ messages: [], waiting: [], me: 'anna', otherReadSeq: 0, deliveredSeq: 0, unreadAfter: null, ...more });

/** @param {Date} at */
const sentAt = (at) => ({ sent_at: at.toISOString() });

test('messages of one person within five minutes are one group', () => {
  const at = (/** @type {number} */ minute) => sentAt(new Date(2026, 5, 10, 12, minute));
  const shown = items({ messages: [message(1, at(0)), message(2, at(4)), message(3, at(20)), message(4, { ...at(21), sender: 'anna' })] });
  const firsts = shown.filter((item) => item.kind === 'message').map((item) => item.first);
  assert.deepEqual(firsts, [true, false, true, true]);
});

test('each day has a heading', () => {
  const shown = items({ messages: [message(1, sentAt(ago(1, 23))), message(2, sentAt(ago(0, 0))), message(3, sentAt(ago(0, 0)))] });
  assert.deepEqual(shown.map((item) => item.kind), ['day', 'message', 'day', 'message', 'message']);
});

test('the unread line stands once, before the first unread message of the other', () => {
  const mine = message(3, { sender: 'anna' });
  const shown = items({ messages: [message(1), message(2), mine, message(4), message(5)], unreadAfter: 2 });
  assert.deepEqual(shown.map((item) => item.key), [shown[0].key, 'm1', 'm2', 'c3', 'divider', 'm4', 'm5']);
});

test('a message keeps its key when the server has it', () => {
  const [, waiting] = items({ waiting: [{ client_id: 'c9', room: 'r', body: 'x', at: now.getTime(), state: 'pending' }] });
  const [, stored] = items({ messages: [message(9, { sender: 'anna' })] });
  assert.equal(waiting.key, stored.key);
});

test('my messages are sent, then read', () => {
  const mine = [message(1, { sender: 'anna' }), message(2, { sender: 'anna' })];
  const states = items({ messages: mine, otherReadSeq: 1 }).flatMap((item) => (item.kind === 'message' ? [item.state] : []));
  assert.deepEqual(states, ['read', 'sent']);
});

test('every kind of message has its line in the list', () => {
  assert.equal(preview(message(1, { body: 'a\n b' }), undefined, 'anna').text, 'a b');
  assert.equal(preview(message(1, { sender: 'anna' }), undefined, 'anna').mine, true);
  assert.equal(preview(message(1, { deleted: true, body: '' }), undefined, 'anna').text, 'Message deleted');
  assert.equal(preview(message(1, { unreadable: true, body: '' }), undefined, 'anna').text, 'This message can’t be read');
  assert.equal(preview(null, undefined, 'anna').text, 'No messages yet');
});

test('signing out knows what it would delete', () => {
  const store = new LocalStore('anna', memoryStorage());
  store.set('outbox:1', {});
  store.set('change:1:edit', {});
  store.set('change:2:delete', {});
  store.set('draft:r', 'text');
  assert.deepEqual(store.unsent, { messages: 1, changes: 2, drafts: 1 });
  store.wipe();
  assert.deepEqual(store.unsent, { messages: 0, changes: 0, drafts: 0 });
});

test('it is said why a message was not sent, unless nobody is to know', () => {
  /** @param {string} [reason] @param {string} [detail] */
  const why = (reason, detail) => {
    const [, item] = items({ waiting: [{ client_id: 'c', room: 'r', body: 'x', at: now.getTime(), state: 'failed', reason, detail }] });
    return item.kind === 'message' && item.why;
  };
  assert.equal(why('not_delivered', 'this message can’t be delivered'), 'Not delivered.');
  assert.equal(why('blocked', 'you block this person'), 'Not sent. You blocked this person.');
  assert.equal(why('too_long', 'Too long.'), 'Not sent. Too long.');
  assert.equal(why('unknown'), 'Not sent.');
});
