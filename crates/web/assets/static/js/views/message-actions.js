// What is done to a message: loaded when somebody comes near one, not with the page.

/** @import {Changes} from '../models/changes.js' */
/** @import {MessageItem} from '../lib/types.js' */
/** @import {ConversationView} from './conversation-view.js' */
import { Problem } from '../lib/api.js';
import { element, findHtml, isTouch } from '../lib/dom.js';
import { Originals } from '../models/originals.js';
import { displayName } from '../models/person.js';
import { withoutMarks } from '../models/text.js';
import { wordsOf } from '../models/timeline.js';
import { confirm } from './confirm.js';
import { icon, loadStyle } from './lazy.js';
import { openMenu } from './message-menu.js';

const REFUSAL_STAYS = 8000;
const OFFLINE = 'Couldn’t load it. Check your connection and try again.';

/** @param {ConversationView} view */
export const loadActions = async (view) => new MessageActions(view, await view.chat.loadChanges());

/** Editing, deleting, answering and reacting, by mouse, finger and keyboard. */
export class MessageActions {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #forgetting;

  /** @param {ConversationView} view @param {Changes} changes */
  constructor(view, changes) {
    this.view = view;
    this.changes = changes;
    this.chat = view.chat;
    this.composer = view.composer;
    this.said = element('p', '', 'visually-hidden');
    this.said.setAttribute('role', 'status');
    this.refusal = element('p', '', 'failed-bar');
    this.refusal.setAttribute('role', 'alert');
    this.refusal.hidden = true;
    this.composer.form.before(this.said, this.refusal);
    this.chat.on('refused', (why) => this.#refuse(why));
    this.styled = loadStyle('message-actions');
  }

  /** @param {Event} event among the messages, or in the message box */
  handle(event) {
    const { target } = event;
    if (!(target instanceof Element)) return;
    if (event instanceof KeyboardEvent) {
      if (target === this.composer.text) this.#editLast(event);
      else if (target.matches('.actions')) this.#walk(event, target);
      return;
    }
    if (event.type === 'click' && this.view.failedBar.contains(target)) {
      void this.#dealWithFailed(target.getAttribute('data-part'));
      return;
    }
    if (event.type === 'focusin' && target.matches('.actions')) this.view.log.stopAt(target);
    const item = this.#itemAt(target);
    if (!item) return;
    const onText = target.closest('.bubble') !== null && !target.closest('a, button');
    if (event.type === 'contextmenu' && isTouch() && onText) {
      event.preventDefault();
      this.#open(item);
    } else if (event.type === 'click') {
      const button = target.closest('button');
      if (button) this.#press(button, item);
      else if (isTouch() && onText && getSelection()?.isCollapsed !== false) this.#open(item);
    }
  }

  /** @param {Element} target @returns {MessageItem | undefined} */
  #itemAt(target) {
    const key = target.closest('.msg')?.getAttribute('data-key');
    const item = this.view.items.find((one) => one.key === key);
    return item?.kind === 'message' ? item : undefined;
  }

