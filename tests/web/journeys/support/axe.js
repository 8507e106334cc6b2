// What axe says of a page.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const AXE = await readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

/** What axe finds, in words. @param {import('playwright-core').Page} page */
export async function findings(page) {
  // The policy forbids scripts from elsewhere, so the test hands axe over itself.
  await page.evaluate(AXE);
  // Half-way through a transition a button has colours that it has at no other time.
  await page.evaluate(() => Promise.allSettled(document.getAnimations().map((animation) => animation.finished)));
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.map((found) => `${found.impact} ${found.id}: ${found.nodes.map((node) => node.target).join(', ')}`);
}
