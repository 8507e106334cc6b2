// Files that go with messages: brought, sent, shown, got back.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findings } from './support/axe.js';
import { DESKTOP, PASSWORD, PHONE, Person, journey, launchBrowser } from './support/browser.js';
import { Server } from './support/server.js';

const LOOKS = [
  { viewport: DESKTOP, colorScheme: 'light' },
  { viewport: PHONE, colorScheme: 'dark', hasTouch: true },
  { viewport: DESKTOP, colorScheme: 'dark' },
  { viewport: PHONE, colorScheme: 'light', hasTouch: true },
];
const NOTES = { name: 'notes on the cabin.txt', mimeType: 'text/plain', buffer: Buffer.from('canoe, firewood, tea\n'.repeat(200)) };

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Server} */
let server;
let pairs = 0;

before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), Server.start()]);
});
after(async () => {
  await browser.close();
  await server.stop();
});

/** Ann and Bob, both looking at their room. */
async function annAndBob(look = LOOKS[0]) {
  pairs += 1;
  const names = [`ann${pairs}`, `bob${pairs}`];
  for (const name of names) await server.createUser(name, PASSWORD);
  const ann = await Person.arrive(browser, server, names[0], look);
  const bob = await Person.arrive(browser, server, names[1], look);
  await Promise.all([ann.signIn(), bob.signIn()]);
  const room = await (await ann.page.request.post('/api/rooms', { data: { username: bob.name } })).json();
  for (const person of [ann, bob]) {
    const data = { client_id: crypto.randomUUID(), body: `hello from ${person.name.replace(/\d+/, '')}` };
    assert.ok((await person.page.request.post(`/api/rooms/${room.id}/messages`, { data })).ok());
  }
  for (const person of [ann, bob]) {
    await person.page.goto(`/chat/room/${room.id}/`);
    await person.sees('hello from bob');
  }
  return { ann, bob, room: room.id };
}

/** A picture as a camera's would be, drawn in the browser. */
async function picture(person, name, width, height) {
  const base64 = await person.page.evaluate(async ([w, h]) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: w, height: h });
    const context = canvas.getContext('2d');
    const sky = context.createLinearGradient(0, 0, 0, h);
    for (const [at, colour] of [[0, '#f6c177'], [0.55, '#e98e7a'], [0.56, '#2e6f7e'], [1, '#123340']]) sky.addColorStop(at, colour);
    context.fillStyle = sky;
    context.fillRect(0, 0, w, h);
    return canvas.toDataURL('image/png').split(',')[1];
  }, [width, height]);
  return { name, mimeType: 'image/png', buffer: Buffer.from(base64, 'base64') };
}

/** Chooses files as the button lets one do. */
async function attach(person, files) {
  const choosing = person.page.waitForEvent('filechooser');
  await person.page.getByRole('button', { name: 'Attach files' }).click();
  await (await choosing).setFiles(files);
}

const chips = (person) => person.page.getByRole('list', { name: 'Files to send' }).getByRole('listitem');
const there = (person, count) => person.page.locator('.upload[data-state="there"]').nth(count - 1).waitFor();
const send = (person) => person.page.getByRole('button', { name: 'Send', exact: true }).click();
/** Waits until the picture is drawn. */
const drawn = (image) => image.evaluate((node) => node.decode().then(() => node.naturalWidth));

/** Lets files be dragged over the conversation and dropped, or pasted. */
async function hand(person, how, files) {
  const data = await person.page.evaluateHandle((all) => {
    const transfer = new DataTransfer();
    for (const { name, type, base64 } of all) {
      transfer.items.add(new File([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))], name, { type }));
    }
    return transfer;
  }, files.map(({ name, mimeType, buffer }) => ({ name, type: mimeType, base64: buffer.toString('base64') })));
  await person.page.evaluate(([transfer, type]) => {
    const event = type === 'paste'
      ? new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true })
      : new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true });
    document.querySelector(type === 'paste' ? '#text' : '#log').dispatchEvent(event);
  }, [data, how]);
}

