/** @import {Room} from '../lib/types.js' */
/** @import {Chat} from '../models/chat.js' */
import { batched, clone, find, findHtml, part } from '../lib/dom.js';
import { displayName } from '../models/person.js';
import { full, listTime } from '../models/time.js';
import { preview } from '../models/timeline.js';
import { drawAvatar } from './avatar.js';

/** The list of conversations, drawn anew whenever one of them moves. */
export class RoomListView {
  /** @type {Map<string, HTMLElement>} */
  #rows = new Map();
  #selected = '';

  /**
   * @param {HTMLElement} root
   * @param {Chat} chat
   * @param {{open: (room: string) => void, findSomeone: () => void}} actions
   */
  constructor(root, chat, actions) {
    this.chat = chat;
    this.list = findHtml(root, '#rooms');
    this.loading = findHtml(root, '#rooms-loading');
    this.failed = findHtml(root, '#rooms-failed');
    this.empty = findHtml(root, '#rooms-empty');
    this.list.addEventListener('click', (event) => {
      const link = event.target instanceof Element ? event.target.closest('a') : null;
      if (!link?.dataset.room || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      actions.open(link.dataset.room);
    });
    this.list.addEventListener('keydown', (event) => this.#moveFocus(event));
    find(this.failed, 'button', HTMLButtonElement).onclick = () => {
      chat.listState = 'loading';
      this.draw();
      void chat.catchUp();
    };
    find(this.empty, 'button', HTMLButtonElement).onclick = () => actions.findSomeone();
    const draw = batched(() => this.draw());
    chat.on('rooms', draw);
    chat.on('presence', draw);
    chat.on('typing', draw);
    chat.outbox.store.onChange = (name) => {
      if (name.startsWith('draft:')) draw();
    };
    addEventListener('storage', draw); // or in another tab
    chat.on('blocks', draw);
    setInterval(() => this.draw(), 60_000); // "Yesterday" comes at midnight
  }

  /** @param {string} room */
  select(room) {
    this.#selected = room;
    this.draw();
  }

  draw() {
    const { chat } = this;
    const waiting = (/** @type {string} */ room) => chat.outbox.forRoom(room).at(-1);
    const rooms = chat.rooms.sorted((room) => waiting(room)?.at ?? 0);
    this.loading.hidden = chat.listState !== 'loading' || rooms.length > 0;
    this.failed.hidden = chat.listState !== 'failed';
    this.empty.hidden = chat.listState !== 'ready' || rooms.length > 0;
    const rows = rooms.map((room) => this.#row(room, waiting(room.id)));
    place(this.list, rows);
  }

  /** @param {Room} room @param {import('../lib/types.js').OutboxEntry | undefined} waiting */
  #row(room, waiting) {
    let row = this.#rows.get(room.id);
    if (!row) this.#rows.set(room.id, (row = clone('t-room')));
    const link = find(row, 'a', HTMLAnchorElement);
    link.href = `/chat/room/${encodeURIComponent(room.id)}/`;
    link.dataset.room = room.id;
    if (room.id === this.#selected) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
    const online = this.chat.presence.isOnline(room.other);
    drawAvatar(part(row, 'avatar'), room.other, online);
    setText(part(row, 'online'), online ? 'online' : '');
    setText(part(row, 'name'), displayName(room.other));
    drawMark(part(row, 'mark'), room, this.chat.blocked.has(room.other.id));
    this.#drawPreview(row, room, waiting);
    drawTime(find(row, 'time', HTMLTimeElement), room, waiting?.at);
    const pill = part(row, 'unread');
    pill.hidden = room.unread === 0;
    setText(part(pill, 'count'), room.unread > 99 ? '99+' : String(room.unread));
    link.classList.toggle('has-unread', room.unread > 0);
    link.classList.toggle('is-muted', room.muted);
    find(row, '[data-part="muted"]', SVGElement).toggleAttribute('hidden', !room.muted);
    return row;
  }

  /** @param {HTMLElement} row @param {Room} room @param {import('../lib/types.js').OutboxEntry | undefined} waiting */
  #drawPreview(row, room, waiting) {
    const { chat } = this;
    const typing = chat.typing.isWriting(room.id);
    // In the open room it stands in the message box.
    const draft = typing || waiting || room.id === this.#selected ? null : chat.outbox.store.get(`draft:${room.id}`);
    const line = preview(room.last_message, typing ? undefined : waiting, chat.me.id);
    const text = part(row, 'preview');
    const prefix = part(row, 'prefix');
    setText(prefix, draft ? 'Draft: ' : line.mine && !typing ? 'You: ' : '');
    setText(text, typing ? 'typing…' : draft ? String(draft).slice(0, 200) : line.text);
    prefix.classList.toggle('live', Boolean(draft));
    text.classList.toggle('live', typing);
    text.classList.toggle('quiet', line.quiet && !typing && !draft);
    find(row, '[data-part="pending"]', SVGElement).toggleAttribute('hidden', line.state !== 'pending');
    find(row, '[data-part="failed"]', SVGElement).toggleAttribute('hidden', line.state !== 'failed');
  }

  /** @param {KeyboardEvent} event */
  #moveFocus(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const links = [...this.list.querySelectorAll('a')];
    const next = links[links.findIndex((link) => link === document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}

/** @param {HTMLElement} mark @param {Room} room @param {boolean} blocked */
function drawMark(mark, room, blocked) {
  mark.hidden = !blocked && room.state === 'open';
  mark.classList.toggle('blocked', blocked);
  setText(mark, blocked ? 'Blocked' : 'Request');
}

/** @param {HTMLTimeElement} time @param {Room} room @param {number | undefined} waitingSince */
function drawTime(time, room, waitingSince) {
  const at = new Date(waitingSince ?? room.last_message?.sent_at ?? room.created_at);
  time.dateTime = at.toISOString();
  time.title = full(at);
  setText(time, listTime(at, new Date()));
}

/** Leaves alone what says the same already. @param {HTMLElement} element @param {string} text */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Puts the rows in order, moving only those that are out of place: a moved element loses focus.
 * @param {HTMLElement} list
 * @param {HTMLElement[]} rows
 */
function place(list, rows) {
  rows.forEach((row, i) => {
    if (list.children[i] !== row) list.insertBefore(row, list.children[i] ?? null);
  });
  while (list.children.length > rows.length) list.lastElementChild?.remove();
}
