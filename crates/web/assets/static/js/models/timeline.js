/** @import {Attachment, Change, Item, Message, MessageItem, OutboxEntry, Quote, Reacted} from '../lib/types.js' */
import { GROUP_WINDOW, dayKey } from './time.js';

/**
 * What a conversation shows, top to bottom.
 * @param {object} room
 * @param {readonly Message[]} room.messages
 * @param {readonly OutboxEntry[]} room.waiting
 * @param {readonly Change[]} [room.changes]
 * @param {(id: string) => Message | null | undefined} [room.elsewhere] one that is not in `messages`
 * @param {string} room.me
 * @param {number} room.otherReadSeq
 * @param {number} room.deliveredSeq
 * @param {number | null} room.unreadAfter the seq after which the "New messages" line stands
 * @returns {Item[]}
 */
export function timeline({ messages, waiting, changes = [], elsewhere = () => undefined, me, otherReadSeq, deliveredSeq, unreadAfter }) {
  /** @type {Item[]} */
  const items = [];
  /** @type {MessageItem | null} */
  let previous = null;
  let dividerDue = unreadAfter !== null;
  const shown = [
    ...messages.map((message) => fromMessage(message, me, otherReadSeq, deliveredSeq)),
    ...waiting.map(fromEntry),
  ];
  for (const item of shown) wish(item, changes);
  const known = new Map(shown.map((item) => [item.id, item]));
  /** @param {string} id */
  const quoted = (id) => {
    const message = known.has(id) ? null : elsewhere(id);
    return known.get(id) ?? (message && fromMessage(message, me, 0, 0));
  };
  for (const item of shown) {
    const newDay = !previous || dayKey(previous.at) !== dayKey(item.at);
    if (newDay) items.push({ kind: 'day', key: `day-${dayKey(item.at)}-${item.key}`, at: item.at });
    const divide = dividerDue && !item.mine && item.seq > (unreadAfter ?? 0);
    if (divide) {
      items.push({ kind: 'divider', key: 'divider' });
      dividerDue = false;
    }
    item.first = newDay || divide || !continues(previous, item);
    if (item.replyTo && item.content === 'text') item.quote = quoteOf(quoted(item.replyTo));
    item.version += `|${item.first}|${item.quote && Object.values(item.quote)}`;
    items.push(item);
    previous = item;
  }
  return items;
}

/** @param {MessageItem | null} previous @param {MessageItem} item */
function continues(previous, item) {
  return previous?.mine === item.mine && Math.abs(item.at.getTime() - previous.at.getTime()) < GROUP_WINDOW;
}

/** @param {Message} message @param {string} me @param {number} otherReadSeq @param {number} deliveredSeq @returns {MessageItem} */
function fromMessage(message, me, otherReadSeq, deliveredSeq) {
  const mine = message.sender === me;
  const sent = deliveredSeq >= message.seq ? 'delivered' : 'sent';
  const state = mine ? (otherReadSeq >= message.seq ? 'read' : sent) : null;
  return {
    kind: 'message',
    key: mine ? message.client_id : message.id,
    id: message.id,
    seq: message.seq,
    mine,
    first: false,
    at: new Date(message.sent_at),
    body: message.body,
    state,
    content: message.deleted ? 'deleted' : message.unreadable ? 'unreadable' : 'text',
    editedAt: message.edited_at && !message.deleted ? new Date(message.edited_at) : null,
    reactions: message.reactions.map(({ emoji, users }) => ({ emoji, mine: users.includes(me), theirs: users.some((user) => user !== me) })),
    attachments: message.attachments,
    replyTo: message.reply_to,
    quote: null,
    undo: false,
    why: '',
    version: `${message.rev}|${state}`,
  };
}

/** @param {OutboxEntry} entry @returns {MessageItem} */
function fromEntry(entry) {
  return {
    kind: 'message',
    key: entry.client_id,
    id: '',
    seq: 0,
    mine: true,
    first: false,
    at: new Date(entry.at),
    body: entry.body,
    state: entry.state,
    content: 'text',
    editedAt: null,
    reactions: [],
    attachments: entry.attachments ?? [],
    replyTo: entry.reply_to,
    quote: null,
    undo: false,
    why: entry.state === 'failed' ? whyNotSent(entry) : '',
    version: `${entry.state}|${entry.reason}`,
  };
}

/** What I want shows at once. @param {MessageItem} item @param {readonly Change[]} changes */
function wish(item, changes) {
  for (const change of changes) {
    if (change.key !== item.key) continue;
    const { kind, what, at, state, detail = '' } = change;
    if (state === 'failed') item.why = `${kind === 'edit' ? 'Not changed' : 'Not deleted'}. ${detail}`;
    if (kind === 'edit') {
      item.body = what;
      item.editedAt = new Date(at);
      if (state === 'pending') item.state = 'pending';
    } else if (kind !== 'delete') {
      item.reactions = reacted(item.reactions, what, kind === 'react');
    } else if (state === 'pending') {
      Object.assign(item, { content: 'deleted', editedAt: null, reactions: [], attachments: [], undo: at > Date.now() });
    }
    item.version += `|${kind}|${what}|${state}|${item.undo}`;
  }
}

/** @param {Reacted[]} reactions @param {string} emoji @param {boolean} mine */
function reacted(reactions, emoji, mine) {
  const known = reactions.find((one) => one.emoji === emoji);
  const now = { emoji, theirs: false, ...known, mine };
  const all = known ? reactions.map((one) => (one === known ? now : one)) : [...reactions, now];
  return all.filter((one) => one.mine || one.theirs);
}

/** @param {MessageItem | null | undefined} item `undefined` while it is looked for @returns {Quote} */
function quoteOf(item) {
  if (!item) return { mine: null, text: item === null ? 'An earlier message' : '…', quiet: true };
  const { mine, content } = item;
  return { mine, text: content === 'text' ? oneLine(wordsOf(item).split('\n', 1)[0]) : STUBS[content], quiet: content !== 'text' };
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
  if (waiting) return { mine: true, text: oneLine(wordsOf(waiting)), state: waiting.state, quiet: false };
  if (!message) return { mine: false, text: 'No messages yet', state: null, quiet: true };
  const mine = message.sender === me;
  const stub = message.deleted ? STUBS.deleted : message.unreadable && STUBS.unreadable;
  if (stub) return { mine: false, text: stub, state: null, quiet: true };
  return { mine, text: oneLine(wordsOf(message)), state: null, quiet: false };
}

/** The text, or else what came without one. @param {{body: string, attachments?: Attachment[]}} message */
export function wordsOf({ body, attachments: [file, ...more] = [] }) {
  if (body || !file) return body;
  return (file.preview_url ? 'Photo' : `📎 ${file.name}`) + (more.length ? ` +${more.length}` : '');
}

/** @param {string} text */
const oneLine = (text) => text.slice(0, 200).replace(/\s+/g, ' ');

/** What stands for a text that is not there. */
export const STUBS = { deleted: 'Message deleted', unreadable: 'This message can’t be read' };
