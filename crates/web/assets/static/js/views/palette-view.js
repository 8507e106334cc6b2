/** @import {Hit, Message, Room, User} from '../lib/types.js' */
/** @import {Chat} from '../models/chat.js' */
import { Problem } from '../lib/api.js';
import { element } from '../lib/dom.js';
import { excerpt } from '../models/marks.js';
import { displayName } from '../models/person.js';
import { Search, isWord } from '../models/search.js';
import { full, listTime } from '../models/time.js';
import { icon, loadStyle } from './lazy.js';
import { drawOption, iconButton, set } from './palette-parts.js';

/** Chats shown before anything is typed, and then of those whose names have it. */
const MOST_ROOMS = 8;
const MOST_MATCHES = 20;
/** So close to the end of the list, more is looked for. */
const NEAR_END = 200;

/**
 * One thing that can be chosen.
 * @typedef {object} Option
 * @property {string} key the same as long as it shows the same
 * @property {() => HTMLElement} draw
 * @property {() => Place | Promise<Place>} place where it leads
 */

/** @typedef {{room: string, seq?: number}} Place a message of a room, or where one left off */

/** @typedef {{title: string, options: Option[]}} Group */

/**
 * The dialog that finds chats, people and messages. It is loaded when it is first asked for, and
 * builds itself: nothing of it is in the page before.
 */
class PaletteView {
  dialog = element('dialog', '', 'palette');
  input = element('input', '');
  scope = iconButton('close', '', 'palette-scope');
  name = element('span', '');
  list = element('div', '', 'palette-list');
  status = element('p', '', 'palette-status');
  again = element('button', '', 'link');
  /** The room to search in; everything if there is none. @type {Room | null} */
  #scope = null;
  /** @type {Option[]} top to bottom */
  #options = [];
  #active = '';
  /** Whether another than the first was moved to. */
  #moved = false;
  /** What was drawn, by key. @type {Map<string, HTMLElement>} */
  #drawn = new Map();
  /** Whether a message was gone to: then one comes back to the same hits. */
  #keep = false;
  /** What went wrong with the choice. */
  #problem = '';

  /**
   * @param {Chat} chat
   * @param {(room: string, seq?: number) => void} goTo
   */
  constructor(chat, goTo) {
    this.chat = chat;
    this.goTo = goTo;
    /** @type {Search<Hit>} */
    this.messages = new Search((what, signal) => chat.api.search(what, signal), isWord);
    /** @type {Search<User>} */
    this.people = new Search(
      async ({ query }, signal) => ({ hits: (await chat.api.users(nameIn(query), signal)).users, cursor: null }),
      (text) => nameIn(text).length >= 2,
    );
    this.messages.on('change', () => this.#draw());
    this.people.on('change', () => this.#draw());
    this.#build();
  }

  #build() {
    const close = iconButton('close', 'Close', 'icon-button');
    const field = element('div', '', 'palette-field');
    const foot = element('div', '', 'palette-foot');
    set(this.input, {
      type: 'text', role: 'combobox', maxlength: 200, autocomplete: 'off', autocapitalize: 'none', spellcheck: false,
      enterkeyhint: 'search', 'aria-autocomplete': 'list', 'aria-controls': 'palette-list', 'aria-expanded': false,
    });
    set(this.list, { id: 'palette-list', role: 'listbox', 'aria-label': 'Found', hidden: '' });
    set(this.status, { role: 'status' });
    this.again.type = 'button';
    this.scope.prepend(this.name);
    field.append(icon('search'), this.scope, this.input, close);
    foot.append(this.status, this.again);
    this.dialog.append(field, this.list, foot);
    document.body.append(this.dialog);
    this.#listen(close);
  }

  /** @param {HTMLElement} close */
  #listen(close) {
    close.onclick = () => this.dialog.close();
    this.scope.onclick = () => this.#widen();
    this.again.onclick = () => this.#more();
    this.input.oninput = () => this.#typed();
    this.dialog.onkeydown = (event) => this.#keydown(event);
    this.dialog.onclose = () => this.#closed();
    this.dialog.onclick = (event) => {
      if (event.target === this.dialog) this.dialog.close(); // the backdrop
      const option = event.target instanceof Element ? event.target.closest('[role="option"]') : null;
      if (option instanceof HTMLElement) void this.#choose(option.dataset.key ?? '');
    };
    // Without this the field would lose the focus before the click arrives.
    this.list.onmousedown = (event) => event.preventDefault();
    this.list.onscroll = () => {
      const { scrollHeight, scrollTop, clientHeight } = this.list;
      if (scrollHeight - scrollTop - clientHeight < NEAR_END && this.messages.state === 'paused') this.messages.more();
    };
  }

