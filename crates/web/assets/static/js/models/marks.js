// Where a text has what was looked for. The server compares without regard to case, accents and
// compatibility forms; this finds the same places, and where it cannot, nothing is marked.

/** The marks of alphabets; elsewhere marks are letters in their own right. */
const ACCENTS =
  /(?=\p{M})[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]/gu;
const FOLDED = /** @type {Record<string, string>} */ ({ ß: 'ss', ẞ: 'ss', ς: 'σ', ø: 'o', Ø: 'o', ł: 'l', Ł: 'l', ı: 'i' });
/** Characters of the text before the first match that an excerpt shows. */
const BEFORE = 24;
const LONGEST = 160;

/** Text as it is compared, but for white space. @param {string} text */
function fold(text) {
  const plain = text.normalize('NFKD').replace(ACCENTS, '').normalize('NFC');
  return plain.replace(/[ßẞςøØłŁı]|[^]/gu, (char) => FOLDED[char] ?? char.toLowerCase().replace(ACCENTS, ''));
}

/** What a reader takes for one character: an accent stays with its letter. @param {string} text */
function graphemes(text) {
  if (typeof Intl.Segmenter !== 'function') return [...text];
  return [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
}

/**
 * The text as it is compared, and for each of its characters where it comes from.
 * @param {string} text
 */
function foldWithPlaces(text) {
  let folded = '';
  /** @type {number[]} */
  const starts = [];
  /** @type {number[]} */
  const ends = [];
  let at = 0;
  for (const character of graphemes(text)) {
    const from = at;
    at += character.length;
    const made = /^\s+$/u.test(character) ? ' ' : fold(character);
    if (made === ' ' && (folded === '' || folded.endsWith(' '))) continue;
    folded += made;
    for (let i = 0; i < made.length; i += 1) {
      starts.push(from);
      ends.push(at);
    }
  }
  return { folded, starts, ends };
}

/**
 * Where `text` has `term`, as pairs of start and end.
 * @param {string} text
 * @param {string} term
 * @returns {[number, number][]}
 */
export function matches(text, term) {
  const wanted = fold(term.trim()).replace(/\s+/gu, ' ');
  if (wanted === '') return [];
  const { folded, starts, ends } = foldWithPlaces(text);
  /** @type {[number, number][]} */
  const found = [];
  for (let i = folded.indexOf(wanted); i >= 0; i = folded.indexOf(wanted, i + wanted.length)) {
    const [from, to] = [starts[i], ends[i + wanted.length - 1]];
    // Two matches may share a character that is compared as several.
    if (from >= (found.at(-1)?.[1] ?? 0)) found.push([from, to]);
  }
  return found;
}

/**
 * The part of a text around the first match, in pieces that are a match or are not.
 * @param {string} text
 * @param {string} term
 * @returns {{text: string, match: boolean}[]}
 */
export function excerpt(text, term) {
  const found = matches(text, term);
  const from = startOf(text, found[0]?.[0] ?? 0);
  const to = endOf(text, Math.max(from + LONGEST, found[0]?.[1] ?? 0));
  const pieces = [];
  let at = from;
  if (from > 0) pieces.push({ text: '…', match: false });
  for (const [start, end] of found) {
    if (end > to) break;
    if (start > at) pieces.push({ text: text.slice(at, start), match: false });
    pieces.push({ text: text.slice(start, end), match: true });
    at = end;
  }
  if (at < to) pieces.push({ text: text.slice(at, to), match: false });
  if (to < text.length) pieces.push({ text: '…', match: false });
  return pieces;
}

/** A little before the match, at the start of a word if one is near. @param {string} text @param {number} match */
function startOf(text, match) {
  if (match <= BEFORE) return 0;
  const word = text.slice(match - BEFORE, match).search(/(?<=\s)\S/u);
  return whole(text, match - BEFORE + Math.max(0, word));
}

/** @param {string} text @param {number} at */
const endOf = (text, at) => whole(text, Math.min(text.length, at));

/** A place that cuts no character in two. @param {string} text @param {number} at */
const whole = (text, at) => at + (/[\udc00-\udfff]/.test(text[at] ?? '') ? 1 : 0);
