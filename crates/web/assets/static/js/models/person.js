/** @import {User} from '../lib/types.js' */

const COLOURS = 8;

/**
 * What to call somebody.
 * @param {User} user
 */
export function displayName(user) {
  if (user.deleted) return 'Deleted account';
  return [user.first_name, user.last_name].filter(Boolean).join(' ') || user.username;
}

/**
 * One or two letters for an avatar.
 * @param {User} user
 */
export function initials(user) {
  if (user.deleted) return '–';
  const names = [user.first_name, user.last_name].filter(Boolean);
  const letters = names.length ? names.map((name) => firstLetter(name)).join('') : firstLetter(user.username);
  return letters.toUpperCase() || '?';
}

/** @param {string} text */
const firstLetter = (text) => text.match(/\p{L}\p{M}*|\p{N}/u)?.[0] ?? '';

/**
 * The number of somebody's colour, the same on every device.
 * @param {string} id
 */
export function colourOf(id) {
  let sum = 0;
  for (const char of id) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 65_521;
  return sum % COLOURS;
}