  /** @param {Room | null} scope the room to search in, or everywhere */
  open(scope) {
    if (this.dialog.open) return;
    if (!this.#keep || scope?.id !== this.#scope?.id) this.input.value = '';
    this.#setScope(scope);
    this.dialog.showModal();
    this.input.focus();
    this.input.select();
    this.#typed();
  }

  /** @param {Room | null} scope */
  #setScope(scope) {
    this.#scope = scope;
    const name = scope ? displayName(scope.other) : '';
    this.scope.hidden = !scope;
    this.name.textContent = name;
    this.scope.setAttribute('aria-label', `Only with ${name}. Search everywhere`);
    const words = scope ? `Search messages with ${name}` : 'Search chats, people and messages';
    this.dialog.setAttribute('aria-label', words);
    this.input.setAttribute('aria-label', words);
    this.input.placeholder = scope ? 'Search messages' : 'Search';
  }

  #widen() {
    this.#setScope(null);
    this.input.focus();
    this.#typed();
  }

  #closed() {
    this.messages.stop();
    this.people.stop();
    this.#drawn.clear();
  }

  #typed() {
    this.#moved = false;
    this.#problem = '';
    this.messages.search(this.input.value, this.#scope?.id);
    this.people.search(this.#scope ? '' : this.input.value);
    this.list.scrollTop = 0;
  }

  #more() {
    this.messages.more();
    this.people.more();
    this.input.focus();
  }

  // What is found

  #draw() {
    if (!this.dialog.open) return;
    const groups = this.#groups().filter(({ options }) => options.length > 0);
    this.#options = groups.flatMap(({ options }) => options);
    const before = this.#drawn;
    this.#drawn = new Map(this.#options.map(({ key, draw }) => [key, before.get(key) ?? draw()]));
    this.list.replaceChildren(...groups.map((group, i) => this.#drawGroup(group, i)));
    const found = this.#options.length > 0;
    this.list.hidden = !found;
    this.input.setAttribute('aria-expanded', String(found));
    this.#activate(this.#moved && this.#drawn.has(this.#active) ? this.#active : (this.#options[0]?.key ?? ''));
    this.#drawStatus();
  }

  /** @param {Group} group @param {number} index */
  #drawGroup({ title, options }, index) {
    const group = element('div', '', 'palette-group');
    const heading = element('p', title, 'palette-heading');
    heading.id = `palette-group-${index}`;
    set(group, { role: 'group', 'aria-labelledby': heading.id });
    group.append(heading, ...options.map(({ key }) => /** @type {HTMLElement} */ (this.#drawn.get(key))));
    return group;
  }

  /** @returns {Group[]} */
  #groups() {
    const text = this.input.value.trim();
    const messages = { title: 'Messages', options: this.messages.hits.map((hit) => this.#messageOption(hit)) };
    if (this.#scope) return [messages];
    const rooms = this.#rooms(nameIn(text));
    const strangers = this.people.hits.filter(({ id }) => id !== this.chat.me.id && !rooms.some(({ other }) => other.id === id));
    return [
      { title: text ? 'Chats' : 'Recent chats', options: rooms.slice(0, text ? MOST_MATCHES : MOST_ROOMS).map((room) => this.#roomOption(room)) },
      { title: 'People', options: strangers.map((user) => this.#personOption(user)) },
      messages,
    ];
  }

  /** @param {string} text */
  #rooms(text) {
    return this.chat.rooms.sorted().filter(({ other }) => {
      if (!text) return true;
      return !other.deleted && `${displayName(other)} ${other.username}`.toLowerCase().includes(text);
    });
  }

  /** @param {Room} room @returns {Option} */
  #roomOption(room) {
    return {
      key: `room:${room.id}`,
      draw: () => drawOption(`room:${room.id}`, room.other, displayName(room.other), usernameOf(room.other)),
      place: () => (room.last_message || room.other.deleted ? { room: room.id } : this.#begin(room.other)),
    };
  }

  /** @param {User} user @returns {Option} */
  #personOption(user) {
    return {
      key: `person:${user.id}`,
      draw: () => drawOption(`person:${user.id}`, user, displayName(user), usernameOf(user)),
      place: () => this.#begin(user),
    };
  }

  /** The room with somebody: where it is there without messages, the other may want to talk and oneself not yet. @param {User} user */
  async #begin(user) {
    return { room: (await this.chat.roomWith(user.username)).id };
  }

  /** @param {Hit} hit @returns {Option} */
  #messageOption({ message, room }) {
    const { text } = this.messages;
    const key = `message:${message.id}:${message.rev}:${text}`;
    return { key, draw: () => this.#drawHit(key, message, text), place: () => ({ room, seq: message.seq }) };
  }

  /** @param {string} key @param {Message} message @param {string} text */
  #drawHit(key, message, text) {
    const mine = message.sender === this.chat.me.id;
    const other = this.chat.rooms.get(message.room)?.other;
    const who = this.#scope && mine ? this.chat.me : other;
    const name = this.#scope && mine ? 'You' : other ? displayName(other) : 'Chat';
    const option = drawOption(key, who, name, mine && !this.#scope ? 'You: ' : '');
    const at = new Date(message.sent_at);
    const time = element('time', listTime(at, new Date()), 'row-time');
    time.dateTime = message.sent_at;
    time.title = full(at);
    const line = element('bdi', '');
    line.append(...excerpt(message.body, text).map((piece) => (piece.match ? element('mark', piece.text) : piece.text)));
    option.classList.add('hit');
    option.lastElementChild?.before(time);
    option.lastElementChild?.append(line);
    return option;
  }

  #drawStatus() {
    const { messages, people } = this;
    const failed = [messages, people].some(({ state }) => state === 'failed');
    set(this.again, { hidden: failed || messages.state === 'paused' ? null : '' });
    this.again.textContent = failed ? 'Retry' : 'Search older messages';
    this.status.classList.toggle('busy', messages.busy || people.busy);
    this.status.textContent = this.#problem || this.#words(failed);
  }

  /** @param {boolean} failed */
  #words(failed) {
    const { messages, people } = this;
    if ([messages, people].some(({ state }) => state === 'waiting')) return 'Many searches at once. This one goes on in a moment.';
    if (failed) return 'Couldn’t search. Check your connection.';
    if (messages.state === 'older') return 'Searching older messages…';
    if (messages.busy || people.busy) return 'Searching…';
    if (!this.input.value.trim()) return this.#scope || this.#options.length ? '' : 'Type a username to find someone.';
    if (this.#options.length) return messages.state === 'done' && messages.hits.length ? 'That’s all' : '';
    return messages.state === 'idle' ? 'Type at least two characters.' : 'Nothing found';
  }

  // Choosing

  /** @param {string} key */
  #activate(key) {
    this.#active = key;
    for (const [other, node] of this.#drawn) node.setAttribute('aria-selected', String(other === key));
    const active = this.#drawn.get(key);
    if (active) this.input.setAttribute('aria-activedescendant', active.id);
    else this.input.removeAttribute('aria-activedescendant');
  }

  /** @param {KeyboardEvent} event */
  #keydown(event) {
    if (event.isComposing || event.target !== this.input) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      this.#step(step);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      void this.#choose(this.#active);
    } else if (event.key === 'Backspace' && this.input.value === '' && this.#scope) {
      event.preventDefault();
      this.#widen();
    }
  }

  /** @param {number} step */
  #step(step) {
    const count = this.#options.length;
    if (count === 0) return;
    const index = this.#options.findIndex(({ key }) => key === this.#active) + step;
    // Below the last there may be more.
    if (index === count && this.messages.state === 'paused') {
      this.messages.more();
      return;
    }
    const { key } = this.#options[(index + count) % count];
    this.#moved = true;
    this.#activate(key);
    const node = /** @type {HTMLElement} */ (this.#drawn.get(key));
    // With the heading above the first.
    (node.previousElementSibling?.getAttribute('role') === 'option' ? node : (node.parentElement ?? node)).scrollIntoView({ block: 'nearest' });
    node.scrollIntoView({ block: 'nearest' });
  }

  /** @param {string} key */
  async #choose(key) {
    const option = this.#options.find((one) => one.key === key);
    if (!option) return;
    try {
      const { room, seq } = await option.place();
      if (!this.dialog.open) return;
      this.#keep = seq !== undefined;
      this.dialog.close(); // gives the focus back, so the room can only take it afterwards
      this.goTo(room, seq);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.#problem = problem.message;
      this.#drawStatus();
    }
  }
}

/**
 * The palette, once its style is there.
 * @param {Chat} chat
 * @param {(room: string, seq?: number) => void} goTo
 * @returns {Promise<PaletteView>}
 */
export async function loadPalette(chat, goTo) {
  await loadStyle('palette');
  return new PaletteView(chat, goTo);
}

/** What somebody typed, as a username begins. @param {string} text */
const nameIn = (text) => text.trim().replace(/^@/, '').toLowerCase();

/** @param {User} user */
const usernameOf = (user) => (user.deleted ? '' : `@${user.username}`);
