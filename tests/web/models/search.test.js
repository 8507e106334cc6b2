import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Problem } from '../../../crates/web/assets/static/js/lib/api.js';
import { excerpt, matches } from '../../../crates/web/assets/static/js/models/marks.js';
import { Search, isWord } from '../../../crates/web/assets/static/js/models/search.js';
import { settle } from './support.js';

/** What is marked. @param {string} text @param {string} term */
const marked = (text, term) => matches(text, term).map(([from, to]) => text.slice(from, to));

test('a match is marked whatever the case, the accents and the forms', () => {
  for (const [text, term, found] of [
    ['Oh, HELLO there', 'hello', 'HELLO'],
    ['un café noir', 'CAFE', 'café'],
    ['un cafe\u0301 noir', 'cafe', 'cafe\u0301'],
    ['die Straße hier', 'strasse', 'Straße'],
    ['STRASSE', 'straße', 'STRASSE'],
    ['İstanbul', 'istanbul', 'İstanbul'],
    ['ΟΔΟΣ', 'οδος', 'ΟΔΟΣ'],
    ['Łódź', 'lodz', 'Łódź'],
    ['smørrebrød', 'SMORREBROD', 'smørrebrød'],
    ['我们在中国喝咖啡', '中国', '中国'],
    ['ｶﾞ', 'ガ', 'ｶﾞ'],
    ['대한국민', '한국', '한국'],
    ['two  words\nhere', 'words here', 'words\nhere'],
    ['well 😀!', '😀', '😀'],
    ['about 100% sure', '100%', '100%'],
  ]) assert.deepEqual(marked(text, term), [found], `${term} in ${text}`);
});

test('every match is marked once, and nothing else', () => {
  assert.deepEqual(matches('aaaa', 'aa'), [[0, 2], [2, 4]]);
  assert.deepEqual(matches('ßß', 's'), [[0, 1], [1, 2]], 'a letter that is compared as two');
  assert.deepEqual(matches('a\u0301\u0301', '\u0301'), []);
  assert.deepEqual(matches('text', 'other'), []);
  assert.deepEqual(matches('text', '  '), []);
  assert.deepEqual(marked('किताब', 'कताब'), [], 'marks that are letters');
});

test('an excerpt has the match, with a little of what is before it', () => {
  const pieces = (/** @type {string} */ text, /** @type {string} */ term) => excerpt(text, term).map((piece) => (piece.match ? `[${piece.text}]` : piece.text)).join('');
  assert.equal(pieces('short and sweet', 'sweet'), 'short and [sweet]');
  assert.equal(pieces(`${'word '.repeat(20)}needle${' tail'.repeat(60)}`, 'needle').slice(0, 40), '…word word word word [needle] tail tail ');
  assert.ok(pieces(`needle ${'tail '.repeat(60)}`, 'needle').endsWith('…'));
  assert.equal(pieces('unmarked', 'zzz'), 'unmarked');
  const emoji = pieces(`${'😀'.repeat(40)}needle${'😀'.repeat(200)}`, 'needle');
  assert.doesNotThrow(() => encodeURIComponent(emoji), 'no half characters');
  assert.ok(pieces('x'.repeat(4000), 'x'.repeat(200)).includes(`[${'x'.repeat(200)}]`), 'a long match is whole');
});

test('one letter is no word, one character of Chinese is', () => {
  assert.deepEqual(['a', 'é', 'Ж', ' ', '', 'ab', '中', '😀'].map(isWord), [false, false, false, false, false, true, true, true]);
});

/** A search whose answers the test gives. */
function searching() {
  /** @type {{what: any, signal: AbortSignal, answer: (page: any) => void, fail: (problem: any) => void}[]} */
  const asked = [];
  /** @type {Search<number>} */
  const search = new Search((what, signal) => new Promise((answer, fail) => asked.push({ what, signal, answer, fail })), isWord);
  return { asked, search };
}

/** So many hits. @param {number} n */
const hits = (n) => Array.from({ length: n }, (_, i) => i);

/** @param {(tick: (ms: number) => Promise<void>) => Promise<void>} walk */
async function onTheClock(walk) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  try {
    await walk(async (ms) => {
      mock.timers.tick(ms);
      await settle();
    });
  } finally {
    mock.timers.reset();
  }
}

