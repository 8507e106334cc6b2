/** @import {User, Room, Message, Change, HistoryPage, ChangesPage, HitsPage, RoomsPage} from './types.js' */
import { call } from './api.js';

const PAGE = 200;
const LATEST = 10;

/** @param {Record<string, string | number | null | undefined>} params */
function query(params) {
  const set = Object.entries(params).filter(([, value]) => value !== undefined && value !== null);
  return `?${new URLSearchParams(set.map(([name, value]) => [name, String(value)]))}`;
}

/** @param {string} room */
const path = (room) => `/api/rooms/${encodeURIComponent(room)}`;

/** The calls the chat makes, as one object that tests can replace. */
export const chatApi = {
  /** @returns {Promise<User>} */
  me: () => call('GET', '/api/me'),

  /** @param {string | null} cursor @returns {Promise<RoomsPage>} */
  rooms: (cursor) => call('GET', `/api/rooms${query({ cursor, limit: PAGE })}`),

  /** The few in which something happened last. @returns {Promise<RoomsPage>} */
  latestRooms: () => call('GET', `/api/rooms${query({ limit: LATEST })}`),

  /** @param {string} room @returns {Promise<Room>} */
  room: (room) => call('GET', path(room)),

  /** @param {string} username @returns {Promise<Room>} */
  openRoom: (username) => call('POST', '/api/rooms', { username }),

  /** @param {string} room @returns {Promise<Room>} */
  accept: (room) => call('POST', `${path(room)}/accept`),

  /** @param {string} room @returns {Promise<null>} */
  decline: (room) => call('POST', `${path(room)}/decline`),

  /** @param {string} room @returns {Promise<null>} */
  clear: (room) => call('DELETE', path(room)),

  /** @param {string} room @param {boolean} muted @returns {Promise<Room>} */
  mute: (room, muted) => call(muted ? 'PUT' : 'DELETE', `${path(room)}/mute`),

  /** @returns {Promise<{users: User[]}>} */
  blocks: () => call('GET', '/api/blocks'),

  /** @param {string} user @returns {Promise<null>} */
  block: (user) => call('PUT', `/api/blocks/${encodeURIComponent(user)}`),

  /** @param {string} user @returns {Promise<null>} */
  unblock: (user) => call('DELETE', `/api/blocks/${encodeURIComponent(user)}`),

  /**
   * @param {string} room
   * @param {{before?: number, after?: number, around?: number, limit?: number}} where
   * @returns {Promise<HistoryPage>}
   */
  messages: (room, where) => call('GET', `${path(room)}/messages${query(where)}`),

  /** @param {Change} change @returns {Promise<Message>} the message as it is then */
  change({ room, id, kind, what }) {
    const message = `${path(room)}/messages/${encodeURIComponent(id)}`;
    if (kind === 'edit') return call('PATCH', message, { body: what });
    if (kind === 'delete') return call('DELETE', message);
    return call(kind === 'react' ? 'PUT' : 'DELETE', `${message}/reactions/${encodeURIComponent(what)}`);
  },

  /** @param {string} room @param {number} after @returns {Promise<ChangesPage>} */
  changes: (room, after) => call('GET', `${path(room)}/changes${query({ after, limit: PAGE })}`),

  /** @param {string} text @param {AbortSignal} signal @returns {Promise<{users: User[]}>} */
  users: (text, signal) => call('GET', `/api/users${query({ query: text })}`, undefined, signal),

  /**
   * @param {{query: string, room?: string, cursor?: string | null}} what
   * @param {AbortSignal} signal
   * @returns {Promise<HitsPage>}
   */
  search: (what, signal) => call('GET', `/api/search${query(what)}`, undefined, signal),
};

/** @typedef {typeof chatApi} ChatApi */
