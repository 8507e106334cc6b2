// Files that go with messages: brought, sent, shown, got back.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
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

