/** @import {Item, MessageItem} from '../models/timeline.js' */
import { clone, find, part } from '../lib/dom.js';
import { isEmojiOnly } from '../models/text.js';
import { clock, dayLabel, full } from '../models/time.js';
import { richText } from './rich-text.js';

const TICKS = /** @type {const} */ ({
  pending: ['clock', 'Sending'],
  sent: ['check', 'Sent'],
  read: ['checks', 'Read'],
  failed: ['alert', 'Not sent'],
});

const STUBS = { deleted: 'Message deleted', unreadable: 'This message can’t be read' };

/** Tells whether a node still shows its item. @param {Item} item */
export function versionOf(item) {
  if (item.kind === 'day') return dayLabel(item.at, new Date());
  return item.kind === 'message' ? item.version : '';
}

/**
 * Draws one item of the conversation.
 * @param {Item} item
 * @param {HTMLElement | undefined} drawn the node that showed it before
 * @param {string} other what to call the other person
 * @returns {HTMLElement}
 */
export function drawItem(item, drawn, other) {
  if (item.kind === 'divider') return drawn ?? clone('t-divider');
  if (item.kind === 'day') return drawDay(drawn ?? clone('t-day'), item.at);
  return drawMessage(drawn ?? clone('t-message'), item, other);
}

/** @param {HTMLElement} node @param {Date} at */
function drawDay(node, at) {
  const time = find(node, 'time', HTMLTimeElement);
  time.dateTime = at.toISOString().slice(0, 10);
  time.textContent = dayLabel(at, new Date());
  return node;
}

/** @param {HTMLElement} node @param {MessageItem} item @param {string} other */
function drawMessage(node, item, other) {
  node.dataset.key = item.key;
  node.dataset.seq = String(item.seq);
  node.classList.toggle('mine', item.mine);
  node.classList.toggle('first', item.first);
  node.classList.toggle('failed', item.state === 'failed');
  node.classList.toggle('stub', item.content !== 'text');
  node.classList.toggle('emoji', item.content === 'text' && isEmojiOnly(item.body));
  part(node, 'author').textContent = item.mine ? 'You: ' : `${other}: `;
  const body = part(node, 'body');
  if (item.content === 'text') body.replaceChildren(...richText(item.body));
  else body.textContent = STUBS[item.content];
  part(node, 'edited').hidden = !item.edited;
  const time = find(node, 'time', HTMLTimeElement);
  time.dateTime = item.at.toISOString();
  time.title = full(item.at);
  time.textContent = clock(item.at);
  drawTick(part(node, 'tick'), item.state);
  drawFailure(node, item);
  return node;
}

/** @param {HTMLElement} tick @param {MessageItem["state"]} state */
function drawTick(tick, state) {
  tick.hidden = state === null;
  if (state === null) return;
  const [icon, label] = TICKS[state];
  tick.dataset.state = state;
  tick.setAttribute('aria-label', label);
  find(tick, 'use', SVGUseElement).setAttribute('href', `#i-${icon}`);
}

/** @param {HTMLElement} node @param {MessageItem} item */
function drawFailure(node, item) {
  const known = node.querySelector('.failure');
  if (item.state !== 'failed') {
    known?.remove();
    return;
  }
  const failure = known instanceof HTMLElement ? known : clone('t-failure');
  part(failure, 'why').textContent = item.why;
  node.append(failure);
}
