/** @import {Chat} from '../models/chat.js' */
import { batched, find } from '../lib/dom.js';

/**
 * Shows how much is unread where one sees it without the page: in its title, on its icon, and on
 * the app's where it is installed.
 * @param {Chat} chat
 */
export function showUnread(chat) {
  const icon = find(document, 'link[rel="icon"]', HTMLLinkElement);
  let shown = 0;
  const draw = batched(() => {
    // What is signed out knows of nothing.
    const unread = chat.ended ? 0 : chat.rooms.unread;
    if (unread === shown) return;
    shown = unread;
    document.title = unread ? `(${unread}) Sotto` : 'Sotto';
    icon.href = icon.href.replace(/sotto(-unread)?\.svg$/, unread ? 'sotto-unread.svg' : 'sotto.svg');
    navigator.setAppBadge?.(unread).catch(() => undefined); // 0 takes it away
  });
  chat.on('rooms', draw);
  chat.on('ended', draw);
}
