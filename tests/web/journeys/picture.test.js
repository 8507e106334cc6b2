import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findings } from './support/axe.js';
import { DESKTOP, PASSWORD, PHONE, Person, journey, launchBrowser } from './support/browser.js';
import { Server } from './support/server.js';

/** An image, red on the left and blue on the right. @param {Person} person */
async function twoColours({ page }) {
  const url = await page.evaluate(() => {
    const canvas = new OffscreenCanvas(200, 100);
    const context = canvas.getContext('2d');
    if (!context) throw new Error('nothing to draw on');
    for (const [colour, left] of /** @type {const} */ ([['#d00', 0], ['#00d', 100]])) {
      context.fillStyle = colour;
      context.fillRect(left, 0, 100, 100);
    }
    return canvas.convertToBlob().then((blob) => blob.arrayBuffer()).then((bytes) => [...new Uint8Array(bytes)]);
  });
  return Buffer.from(url);
}

/** The colour in the middle of the picture that is shown. @param {Person} person */
function colourShown({ page }) {
  return page.evaluate(async () => {
    const picture = document.querySelector('.avatar img');
    if (!(picture instanceof HTMLImageElement)) throw new Error('no picture');
    await picture.decode();
    const context = new OffscreenCanvas(1, 1).getContext('2d');
    context?.drawImage(picture, 0, 0, 1, 1);
    const [red = 0, , blue = 0] = context?.getImageData(0, 0, 1, 1).data ?? [];
    return red > blue ? 'red' : 'blue';
  });
}

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Server} */
let server;

before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), Server.start()]);
});
after(async () => {
  await browser.close();
  await server.stop();
});

for (const look of [{ viewport: PHONE, colorScheme: 'light' }, { viewport: DESKTOP, colorScheme: 'dark' }]) {
  test(`a picture is chosen, moved, saved and removed at ${look.viewport.width} px`, async (t) => {
    const name = `pia${look.viewport.width}`;
    await server.createUser(name, PASSWORD);
    const pia = await Person.arrive(browser, server, name, look);
    await pia.signIn();
    await journey(t, [pia], async () => {
      const { page } = pia;
      await page.goto('/profile/edit/');
      await page.getByRole('button', { name: 'Choose an image' }).waitFor();
      await page.setInputFiles('#picture-file', { name: 'a.txt', mimeType: 'image/png', buffer: Buffer.from('no') });
      await page.getByText('This file can’t be shown as a picture.').waitFor();
      await page.setInputFiles('#picture-file', { name: 'a.png', mimeType: 'image/png', buffer: await twoColours(pia) });
      await page.getByLabel('Zoom').fill('2');
      for (let n = 0; n < 40; n += 1) await page.locator('#picture canvas').press('ArrowRight');
      assert.deepEqual(await findings(page), [], 'the editor');
      await page.getByRole('button', { name: 'Save picture' }).click();
      await page.locator('#picture .avatar img').waitFor();
      assert.deepEqual(await findings(page), [], 'saved');
      assert.equal(await colourShown(pia), 'blue', 'what was moved into sight');
      await page.setInputFiles('#picture-file', { name: 'a.png', mimeType: 'image/png', buffer: await twoColours(pia) });
      await page.locator('#picture canvas').scrollIntoViewIfNeeded();
      const box = await page.locator('#picture canvas').boundingBox();
      assert.ok(box);
      await page.mouse.move(box.x + 20, box.y + box.height / 2);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width - 20, box.y + box.height / 2, { steps: 5 });
      await page.mouse.up();
      await page.getByRole('button', { name: 'Save picture' }).click();
      await page.getByText('Saved', { exact: true }).waitFor();
      assert.equal(await colourShown(pia), 'red', 'what was dragged into sight');
      await page.goto('/profile/');
      const shown = page.locator('#avatar img');
      await shown.waitFor();
      await page.waitForFunction(() => document.querySelector('#avatar img')?.naturalWidth > 0);
      await page.goto('/profile/edit/');
      await page.getByRole('button', { name: 'Remove picture' }).click();
      await page.getByText('Your picture is removed.').waitFor();
      assert.equal(await page.locator('#picture .avatar img').count(), 0);
    });
  });
}
