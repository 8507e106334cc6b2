import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, PASSWORD, PHONE, Person, journey, launchBrowser } from './support/browser.js';
import { Server } from './support/server.js';
import { findings } from './support/axe.js';

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

for (const [look, first, second] of [
  [{ viewport: DESKTOP, colorScheme: 'light' }, 'ann', 'bob'],
  [{ viewport: PHONE, colorScheme: 'dark' }, 'cleo', 'dan'],
]) {
  test(`a dot comes and goes with the other at ${look.viewport.width} px`, async (t) => {
    await Promise.all([server.createUser(first, PASSWORD), server.createUser(second, PASSWORD)]);
    const ann = await Person.arrive(browser, server, first, look);
    const bob = await Person.arrive(browser, server, second);
    await journey(t, [ann, bob], async () => {
      // Both want to talk.
      const { request } = bob.context;
      await request.post('/api/login', { data: { login: second, password: PASSWORD } });
      await request.post('/api/rooms', { data: { username: first } });
      await ann.signIn();
      await ann.find(second);
      const head = ann.page.locator('#room-head');
      const dot = head.locator('.avatar.online');
      assert.equal(await dot.count(), 0);

      await bob.page.goto('/chat/');
      await bob.listed();
      await dot.waitFor({ timeout: 1000 });
      await head.getByText('online').waitFor();
      await bob.page.locator('#rooms .avatar.online').waitFor();
      assert.deepEqual(await findings(ann.page), [], 'with the other online');
      await bob.page.reload();
      await bob.listed();
      await bob.page.close();
      await ann.page.waitForTimeout(5000);
      assert.equal(await dot.count(), 1, 'whoever comes back soon was never gone');
      await head.getByText(/last seen at \d\d:\d\d/).waitFor();
      assert.equal(await dot.count(), 0);
      assert.deepEqual(await findings(ann.page), [], 'with the other gone');

      await ann.page.goto('/chat/');
      const row = ann.page.getByRole('link', { name: new RegExp(second) });
      await row.waitFor();
      assert.equal(await row.getByText('online', { exact: true }).count(), 0);
      bob.page = await bob.context.newPage();
      await bob.page.goto('/chat/');
      await row.getByText('online', { exact: true }).waitFor();
      await ann.page.waitForTimeout(200);

      await ann.context.setOffline(true);
      await ann.page.getByText(/Connecting/).waitFor();
      assert.equal(await ann.page.locator('.avatar.online').count(), 0, 'without a connection nobody knows');
    });
  });
}
