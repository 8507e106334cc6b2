/** @import {User} from '../lib/types.js' */
import { colourOf, initials } from '../models/person.js';

/**
 * Draws somebody's picture, or their initials on their colour: these also show until it is there.
 * @param {HTMLElement} avatar
 * @param {User} user
 * @param {boolean} [online] whether to show that they are there
 */
export function drawAvatar(avatar, user, online = false) {
  const shown = avatar.querySelector('img');
  const url = user.picture_url ?? '';
  if (avatar.firstChild instanceof Text) avatar.firstChild.data = initials(user);
  else avatar.prepend(initials(user));
  if (shown?.getAttribute('src') !== url) {
    shown?.remove();
    if (url) avatar.append(pictureAt(url));
  }
  avatar.dataset.colour = user.deleted ? 'none' : String(colourOf(user.id));
  avatar.classList.toggle('online', online);
}

/** The name stands beside it, so it has none of its own. @param {string} url */
function pictureAt(url) {
  const picture = new Image();
  picture.alt = '';
  picture.loading = 'lazy';
  picture.decoding = 'async';
  picture.addEventListener('error', () => picture.remove());
  picture.setAttribute('src', url);
  return picture;
}
