/** @import {User} from '../lib/types.js' */
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
import { ConnectionBar } from '../views/connection-bar.js';
import { ConversationView } from '../views/conversation-view.js';
import { FinderView } from '../views/finder-view.js';
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

/** @param {User} me */
function start(me) {
  const store = new LocalStore(me.id, localStorage);
  const connection = new Connection(openSocket);
  const outbox = new Outbox(store);
  const chat = new Chat({ me, api: chatApi, connection, outbox });

  const conversation = new ConversationView(app, chat, store);
  const list = new RoomListView(app, chat, { open: goTo, findSomeone: () => finder.focus() });
  const finder = new FinderView(app, chat, async (user) => {
    const room = await chat.roomWith(user.username);
    goTo(room.id);
  });
  new ConnectionBar(app, chat);
  drawAvatar(part(app, 'my-avatar'), me);

  function route() {
    const room = roomInUrl();
    app.dataset.show = room ? 'room' : 'list';
    list.select(room);
    if (room) void conversation.open(room);
    else conversation.close();
  }

  /** @param {string} room */
  function goTo(room) {
    if (room !== roomInUrl()) {
      history.pushState({ fromList: !roomInUrl() }, '', `/chat/room/${encodeURIComponent(room)}/`);
    }
    route();
  }

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
  findHtml(app, '#new-chat').addEventListener('click', () => finder.focus());
  app.addEventListener('find', () => {
    if (getComputedStyle(findHtml(app, '#sidebar')).display !== 'none') return;
    app.dataset.show = 'list'; // going back takes a moment, and a hidden field takes no focus
    goToList();
  });
  addEventListener('popstate', route);
  chat.on('left', (room) => {
    if (room !== roomInUrl()) return;
    app.dataset.show = 'list'; // as above
    goToList();
    list.draw();
    findHtml(app, '#rooms a, #rooms-empty button').focus();
  });
  addEventListener('storage', (event) => {
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
  route();
}

/** Keeps the page above the keyboard where the browser lays the keyboard over it. */
function followKeyboard() {
  const viewport = window.visualViewport;
  viewport?.addEventListener('resize', () => {
    document.documentElement.style.setProperty('--app-height', viewport.scale > 1 ? '' : `${viewport.height}px`);
  });
}

followKeyboard();
start(await whoAmI());
