// The shapes the server speaks, named once for the type checker. Nothing here runs.

/**
 * @typedef {object} User
 * @property {string} id
 * @property {string} username
 * @property {string} first_name
 * @property {string} last_name
 * @property {string | null} picture_url
 * @property {string} joined_at
 * @property {boolean} deleted
 * @property {string} [email] only for oneself
 * @property {boolean} [has_password] only for oneself
 * @property {boolean} [google_linked] only for oneself
 */

/**
 * @typedef {object} Message
 * @property {string} id
 * @property {string} room
 * @property {number} seq place in the room: 1, 2, 3 … without holes
 * @property {number} rev grows with every change in the room; of two versions the higher wins
 * @property {string} sender
 * @property {string} body
 * @property {string} client_id
 * @property {string} sent_at
 * @property {string | null} edited_at
 * @property {boolean} deleted
 * @property {boolean} unreadable
 */

/**
 * @typedef {object} Room
 * @property {string} id
 * @property {User} other
 * @property {Message | null} last_message
 * @property {number} last_seq
 * @property {number} rev
 * @property {number} unread
 * @property {number} read_seq
 * @property {number} other_read_seq
 * @property {"open" | "request"} state
 * @property {string} created_at
 */

/** @typedef {{messages: Message[], has_more: boolean}} HistoryPage */
/** @typedef {{messages: Message[], rev: number, has_more: boolean}} ChangesPage */
/** @typedef {{rooms: Room[], cursor: string | null}} RoomsPage */
/** @typedef {{message: Message, room: string}} Hit */
/** @typedef {{hits: Hit[], cursor: string | null}} HitsPage */
/** @typedef {{field: string, code: string, detail: string}} FieldError */
/** @typedef {{email: string, sent_at: string, expires_at: string, resend_at: string, attempts_left: number}} PendingSignUp */
/** @typedef {{email: string, expires_at: string}} WaitingLink */
/** @typedef {{id: string, current: boolean, browser: string, system: string, address: string, created_at: string, last_used_at: string}} Session */
/** @typedef {{required: boolean, since: string | null, app: boolean, recovery_codes_left: number}} SecondFactor */
/** @typedef {{id: string, name: string, created_at: string, last_used_at: string | null}} Passkey */
/** @typedef {{to: string, subject: string, text: string, html: string, sent_at: string}} Mail */

/**
 * A message of mine that the server has not acknowledged.
 * @typedef {object} OutboxEntry
 * @property {string} client_id
 * @property {string} room
 * @property {string} body
 * @property {number} at when it was written, in milliseconds
 * @property {"pending" | "failed"} state
 * @property {string} [reason] the code of the refusal
 * @property {string} [detail] what the server said about it
 */

/**
 * @typedef {{type: "ready", user: string}
 *   | ({type: "message"} & Message)
 *   | ({type: "room"} & Room)
 *   | {type: "resync"}
 *   | {type: "read", room: string, user: string, seq: number}
 *   | {type: "presence", user: string, online: boolean, last_seen: string | null}
 *   | {type: "typing", room: string, user: string}
 *   | {type: "error", code: string, detail: string, client_id?: string}} ServerFrame
 */

/**
 * @typedef {{type: "send", client_id: string, room: string, body: string}
 *   | {type: "read", room: string, seq: number}
 *   | {type: "typing", room: string}} ClientFrame
 */

export {};
