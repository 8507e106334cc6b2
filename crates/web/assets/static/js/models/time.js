// Times as a reader expects them, in the reader's own zone.

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Messages of one person this close together read as one. */
export const GROUP_WINDOW = 5 * MINUTE;

// Written out here: `Intl.DateTimeFormat` takes longer to load than the list of chats to draw.
const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];

/** @param {number} number */
const two = (number) => String(number).padStart(2, '0');

/** @param {Date} date */
const dayAndMonth = (date) => `${date.getDate()} ${MONTHS[date.getMonth()]}`;

/** Midnights between then and now. @param {Date} date @param {Date} now */
function daysAgo(date, now) {
  const midnight = (/** @type {Date} */ d) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  return Math.round((midnight(now) - midnight(date)) / DAY);
}

/** `14:05` @param {Date} date */
export const clock = (date) => `${two(date.getHours())}:${two(date.getMinutes())}`;

/** `Wednesday, 3 March 2027 at 14:05:09` @param {Date} date */
export const full = (date) => `${WEEKDAYS[date.getDay()]}, ${longDate(date)} at ${clock(date)}:${two(date.getSeconds())}`;

/** `3 March 2027` @param {Date} date */
export const longDate = (date) => `${dayAndMonth(date)} ${date.getFullYear()}`;

/** A key that is the same all day long. @param {Date} date */
export const dayKey = (date) => `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;

/**
 * The heading over a day's messages: Today, Yesterday, 12 March, 12 March 2026.
 * @param {Date} date
 * @param {Date} now
 */
export function dayLabel(date, now) {
  const days = daysAgo(date, now);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return date.getFullYear() === now.getFullYear() ? dayAndMonth(date) : longDate(date);
}

/**
 * The short form in the list of chats: 14:05, Yesterday, Tue, 3 Mar, 03/03/2026.
 * @param {Date} date
 * @param {Date} now
 */
export function listTime(date, now) {
  const days = daysAgo(date, now);
  if (days <= 0) return clock(date);
  if (days === 1) return 'Yesterday';
  if (days < 7) return WEEKDAYS[date.getDay()].slice(0, 3);
  if (date.getFullYear() === now.getFullYear()) return `${date.getDate()} ${MONTHS[date.getMonth()].slice(0, 3)}`;
  return `${two(date.getDate())}/${two(date.getMonth() + 1)}/${date.getFullYear()}`;
}

/**
 * When something was, in a sentence: today at 14:05, yesterday at 14:05, on 3 March.
 * @param {Date} date
 * @param {Date} now
 */
export function when(date, now) {
  const days = daysAgo(date, now);
  if (days <= 0) return `today at ${clock(date)}`;
  if (days === 1) return `yesterday at ${clock(date)}`;
  return `on ${dayLabel(date, now)}`;
}

/**
 * When somebody was here: last seen at 14:05, last seen yesterday at 14:05, last seen on 3 March.
 * @param {Date} date
 * @param {Date} now
 */
export const lastSeen = (date, now) => `last seen ${when(date, now).replace('today ', '')}`;

/** Seconds as `0:42`. @param {number} seconds */
export function countdown(seconds) {
  const left = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`;
}