for (const look of LOOKS) {
  const name = `${look.viewport.width} px, ${look.colorScheme}`;

  test(`a picture and a file are sent, shown and downloaded at ${name}`, async (t) => {
    const { ann, bob } = await annAndBob(look);
    await journey(t, [ann, bob], async () => {
      await attach(ann, [await picture(ann, 'lake.png', 1200, 800), NOTES]);
      await there(ann, 2);
      assert.equal(await chips(ann).count(), 2);
      await chips(ann).filter({ hasText: NOTES.name }).getByText('4.1 KiB').waitFor();
      assert.deepEqual(await findings(ann.page), [], 'with files to send');
      await ann.composer.fill('the lake, and what to bring');
      await send(ann);
      await ann.sees('the lake', 'sent');
      assert.equal(await chips(ann).count(), 0);
      assert.equal(await ann.composer.inputValue(), '');

      for (const person of [ann, bob]) {
        const message = person.bubble('the lake');
        const image = message.getByRole('img', { name: 'Photo lake.png' });
        assert.equal(await drawn(image), 720, 'it is the preview that is shown');
        const box = await image.boundingBox();
        assert.ok(Math.abs(box.width / box.height - 1.5) < 0.02, 'in its own proportions');
        assert.deepEqual(await findings(person.page), [], 'with files');
        const wide = await person.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
        assert.equal(wide, false, 'nothing is wider than the screen');
      }
      const file = bob.bubble('the lake').getByRole('link', { name: NOTES.name });
      await file.getByText('4.1 KiB').waitFor();
      const downloading = bob.page.waitForEvent('download');
      await file.click();
      const download = await downloading;
      assert.equal(download.suggestedFilename(), NOTES.name);
      assert.deepEqual(await readFile(await download.path()), NOTES.buffer);
      const opening = bob.context.waitForEvent('page');
      await bob.bubble('the lake').getByRole('link', { name: 'Photo lake.png' }).click();
      const original = await opening;
      await original.waitForLoadState();
      assert.equal(await original.evaluate(() => document.images[0].naturalWidth), 1200, 'the original opens');
      await original.close();
    });
  });
}


test('files are dropped and pasted; what is too large is told before it is sent anywhere', async (t) => {
  const { ann, bob } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    await hand(ann, 'dragover', [NOTES]);
    await ann.page.getByText('Drop files here to attach them').waitFor();
    await hand(ann, 'drop', [NOTES]);
    await there(ann, 1);
    await ann.page.getByText('Drop files here to attach them').waitFor({ state: 'hidden' });
    await hand(ann, 'paste', [await picture(ann, 'image.png', 60, 60)]);
    await there(ann, 2);
    /** @type {string[]} */
    const asked = [];
    ann.page.on('request', (request) => asked.push(request.url()));
    const folder = await mkdtemp(join(tmpdir(), 'sotto-'));
    await writeFile(join(folder, 'film.mp4'), Buffer.alloc(20 * 1024 * 1024 + 1));
    await writeFile(join(folder, 'nothing.txt'), '');
    await attach(ann, ['film.mp4', 'nothing.txt'].map((file) => join(folder, file)));
    await rm(folder, { recursive: true });
    await ann.page.getByRole('alert').getByText('“film.mp4” is larger than 20 MiB. “nothing.txt” is empty.').waitFor();
    await attach(ann, Array.from({ length: 9 }, (_, n) => ({ ...NOTES, name: `notes ${n}.txt` })));
    await ann.page.getByRole('alert').getByText('A message takes up to 10 files; 1 were left out.').waitFor();
    await there(ann, 10);
    assert.equal(asked.filter((url) => /film|nothing/.test(url)).length, 0);
    assert.deepEqual(await findings(ann.page), [], 'with ten files');
    await send(ann);
    await bob.page.locator('.file').nth(8).waitFor();
    assert.equal(await bob.page.locator('.msg .files a').count(), 10);
  });
});

test('a message waits for its files; a failed one says why, is tried again or removed', async (t) => {
  const { ann, bob } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    const detail = 'Your files take up all the space there is for you.';
    const problem = { status: 409, contentType: 'application/problem+json', body: JSON.stringify({ code: 'quota_exceeded', detail }) };
    await ann.page.route('**/attachments?name=*', (route) => route.fulfill(problem));
    await attach(ann, [NOTES, { ...NOTES, name: 'more.txt' }]);
    await chips(ann).first().getByText(detail).waitFor();
    assert.deepEqual(await findings(ann.page), [], 'with what failed');
    await ann.composer.fill('here they are');
    await send(ann);
    await ann.page.getByRole('alert').getByText('Some files are not uploaded. Retry or remove them, then send.').waitFor();
    assert.equal(await ann.composer.inputValue(), 'here they are', 'nothing was sent');
    await ann.page.getByRole('button', { name: 'Remove more.txt' }).click();

    /** @type {() => void} */
    let go = () => undefined;
    const held = new Promise((resolve) => (go = () => resolve(undefined)));
    await ann.page.unroute('**/attachments?name=*');
    await ann.page.route('**/attachments?name=*', (route) => held.then(() => route.continue()));
    await ann.page.getByRole('button', { name: `Retry ${NOTES.name}` }).click();
    await ann.page.getByRole('progressbar', { name: `Upload of ${NOTES.name}` }).waitFor();
    await ann.page.getByRole('button', { name: `Cancel ${NOTES.name}` }).waitFor();
    await send(ann);
    await ann.page.getByText('Goes as soon as its files are uploaded.').waitFor();
    assert.deepEqual(await findings(ann.page), [], 'while the message waits');
    assert.equal(await bob.bubble('here they are').count(), 0);
    go();
    await bob.bubble('here they are').getByRole('link', { name: NOTES.name }).waitFor();
    assert.equal(await bob.page.locator('.msg .files a').count(), 1);
    assert.equal(await ann.composer.inputValue(), '');
  });
});

