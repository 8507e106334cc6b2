// How a room with a long history opens and scrolls: `node measure/long-history.js [messages]`.
//
// Two people wrote so much; one of them has read half of it. Their page opens at the unread line; then
// it is scrolled by the wheel through thousands of messages, up and down, and taken to the newest. What
// is told is every task that kept the page from answering for more than 50 ms, how many messages stood
// in the page at most, and whether what was being looked at ever moved against the wheel.
import { setTimeout } from 'node:timers/promises';
import { DESKTOP } from '../journeys/support/browser.js';
import { Server } from '../journeys/support/server.js';
import { Chromium } from './devtools.js';
import { Correspondent, sentence } from './support.js';

const MESSAGES = Number(process.argv[2] ?? 50_000);
/** How many are scrolled through in each direction. */
const DISTANCE = Math.min(3_000, Math.floor(MESSAGES / 4));
/** Of the wheel, at once; and how many times a second. */
const NOTCH = 240;
const RATE = 60;
/** Without a new message for so long, scrolling has got stuck. */
const PATIENCE = 10_000;

const server = await Server.start({}, { SOTTO_RATE_LIMITS: 'off' });
const chromium = await Chromium.start(DESKTOP);
try {
  const [me, other] = [await Correspondent.arrive(server, 'me'), await Correspondent.arrive(server, 'other')];
  const room = await me.room('other');
  const began = performance.now();
  await write([other, me], room);
  console.log(`${MESSAGES.toLocaleString('en')} messages written in ${Math.round((performance.now() - began) / 1000)} s`);
  const read = MESSAGES / 2;
  await me.ask('PUT', `/api/rooms/${room}/read`, { seq: read });
  const page = await open(me, room);
  await opensAtTheUnreadLine(page, read);
  for (const [what, direction] of [['up', -1], ['down', 1], ['up again', -1]]) await scroll(page, what, direction);
  await jump(page);
  await scroll(page, 'up from the newest', -1);
  await report(page);
} finally {
  await chromium.stop();
  await server.stop();
}

/** Both write in turn, on sockets of their own, many at once. @param {Correspondent[]} people @param {string} room */
async function write(people, room) {
  const share = MESSAGES / people.length;
  await Promise.all(people.map(async (person, who) => {
    const page = await chromium.newPage(await chromium.newPerson(person.forBrowser));
    await page.send('Page.enable');
    const there = new Promise((resolve) => page.on('Page.loadEventFired', resolve));
    await page.send('Page.navigate', { url: `${server.url}/health/` });
    await there;
    await page.evaluate(`globalThis.sentence = ${sentence}`);
    await page.evaluate(`(${sendAll})(${JSON.stringify({ room, share, who })})`);
    await page.close();
  }));
}

