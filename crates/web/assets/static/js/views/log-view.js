/** @import {Item} from '../lib/types.js' */
import { findHtml } from '../lib/dom.js';
import { drawItem, versionOf } from './message-view.js';

/** So close to the bottom, new messages are followed. */
const NEAR_BOTTOM = 100;
/** So close to an end of what is loaded, more is loaded. */
const NEAR_END = 1000;
/** Room left above the unread line when a conversation opens at it. */
const ABOVE_DIVIDER = 64;
/** Within this, screen readers have noticed what changed. */
const READ_OUT = 500;
/** How long a message that was gone to stands out. */
const STANDS_OUT = 3000;

/**
 * The messages of a conversation, and the reader's place among them: whatever is drawn above, below
 * or instead, the line being read stays where it is.
 */
export class LogView {
  /** @type {Map<string, {node: HTMLElement, version: string}>} */
  #drawn = new Map();
  #hasOlder = false;
  #hasNewer = false;
  #followNext = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #hushing;
  #hushed = false;
  #quiet = false;
  #newsAt = 0;
  /** The one button of all messages that Tab stops at. @type {Element | null} */
  #stop = null;
  /** The seq of the message the next drawing goes to. */
  #target = 0;
  /** Until the first drawing, which starts at the unread line. */
  #opening = true;
  /** The place that was last put or scrolled to, to tell a resize from a scroll. */
  #atBottom = true;
  #top = 0;