test('sent offline, a photo goes once there is a connection, also after a reload', async (t) => {
  const { ann, bob, room } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    await attach(ann, [await picture(ann, 'lake.png', 400, 300)]);
    await there(ann, 1);
    await ann.context.setOffline(true);
    await send(ann);
    const photo = (person) => person.log.getByRole('img', { name: 'Photo lake.png' });
    await photo(ann).waitFor();
    assert.equal(await photo(bob).count(), 0);
    await ann.page.goto('about:blank').catch(() => undefined);
    await ann.context.setOffline(false);
    await ann.page.goto(`/chat/room/${room}/`);
    await photo(bob).waitFor();
    assert.equal(await drawn(photo(bob)), 400);
    assert.equal(await drawn(photo(ann)), 400);
    assert.equal(await photo(ann).count(), 1);
  });
});

test('in the list and in an answer a photo is named, and of a deleted message nothing is left', async (t) => {
  const { ann, bob } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    await attach(ann, [await picture(ann, 'lake.png', 400, 300)]);
    await there(ann, 1);
    await send(ann);
    const row = bob.page.locator('#rooms .row-preview');
    await row.getByText('Photo').waitFor();
    const photo = bob.log.getByRole('img', { name: 'Photo lake.png' });
    await photo.waitFor();
    const url = await bob.log.getByRole('link', { name: 'Photo lake.png' }).getAttribute('href');
    const message = bob.log.locator('.msg').filter({ has: bob.page.locator('.files') });
    await message.locator('.bubble').hover();
    await message.getByRole('button', { name: 'Actions' }).click();
    await bob.page.getByRole('menuitem', { name: 'Copy text' }).waitFor({ state: 'detached' });
    await bob.page.getByRole('menuitem', { name: 'Reply' }).click();
    await bob.page.locator('.task').getByText('Photo').waitFor();
    await bob.write('how calm');
    await ann.bubble('how calm').locator('.quote').getByText('Photo').waitFor();

    const mine = ann.log.locator('.msg').filter({ has: ann.page.locator('.files') });
    await mine.locator('.bubble').hover();
    await mine.getByRole('button', { name: 'Actions' }).click();
    await ann.page.getByRole('menuitem', { name: 'Delete' }).click();
    await ann.page.locator('.files').waitFor({ state: 'detached' });
    await ann.page.getByRole('button', { name: 'Undo' }).click();
    await ann.log.getByRole('img', { name: 'Photo lake.png' }).waitFor();
    await mine.locator('.bubble').hover();
    await mine.getByRole('button', { name: 'Actions' }).click();
    await ann.page.getByRole('menuitem', { name: 'Delete' }).click();
    await bob.page.locator('.files').waitFor({ state: 'detached', timeout: 10_000 });
    assert.equal((await bob.page.request.get(url)).status(), 404);
  });
});

test('everything is done by keyboard alone', async (t) => {
  const { ann, bob } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    const { keyboard } = ann.page;
    const focused = () => ann.page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
    const choosing = ann.page.waitForEvent('filechooser');
    await ann.composer.focus();
    await keyboard.press('Tab');
    assert.equal(await focused(), 'Emoji');
    await keyboard.press('Tab');
    assert.equal(await focused(), 'Attach files');
    await keyboard.press('Enter');
    await (await choosing).setFiles([NOTES, { ...NOTES, name: 'spare.txt' }]);
    await there(ann, 2);
    assert.match(await focused(), /^Message to/);
    await keyboard.press('Shift+Tab');
    assert.equal(await focused(), 'Remove spare.txt');
    await keyboard.press('Enter');
    await chips(ann).nth(1).waitFor({ state: 'detached' });
    assert.match(await focused(), /^Message to/);
    await keyboard.press('Enter');
    const file = bob.log.getByRole('link', { name: NOTES.name });
    await file.waitFor();
    await file.focus();
    const downloading = bob.page.waitForEvent('download');
    await bob.page.keyboard.press('Enter');
    assert.equal((await downloading).suggestedFilename(), NOTES.name);
  });
});

test('pictures have their place before they are there, and nothing moves when they come', async (t) => {
  const { ann, bob } = await annAndBob();
  await journey(t, [ann, bob], async () => {
    await attach(ann, [await picture(ann, 'lake.png', 900, 600)]);
    await there(ann, 1);
    await send(ann);
    await bob.log.getByRole('img', { name: 'Photo lake.png' }).waitFor();
    /** @type {() => void} */
    let go = () => undefined;
    const held = new Promise((resolve) => (go = () => resolve(undefined)));
    await bob.page.route('**/preview', (route) => held.then(() => route.continue()));
    await bob.page.reload();
    const image = bob.log.getByRole('img', { name: 'Photo lake.png' });
    await image.waitFor();
    const before = await image.boundingBox();
    assert.ok(before && before.height > 200, 'the place is kept');
    go();
    await drawn(image);
    assert.deepEqual(await image.boundingBox(), before);
  });
});
