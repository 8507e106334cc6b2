/** @import {User} from '../lib/types.js' */
import { displayName } from '../models/person.js';
import { confirm } from './confirm.js';

/**
 * Asks before something is lost, or somebody.
 * @param {string} what `block` or `clear`
 * @param {User} other
 */
export function ask(what, other) {
  const name = displayName(other);
  if (what === 'block') {
    const explanation = 'They can’t write to you, and neither of you sees whether the other is online. They are not told.';
    return confirm(`Block ${name}?`, explanation, 'Block');
  }
  return confirm('Clear this conversation?', `It is gone for you, for good. ${name} keeps it and is not told.`, 'Clear');
}
