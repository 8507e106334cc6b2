/** @import {Message, OutboxEntry} from '../lib/types.js' */
import { GROUP_WINDOW, dayKey } from './time.js';

/**
 * @typedef {object} MessageItem
 * @property {"message"} kind
 * @property {string} key the same before and after the server has it
 * @property {number} seq 0 while the server does not have it
 * @property {boolean} mine
 * @property {boolean} first whether it begins a group
 * @property {Date} at
 * @property {string} body
 * @property {"sent" | "read" | "pending" | "failed" | null} state `null` for the other's messages
 * @property {"text" | "deleted" | "unreadable"} content
 * @property {boolean} edited
 * @property {string} why it was not sent; empty when it was
 * @property {string} version changes whenever it has to be drawn anew
 */

/** @typedef {MessageItem | {kind: "day", key: string, at: Date} | {kind: "divider", key: string}} Item */

/**
 * What a conversation shows, top to bottom.
 * @param {object} room
 * @param {readonly Message[]} room.messages
 * @param {readonly OutboxEntry[]} room.waiting
 * @param {string} room.me
 * @param {number} room.otherReadSeq
 * @param {number | null} room.unreadAfter the seq after which the "New messages" line stands
 * @returns {Item[]}
 */
export function timeline({ messages, waiting, me, otherReadSeq, unreadAfter }) {
  /** @type {Item[]} */
  const items = [];
  /** @type {MessageItem | null} */
  let previous = null;
  let dividerDue = unreadAfter !== null;
  const shown = [
    ...messages.map((message) => fromMessage(message, me, otherReadSeq)),
    ...waiting.map(fromEntry),
  ];
  for (const item of shown) {
    const newDay = !previous || dayKey(previous.at) !== dayKey(item.at);
    if (newDay) items.push({ kind: 'day', key: `day-${dayKey(item.at)}-${item.key}`, at: item.at });
    const divide = dividerDue && !item.mine && item.seq > (unreadAfter ?? 0);
    if (divide) {
      items.push({ kind: 'divider', key: 'divider' });
      dividerDue = false;
    }
    item.first = newDay || divide || !continues(previous, item);
    item.version += item.first ? '|first' : '';
    items.push(item);
    previous = item;
  }
  return items;
}

/** @param {MessageItem | null} previous @param {MessageItem} item */
function continues(previous, item) {
  return previous?.mine === item.mine && Math.abs(item.at.getTime() - previous.at.getTime()) < GROUP_WINDOW;
}

/** @param {Message} message @param {string} me @param {number} otherReadSeq @returns {MessageItem} */
function fromMessage(message, me, otherReadSeq) {
  const mine = message.sender === me;
  const state = mine ? (otherReadSeq >= message.seq ? 'read' : 'sent') : null;
  return {
    kind: 'message',
    key: mine ? message.client_id : message.id,
    seq: message.seq,
    mine,
    first: false,
    at: new Date(message.sent_at),
    body: message.body,
    state,
    content: message.deleted ? 'deleted' : message.unreadable ? 'unreadable' : 'text',
    edited: Boolean(message.edited_at) && !message.deleted,
    why: '',
    version: `${message.rev}|${state}`,
  };
}

/** @param {OutboxEntry} entry @returns {MessageItem} */
function fromEntry(entry) {
  return {
    kind: 'message',
    key: entry.client_id,
    seq: 0,
    mine: true,
    first: false,
    at: new Date(entry.at),
    body: entry.body,
    state: entry.state,
    content: 'text',
    edited: false,
    why: entry.state === 'failed' ? whyNotSent(entry) : '',
    version: `${entry.state}|${entry.reason}`,
  };
}

/**
 * Whoever is out of reach is so without a reason.
 * @param {OutboxEntry} entry
 */
function whyNotSent({ reason, detail }) {
  if (reason === 'not_delivered') return 'Not delivered.';
  if (reason === 'blocked') return 'Not sent. You blocked this person.';
  return detail ? `Not sent. ${detail}` : 'Not sent.';
}

/**
 * A message in one line, for the list of rooms.
 * @param {Message | null} message
 * @param {OutboxEntry | undefined} waiting the last one that is not sent
 * @param {string} me
 * @returns {{mine: boolean, text: string, state: "pending" | "failed" | null, quiet: boolean}}
 */
export function preview(message, waiting, me) {
  if (waiting) return { mine: true, text: oneLine(waiting.body), state: waiting.state, quiet: false };
  if (!message) return { mine: false, text: 'No messages yet', state: null, quiet: true };
  const mine = message.sender === me;
  if (message.deleted) return { mine: false, text: 'Message deleted', state: null, quiet: true };
  if (message.unreadable) return { mine: false, text: 'This message can’t be read', state: null, quiet: true };
  return { mine, text: oneLine(message.body), state: null, quiet: false };
}

/** @param {string} text */
const oneLine = (text) => text.slice(0, 200).replace(/\s+/g, ' ');
