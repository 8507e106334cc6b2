/** @import {User} from '../lib/types.js' */
/** @import {Chat} from '../models/chat.js' */
import { Problem } from '../lib/api.js';
import { clone, find, findHtml, part } from '../lib/dom.js';
import { displayName } from '../models/person.js';
import { drawAvatar } from './avatar.js';

const ASK_AFTER = 200;
const SHORTEST = 2;

/** The field that finds people, with the list of those found below it. */
export class FinderView {
  /** @type {User[]} */
  #found = [];
  #active = -1;
  /** @type {AbortController | undefined} */
  #asking;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {HTMLElement} root
   * @param {Chat} chat
   * @param {(user: User) => Promise<void>} choose
   */
  constructor(root, chat, choose) {
    this.chat = chat;
    this.choose = choose;
    this.root = root;
    this.input = find(root, '#find', HTMLInputElement);
    this.list = findHtml(root, '#found');
    this.status = findHtml(root, '#find-status');
    this.clear = find(root, '#find-clear', HTMLButtonElement);
    if (/Mac|iPhone|iPad/.test(navigator.platform)) findHtml(root, 'kbd').textContent = '⌘ K';
    this.input.addEventListener('input', () => this.#typed());
    this.input.addEventListener('keydown', (event) => this.#keydown(event));
    this.clear.onclick = () => {
      this.close();
      this.input.focus();
    };
    this.list.addEventListener('click', (event) => {
      const option = event.target instanceof Element ? event.target.closest('[role="option"]') : null;
      if (option) void this.#choose([...this.list.children].indexOf(option));
    });
    // Without this the field would lose the focus before the click arrives.
    this.list.addEventListener('mousedown', (event) => event.preventDefault());
    addEventListener('keydown', (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== 'k') return;
      event.preventDefault();
      this.focus();
    });
    if (this.input.value !== '') this.#typed(); // by somebody quicker than the scripts
  }

  focus() {
    this.root.dispatchEvent(new CustomEvent('find'));
    this.input.focus();
    this.input.select();
  }

  close() {
    this.input.value = '';
    this.#typed();
  }

  #typed() {
    const text = this.#text();
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.root.classList.toggle('finding', this.input.value !== '');
    this.clear.hidden = this.input.value === '';
    if (text.length < SHORTEST) {
      this.#show([], text ? 'Type at least two characters of a username.' : '');
      return;
    }
    // Who one already talks with is there at once; the server knows the others.
    this.#show(this.#acquainted(text), 'Searching…');
    this.#timer = setTimeout(() => void this.#ask(text), ASK_AFTER);
  }

  #text() {
    return this.input.value.trim().replace(/^@/, '').toLowerCase();
  }

  /** @param {string} text */
  #acquainted(text) {
    const others = this.chat.rooms.sorted().map((room) => room.other);
    return others.filter((user) => !user.deleted && `${displayName(user)} ${user.username}`.toLowerCase().includes(text));
  }

  /** @param {string} text */
  async #ask(text) {
    const asking = (this.#asking = new AbortController());
    try {
      const { users } = await this.chat.api.users(text, asking.signal);
      if (asking.signal.aborted) return;
      const known = this.#acquainted(text);
      const strangers = users.filter((user) => user.id !== this.chat.me.id && !known.some((other) => other.id === user.id));
      const found = [...known, ...strangers];
      this.#show(found, found.length ? '' : `Nobody’s username starts with “${text}”.`);
    } catch (problem) {
      if (asking.signal.aborted) return;
      if (!(problem instanceof Problem)) throw problem;
      const wait = problem.retryAfter ? ` Try again in ${problem.retryAfter} s.` : '';
      this.#show(this.#found, problem.status === 429 ? `Too many searches.${wait}` : 'Couldn’t search. Check your connection.');
    }
  }

  /** @param {User[]} users @param {string} status */
  #show(users, status) {
    this.#found = users;
    this.list.replaceChildren(...users.map((user, i) => drawOption(user, i)));
    this.list.hidden = users.length === 0;
    this.input.setAttribute('aria-expanded', String(users.length > 0));
    this.status.textContent = status;
    this.#activate(users.length > 0 ? 0 : -1);
  }

  /** @param {number} index */
  #activate(index) {
    this.#active = index;
    [...this.list.children].forEach((option, i) => option.setAttribute('aria-selected', String(i === index)));
    const active = this.list.children[index];
    if (active) this.input.setAttribute('aria-activedescendant', active.id);
    else this.input.removeAttribute('aria-activedescendant');
    active?.scrollIntoView({ block: 'nearest' });
  }

  /** @param {KeyboardEvent} event */
  #keydown(event) {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.#found.length) {
      event.preventDefault();
      this.#activate((this.#active + step + this.#found.length) % this.#found.length);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      void this.#choose(this.#active);
    } else if (event.key === 'Escape' && this.input.value) {
      event.preventDefault();
      this.close();
    }
  }

  /** @param {number} index */
  async #choose(index) {
    const user = this.#found[index];
    if (!user) return;
    try {
      await this.choose(user);
      this.close();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.status.textContent = problem.message;
    }
  }
}

/** @param {User} user @param {number} index */
function drawOption(user, index) {
  const option = clone('t-person');
  option.id = `found-${index}`;
  drawAvatar(part(option, 'avatar'), user);
  part(option, 'name').textContent = displayName(user);
  part(option, 'username').textContent = `@${user.username}`;
  return option;
}
