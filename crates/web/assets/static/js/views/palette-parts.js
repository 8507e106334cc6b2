// What the palette is built of: it is in no page, so it makes its own.

/** @import {User} from '../lib/types.js' */
import { element } from '../lib/dom.js';
import { drawAvatar } from './avatar.js';
import { icon } from './lazy.js';

/** @param {string} key @param {User | undefined} user @param {string} name @param {string} line */
export function drawOption(key, user, name, line) {
  const option = element('div', '', 'row');
  const avatar = element('span', '', 'avatar');
  const title = element('span', name, 'row-name');
  title.dir = 'auto';
  if (user) drawAvatar(avatar, user);
  set(option, { role: 'option', 'aria-selected': false, 'data-key': key });
  option.id = `palette-${key.split(':', 2).join('-')}`;
  set(avatar, { 'aria-hidden': true });
  option.append(avatar, title, element('span', line, 'row-preview'));
  return option;
}

/** @param {string} name @param {string} label @param {string} className */
export function iconButton(name, label, className) {
  const button = element('button', '', className);
  button.type = 'button';
  if (label) set(button, { 'aria-label': label, title: label });
  button.append(icon(name));
  return button;
}

/** @param {Element} element @param {Record<string, string | number | boolean | null>} attributes `null` takes one away */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) element.removeAttribute(name);
    else element.setAttribute(name, String(value));
  }
}
