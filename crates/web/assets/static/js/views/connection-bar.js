/** @import {Chat} from '../models/chat.js' */
import { find, findHtml, part } from '../lib/dom.js';

/** Short breaks are not worth a word. */
const QUIET = 3000;
const FLASH = 1800;

/** The thin bar that says when there is no connection, and when there is one again. */
export class ConnectionBar {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;

  /** @param {HTMLElement} root @param {Chat} chat */
  constructor(root, chat) {
    this.chat = chat;
    this.bar = findHtml(root, '#connection-bar');
    this.text = part(this.bar, 'text');
    this.next = part(this.bar, 'next');
    this.button = find(this.bar, 'button', HTMLButtonElement);
    this.button.onclick = () => chat.connection.connect();
    chat.on('connection', (state) => this.#changed(state));
  }

  /** @param {string} state */
  #changed(state) {
    const shown = this.bar.dataset.state === 'lost';
    if (state === 'ready') {
      this.#clear();
      if (shown) this.#flash();
      else this.bar.hidden = true;
    } else if (state === 'stopped') {
      this.#clear();
      this.bar.hidden = true;
      this.bar.dataset.state = '';
    } else if (shown) {
      this.#count();
    } else {
      this.#timer ??= setTimeout(() => this.#showLost(), QUIET);
    }
  }

  #showLost() {
    this.bar.dataset.state = 'lost';
    this.text.textContent = 'Connecting… messages will be sent when you’re back';
    this.bar.hidden = false;
    this.#count();
    this.#ticking = setInterval(() => this.#count(), 1000);
  }

  #count() {
    const { state, retryAt } = this.chat.connection;
    const seconds = Math.ceil((retryAt - Date.now()) / 1000);
    const waiting = state === 'waiting' && seconds > 0;
    this.next.textContent = waiting ? `next try in ${seconds} s` : '';
    this.button.hidden = !waiting;
  }

  #flash() {
    this.bar.dataset.state = 'back';
    this.text.textContent = 'Connected';
    this.next.textContent = '';
    this.button.hidden = true;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.bar.hidden = true;
      this.bar.dataset.state = '';
    }, FLASH);
  }

  #clear() {
    clearTimeout(this.#timer);
    clearInterval(this.#ticking);
    this.#timer = undefined;
  }
}