  /** @param {HTMLButtonElement} button @param {MessageItem} item */
  #press(button, item) {
    const { emoji, action } = button.dataset;
    if (emoji) this.react(item, emoji);
    else if (action === 'menu') this.#open(item);
    else if (action === 'jump') void this.#goTo(item.replyTo ?? '');
    else if (action === 'undo') this.#undo(item);
    else if (action === 'retry') this.#retry(item.key);
    else this.#discard(item);
    if (action === 'retry' || action === 'delete') this.view.focus();
  }

  /** @param {string} key */
  #retry(key) {
    this.chat.retry(key);
    this.changes.retry(key);
  }

  /** Gives up what was refused. @param {MessageItem} item */
  #discard({ key, state }) {
    if (state === 'failed') this.chat.outbox.remove(key);
    this.changes.drop(key, (change) => state === 'failed' || change.state === 'failed');
  }

  /** @param {string | null} how */
  async #dealWithFailed(how) {
    const failed = this.view.failed();
    if (how === 'retry-all') for (const { client_id } of failed) this.#retry(client_id);
    if (how !== 'delete-all') return;
    const question = `Delete ${failed.length} messages?`;
    if (!(await confirm(question, 'They were not sent, and they can’t be brought back.', 'Delete'))) return;
    for (const { client_id } of failed) {
      this.chat.outbox.remove(client_id);
      this.changes.drop(client_id);
    }
  }

  /** From one message's button to the next. @param {KeyboardEvent} event @param {Element} from */
  #walk(event, from) {
    const buttons = [...this.view.log.items.querySelectorAll('.actions:not([hidden])')];
    const at = buttons.indexOf(from);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
    const next = to === undefined ? null : buttons[to];
    if (to !== undefined) event.preventDefault();
    if (!(next instanceof HTMLElement)) return;
    this.view.log.stopAt(next);
    next.focus();
  }

  /** @param {MessageItem} item */
  #open(item) {
    const node = this.#nodeOf(item);
    if (!node || item.content === 'deleted' || item.state === 'failed') return;
    const canWrite = !this.composer.form.hidden;
    const text = item.content === 'text';
    const actions = [
      item.id && canWrite ? ['reply', 'Reply', () => this.#reply(item)] : null,
      item.mine && text && canWrite ? ['write', 'Edit', () => this.#edit(item)] : null,
      text && item.body ? ['copy', 'Copy text', () => void this.#copy(item)] : null,
      item.mine ? ['delete', 'Delete', () => this.#delete(item)] : null,
    ];
    void this.styled.then(() => openMenu({
      at: findHtml(node, '.bubble'),
      item,
      actions: /** @type {import('./message-menu.js').Action[]} */ (actions.filter(Boolean)),
      react: item.id && canWrite ? (emoji) => this.react(item, emoji) : null,
      more: () => void this.#pick(item),
    }));
  }

  /** @param {MessageItem} item */
  #nodeOf(item) {
    return this.view.log.items.querySelector(`[data-key="${CSS.escape(item.key)}"]`);
  }

  // Reactions

  /** @param {MessageItem} item @param {string} emoji */
  react(item, emoji) {
    const now = this.#current(item);
    const mine = now.reactions.some((one) => one.emoji === emoji && one.mine);
    this.#wish(now, mine ? 'unreact' : 'react', emoji);
    this.#say(mine ? `${emoji} taken back` : `Reacted with ${emoji}`);
  }

  /** @param {MessageItem} item */
  async #pick(item) {
    try {
      const { pickEmoji } = await import('./emoji-picker.js');
      const emoji = await pickEmoji();
      if (emoji && !this.#current(item).reactions.some((one) => one.emoji === emoji && one.mine)) this.react(item, emoji);
    } catch {
      this.#refuse(OFFLINE);
    }
  }

  /** As it is by now. @param {MessageItem} item @returns {MessageItem} */
  #current(item) {
    const now = this.view.items.find((one) => one.key === item.key);
    return now?.kind === 'message' ? now : item;
  }

  /** @param {MessageItem} item @param {import('../lib/types.js').Change["kind"]} kind @param {string} [what] */
  #wish({ key, id }, kind, what = '') {
    this.refusal.hidden = true;
    const taken = this.changes.add({ room: this.view.room, key, id, kind, what });
    if (!taken) this.#refuse('Too many changes are waiting. Try again when some have gone.');
    return taken;
  }

  // Editing and deleting

  /** @param {KeyboardEvent} event */
  #editLast(event) {
    const { text } = this.composer;
    if (event.key !== 'ArrowUp' || text.value || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
    const last = this.view.items.findLast((item) => item.kind === 'message' && item.mine && item.content === 'text' && item.state !== 'failed');
    if (last?.kind !== 'message') return;
    event.preventDefault();
    this.#edit(last);
  }

  /** @param {MessageItem} item */
  #edit(item) {
    this.#begin('Editing', item.body, {
      text: item.body,
      submit: (body) => {
        const now = this.#current(item);
        if (now.content === 'deleted') {
          this.#refuse('This message was deleted meanwhile.');
          return false;
        }
        return body === now.body || this.#wish(now, 'edit', body);
      },
    });
  }

  /** @param {MessageItem} item */
  #delete(item) {
    if (!this.#wish(item, 'delete')) return;
    this.#say('Message deleted. Undo is possible for five seconds.');
    this.view.draw();
    const undo = this.#nodeOf(item)?.querySelector('[data-action="undo"]');
    if (undo instanceof HTMLElement) undo.focus({ preventScroll: true });
  }

  /** @param {MessageItem} item */
  #undo(item) {
    this.changes.drop(item.key, ({ kind }) => kind === 'delete');
    this.#say('The message is back.');
    this.view.draw();
    const button = this.#nodeOf(item)?.querySelector('.actions');
    if (button instanceof HTMLElement) button.focus({ preventScroll: true });
  }

  /** @param {MessageItem} item */
  async #copy(item) {
    try {
      await navigator.clipboard.writeText(item.body);
      this.#say('Copied');
    } catch {
      this.#refuse('This browser doesn’t let the page copy.');
    }
  }

  // Answering

  /** @param {MessageItem} item */
  #reply(item) {
    const text = item.content === 'text' ? wordsOf(item) : 'This message can’t be read';
    this.#begin(`Reply to ${item.mine ? 'yourself' : this.#other()}`, text, {
      submit: (body) => this.view.send(body, item.id),
    });
  }

  #other() {
    const room = this.chat.rooms.get(this.view.room);
    return room ? displayName(room.other) : '';
  }

  /**
   * The message box has another task until it is done or given up.
   * @param {string} title
   * @param {string} about the first line of it is shown
   * @param {Pick<import('../lib/types.js').Task, "text" | "submit">} task
   */
  #begin(title, about, task) {
    const bar = element('div', '', 'task');
    const words = element('p', '');
    const quoted = element('span', withoutMarks(about.split('\n', 1)[0]));
    quoted.dir = 'auto';
    words.append(element('b', title), quoted);
    const cancel = element('button', '', 'icon-button');
    cancel.type = 'button';
    cancel.setAttribute('aria-label', 'Cancel');
    cancel.title = 'Cancel (Esc)';
    cancel.append(icon('close'));
    cancel.onclick = () => this.composer.endTask();
    cancel.onkeydown = ({ key }) => {
      if (key === 'Escape') this.composer.endTask();
    };
    bar.append(words, cancel);
    this.composer.begin({
      ...task,
      over: () => {
        const hadFocus = bar.contains(document.activeElement);
        bar.remove();
        if (hadFocus) this.view.focus();
      },
    });
    this.composer.form.before(bar);
    this.#say(`${title}: ${quoted.textContent}. Escape cancels.`);
  }

  /** @param {string} id */
  async #goTo(id) {
    const { room } = this.view;
    const near = this.chat.history(room)?.messages.find((message) => message.id === id);
    try {
      const originals = (this.view.originals ??= new Originals(this.chat));
      const original = near ?? (await originals.findFar(room, id));
      if (room !== this.view.room) return;
      if (original) await this.view.open(room, original.seq);
      else this.#refuse('That message is too far back to be found.');
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.#refuse(OFFLINE);
    }
  }

  // Telling

  /** @param {string} words */
  #say(words) {
    this.said.textContent = words;
  }

  /** @param {string} why */
  #refuse(why) {
    clearTimeout(this.#forgetting);
    this.refusal.textContent = why;
    this.refusal.hidden = false;
    this.#forgetting = setTimeout(() => (this.refusal.hidden = true), REFUSAL_STAYS);
  }
}
