// Requests of strangers, and keeping people away, as two people in two browsers see them.
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

/** Two people with a browser each, signed in. @param {object} look @param {string[]} names */
async function arrive(look, names) {
  const people = await Promise.all(names.map(async (name) => {
    await server.createUser(name, PASSWORD);
    return Person.arrive(browser, server, name, look);
  }));
  for (const person of people) {
    await person.signIn();
    await person.listed();
  }
  return people;
}

/** Clean by day and by night, and nothing stands out. @param {Person} person @param {string} where */
async function isClean({ page }, where) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await findings(page), [], `${where}, ${colorScheme}`);
  }
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${where}: ${overflow} px stand out`);
}

/** @param {Person} person @param {string} name */
const row = ({ page }, name) => page.locator('#rooms').getByRole('link', { name: new RegExp(name) });
const request = ({ page }) => page.getByRole('region', { name: 'Request' });
const blocked = ({ page }) => page.getByRole('region', { name: 'Blocked', exact: true });
const button = (place, name) => place.getByRole('button', { name, exact: true });

/** Opens the menu of the open room by keyboard and takes what is in it. @param {Person} person @param {string} item @param {number} [place] */
async function takeFromMenu({ page }, item, place = 2) {
  await page.getByLabel('More').focus();
  await page.keyboard.press('Enter');
  for (let tab = 0; tab < place; tab += 1) await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), item);
  await page.keyboard.press('Enter');
}

/** Another tab of the same browser, at the same place. @param {Person} person */
async function secondTab(person) {
  const tab = Object.assign(new Person(), person, { page: await person.context.newPage() });
  await tab.page.goto(person.page.url());
  await tab.listed();
  return tab;
}

for (const look of LOOKS) {
  const { width } = look.viewport;

  test(`a stranger’s first message is a request, accepted by a button at ${width} px`, async (t) => {
    const [ann, bob] = await arrive(look, [`ann${width}`, `bob${width}`]);
    await journey(t, [ann, bob], async () => {
      await ann.find(bob.name);
      await ann.write('Hello, do you remember me?');
      await row(bob, 'Request').waitFor();
      await isClean(bob, 'a list with a request');
      await row(bob, ann.name).click();
      await request(bob).getByText(`${ann.name} wants to write to you.`).waitFor();
      await bob.sees('do you remember me?');
      await isClean(bob, 'a request');
      for (const name of ['Block', 'Decline', 'Accept']) {
        const { height } = await button(request(bob), name).boundingBox();
        assert.ok(height >= 44, `${name} is ${height} px high`);
      }
      const tab = await secondTab(bob);
      await request(tab).waitFor();
      await ann.page.waitForTimeout(500);
      assert.equal(await ann.page.getByText('online', { exact: true }).count(), 0, 'nothing shows of whom it asks');
      assert.equal(await ann.page.locator('.tick[data-state="read"]').count(), 0);

      await bob.page.bringToFront();
      await bob.page.route('**/accept', (route) => route.abort());
      await button(request(bob), 'Accept').click();
      const problem = bob.page.getByRole('alert').filter({ hasText: 'can’t be reached' });
      await problem.waitFor();
      await isClean(bob, 'an acceptance that failed');
      await bob.page.unroute('**/accept');
      await button(request(bob), 'Accept').focus();
      await bob.page.keyboard.press('Enter');
      await request(bob).waitFor({ state: 'hidden' });
      await request(tab).waitFor({ state: 'hidden' });
      assert.equal(await problem.count(), 0);
      assert.equal(await bob.page.evaluate(() => document.activeElement?.id), 'text', 'one goes on by writing');
      await ann.sees('do you remember me?', 'read');
      await ann.page.locator('#room-head').getByText('online').waitFor();
      await bob.write('Of course!');
      await ann.sees('Of course!');
      assert.equal(await row(tab, 'Request').count(), 0);
    });
  });

  test(`what is declined leaves the list, and comes back when it is asked for at ${width} px`, async (t) => {
    const [cleo, dan] = await arrive(look, [`cleo${width}`, `dan${width}`]);
    await journey(t, [cleo, dan], async () => {
      await cleo.find(dan.name);
      await cleo.write('Buy now');
      await row(dan, cleo.name).waitFor();
      const tab = await secondTab(dan);
      await row(tab, cleo.name).waitFor();
      await dan.page.bringToFront();
      await row(dan, cleo.name).click();
      await button(request(dan), 'Decline').focus();
      await dan.page.keyboard.press('Enter');
      await dan.page.waitForURL('**/chat/');
      await row(dan, cleo.name).waitFor({ state: 'detached' });
      await row(tab, cleo.name).waitFor({ state: 'detached' });
      assert.equal(await dan.page.evaluate(() => document.activeElement?.textContent), 'Find someone');
      await isClean(dan, 'after declining');
      await cleo.write('Really, buy now');
      await cleo.sees('Really, buy now', 'sent');
      await dan.page.waitForTimeout(500);
      assert.equal(await row(dan, cleo.name).count(), 0);

      await dan.find(cleo.name);
      await request(dan).waitFor();
      await dan.sees('Really, buy now');
      await dan.write('What do you sell?');
      await request(dan).waitFor({ state: 'hidden' });
      await cleo.sees('What do you sell?');
    });
  });

  test(`a stranger is blocked from the request and learns nothing at ${width} px`, async (t) => {
    const [eve, fay] = await arrive(look, [`eve${width}`, `fay${width}`]);
    await journey(t, [eve, fay], async () => {
      await eve.find(fay.name);
      await eve.write('Hey');
      await row(fay, eve.name).click();
      const dialog = fay.page.getByRole('dialog', { name: `Block ${eve.name}?` });
      await button(request(fay), 'Block').click();
      await isClean(fay, 'the question');
      await button(dialog, 'Cancel').click();
      await request(fay).waitFor();
      await button(request(fay), 'Block').click();
      await button(dialog, 'Block').click();
      await blocked(fay).getByText(`You blocked ${eve.name}. Unblock to write.`).waitFor();
      assert.equal(await request(fay).count(), 0);
      assert.equal(await fay.composer.count(), 0);
      assert.equal(await fay.page.evaluate(() => document.activeElement?.textContent), 'Unblock');
      await isClean(fay, 'a blocked stranger');

      await eve.write('Are you there?');
      const failure = eve.bubble('Are you there?').locator('.failure');
      await failure.getByText('Not delivered.').waitFor();
      assert.doesNotMatch(await eve.page.locator('#conversation').innerText(), /block/i);
      await isClean(eve, 'a message that is not delivered');

      await fay.page.reload();
      await blocked(fay).waitFor();
      assert.equal(await fay.composer.count(), 0);
      await button(blocked(fay), 'Unblock').click();
      await request(fay).waitFor();
      await failure.getByRole('button', { name: 'Retry' }).click();
      await fay.sees('Are you there?');
      await eve.sees('Are you there?', 'sent');
    });
  });

  test(`a conversation is cleared for oneself, on every device, at ${width} px`, async (t) => {
    const [ida, jon] = await arrive(look, [`ida${width}`, `jon${width}`]);
    // Not a tab beside his first: one of the two would be in the background, where nothing is drawn.
    const elsewhere = await Person.arrive(browser, server, jon.name, look);
    await journey(t, [ida, jon, elsewhere], async () => {
      await elsewhere.signIn();
      await ida.find(jon.name);
      await ida.write('Where did I put the keys?');
      await row(elsewhere, ida.name).waitFor();
      await row(jon, ida.name).click();
      await jon.write('Under the mat');
      await ida.sees('Under the mat');
      await takeFromMenu(jon, 'Clear conversation', 3);
      const dialog = jon.page.getByRole('dialog');
      await isClean(jon, 'the question');
      await button(dialog, 'Cancel').click();
      await jon.sees('Under the mat');
      await takeFromMenu(jon, 'Clear conversation', 3);
      await button(dialog, 'Clear').press('Enter');
      await jon.page.waitForURL('**/chat/');
      for (const one of [jon, elsewhere]) await row(one, ida.name).waitFor({ state: 'detached' });
      await ida.sees('Under the mat');

      await ida.write('They are not there');
      await row(jon, ida.name).click();
      await jon.sees('They are not there');
      assert.equal(await jon.bubble('Under the mat').count(), 0);
      await jon.page.reload();
      await jon.sees('They are not there');
      assert.equal(await jon.bubble('Under the mat').count(), 0);
    });
  });

  test(`somebody one talks with is blocked and unblocked from the head and the profile at ${width} px`, async (t) => {
    const [gil, hal] = await arrive(look, [`gil${width}`, `hal${width}`]);
    const names = { first_name: 'Maximiliana-Theodora', last_name: 'von und zu Hohenstein-Langenburg' };
    const long = Object.values(names).join(' ');
    await journey(t, [gil, hal], async () => {
      await hal.page.request.patch('/api/me', { data: { username: hal.name, ...names } });
      await gil.find(hal.name);
      await gil.write('Hi');
      await row(hal, gil.name).click();
      await hal.write('Hi yourself');
      await gil.sees('Hi yourself');
      const online = ({ page }) => page.locator('#room-head').getByText('online');
      await Promise.all([online(gil).waitFor(), online(hal).waitFor()]);
      await gil.page.getByLabel('More').click();
      await isClean(gil, 'the menu');
      await gil.page.keyboard.press('Escape');
      assert.equal(await button(gil.page, `Block ${long}`).isVisible(), false);
      await gil.page.getByLabel('More').click();
      await gil.log.click();
      assert.equal(await button(gil.page, `Block ${long}`).isVisible(), false, 'a click elsewhere closes the menu');

      await takeFromMenu(gil, `Block ${long}`);
      await button(gil.page.getByRole('dialog'), 'Block').press('Enter');
      await blocked(gil).waitFor();
      await online(hal).waitFor({ state: 'detached' });
      for (const person of [gil, hal]) assert.equal(await person.page.locator('.avatar.online').count(), 0, person.name);
      assert.equal(await gil.page.locator('#room-head [data-part="presence"]').innerText(), '');
      await hal.write('Did I say something wrong?');
      const failure = hal.bubble('something wrong').locator('.failure');
      await failure.getByText('Not delivered.').waitFor();
      await isClean(gil, 'somebody blocked');

      const tab = await secondTab(gil);
      await tab.page.goto('/profile/');
      const list = tab.page.getByRole('region', { name: 'Blocked people' });
      await list.getByRole('listitem').filter({ hasText: `@${hal.name}` }).waitFor();
      await isClean(tab, 'the list of blocked people');
      await button(list, `Unblock ${long}`).focus();
      await tab.page.keyboard.press('Enter');
      await list.getByText(`${long} is no longer blocked.`).waitFor();
      await list.getByText('You have blocked nobody.').waitFor();
      assert.equal(await tab.page.evaluate(() => document.activeElement?.id), 'blocked-heading');
      await isClean(tab, 'the empty list');
      await gil.composer.waitFor();
      await failure.getByRole('button', { name: 'Retry' }).click();
      await gil.sees('something wrong');

      await gil.page.bringToFront();
      await takeFromMenu(gil, `Block ${long}`);
      await button(gil.page.getByRole('dialog'), 'Block').click();
      await blocked(gil).waitFor();
      await takeFromMenu(gil, `Unblock ${long}`);
      await blocked(gil).waitFor({ state: 'hidden' });
      await gil.write('No, sorry');
      await hal.sees('No, sorry');
    });
  });
}
