import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEmojiOnly, normalizeBody, scalarCount, tokenize } from '../../../crates/web/assets/static/js/models/text.js';

/** @param {string} text */
const links = (text) => tokenize(text).filter((token) => token.href).map((token) => token.text);

test('text without links is one piece', () => {
  assert.deepEqual(tokenize('hello\nthere'), [{ text: 'hello\nthere' }]);
  assert.deepEqual(tokenize(''), []);
});

test('nothing of the text is lost or changed', () => {
  const text = 'a http://x.org/, (https://y.org/b_(c)) <b> javascript:alert(1) https:// end.';
  assert.equal(tokenize(text).map((token) => token.text).join(''), text);
});

test('web addresses become links', () => {
  assert.deepEqual(links('see http://a.org and HTTPS://B.org/x?y=1#z now'), ['http://a.org', 'HTTPS://B.org/x?y=1#z']);
  assert.deepEqual(links('https://münchen.example/straße'), ['https://münchen.example/straße']);
});

test('the punctuation of the sentence stays outside', () => {
  assert.deepEqual(links('https://a.org/x. https://a.org/y, https://a.org/z?!'), ['https://a.org/x', 'https://a.org/y', 'https://a.org/z']);
  assert.deepEqual(links('“https://a.org/q” and https://a.org/r…'), ['https://a.org/q', 'https://a.org/r']);
});

test('brackets stay inside when they were opened there', () => {
  assert.deepEqual(links('(https://a.org/x)'), ['https://a.org/x']);
  assert.deepEqual(links('https://a.org/Foo_(bar)'), ['https://a.org/Foo_(bar)']);
  assert.deepEqual(links('(see https://a.org/Foo_(bar).)'), ['https://a.org/Foo_(bar)']);
  assert.deepEqual(links('[https://a.org/x]'), ['https://a.org/x']);
});

test('nothing but web addresses becomes a link', () => {
  for (const text of ['javascript:alert(1)', 'data:text/html,x', 'ftp://a.org', 'http://', 'https://.', 'mailto:a@b.org', 'xhttp:/a']) {
    assert.deepEqual(links(text), [], text);
  }
});

test('a link never leads to another scheme', () => {
  for (const token of tokenize('https://a.org/javascript:alert(1) http://b.org')) {
    if (token.href) assert.match(token.href, /^https?:\/\//);
  }
});

test('a long run of brackets is dealt with in no time', () => {
  const begun = Date.now();
  tokenize(`https://a.org/${')'.repeat(4000)}`);
  assert.ok(Date.now() - begun < 500);
});

test('a body is trimmed, with one kind of line break and no control characters', () => {
  assert.equal(normalizeBody('  a\r\nb\rc\td\u0000\u0007\u0085  \n'), 'a\nb\nc\td');
  assert.equal(normalizeBody(' \n\t '), '');
});

test('normalising twice changes nothing', () => {
  const once = normalizeBody(' \u0000 a\ud800b \u001f');
  assert.equal(normalizeBody(once), once);
});

test('a lone surrogate is replaced before it can be counted or sent', () => {
  assert.equal(normalizeBody('a\ud83d'), 'a\ufffd');
  assert.equal(normalizeBody('\ud83d\ude00'), '😀');
});

test('length is counted in scalar values', () => {
  assert.equal(scalarCount('a😀é'), 3);
});

test('a few emoji alone are told from text', () => {
  for (const text of ['😀', '👍🏽', '👨‍👩‍👧', '🇸🇪', '❤️', '1️⃣', '🎉 🎉\n🎉']) assert.equal(isEmojiOnly(text), true, text);
  for (const text of ['', 'a', '😀!', '12', '©', '😀😀😀😀😀😀😀']) assert.equal(isEmojiOnly(text), false, text);
});
