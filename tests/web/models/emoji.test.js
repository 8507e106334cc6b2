import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CATEGORIES, searchEmoji } from '../../../crates/web/assets/static/js/models/emoji.js';

test('there are emoji of every category, each once and with a name', () => {
  assert.deepEqual(CATEGORIES.map(([category]) => category), ['Smileys', 'People', 'Nature', 'Food', 'Travel', 'Activities', 'Objects', 'Symbols', 'Flags']);
  const all = CATEGORIES.flatMap(([, list]) => list);
  assert.ok(all.length > 1000);
  assert.equal(new Set(all.map(({ emoji }) => emoji)).size, all.length);
  for (const { emoji, name } of all) {
    assert.ok(name.length > 1, emoji);
    assert.ok([...emoji].length <= 16 && /\p{Emoji}/u.test(emoji), `${emoji} is one the server takes`);
  }
});

/** @param {string} query */
const found = (query) => searchEmoji(query).map(({ emoji }) => emoji);

test('emoji are found by the beginnings of their words, in any order and case', () => {
  assert.ok(found('grin').includes('😀'));
  assert.deepEqual(found('joy tears'), found('Tears JOY'));
  assert.ok(found('tears joy').includes('😂'));
  assert.ok(found('fra').includes('🇫🇷'));
  assert.deepEqual(found('rin'), found('ring'), 'not in the middle of a word');
});

test('the name that begins so comes first', () => {
  assert.equal(found('dog')[0], '🐶');
});

test('what people call them finds them, and nonsense finds nothing', () => {
  assert.equal(found('lol').includes('😂'), true);
  assert.deepEqual(found('xyzzy'), []);
});
