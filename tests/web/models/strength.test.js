import assert from 'node:assert/strict';
import { test } from 'node:test';
import { strengthOf } from '../../../crates/web/assets/static/js/models/strength.js';

const score = (/** @type {string} */ password, /** @type {string[]} */ about = []) => strengthOf(password, about).score;

test('what is too short says so, counted in characters', () => {
  assert.equal(strengthOf('k7#Qp2x').label, 'Too short');
  assert.equal(score('пароль'), 0);
});

test('what everybody tries first is easy to guess', () => {
  for (const password of ['password', 'Password1', '12345678', 'qwertyuiop', 'aaaaaaaa', 'abcdefgh', 'iloveyou1']) {
    assert.equal(score(password), 1, password);
  }
});

test('one’s own name is easy to guess', () => {
  assert.equal(score('ann.the.baker', ['ann.the.baker']), 1);
  assert.ok(score('ann.the.baker7', ['ann.the.baker']) < score('ann.the.baker7'));
});

test('a few words and random characters are good', () => {
  for (const password of ['correct horse battery staple', 'x7#kQ2pL', 'пароль из четырёх слов']) {
    assert.ok(score(password) >= 3, password);
  }
  assert.equal(score('correct horse battery staple'), 4);
});