  /**
   * @param {HTMLElement} root
   * @param {{onScroll: () => void, onFocusLost: () => void, onNearOlder: () => void, onNearNewer: () => void}} actions
   */
  constructor(root, actions) {
    this.actions = actions;
    this.log = findHtml(root, '#log');
    this.items = findHtml(root, '#items');
    this.log.addEventListener('scroll', () => this.check(), { passive: true });
    // The keyboard opens, the message box grows: who was at the bottom stays there.
    new ResizeObserver(() => {
      if (this.#atBottom) this.toBottom();
      else actions.onScroll();
    }).observe(this.log);
  }

  get atBottom() {
    return this.#atBottom;
  }

  /** Whether the newest messages are more than a screen away. */
  get isFar() {
    return this.#hasNewer || this.#distance() > this.log.clientHeight;
  }

  /** Forgets the conversation shown before. @param {string} label */
  reset(label) {
    this.#drawn.clear();
    this.items.replaceChildren();
    this.log.setAttribute('aria-label', label);
    this.#hasOlder = this.#hasNewer = false;
    this.#atBottom = this.#opening = true;
    this.#target = 0;
    this.setQuiet(true);
  }

  /** History is no news: while it is put in place, nothing is read out. @param {boolean} quiet */
  setQuiet(quiet) {
    this.#quiet = quiet;
    this.#setLive();
  }

  /** Nobody wants to hear a message again that was edited. @param {boolean} hushed */
  #hush(hushed) {
    clearTimeout(this.#hushing);
    this.#hushed = hushed;
    if (hushed) this.#hushing = setTimeout(() => this.#hush(false), READ_OUT);
    this.#setLive();
  }

  #setLive() {
    this.log.setAttribute('aria-live', this.#quiet || this.#hushed ? 'off' : 'polite');
  }

  /** Makes the next drawing end at the bottom, wherever the reader is. */
  follow() {
    this.#followNext = true;
  }

  /** Makes the next drawing show a message, and stand it out. @param {number} seq */
  goTo(seq) {
    this.#target = seq;
  }

  /**
   * @param {Item[]} items
   * @param {{other: string, hasOlder: boolean, hasNewer: boolean}} state
   */
  draw(items, { other, hasOlder, hasNewer }) {
    // Who has just scrolled may not have been told of yet.
    if (this.log.scrollTop !== this.#top) this.#look();
    const follow = this.#followNext || (this.#atBottom && !this.#hasNewer);
    const keep = follow ? null : this.#anchor(items);
    const hadFocus = this.items.contains(document.activeElement);
    this.#prepareToRead(items);
    this.#followNext = false;
    this.#hasOlder = hasOlder;
    this.#hasNewer = hasNewer;
    this.#reconcile(items, other);
    this.#keepFocus(hadFocus);
    if (this.#target) this.#toTarget();
    else if (this.#opening) this.#toStart();
    else if (keep) this.log.scrollTop += keep.node.getBoundingClientRect().top - keep.top;
    else if (follow) this.log.scrollTop = this.log.scrollHeight;
    this.#opening = false;
    this.check();
  }

  /** New messages are read out, changes to old ones are not. @param {Item[]} items */
  #prepareToRead(items) {
    const news = items.some(({ key }) => !this.#drawn.has(key));
    if (news) this.#newsAt = Date.now();
    const changed = items.some((item) => this.#drawn.get(item.key)?.version !== versionOf(item));
    if (news || (changed && Date.now() - this.#newsAt > READ_OUT)) this.#hush(!news);
  }

  /** @param {boolean} hadFocus whether it was among the messages */
  #keepFocus(hadFocus) {
    if (this.items.contains(document.activeElement)) return;
    this.stopAt(this.items.querySelector('.msg:last-child .actions'));
    if (hadFocus) this.actions.onFocusLost();
  }

  /** Where Tab stops among the messages. @param {Element | null} button */
  stopAt(button) {
    this.#stop?.setAttribute('tabindex', '-1');
    this.#stop = button;
    button?.setAttribute('tabindex', '0');
  }

  /** The first message that is seen whole and drawn again, and where it is: one cut above may grow. @param {Item[]} items */
  #anchor(items) {
    const kept = new Set(items.filter((item) => item.kind === 'message').map((item) => item.key));
    const { top, bottom } = this.log.getBoundingClientRect();
    let cut = null;
    for (const [key, { node }] of this.#drawn) {
      if (!kept.has(key)) continue;
      const place = node.getBoundingClientRect();
      if (place.top >= bottom) break;
      if (place.top >= top) return { node, top: place.top };
      if (place.bottom > top) cut = { node, top: place.top };
    }
    return cut;
  }

  /** @param {Item[]} items @param {string} other */
  #reconcile(items, other) {
    const before = this.#drawn;
    this.#drawn = new Map();
    // First of all: with one of them in its way, everything behind it would be moved, and laid out anew.
    const kept = new Set(items.map(({ key }) => key));
    for (const [key, { node }] of before) if (!kept.has(key)) node.remove();
    let next = this.items.firstElementChild;
    for (const item of items) {
      const known = before.get(item.key);
      const version = versionOf(item);
      const node = known?.version === version ? known.node : drawItem(item, known?.node, other);
      this.#drawn.set(item.key, { node, version });
      if (node === next) next = next.nextElementSibling;
      else this.items.insertBefore(node, next);
    }
  }

  #distance() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight;
  }

  /** Looks where the reader is, and whether more has to be loaded there. */
  check() {
    this.#look();
    this.actions.onScroll();
    if (this.#hasOlder && this.log.scrollTop < NEAR_END) this.actions.onNearOlder();
    if (this.#hasNewer && this.#distance() < NEAR_END) this.actions.onNearNewer();
  }

  #look() {
    this.#top = this.log.scrollTop;
    this.#atBottom = this.#distance() <= NEAR_BOTTOM;
  }

  toBottom() {
    this.log.scrollTop = this.log.scrollHeight;
    this.check();
  }

  /** To the unread line if there is one, else to the bottom. */
  #toStart() {
    this.log.scrollTop = this.log.scrollHeight;
    const divider = this.#drawn.get('divider')?.node;
    if (!divider) return;
    const top = divider.getBoundingClientRect().top - this.log.getBoundingClientRect().top;
    this.log.scrollTop += Math.min(0, top - ABOVE_DIVIDER);
  }

  /** To the middle of the message, or of its beginning if it is long; it gets the focus, to be read out. */
  #toTarget() {
    const found = [...this.#drawn.values()].find(({ node }) => node.dataset.seq === String(this.#target));
    this.#target = 0;
    if (!found) return;
    const { node } = found;
    const room = Math.max(0, this.log.clientHeight - node.offsetHeight) / 2;
    this.log.scrollTop += node.getBoundingClientRect().top - this.log.getBoundingClientRect().top - room;
    node.tabIndex = -1;
    node.focus({ preventScroll: true });
    node.classList.add('sought');
    setTimeout(() => node.classList.remove('sought'), STANDS_OUT);
  }

  /** The seq of the last message whose end is on screen; 0 if none is. */
  get lastSeen() {
    const bottom = this.log.getBoundingClientRect().bottom + 8;
    for (const { node } of [...this.#drawn.values()].reverse()) {
      const seq = Number(node.dataset.seq ?? 0);
      if (seq > 0 && node.getBoundingClientRect().bottom <= bottom) return seq;
    }
    return 0;
  }
}