test('nothing is asked before the typing rests, and never for too little', async () => {
  await onTheClock(async (tick) => {
    const { asked, search } = searching();
    search.search('h', '');
    assert.equal(search.state, 'idle');
    await tick(1000);
    search.search('he', '');
    await tick(200);
    search.search('hel', 'room');
    assert.equal(search.state, 'searching');
    await tick(200);
    assert.equal(asked.length, 0);
    await tick(50);
    assert.deepEqual(asked.map(({ what }) => what), [{ query: 'hel', room: 'room' }]);
  });
});

test('a search follows its cursor until it has enough', async () => {
  await onTheClock(async (tick) => {
    const { asked, search } = searching();
    search.search('hello', 'room');
    await tick(250);
    asked[0].answer({ hits: hits(3), cursor: 'one' });
    await tick(0);
    assert.equal(search.state, 'older');
    assert.equal(search.hits.length, 3, 'shown while it goes on');
    assert.deepEqual(asked[1].what, { query: 'hello', cursor: 'one' }, 'a cursor knows its room');
    asked[1].answer({ hits: [], cursor: 'two' });
    await tick(0);
    asked[2].answer({ hits: hits(17), cursor: 'three' });
    await tick(0);
    assert.equal(search.state, 'paused');
    assert.equal(asked.length, 3);
    search.more();
    await tick(0);
    assert.equal(search.state, 'older');
    asked[3].answer({ hits: hits(1), cursor: null });
    await tick(0);
    assert.equal(search.state, 'done');
    assert.equal(search.hits.length, 21);
    search.more();
    await tick(0);
    assert.equal(asked.length, 4);
  });
});

test('what was asked before is dropped, and its late answer too', async () => {
  await onTheClock(async (tick) => {
    const { asked, search } = searching();
    search.search('first', '');
    await tick(250);
    search.search('second', '');
    assert.ok(asked[0].signal.aborted);
    asked[0].answer({ hits: hits(5), cursor: 'more' });
    await tick(250);
    assert.equal(search.hits.length, 0);
    assert.deepEqual(asked.map(({ what }) => what.query), ['first', 'second']);
    search.stop();
    assert.ok(asked[1].signal.aborted);
    asked[1].fail(new DOMException('aborted', 'AbortError'));
    await tick(0);
    assert.equal(search.state, 'idle');
  });
});

test('whoever searches too much goes on when the server lets them', async () => {
  await onTheClock(async (tick) => {
    const { asked, search } = searching();
    search.search('hello', '');
    await tick(250);
    asked[0].answer({ hits: hits(2), cursor: 'one' });
    await tick(0);
    asked[1].fail(new Problem(429, 'rate_limited', 'too often', [], 3));
    await tick(0);
    assert.equal(search.state, 'waiting');
    await tick(2999);
    assert.equal(asked.length, 2);
    await tick(1);
    assert.deepEqual(asked[2].what, { query: 'hello', cursor: 'one' }, 'where it was');
    asked[2].answer({ hits: hits(1), cursor: null });
    await tick(0);
    assert.equal(search.state, 'done');
    assert.equal(search.hits.length, 3);
  });
});

test('a wait ends with the search it was for', async () => {
  await onTheClock(async (tick) => {
    const { asked, search } = searching();
    search.search('hello', '');
    await tick(250);
    asked[0].fail(new Problem(429, 'rate_limited', 'too often', [], 3));
    await tick(0);
    search.search('', '');
    await tick(5000);
    assert.equal(search.state, 'idle');
    assert.equal(asked.length, 1);
  });
});

test('a search that failed is tried again where it was', async () => {
  await onTheClock(async (tick) => {
    const { asked, search } = searching();
    search.search('hello', '');
    await tick(250);
    asked[0].fail(new Problem(0, 'network', 'no connection'));
    await tick(0);
    assert.equal(search.state, 'failed');
    search.more();
    await tick(0);
    assert.equal(search.state, 'searching');
    asked[1].answer({ hits: [], cursor: null });
    await tick(0);
    assert.equal(search.state, 'done');
  });
});

test('what the server finds nothing to look for in, is nowhere', async () => {
  await onTheClock(async (tick) => {
    const { asked, search } = searching();
    search.search('\u0301\u0301', '');
    await tick(250);
    asked[0].fail(new Problem(422, 'validation_failed', 'type what to look for'));
    await tick(0);
    assert.equal(search.state, 'done');
  });
});
