/** @import {User} from '../lib/types.js' */
import { colourOf, initials } from '../models/person.js';

/**
 * Draws somebody's initials on their colour.
 * @param {HTMLElement} avatar
 * @param {User} user
 * @param {boolean} [online] whether to show that they are there
 */
export function drawAvatar(avatar, user, online = false) {
  avatar.textContent = initials(user);
  avatar.dataset.colour = user.deleted ? 'none' : String(colourOf(user.id));
  avatar.classList.toggle('online', online);
}
