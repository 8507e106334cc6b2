/** @import {User} from '../lib/types.js' */
import { colourOf, initials } from '../models/person.js';

/**
 * Draws somebody's initials on their colour.
 * @param {HTMLElement} avatar
 * @param {User} user
 */
export function drawAvatar(avatar, user) {
  avatar.textContent = initials(user);
  avatar.dataset.colour = user.deleted ? 'none' : String(colourOf(user.id));
}