/** Runs in a page: sends so many messages, 200 at once. */
function sendAll({ room, share, who }) {
  const rich = [
    (n) => globalThis.sentence(n),
    (n) => `Look at https://example.com/${n}, it is **just** what we need`,
    () => '👍',
    (n) => `${globalThis.sentence(n)}.\n${globalThis.sentence(n + 1)}.\n\nAnd \`code ${n}\` to go with it. `.repeat(1 + (n % 3)),
  ];
  const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws/chat/`);
  let [sent, there] = [0, 0];
  return new Promise((resolve, reject) => {
    const more = () => {
      for (; sent < share && sent - there < 200; sent += 1) {
        const body = rich[(sent * 7 + who) % rich.length](sent);
        socket.send(JSON.stringify({ type: 'send', room, client_id: crypto.randomUUID(), body: body.trim() }));
      }
    };
    let me = '';
    socket.onclose = () => reject(new Error('the socket closed'));
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === 'ready') me = frame.user;
      if (frame.type === 'error') reject(new Error(data));
      if (frame.type === 'message' && frame.sender === me) there += 1;
      if (there === share) resolve(undefined);
      more();
    };
  });
}

/** @param {Correspondent} me @param {string} room */
async function open(me, room) {
  const page = await chromium.newPage(await chromium.newPerson(me.forBrowser));
  await page.send('Page.enable');
  await page.send('Page.addScriptToEvaluateOnNewDocument', { source: `(${watch})()` });
  const there = new Promise((resolve) => page.on('Page.loadEventFired', resolve));
  await page.send('Page.navigate', { url: `${server.url}/chat/room/${room}/` });
  await there;
  await page.evaluate(`new Promise((resolve) => { const look = () => document.querySelector('.msg') ? resolve() : setTimeout(look, 20); look(); })`);
  await setTimeout(3000); // what comes in advance does so meanwhile
  return page;
}

/** Runs in the page: keeps what is told at the end. */
function watch() {
  const seen = (globalThis.seen = { phase: 'opening', long: [], nodes: 0, frames: 0, direction: 0, jumps: [] });
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.long.push({ phase: seen.phase, took: Math.round(duration) });
  }).observe({ type: 'longtask', buffered: true });
  let node = null;
  let before = 0;
  const look = () => {
    requestAnimationFrame(look);
    const log = document.querySelector('#log');
    if (!log || !seen.direction) return void (node = null);
    seen.frames += 1;
    seen.nodes = Math.max(seen.nodes, document.getElementsByClassName('msg').length);
    const now = node?.isConnected ? node.getBoundingClientRect().top : null;
    if (node && now === null) seen.jumps.push(`${seen.phase}: what was looked at is gone`);
    const moved = now === null ? 0 : now - before;
    if (moved * seen.direction > 2) seen.jumps.push(`${seen.phase}: ${Math.round(moved)} px`);
    const box = log.getBoundingClientRect();
    const below = document.elementsFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    node = below.map((element) => element.closest('.msg')).find(Boolean) ?? node;
    before = node?.isConnected ? node.getBoundingClientRect().top : 0;
  };
  look();
}

/** @param {import('./devtools.js').Page} page @param {number} read */
async function opensAtTheUnreadLine(page, read) {
  const { top, bottom, line, above, below } = await page.evaluate(`(() => {
    const log = document.querySelector('#log').getBoundingClientRect();
    const divider = document.querySelector('.divider');
    const seq = (node, next) => { while (node && !node.dataset.seq) node = node[next]; return Number(node?.dataset.seq); };
    return { top: log.top, bottom: log.bottom, line: divider?.getBoundingClientRect().top ?? null,
      above: seq(divider, 'previousElementSibling'), below: seq(divider, 'nextElementSibling') };
  })()`);
  const seen = line !== null && line >= top && line < bottom;
  console.log(`opens at the unread line: ${seen ? `yes, ${Math.round(line - top)} px below the top, between messages ${above} and ${below}` : 'NO'}`);
  if (!seen || above < read || below > read + 3) process.exitCode = 1;
}

/** Turns the wheel until so many messages have gone by. @param {import('./devtools.js').Page} page @param {string} what @param {number} direction */
async function scroll(page, what, direction) {
  await page.evaluate(`seen.phase = ${JSON.stringify(what)}, seen.direction = ${direction}, 0`);
  const seq = () => page.evaluate(`Number(document.elementsFromPoint(${DESKTOP.width * 0.6}, ${DESKTOP.height / 2}).map((one) => one.closest('.msg')?.dataset.seq).find(Boolean) ?? 0)`);
  const from = await seq();
  const began = performance.now();
  let [furthest, movedAt, now] = [0, began, from];
  while (furthest < DISTANCE) {
    for (let i = 0; i < 10; i += 1) {
      void page.send('Input.dispatchMouseEvent', { type: 'mouseWheel', x: DESKTOP.width * 0.6, y: DESKTOP.height / 2, deltaX: 0, deltaY: direction * NOTCH });
      await setTimeout(1000 / RATE);
    }
    now = (await seq()) || now;
    if (Math.abs(now - from) > furthest) [furthest, movedAt] = [Math.abs(now - from), performance.now()];
    if (performance.now() - movedAt > PATIENCE) throw new Error(`${what}: stuck at message ${now}`);
  }
  await setTimeout(500);
  await page.evaluate('seen.direction = 0');
  console.log(`${what}: messages ${from} to ${now} in ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

/** @param {import('./devtools.js').Page} page */
async function jump(page) {
  const began = performance.now();
  await page.evaluate(`seen.phase = 'to the newest', new Promise((resolve, reject) => {
    const button = document.querySelector('#jump');
    if (button.hidden) reject(new Error('there is no way to the newest'));
    button.click();
    const look = () => [...document.querySelectorAll('.msg')].at(-1)?.dataset.seq === '${MESSAGES}' ? resolve() : setTimeout(look, 10);
    look();
  })`);
  console.log(`to the newest: ${Math.round(performance.now() - began)} ms`);
  await setTimeout(1000);
}

/** @param {import('./devtools.js').Page} page */
async function report(page) {
  const { long, nodes, frames, jumps } = await page.evaluate('seen');
  console.log(`tasks longer than 50 ms: ${long.length}`);
  for (const phase of new Set(long.map((one) => one.phase))) {
    const those = long.filter((one) => one.phase === phase).map(({ took }) => took);
    console.log(`  ${phase}: ${those.length}, the longest ${Math.max(...those)} ms`);
  }
  console.log(`messages in the page: ${nodes} at most`);
  console.log(`against the wheel: ${jumps.length} in ${frames} frames`);
  for (const one of jumps.slice(0, 20)) console.log(`  ${one}`);
  const stopped = long.some(({ phase }) => phase !== 'opening');
  if (stopped || jumps.length > 0 || nodes > 300) process.exitCode = 1;
}
