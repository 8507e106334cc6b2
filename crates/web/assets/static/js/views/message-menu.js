/** @import {MessageItem} from '../lib/types.js' */
import { element } from '../lib/dom.js';
import { when } from '../models/time.js';
import { icon } from './lazy.js';

/** Emoji that are one press away, and what they are called. */
const QUICK = [['👍', 'thumbs up'], ['❤️', 'heart'], ['😂', 'laughing'], ['😮', 'astonished'], ['😢', 'crying'], ['🙏', 'thanks']];
const MARGIN = 8;

/** @typedef {[icon: string, label: string, act: () => void]} Action */

/**
 * Opens the menu of a message: beside it, or at the bottom of a narrow screen.
 * @param {object} menu
 * @param {HTMLElement} menu.at
 * @param {MessageItem} menu.item
 * @param {Action[]} menu.actions
 * @param {((emoji: string) => void) | null} menu.react `null` where one can't
 * @param {() => void} menu.more what opens the choice of all emoji
 */
export function openMenu({ at, item, actions, react, more }) {
  const dialog = element('dialog', '', 'message-menu');
  dialog.setAttribute('aria-label', 'Message');
  const menu = element('div', '', 'message-menu-items');
  menu.setAttribute('role', 'menu');
  menu.setAttribute('aria-label', 'Actions');
  /** @param {string} role @param {() => void} act */
  const button = (role, act) => {
    const made = element('button', '');
    made.type = 'button';
    made.tabIndex = -1;
    made.setAttribute('role', role);
    made.onclick = () => {
      dialog.close(); // gives the focus back, before the action may take it
      act();
    };
    return made;
  };
  /** @type {HTMLElement[][]} */
  const rows = [];
  if (react) rows.push(quickRow(item, react, more, button));
  for (const [name, label, act] of actions) {
    const one = button('menuitem', act);
    one.append(icon(name), label);
    one.classList.toggle('danger-text', name === 'delete');
    rows.push([one]);
  }
  if (react) {
    const group = element('div', '', 'quick');
    group.setAttribute('role', 'group');
    group.setAttribute('aria-label', 'React');
    group.append(...rows[0]);
    menu.append(group);
  }
  menu.append(...rows.slice(react ? 1 : 0).flat());
  dialog.append(menu, element('p', times(item), 'message-menu-times'));
  dialog.onkeydown = (event) => move(event, rows);
  dialog.onclick = ({ target }) => {
    if (target === dialog) dialog.close(); // beside the menu
  };
  dialog.onclose = () => dialog.remove();
  document.body.append(dialog);
  dialog.showModal();
  place(dialog, at, item.mine);
  rows[0]?.[0]?.focus({ preventScroll: true });
}

/**
 * @param {MessageItem} item
 * @param {(emoji: string) => void} react
 * @param {() => void} more
 * @param {(role: string, act: () => void) => HTMLElement} button
 */
function quickRow(item, react, more, button) {
  const row = QUICK.map(([emoji, name]) => {
    const one = button('menuitemcheckbox', () => react(emoji));
    one.textContent = emoji;
    one.title = name;
    one.setAttribute('aria-label', name);
    one.setAttribute('aria-checked', String(item.reactions.some((given) => given.emoji === emoji && given.mine)));
    return one;
  });
  const last = button('menuitem', more);
  last.title = 'More emoji';
  last.setAttribute('aria-label', 'More emoji');
  last.append(icon('plus'));
  return [...row, last];
}

/** @param {MessageItem} item */
function times({ at, editedAt }) {
  const now = new Date();
  return `Sent ${when(at, now)}${editedAt ? `, edited ${when(editedAt, now)}` : ''}`;
}

/** The arrows lead through the rows, and along the one of emoji. @param {KeyboardEvent} event @param {HTMLElement[][]} rows */
function move(event, rows) {
  const all = rows.flat();
  const at = all.findIndex((one) => one === document.activeElement);
  const row = rows.findIndex((list) => list.includes(all[at]));
  const next = {
    ArrowRight: all[at + 1] ?? all[0],
    ArrowLeft: all.at(at - 1),
    ArrowDown: (rows[row + 1] ?? rows[0])[0],
    ArrowUp: rows.at(row - 1)?.[0],
    Home: all[0],
    End: all.at(-1),
    Tab: event.shiftKey ? all.at(at - 1) : (all[at + 1] ?? all[0]),
  }[event.key];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/** Inside the window, whatever the message's place. @param {HTMLElement} dialog @param {HTMLElement} at @param {boolean} mine */
function place(dialog, at, mine) {
  const bubble = at.getBoundingClientRect();
  const { width, height } = dialog.getBoundingClientRect();
  const left = mine ? bubble.right - width : bubble.left;
  const below = bubble.bottom + MARGIN;
  const top = below + height <= innerHeight - MARGIN ? below : bubble.top - height - MARGIN;
  dialog.style.setProperty('--left', `${Math.max(MARGIN, Math.min(left, innerWidth - width - MARGIN))}px`);
  dialog.style.setProperty('--top', `${Math.max(MARGIN, Math.min(top, innerHeight - height - MARGIN))}px`);
}
