/** @import {Item, MessageItem} from '../lib/types.js' */
import { clone, element, find, part } from '../lib/dom.js';
import { isEmojiOnly, withoutMarks } from '../models/text.js';
import { clock, dayLabel, full } from '../models/time.js';
import { STUBS, wordsOf } from '../models/timeline.js';
import { richText } from './rich-text.js';

const TICKS = /** @type {const} */ ({
  pending: ['clock', 'Sending'],
  sent: ['check', 'Sent'],
  delivered: ['checks', 'Delivered'],
  read: ['checks', 'Read'],
  failed: ['alert', 'Not sent'],
});

/** What a body shows; an unchanged one stays, with what is selected in it. @type {WeakMap<HTMLElement, string>} */
const texts = new WeakMap();

/** How files are drawn, once there were some. @type {{draw?: (node: HTMLElement, item: MessageItem) => void}} */
export const files = {};

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
  node.dataset.id = item.id;
  node.dataset.seq = String(item.seq);
  node.classList.toggle('mine', item.mine);
  node.classList.toggle('first', item.first);
  node.classList.toggle('stub', item.content !== 'text');
  node.classList.toggle('emoji', item.content === 'text' && !item.quote && !item.attachments.length && isEmojiOnly(item.body));
  part(node, 'author').textContent = item.mine ? 'You: ' : `${other}: `;
  drawBody(part(node, 'body'), item.content === 'text' ? wordsOf(item) : STUBS[item.content], item.content === 'text');
  part(node, 'actions').hidden = item.content === 'deleted' || item.state === 'failed';
  const edited = part(node, 'edited');
  edited.hidden = !item.editedAt;
  edited.title = item.editedAt ? `Edited ${full(item.editedAt)}` : '';
  drawQuote(node, item, other);
  drawReactions(node, item, other);
  files.draw?.(node, item);
  const time = find(node, 'time', HTMLTimeElement);
  time.dateTime = item.at.toISOString();
  time.title = full(item.at);
  time.textContent = clock(item.at);
  drawTick(part(node, 'tick'), item.state);
  drawFailure(node, item);
  return node;
}

/** @param {HTMLElement} body @param {string} text @param {boolean} rich */
function drawBody(body, text, rich) {
  if (texts.get(body) === `${rich}${text}`) return;
  texts.set(body, `${rich}${text}`);
  body.replaceChildren(...(rich ? richText(text) : [text]));
}

/** @param {HTMLElement} node @param {MessageItem} item @param {string} other */
function drawQuote(node, { quote }, other) {
  const known = node.querySelector('.quote');
  if (!quote) known?.remove();
  if (!quote) return;
  const shown = known instanceof HTMLElement ? known : clone('t-quote');
  part(shown, 'who').textContent = quote.mine === null ? '' : quote.mine ? 'You' : other;
  part(shown, 'text').textContent = withoutMarks(quote.text);
  shown.classList.toggle('quiet', quote.quiet);
  if (!known) part(node, 'author').after(shown);
}

/** Each emoji keeps its node, and with it the focus. @param {HTMLElement} node @param {MessageItem} item @param {string} other */
function drawReactions(node, { reactions }, other) {
  const list = part(node, 'reactions');
  list.hidden = reactions.length === 0;
  const before = new Map([...list.children].map((chip) => [chip.getAttribute('data-emoji'), chip]));
  const chips = reactions.map(({ emoji, mine, theirs }) => {
    const chip = before.get(emoji) ?? element('button', '', 'chip');
    const both = mine && theirs;
    const who = both ? `you and ${other}` : mine ? 'you' : other;
    const label = `${emoji} ${both ? '2 ' : ''}from ${who}`;
    const given = { type: 'button', 'data-emoji': emoji, 'aria-pressed': String(mine), 'aria-label': label, title: label };
    for (const [name, value] of Object.entries(given)) chip.setAttribute(name, value);
    chip.replaceChildren(emoji, ...(both ? [' ', element('span', '2')] : []));
    return chip;
  });
  if (chips.some((chip, i) => list.children[i] !== chip) || list.children.length > chips.length) list.replaceChildren(...chips);
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
  if (!item.why && !item.undo) {
    known?.remove();
    return;
  }
  const failure = known instanceof HTMLElement ? known : clone('t-failure');
  failure.classList.toggle('undo', item.undo);
  part(failure, 'why').textContent = item.why;
  find(failure, '[data-action="delete"]', HTMLElement).textContent = item.seq ? 'Discard' : 'Delete';
  if (!known) node.append(failure);
}
