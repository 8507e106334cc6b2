/** @import {Room} from '../lib/types.js' */
/** @import {Chat} from '../models/chat.js' */
import { Problem } from '../lib/api.js';
import { find, findHtml, part } from '../lib/dom.js';
import { displayName } from '../models/person.js';

/** How one stands to the other: a request to answer, a block to lift, and the menu to put one. */
export class RelationView {
  /** @type {Room | null} */
  #room = null;
  #busy = false;

  /**
   * @param {HTMLElement} root
   * @param {Chat} chat
   * @param {{changed: () => void, focusComposer: () => void}} actions
   */
  constructor(root, chat, actions) {
    this.chat = chat;
    this.actions = actions;
    this.menu = find(root, '#room-menu', HTMLDetailsElement);
    this.request = findHtml(root, '#request');
    this.blocked = findHtml(root, '#blocked');
    this.problem = findHtml(root, '#relation-problem');
    this.composer = findHtml(root, '#composer');
    this.nobody = findHtml(root, '#nobody');
    for (const place of [this.menu, this.request, this.blocked]) {
      place.addEventListener('click', (event) => {
        const button = event.target instanceof Element ? event.target.closest('button') : null;
        if (button) void this.#act(button.value);
      });
    }
    addEventListener('click', (event) => {
      if (event.target instanceof Node && !this.menu.contains(event.target)) this.menu.open = false;
    });
    this.menu.addEventListener('focusout', ({ relatedTarget }) => {
      if (relatedTarget instanceof Node && !this.menu.contains(relatedTarget)) this.menu.open = false;
    });
    this.menu.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#closeMenu();
    });
  }

  /** Shows another room. */
  reset() {
    this.menu.open = false;
    this.problem.hidden = true;
  }

  /** @param {Room} room */
  draw(room) {
    this.#room = room;
    const { other } = room;
    const blocked = !other.deleted && this.chat.blocked.has(other.id);
    const hadFocus = [this.request, this.blocked].some((bar) => bar.contains(document.activeElement));
    for (const bar of [this.request, this.blocked]) part(bar, 'name').textContent = displayName(other);
    findHtml(this.menu, '#mute').textContent = room.muted ? 'Unmute' : 'Mute';
    const item = find(this.menu, '#block', HTMLButtonElement);
    item.value = blocked ? 'unblock' : 'block';
    item.textContent = `${blocked ? 'Unblock' : 'Block'} ${displayName(other)}`;
    item.classList.toggle('danger-text', !blocked);
    item.hidden = other.deleted;
    this.request.hidden = blocked || room.state !== 'request';
    this.blocked.hidden = !blocked;
    // Nobody would read it.
    this.composer.hidden = blocked || other.deleted;
    this.nobody.hidden = !other.deleted;
    if (hadFocus && this.request.hidden && this.blocked.hidden) this.actions.focusComposer();
    else if (hadFocus && blocked) find(this.blocked, 'button', HTMLButtonElement).focus();
  }

  /** @param {string} what */
  async #act(what) {
    const room = this.#room;
    if (!room || this.#busy) return;
    if (this.menu.open) this.#closeMenu();
    this.#busy = true;
    this.problem.hidden = true;
    try {
      if (/^(block|clear)/.test(what) && !(await ask(what, room.other))) return;
      await this.#do(what, room);
      this.actions.changed();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (room.id !== this.#room?.id) return;
      this.problem.textContent = problem.message;
      this.problem.hidden = false;
    } finally {
      this.#busy = false;
    }
  }

  /** @param {string} what @param {Room} room */
  #do(what, room) {
    const { chat } = this;
    if (what === 'accept') return chat.accept(room.id);
    if (what === 'decline') return chat.decline(room.id);
    if (what === 'clear') return chat.clear(room.id);
    if (what === 'mute') return chat.mute(room.id, !room.muted);
    return what === 'block' ? chat.block(room.other.id) : chat.unblock(room.other.id);
  }

  /** What is in it can't keep the focus. */
  #closeMenu() {
    this.menu.open = false;
    findHtml(this.menu, 'summary').focus();
  }
}

/** @param {string} what @param {import('../lib/types.js').User} other */
async function ask(what, other) {
  const questions = await import('./relation-questions.js').catch(() => {
    throw new Problem(0, 'network', 'The server can’t be reached.');
  });
  return questions.ask(what, other);
}
