/** @import {Emoji} from '../models/emoji.js' */
import { element, isTouch } from '../lib/dom.js';
import { CATEGORIES, searchEmoji } from '../models/emoji.js';
import { icon, loadStyle } from './lazy.js';

const MAX_FOUND = 100;
const COLUMNS = 8;
const styled = loadStyle('emoji-picker');

/**
 * Lets one choose among all emoji, by category or by name.
 * @returns {Promise<string>} empty when none was chosen
 */
export async function pickEmoji() {
  await styled;
  return new Promise((resolve) => new Picker(resolve));
}

class Picker {
  /** @param {(emoji: string) => void} resolve */
  constructor(resolve) {
    this.dialog = element('dialog', '', 'emoji-picker');
    this.dialog.setAttribute('aria-label', 'Choose an emoji');
    this.search = element('input', '');
    this.search.type = 'text';
    this.search.placeholder = 'Search emoji';
    this.search.maxLength = 60;
    this.search.setAttribute('aria-label', 'Search emoji by name');
    this.search.autocomplete = 'off';
    this.search.spellcheck = false;
    this.search.enterKeyHint = 'search';
    const close = element('button', '', 'icon-button');
    close.type = 'button';
    close.setAttribute('aria-label', 'Close');
    close.append(icon('close'));
    const head = element('div', '', 'emoji-head');
    head.append(this.search, close);
    this.tabs = element('div', '', 'emoji-tabs');
    this.tabs.setAttribute('role', 'group');
    this.tabs.setAttribute('aria-label', 'Categories');
    this.list = element('div', '', 'emoji-list');
    this.list.setAttribute('role', 'group');
    this.list.setAttribute('aria-label', 'Emoji');
    this.status = element('p', '', 'emoji-status');
    this.status.setAttribute('role', 'status');
    this.dialog.append(head, this.tabs, this.status, this.list);
    close.onclick = () => this.dialog.close();
    this.search.oninput = () => this.#draw();
    this.search.onkeydown = (event) => this.#fromSearch(event);
    this.list.onkeydown = (event) => this.#move(event);
    this.list.onclick = ({ target }) => {
      const emoji = target instanceof Element ? target.closest('button')?.textContent : null;
      if (emoji) this.dialog.close(emoji);
    };
    this.dialog.onclick = ({ target }) => {
      if (target === this.dialog) this.dialog.close(); // beside it
    };
    this.dialog.onclose = () => {
      this.dialog.remove();
      resolve(this.dialog.returnValue);
    };
    this.#drawTabs();
    this.#draw();
    document.body.append(this.dialog);
    this.dialog.showModal();
    (isTouch() ? close : this.search).focus(); // typing would open the keyboard over it
  }

  #drawTabs() {
    for (const [category, [first]] of CATEGORIES) {
      const tab = element('button', first.emoji, 'emoji-tab');
      tab.type = 'button';
      tab.title = category;
      tab.setAttribute('aria-label', category);
      tab.onclick = () => {
        this.search.value = '';
        this.#draw();
        const heading = [...this.list.children].find((part) => part.getAttribute('aria-label') === category);
        heading?.scrollIntoView({ block: 'start' });
        const button = heading?.querySelector('button');
        if (button) this.#stopAt(button).focus({ preventScroll: true });
      };
      this.tabs.append(tab);
    }
  }

  #draw() {
    const query = this.search.value.trim();
    const found = query ? searchEmoji(query).slice(0, MAX_FOUND) : [];
    this.status.textContent = query ? (found.length === 0 ? 'No emoji is called so.' : `${found.length} found`) : '';
    this.status.classList.toggle('visually-hidden', found.length > 0 || !query);
    this.list.replaceChildren(...(query ? [grid('Found', found)] : CATEGORIES.map(([category, list]) => grid(category, list))));
    this.list.scrollTop = 0;
    const first = this.list.querySelector('button');
    if (first) this.#stopAt(first);
  }

  /** @param {HTMLButtonElement} button */
  #stopAt(button) {
    for (const stop of this.list.querySelectorAll('button[tabindex="0"]')) stop.setAttribute('tabindex', '-1');
    button.tabIndex = 0;
    return button;
  }

  /** @param {KeyboardEvent} event */
  #fromSearch(event) {
    const first = this.list.querySelector('button');
    if (!first || event.isComposing) return;
    if (event.key === 'ArrowDown') this.#stopAt(first).focus();
    else if (event.key === 'Enter' && this.search.value.trim()) this.dialog.close(first.textContent ?? '');
    else return;
    event.preventDefault();
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const all = [...this.list.querySelectorAll('button')];
    const at = all.findIndex((button) => button === document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS }[event.key];
    if (at < 0 || step === undefined) return;
    event.preventDefault();
    const next = all[at + step] ?? (step > 1 ? all.at(-1) : undefined);
    if (next) this.#stopAt(next).focus();
    else if (step < 0) this.search.focus();
  }
}

/** @param {string} label @param {Emoji[]} list */
function grid(label, list) {
  const section = element('div', '', 'emoji-section');
  section.setAttribute('role', 'group');
  section.setAttribute('aria-label', label);
  const buttons = list.map(({ emoji, name }) => {
    const button = element('button', emoji);
    button.type = 'button';
    button.tabIndex = -1;
    button.title = name;
    button.setAttribute('aria-label', name);
    return button;
  });
  const cells = element('div', '', 'emoji-grid');
  cells.append(...buttons);
  section.append(element('p', label, 'emoji-heading'), cells);
  return section;
}
