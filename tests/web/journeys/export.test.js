import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findings } from './support/axe.js';
import { DESKTOP, PASSWORD, PHONE, Person, journey, launchBrowser } from './support/browser.js';
import { Server } from './support/server.js';

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

const HOSTILE = '<img src=x onerror="document.title=1"> & <b>bold</b> 🛶';

for (const look of [{ viewport: PHONE, colorScheme: 'light' }, { viewport: DESKTOP, colorScheme: 'dark' }]) {
  test(`one's data is downloaded and read without a server at ${look.viewport.width} px`, async (t) => {
    const [name, friend] = [`eve${look.viewport.width}`, `fay${look.viewport.width}`];
    for (const username of [name, friend]) await server.createUser(username, PASSWORD);
    const eve = await Person.arrive(browser, server, name, look);
    const folder = await mkdtemp(join(tmpdir(), 'sotto-export-'));
    t.after(() => rm(folder, { recursive: true }));
    await eve.signIn();
    await journey(t, [eve], async () => {
      const { page } = eve;
      await eve.find(friend);
      await eve.write(HOSTILE);
      await eve.sees('bold', 'sent');
      await page.goto('/profile/edit/');
      const link = page.getByRole('link', { name: 'Download my data' });
      for (let time = 0; time < 3; time += 1) {
        const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
        assert.match(download.suggestedFilename(), new RegExp(`^sotto-export-${name}-\\d{4}-\\d\\d-\\d\\d\\.zip$`));
        await download.saveAs(join(folder, 'data.zip'));
        await page.getByText('Your browser downloads it now.').waitFor();
      }
      assert.deepEqual(await findings(page), []);
      await link.click();
      await page.getByText(/You can do it again in \d+ minutes\./).waitFor();
      assert.equal(new URL(page.url()).search, '', 'whoever reloads the page has read it');
      assert.deepEqual(await findings(page), []);

      execFileSync('python3', ['-m', 'zipfile', '-e', join(folder, 'data.zip'), folder]);
      const account = JSON.parse(await readFile(join(folder, 'account.json'), 'utf8'));
      assert.equal(account.username, name);
      await page.goto(`file://${folder}/index.html`);
      assert.deepEqual(await findings(page), []);
      await page.getByRole('link', { name: friend }).click();
      await page.getByText(HOSTILE, { exact: true }).waitFor();
      assert.equal(await page.title(), `${friend}`);
      assert.equal(await page.locator('img, script, article b:not(header b)').count(), 0);
      assert.notEqual(await page.locator('article').evaluate((one) => getComputedStyle(one).borderRadius), '0px', 'styled');
      assert.deepEqual(await findings(page), []);
      await page.getByRole('link', { name: 'All conversations' }).first().click();
      await page.getByRole('heading', { name: 'Your Sotto data' }).waitFor();
    });
  });
}
