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

const LOOKS = [
  { viewport: PHONE, colorScheme: 'light' },
  { viewport: DESKTOP, colorScheme: 'dark' },
];

const section = (person) => person.page.getByRole('region', { name: 'Devices' });
const rows = (person) => section(person).getByRole('listitem');

/** Waits until the open chat says that the session is over. */
const isSignedOut = (person) => person.page.locator('#session-bar').waitFor();

for (const look of LOOKS) {
  const { width } = look.viewport;
  test(`one sees where one is signed in and ends it from afar at ${width} px`, async (t) => {
    const name = `ann${width}`;
    await server.createUser(name, PASSWORD);
    const here = await Person.arrive(browser, server, name, look);
    const [phone, work, home] = await Promise.all([1, 2, 3].map(() => Person.arrive(browser, server, name)));
    await journey(t, [here, phone, work, home], async () => {
      for (const person of [phone, work, home, here]) await person.signIn();
      await here.page.goto('/profile/#devices');
      await rows(here).nth(3).waitFor();
      const first = rows(here).first();
      assert.match(await first.innerText(), /Chrom.* on Linux[^]*This device[^]*127\.0\.0\.1[^]*In use now[^]*Signed in today at/);
      assert.equal(await section(here).getByText('This device', { exact: true }).locator('visible=true').count(), 1);
      assert.match(await rows(here).nth(1).innerText(), /Last used today at \d\d:\d\d/);
      assert.deepEqual(await findings(here.page), []);
      const overflow = await here.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${overflow} px stand out`);

      // By keyboard: the one used last but mine is where the latest other browser signed in.
      const button = rows(here).nth(1).getByRole('button', { name: /Sign out/ });
      await button.focus();
      await here.page.keyboard.press('Enter');
      await section(here).getByText('is signed out.').waitFor();
      assert.equal(await rows(here).count(), 3);
      assert.equal(await here.page.evaluate(() => document.activeElement?.id), 'devices-heading');
      await isSignedOut(home);

      await section(here).getByRole('button', { name: 'Sign out all others' }).click();
      const dialog = here.page.getByRole('dialog');
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      assert.equal(await rows(here).count(), 3);
      await section(here).getByRole('button', { name: 'Sign out all others' }).click();
      await dialog.getByRole('button', { name: 'Sign out all others' }).click();
      await section(here).getByText('All others are signed out.').waitFor();
      assert.equal(await rows(here).count(), 1);
      assert.equal(await section(here).getByRole('button', { name: 'Sign out all others' }).count(), 0);
      await Promise.all([isSignedOut(phone), isSignedOut(work)]);
      assert.deepEqual(await findings(here.page), []);

      await rows(here).first().getByRole('button', { name: /this device/ }).click();
      await here.page.waitForURL((url) => url.pathname === '/');
      await here.page.goto('/profile/');
      assert.equal(new URL(here.page.url()).pathname, '/login/');
    });
  });
}

test('a new browser is told of by mail, which leads to the devices', async (t) => {
  await server.createUser('bea', PASSWORD);
  const [known, fresh] = await Promise.all([1, 2].map(() => Person.arrive(browser, server, 'bea')));
  await journey(t, [known, fresh], async () => {
    await known.signIn();
    await fresh.signIn();
    const mails = await (await fetch(`${server.url}/dev/mailbox.json`)).json();
    const told = mails.filter((mail) => mail.to === 'bea@example.com');
    assert.deepEqual(told.map((mail) => mail.subject), ['New sign-in to your Sotto account']);
    const [link] = told[0].text.match(/http\S+#devices/);
    await known.page.goto(link);
    await rows(known).nth(1).getByRole('button').click();
    await isSignedOut(fresh);
  });
});
