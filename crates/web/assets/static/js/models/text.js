// What a message's text may be and how it is shown, without a DOM.

/** Longest body the server takes, in Unicode scalar values. */
export const MAX_LENGTH = 4000;

/**
 * The body as it will be stored: one kind of line break, no control characters, no white space
 * around it. Normalised once, because a repeated send must carry the very same body.
 * @param {string} text
 */
export function normalizeBody(text) {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd')
    .trim();
}

/**
 * Length in Unicode scalar values, as the server counts.
 * @param {string} text
 */
export function scalarCount(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** @typedef {{text: string, href?: string, mark?: "code" | "strong" | "em", parts?: Token[]}} Token */

// An address, ```code```, `code`, **strong** and _emphasis_, whichever comes first.
const MARKS =
  /https?:\/\/[^\s<>"“”«»]+|`{3}\n?([^]+?)\n?`{3}|`([^\x60\n]+)`|\*\*(?!\s)([^*\n]+)(?<!\s)\*\*|(?<![\p{L}\p{N}_])_(?!\s)([^_\n]+)(?<!\s)_(?![\p{L}\p{N}_])/giu;
const PAIRS = /** @type {Record<string, string>} */ ({ ')': '(', ']': '[', '}': '{' });

/**
 * Cuts text into plain pieces, web links, and what is marked as code or emphasis, without the marks.
 * @param {string} text
 * @returns {Token[]}
 */
export function tokenize(text) {
  const marks = new RegExp(MARKS);
  /** @type {Token[]} */
  const tokens = [];
  let from = 0;
  for (let match = marks.exec(text); match; match = marks.exec(text)) {
    const token = tokenOf(match);
    if (!token) continue;
    if (match.index > from) tokens.push({ text: text.slice(from, match.index) });
    tokens.push(token);
    if (token.href) marks.lastIndex = match.index + token.text.length;
    from = marks.lastIndex;
  }
  if (from < text.length) tokens.push({ text: text.slice(from) });
  return tokens;
}

/** Text without its marks. @param {string} text */
export const withoutMarks = (text) => tokenize(text).map((token) => token.text).join('');

/** @param {RegExpExecArray} match @returns {Token | null} */
function tokenOf([whole, block, code, strong, em]) {
  if (block ?? code) return { text: block ?? code, mark: 'code' };
  if (strong ?? em) return { text: strong ?? em, mark: strong ? 'strong' : 'em', parts: tokenize(strong ?? em) };
  const shown = trimTail(whole);
  const href = hrefOf(shown);
  return href ? { text: shown, href } : null;
}

/**
 * Without the punctuation that belongs to the sentence: a closing bracket stays only when it was
 * opened inside the address.
 * @param {string} url
 */
function trimTail(url) {
  let end = url.length;
  while (end > 0) {
    const last = url[end - 1];
    const opener = PAIRS[last];
    const sentence = opener
      ? count(url, last, end) > count(url, opener, end)
      : /[.,;:!?'’…*_~]/u.test(last);
    if (!sentence) break;
    end -= 1;
  }
  return url.slice(0, end);
}

/** @param {string} text @param {string} char @param {number} end */
function count(text, char, end) {
  let found = 0;
  for (let i = 0; i < end; i += 1) if (text[i] === char) found += 1;
  return found;
}

/** @param {string} shown */
function hrefOf(shown) {
  try {
    const url = new URL(shown);
    return /^https?:$/.test(url.protocol) && url.hostname ? url.href : null;
  } catch {
    return null;
  }
}

const EMOJI =
  /\p{Regional_Indicator}{2}|[0-9#*]\ufe0f?\u20e3|(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f)\p{Emoji_Modifier}?(?:\u200d\p{Extended_Pictographic}\ufe0f?\p{Emoji_Modifier}?)*/gu;

/**
 * Whether the text is nothing but one to six emoji.
 * @param {string} text
 */
export function isEmojiOnly(text) {
  if (text.length > 120) return false;
  let emoji = 0;
  const rest = text.replace(EMOJI, () => {
    emoji += 1;
    return '';
  });
  return emoji >= 1 && emoji <= 6 && rest.trim() === '';
}
