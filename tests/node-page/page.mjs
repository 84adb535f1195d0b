// The built-in page in a headless Chromium: node page.mjs URL KEY CHROMIUM FOLDER; leaves screenshots in FOLDER and prints what it saw as JSON.
import { chromium } from 'playwright-core';
import { join } from 'node:path';

const [url, key, executablePath, folder] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const seen = { problems: [], foreign: [] };
try {
  const context = await browser.newContext({ viewport: { width: 1180, height: 760 }, colorScheme: 'dark' });
  const page = await context.newPage();
  page.on('console', message => {
    // A 401 before the key is given is what a browser writes down, too.
    if (message.type() === 'error' && !message.text().includes('401')) seen.problems.push(message.text());
  });
  page.on('pageerror', error => seen.problems.push(String(error)));
  page.on('request', request => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) seen.foreign.push(request.url());
  });
  await page.goto(url);

  // The key, by keyboard alone.
  await page.getByRole('dialog').waitFor();
  await page.keyboard.type(key);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.waitForFunction(() => document.querySelectorAll('#model option').length > 0);
  seen.models = await page.getByLabel('Model', { exact: true }).locator('option').allTextContents();

  // A question and its answer.
  await page.getByText('System prompt and sampling').click();
  await page.getByLabel('Temperature').fill('0');
  await page.getByLabel('Message', { exact: true }).fill('hello');
  await page.keyboard.press('Enter');
  await page.getByText('The answer is complete.').waitFor();
  seen.turns = await page.locator('#log .text').allTextContents();
  seen.figures = await page.locator('#log .figures').allTextContents();
  await page.getByText('System prompt and sampling').click();
  await page.getByLabel('Message', { exact: true }).fill('What is the capital of France?');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('#log .figures').length === 2);
  await page.locator('#models .loaded').first().waitFor();
  seen.loaded = await page.locator('#models li').allInnerTexts();
  await page.screenshot({ path: join(folder, 'dark.png') });
  await page.emulateMedia({ colorScheme: 'light' });
  await page.screenshot({ path: join(folder, 'light.png') });
  await page.setViewportSize({ width: 390, height: 760 });
  await page.screenshot({ path: join(folder, 'narrow.png') });
  await page.setViewportSize({ width: 1180, height: 760 });

  // What a screen reader is told, and in which order the keyboard goes.
  seen.names = await page.evaluate(() => [...document.querySelectorAll('button, select, input, textarea')].filter(node => !(node.labels?.length || node.textContent.trim() || node.getAttribute('aria-label'))).map(node => node.id));
  seen.live = await page.locator('[aria-live=polite]').count();
  await page.locator('body').press('Tab');
  seen.firstTab = await page.evaluate(() => document.activeElement.className || document.activeElement.id);

  // Stopped in the middle.
  await page.getByRole('button', { name: 'New chat' }).click();
  await page.getByLabel('Message', { exact: true }).fill('Tell me everything.');
  // An answer that does not come, whatever the model.
  await page.route('**/v1/chat/completions', () => {});
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Stop' }).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#send').waitFor();
  seen.afterStop = await page.locator('#state').textContent();
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
