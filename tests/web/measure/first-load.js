// How long it takes until the list of chats shows, on DevTools' “Fast 3G” and a processor four times
// as slow, straight from the program over HTTP/1.1: `node measure/first-load.js [runs]`.
//
// Each run has a new profile. Cold is its first visit, warm its second; time goes from the navigation
// to the frame that shows the first room.
import { setTimeout } from 'node:timers/promises';
import { DESKTOP } from '../journeys/support/browser.js';
import { Server } from '../journeys/support/server.js';
import { Chromium } from './devtools.js';
import { Correspondent, FAST_3G, SLOW_CPU, median, sentence } from './support.js';

const RUNS = Number(process.argv[2] ?? 5);
const ROOMS = 30;
/** Long enough for what the page asks once it is connected, and not for what it loads in advance. */
const AFTERWARDS = 1500;

const server = await Server.start({}, { SOTTO_RATE_LIMITS: 'off' });
try {
  const me = await somebodyWithRooms();
  const runs = [];
  for (let run = 0; run < RUNS; run += 1) runs.push(await visitTwice(me));
  for (const visit of ['cold', 'warm']) report(visit, runs.map((run) => run[visit]));
} finally {
  await server.stop();
}

async function somebodyWithRooms() {
  const me = await Correspondent.arrive(server, 'me');
  for (let i = 0; i < ROOMS; i += 1) {
    const other = await Correspondent.arrive(server, `friend${i}`);
    const room = await other.room('me');
    await other.say(room, sentence(i));
    if (i % 2) await me.say(room, sentence(i + ROOMS));
  }
  return me;
}

/** @param {Correspondent} me */
async function visitTwice(me) {
  const chromium = await Chromium.start(DESKTOP);
  try {
    await chromium.send('Storage.setCookies', { cookies: [me.forBrowser] });
    return { cold: await visit(chromium), warm: await visit(chromium) };
  } finally {
    await chromium.stop();
  }
}

/** @param {Chromium} chromium */
async function visit(chromium) {
  const page = await chromium.newPage();
  const received = new Map();
  page.on('Network.requestWillBeSent', ({ requestId, request }) => received.set(requestId, { url: request.url, bytes: 0 }));
  page.on('Network.requestServedFromCache', ({ requestId }) => received.delete(requestId));
  page.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const one = received.get(requestId);
    if (one) one.bytes = encodedDataLength;
  });
  const committed = new Promise((resolve) => page.on('Page.frameNavigated', resolve));
  await page.send('Network.enable');
  await page.send('Network.emulateNetworkConditions', FAST_3G);
  await page.send('Emulation.setCPUThrottlingRate', { rate: SLOW_CPU });
  await page.send('Page.enable');
  await page.send('Page.addScriptToEvaluateOnNewDocument', { source: `(${stampFirstRow})()` });
  await page.send('Page.navigate', { url: `${server.url}/chat/` });
  await committed;
  const after = await page.evaluate('firstRow');
  await setTimeout(AFTERWARDS);
  const all = [...received.values()].filter(({ bytes }) => bytes > 0);
  if (process.env.LIST) for (const { url, bytes } of all) console.log(`  ${bytes} ${new URL(url).pathname}`);
  await page.close();
  return { shown: after, requests: all.length, bytes: all.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Runs in the page: promises when the frame with the first room has been drawn. */
function stampFirstRow() {
  globalThis.firstRow = new Promise((resolve) => {
    const watch = new MutationObserver(() => {
      if (!document.querySelector('#rooms li')) return;
      watch.disconnect();
      requestAnimationFrame(() => globalThis.setTimeout(() => resolve(performance.now())));
    });
    watch.observe(document, { childList: true, subtree: true });
  });
}

/** @param {string} visit @param {{shown: number, requests: number, bytes: number}[]} runs */
function report(visit, runs) {
  const times = runs.map(({ shown }) => shown);
  const { requests, bytes } = runs.reduce((most, run) => (run.bytes > most.bytes ? run : most));
  console.log(
    `${visit}: list after ${Math.round(median(times))} ms (worst of ${runs.length}: ${Math.round(Math.max(...times))} ms), ` +
      `${requests} requests, ${bytes.toLocaleString('en')} bytes received`,
  );
}
