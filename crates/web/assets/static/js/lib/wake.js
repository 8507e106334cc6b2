/** @import {Connection} from '../models/connection.js' */

const HIDDEN_FOR = 60_000;
const TICK = 15_000;
const SLEPT = 3 * TICK;

/**
 * Reconnects when the machine or the tab wakes up: a socket that slept looks alive for minutes.
 * @param {Connection} connection
 */
export function reconnectOnWaking(connection) {
  let hiddenAt = 0;
  let lastTick = Date.now();
  const wake = () => {
    if (connection.state !== 'stopped') connection.connect();
  };
  addEventListener('online', wake);
  addEventListener('offline', () => connection.drop());
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') hiddenAt = Date.now();
    else if (connection.state === 'waiting' || Date.now() - hiddenAt > HIDDEN_FOR) wake();
  });
  document.addEventListener('resume', wake); // after the browser froze the tab
  addEventListener('pageshow', (event) => {
    if (event.persisted) wake();
  });
  setInterval(() => {
    const slept = Date.now() - lastTick > SLEPT;
    lastTick = Date.now();
    // Hidden tabs tick slowly without having slept; they are looked after when they come back.
    if (slept && document.visibilityState === 'visible') wake();
  }, TICK);
}
