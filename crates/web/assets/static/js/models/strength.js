// How hard a password looks to guess: a hint while somebody types. The server knows more, and
// decides.

/** @typedef {{score: 0 | 1 | 2 | 3 | 4, label: string}} Strength */

const LABELS = ['Too short', 'Easy to guess', 'Could be better', 'Good', 'Strong'];
const SHORTEST = 8;
/** Bits from which on a password counts as could be better, good and strong. */
const STEPS = [28, 45, 65];

/** What everybody tries first, or nearly. */
const COMMON = ['password', 'passwort', 'qwerty', 'qwertz', 'letmein', 'iloveyou', 'welcome', 'admin', 'abc', '123', 'sotto'];
const ROWS = ['abcdefghijklmnopqrstuvwxyz', '01234567890', 'qwertyuiop', 'qwertzuiop', 'asdfghjkl', 'zxcvbnm', 'yxcvbnm'];

/**
 * @param {string} password
 * @param {string[]} [about] words that others know of its owner
 * @returns {Strength}
 */
export function strengthOf(password, about = []) {
  const characters = [...password.normalize('NFC')];
  if (characters.length < SHORTEST) return grade(0);
  const lower = password.toLowerCase();
  if (about.some((word) => word && lower === word.toLowerCase())) return grade(1);
  const bits = worthOf(lower, about) * bitsOf(password);
  const steps = STEPS.filter((step) => bits >= step).length;
  return grade(/** @type {0 | 1 | 2 | 3 | 4} */ (1 + steps));
}

/** @param {0 | 1 | 2 | 3 | 4} score @returns {Strength} */
const grade = (score) => ({ score, label: LABELS[score] });

/** How many characters add something: known words, rows of keys and repeats count as one. @param {string} lower @param {string[]} about */
function worthOf(lower, about) {
  const known = [...COMMON, ...about.map((word) => word.toLowerCase()).filter((word) => word.length > 2)];
  let rest = lower;
  for (const word of known) rest = rest.split(word).join('\0');
  let worth = 0;
  let before = '';
  for (const character of rest) {
    if (!follows(before, character)) worth += 1;
    before = character;
  }
  return worth;
}

/** @param {string} before @param {string} character */
function follows(before, character) {
  if (!before) return false;
  if (before === character) return true;
  return ROWS.some((row) => row.includes(before + character) || row.includes(character + before));
}

/** What one character is worth, by the kinds of characters there are. @param {string} password */
function bitsOf(password) {
  const kinds = /** @type {[RegExp, number][]} */ ([
    [/[a-z]/, 26],
    [/[A-Z]/, 26],
    [/[0-9]/, 10],
    [/[^A-Za-z0-9\u0080-\u{10ffff}]/u, 33],
    [/[\u0080-\u{10ffff}]/u, 60],
  ]);
  const choice = kinds.reduce((sum, [kind, size]) => sum + (kind.test(password) ? size : 0), 0);
  return Math.log2(Math.max(choice, 2));
}
