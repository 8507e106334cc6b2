// The shapes the server speaks and the pages show, named once for the type checker. Nothing here runs.

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
 * @property {string | null} reply_to the message it answers
 * @property {Reaction[]} reactions
 * @property {Attachment[]} attachments
 */

/** @typedef {{emoji: string, users: string[]}} Reaction */

/**
 * A file that goes with a message.
 * @typedef {object} Attachment
 * @property {string} id
 * @property {string} name empty where it can’t be read any more
 * @property {string} type
 * @property {number} size in bytes
 * @property {number | null} width of an image, in pixels
 * @property {number | null} height
 * @property {string} url
 * @property {string | null} preview_url of an image that can be shown
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
 * @property {number} other_delivered_seq
 * @property {"open" | "request"} state
 * @property {boolean} muted nothing of it sounds or counts beyond the list
 * @property {boolean} [listed] `false` once I cleared or declined it
 * @property {string} created_at
 */

/** @typedef {{messages: Message[], has_more: boolean}} HistoryPage */
/** @typedef {{messages: Message[], rev: number, has_more: boolean}} ChangesPage */
/** @typedef {{rooms: Room[], cursor: string | null}} RoomsPage */
/** @typedef {{me: User, blocked: string[], rooms: Room[]}} Beginning what comes with the page: of my rooms the newest, of those I block who is in them */
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
 * @property {string} [reply_to] the message it answers
 * @property {Attachment[]} [attachments] the server has them already
 * @property {number} at when it was written, in milliseconds
 * @property {"pending" | "failed"} state
 * @property {string} [reason] the code of the refusal
 * @property {string} [detail] what the server said about it
 */

/**
 * What I want otherwise about a message, until the server has done it.
 * @typedef {object} Change
 * @property {string} room
 * @property {string} key the message's in the conversation
 * @property {string} id the message's; empty until the server has it
 * @property {"edit" | "delete" | "react" | "unreact"} kind
 * @property {string} what the new text, or the emoji
 * @property {number} at from when on the server is asked, in milliseconds
 * @property {"pending" | "failed"} state
 * @property {string} [detail] what the server said about it
 */

/**
 * @typedef {{type: "ready", user: string}
 *   | ({type: "message"} & Message)
 *   | ({type: "room"} & Room)
 *   | {type: "resync"}
 *   | {type: "read", room: string, user: string, seq: number}
 *   | {type: "delivered", room: string, user: string, seq: number}
 *   | {type: "presence", user: string, online: boolean, last_seen: string | null}
 *   | {type: "typing", room: string, user: string}
 *   | {type: "error", code: string, detail: string, client_id?: string}} ServerFrame
 */

/**
 * @typedef {{type: "send", client_id: string, room: string, body: string, reply_to?: string, attachments?: string[]}
 *   | {type: "read", room: string, seq: number}
 *   | {type: "typing", room: string}} ClientFrame
 */

/**
 * A message as a conversation shows it.
 * @typedef {object} MessageItem
 * @property {"message"} kind
 * @property {string} key the same before and after the server has it
 * @property {string} id empty while the server does not have it
 * @property {number} seq 0 while the server does not have it
 * @property {boolean} mine
 * @property {boolean} first whether it begins a group
 * @property {Date} at
 * @property {string} body
 * @property {"sent" | "delivered" | "read" | "pending" | "failed" | null} state `null` for the other's messages
 * @property {"text" | "deleted" | "unreadable"} content
 * @property {Date | null} editedAt
 * @property {Reacted[]} reactions
 * @property {Attachment[]} attachments
 * @property {string | null} [replyTo] the message it answers
 * @property {Quote | null} quote what is shown of that
 * @property {boolean} undo whether its deletion can be taken back
 * @property {string} why it was not sent or changed; empty when it was
 * @property {string} version changes whenever it has to be drawn anew
 */

/** @typedef {{emoji: string, mine: boolean, theirs: boolean}} Reacted who of the two gave an emoji */
/** @typedef {{mine: boolean | null, text: string, quiet: boolean}} Quote `mine` is `null` while that is unknown */
/** @typedef {MessageItem | {kind: "day", key: string, at: Date} | {kind: "divider", key: string}} Item */

/**
 * What else the message box is for: a text that stands in it instead of what I was writing, what to
 * do with it (whether it was taken), and what then, or when it is given up.
 * @typedef {{text?: string, submit: (body: string) => boolean, over: () => void}} Task
 */

export {};
