/** @import {Beginning, User} from '../lib/types.js' */
import { chatApi } from '../lib/chat-api.js';
import { Problem } from '../lib/api.js';
import { findHtml, find, part } from '../lib/dom.js';
import { reconnectOnWaking } from '../lib/wake.js';
import { Chat } from '../models/chat.js';
import { Connection } from '../models/connection.js';
import { LocalStore } from '../models/local-store.js';
import { withNext } from '../models/next.js';
import { Outbox } from '../models/outbox.js';
import { drawAvatar } from '../views/avatar.js';
import { showUnread } from '../views/badge.js';
import { ConnectionBar } from '../views/connection-bar.js';
import { ConversationView, isLooking } from '../views/conversation-view.js';
import { RoomListView } from '../views/room-list-view.js';

const app = findHtml(document, '#app');

/** The id in /chat/room/{id}/, or nothing. */
const roomInUrl = () => decodeURIComponent(location.pathname.match(/^\/chat\/room\/([^/]+)\/?$/)?.[1] ?? '');

/** Signing in from here leads back here. */
const signInPath = () => withNext('/login/', location.pathname);

function openSocket() {
  const url = new URL('/ws/chat/', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return new WebSocket(url);
}

/** What came with the page, unless the server had trouble. @returns {Beginning | null} */
function takeBeginning() {
  const data = document.querySelector('#beginning');
  data?.remove();
  return data && JSON.parse(data.textContent ?? '');
}

/** Who is signed in; without that nothing can be shown. @returns {Promise<User>} */
async function whoAmI() {
  for (;;) {
    try {
      return await chatApi.me();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 401) {
        location.replace(signInPath());
        return new Promise(() => {});
      }
      await askToRetry();
    }
  }
}

/** @returns {Promise<void>} */
function askToRetry() {
  const loading = findHtml(app, '#rooms-loading');
  const failed = findHtml(app, '#rooms-failed');
  loading.hidden = true;
  failed.hidden = false;
  return new Promise((resolve) => {
    find(failed, 'button', HTMLButtonElement).onclick = () => {
      loading.hidden = false;
      failed.hidden = true;
      resolve();
    };
  });
}

/**
 * Loaded when wanted, and tried again if that failed: then the bar says why.
 * @template T
 * @param {() => Promise<T>} load
 */
function lazily(load) {
  /** @type {Promise<T | undefined> | undefined} */
  let loaded;
  return () => (loaded ??= load().catch(() => (loaded = undefined)));
}

/** @param {User} me @param {Beginning | null} beginning */
function start(me, beginning) {
  const store = new LocalStore(me.id, localStorage);
  const connection = new Connection(openSocket);
  const outbox = new Outbox(store);
  const chat = new Chat({ me, api: chatApi, connection, outbox });
  if (beginning) chat.begin(beginning);

  const conversation = new ConversationView(app, chat, store);
  const list = new RoomListView(app, chat, { open: goTo, findSomeone: () => void search('') });
  new ConnectionBar(app, chat);
  showUnread(chat);
  drawAvatar(part(app, 'my-avatar'), me);

  /** @param {number} [seq] of the message to go to */
  function route(seq) {
    const room = roomInUrl();
    app.dataset.show = room ? 'room' : 'list';
    list.select(room);
    if (room) void conversation.open(room, seq);
    else conversation.close();
  }

  /** @param {string} room @param {number} [seq] */
  function goTo(room, seq) {
    if (room !== roomInUrl()) {
      history.pushState({ fromList: !roomInUrl() }, '', `/chat/room/${encodeURIComponent(room)}/`);
    }
    route(seq);
  }

  const loadPalette = lazily(() => import('../views/palette-view.js').then((module) => module.loadPalette(chat, goTo)));
  const loadNotices = lazily(() => import('../views/notices-view.js').then((module) => module.startNotices(app, chat, { isSeen, open: goTo })));

  /** @param {string} room to search in; everything if empty */
  async function search(room) {
    (await loadPalette())?.open(chat.rooms.get(room) ?? null);
  }

  /** Whether somebody looks at a room, or at its line in the list. @param {string} room */
  const isSeen = (room) => isLooking() && (room === roomInUrl() || findHtml(app, '#sidebar').offsetWidth > 0);

  function goToList() {
    if (history.state?.fromList) {
      history.back();
      return;
    }
    history.replaceState(null, '', '/chat/');
    route();
  }

  findHtml(app, '#back').addEventListener('click', (event) => {
    event.preventDefault();
    goToList();
  });
  for (const button of ['#search', '#new-chat']) findHtml(app, button).onclick = () => void search('');
  findHtml(app, '#search-room').onclick = () => void search(roomInUrl());
  if (/Mac|iPhone|iPad/.test(navigator.platform)) findHtml(app, 'kbd').textContent = '⌘ K';
  addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== 'k') return;
    event.preventDefault();
    if (!document.querySelector('dialog[open]')) void search('');
  });
  addEventListener('popstate', () => {
    for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    route();
  });
  chat.on('left', (room) => {
    if (room !== roomInUrl()) return;
    app.dataset.show = 'list'; // a hidden link takes no focus
    goToList();
    list.draw();
    findHtml(app, '#rooms a, #rooms-empty button').focus();
  });
  const bell = find(app, '#notify', HTMLButtonElement);
  bell.hidden = !isSecureContext || !('Notification' in window);
  bell.onclick = async () => void (await loadNotices())?.toggle();
  if (store.get('notify')) void loadNotices();
  addEventListener('storage', (event) => {
    if (event.key === `${store.prefix}notify`) void loadNotices();
    if (event.key === `${store.prefix}people`) void chat.catchUp();
    if (event.newValue !== null || !event.key?.startsWith(store.prefix)) return;
    const name = event.key.slice(store.prefix.length);
    outbox.forget(name.replace('outbox:', ''));
    chat.changes?.forget(name);
  });
  chat.on('ended', () => {
    const bar = findHtml(app, '#session-bar');
    find(bar, 'a', HTMLAnchorElement).href = signInPath();
    bar.hidden = false;
  });

  reconnectOnWaking(connection);
  chat.start();
  list.select(roomInUrl());
  setTimeout(route); // by itself, so that neither keeps the page from answering for long
  setTimeout(loadPalette, 2000); // to open at once
}

/** Keeps the page above the keyboard where the browser lays the keyboard over it. */
function followKeyboard() {
  const viewport = window.visualViewport;
  viewport?.addEventListener('resize', () => {
    document.documentElement.style.setProperty('--app-height', viewport.scale > 1 ? '' : `${viewport.height}px`);
  });
}

followKeyboard();
const beginning = takeBeginning();
start(beginning?.me ?? (await whoAmI()), beginning);
