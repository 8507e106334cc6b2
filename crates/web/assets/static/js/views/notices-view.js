/** @import {Message, Room} from '../lib/types.js' */
/** @import {Chat} from '../models/chat.js' */
import { find, findHtml } from '../lib/dom.js';
import { Notices } from '../models/notices.js';
import { displayName } from '../models/person.js';
import { wordsOf } from '../models/timeline.js';

/** How long other tabs have to say that they show a room. */
const ANSWERS_WITHIN = 200;
const LONGEST = 200;

/** Notifications of this browser, and the button that turns them on and off. */
class NoticesView {
  /** Asks the other tabs who shows a room. */
  #tabs;
  /** What waits for their answers, by the id of its message. @type {Map<string, () => void>} */
  #waiting = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #saying;

  /**
   * @param {HTMLElement} root
   * @param {Chat} chat
   * @param {{isSeen: (room: string) => boolean, open: (room: string) => void}} page
   */
  constructor(root, chat, page) {
    this.page = page;
    this.store = chat.outbox.store;
    this.button = find(root, '#notify', HTMLButtonElement);
    this.note = findHtml(root, '#notify-note');
    this.notices = new Notices(chat, {
      isSeen: page.isSeen,
      isSeenElsewhere: (message) => this.#isSeenElsewhere(message),
      show: (message, room) => this.#show(message, room),
    });
    this.#tabs = new BroadcastChannel(`${this.store.prefix}tabs`);
    this.#tabs.onmessage = ({ data }) => this.#heard(data);
    addEventListener('storage', (event) => {
      if (event.key === `${this.store.prefix}notify`) this.draw();
    });
    this.draw();
  }

  draw() {
    const on = this.store.get('notify') === true && Notification.permission === 'granted';
    if (on) this.notices.on = true;
    else this.notices.stop();
    const words = on ? 'Turn notifications off' : 'Turn notifications on';
    this.button.title = words;
    this.button.setAttribute('aria-label', words);
    find(this.button, 'use', SVGUseElement).setAttribute('href', on ? '#i-bell' : '#i-bell-off');
  }

  /** Somebody pressed the button: only now the browser may ask. */
  async toggle() {
    if (this.notices.on) {
      this.store.remove('notify');
      this.#say('Notifications are off.');
    } else if ((await Notification.requestPermission()) === 'granted') {
      this.store.set('notify', true);
      this.#say('Notifications are on, as long as Sotto is open in a tab.');
    } else {
      this.#say('This browser doesn’t let Sotto notify you. You can allow it in the settings for this site.');
    }
    this.draw();
  }

  /** @param {string} words */
  #say(words) {
    this.note.textContent = words;
    this.note.hidden = false;
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => (this.note.hidden = true), 6000);
  }

  /** @param {Message} message @param {Room} room */
  #show(message, { id, other, state }) {
    const name = displayName(other);
    const request = state === 'request';
    const body = message.unreadable ? '' : wordsOf(message).slice(0, LONGEST).replace(/\s+/g, ' ');
    try {
      const shown = new Notification(request ? 'Request' : name, {
        body: request ? `${name} wants to write to you` : body,
        tag: message.id, // tabs that tell the same do it once
        icon: other.picture_url ?? undefined,
      });
      shown.onclick = () => {
        window.focus();
        shown.close();
        this.page.open(id);
      };
      return { close: () => shown.close() };
    } catch {
      // Some browsers of phones have the name, but pages cannot use it.
      this.store.remove('notify');
      this.draw();
      this.#say('This browser can’t show notifications of a page.');
      return null;
    }
  }

  // Other tabs

  /** @param {Message} message @returns {Promise<boolean>} */
  #isSeenElsewhere({ id, room }) {
    return new Promise((resolve) => {
      this.#waiting.set(id, () => resolve(true));
      this.#tabs.postMessage({ asks: id, room });
      setTimeout(() => {
        this.#waiting.delete(id);
        resolve(false);
      }, ANSWERS_WITHIN);
    });
  }

  /** @param {{asks?: string, room?: string, sees?: string}} said */
  #heard({ asks, room, sees }) {
    if (asks && room && this.page.isSeen(room)) this.#tabs.postMessage({ sees: asks });
    if (sees) this.#waiting.get(sees)?.();
  }
}

/** @param {ConstructorParameters<typeof NoticesView>} parts */
export const startNotices = (...parts) => new NoticesView(...parts);
