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

/** @param {string} text */
const marks = (text) => tokenize(text).filter(({ mark }) => mark).map((token) => `${token.mark}:${token.text}`);

test('code, strong and emphasis are told from text, without their marks', () => {
  assert.deepEqual(marks('a `b c` **d e** _f g_ h'), ['code:b c', 'strong:d e', 'em:f g']);
  assert.deepEqual(marks('```\nlet a = `b`;\n```'), ['code:let a = `b`;']);
  assert.deepEqual(tokenize('**a _b_**'), [{ text: 'a _b_', mark: 'strong', parts: [{ text: 'a ' }, { text: 'b', mark: 'em', parts: [{ text: 'b' }] }] }]);
});

test('what only looks like marks stays as it is', () => {
  for (const text of ['snake_case_name', '2 * 3 ** 4', '** a **', '_ a _', '**a', '`', '``', '****', '__init__', 'a_b_', '`a\nb`']) {
    assert.deepEqual(tokenize(text), [{ text }], text);
  }
});

test('in code nothing else is looked for', () => {
  assert.deepEqual(tokenize('`**a** https://a.org`'), [{ text: '**a** https://a.org', mark: 'code' }]);
});

test('addresses keep their underscores and are found inside of marks', () => {
  assert.deepEqual(links('https://a.org/_x_/y_z'), ['https://a.org/_x_/y_z']);
  const [strong] = tokenize('**see https://a.org**');
  assert.deepEqual(strong.parts?.[1], { text: 'https://a.org', href: 'https://a.org/' });
});

test('a long run of any mark is dealt with in no time', () => {
  for (const run of ['*', '_', '`', '** ', ' _', '_a ', '**a', '```\n']) {
    const begun = Date.now();
    tokenize(run.repeat(4000 / run.length));
    assert.ok(Date.now() - begun < 500, run);
  }
});
