// What axe says of a page.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const AXE = await readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

/** What axe finds, in words. @param {import('playwright-core').Page} page */
export async function findings(page) {
  // The policy forbids scripts from elsewhere, so the test hands axe over itself.
  await page.evaluate(AXE);
  // Half-way through a transition a button has colours that it has at no other time. Some never
  // come to an end: those without one, and all of them in a tab behind another.
  await page.evaluate(() => Promise.race([
    Promise.allSettled(document.getAnimations().map((animation) => animation.finished)),
    new Promise((resolve) => setTimeout(resolve, 2000)),
  ]));
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.map((found) => `${found.impact} ${found.id}: ${found.nodes.map((node) => node.target).join(', ')}`);
}
