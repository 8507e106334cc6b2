// How long it takes until the list of chats shows, on DevTools' “Fast 3G” and a processor four times
// as slow, straight from the program over HTTP/1.1: `node measure/first-load.js [runs]`.
//
// Each run has a new profile. Cold is its first visit, warm its second; time goes from the navigation
// to the frame that shows the first room.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DESKTOP, launchProfile } from '../journeys/support/browser.js';
import { Server } from '../journeys/support/server.js';
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
  const profile = await mkdtemp(join(tmpdir(), 'sotto-profile-'));
  const context = await launchProfile(profile, { viewport: DESKTOP });
  try {
    await context.addCookies([me.forBrowser]);
    return { cold: await visit(context), warm: await visit(context) };
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
}

/** @param {import('playwright-core').BrowserContext} context */
async function visit(context) {
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  await devtools.send('Network.emulateNetworkConditions', FAST_3G);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: SLOW_CPU });
  const received = new Map();
  devtools.on('Network.requestWillBeSent', ({ requestId, request }) => received.set(requestId, { url: request.url, bytes: 0 }));
  devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const one = received.get(requestId);
    if (one) one.bytes = encodedDataLength;
  });
  devtools.on('Network.requestServedFromCache', ({ requestId }) => received.delete(requestId));
  await page.addInitScript(stampFirstRow);
  await page.goto(`${server.url}/chat/`, { waitUntil: 'commit' });
  const shown = await (await page.waitForFunction(() => globalThis.firstRow, null, { timeout: 60_000 })).jsonValue();
  await page.waitForTimeout(AFTERWARDS);
  const all = [...received.values()].filter(({ url, bytes }) => url.startsWith('http') && bytes > 0);
  if (process.env.LIST) for (const { url, bytes } of all) console.log(`  ${bytes} ${new URL(url).pathname}`);
  await page.close();
  return { shown, requests: all.length, bytes: all.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Runs in the page: notes when the frame with the first room has been drawn. */
function stampFirstRow() {
  const watch = new MutationObserver(() => {
    if (!document.querySelector('#rooms li')) return;
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => (globalThis.firstRow = performance.now())));
  });
  watch.observe(document, { childList: true, subtree: true });
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
