// Every page, wide and in a hand, dark and light, without a barrier that axe
// calls serious or critical.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { addScan, barriers, newPage, PASSWORD, signIn, startBrowser, USER } from './browser.mjs';
import { startService } from './service.mjs';

const SCREENS = {
    wide: { viewport: { width: 1280, height: 800 } },
    phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
};

let service;
let browser;
let folder;

before(async () => {
    service = await startService();
    service.addUser(USER, PASSWORD);
    folder = service.phantom('disc/head');
    service.phantom('disc/one', '--slices', '1', '--seed', '7');
    browser = await startBrowser();
    const page = await newPage(browser);
    await page.goto(`${service.origin}/`);
    await signIn(page);
    await addScan(page, folder);
    await page.context().close();
});

after(async () => {
    await browser?.close();
    service?.stop();
});

for (const [screen, options] of Object.entries(SCREENS)) {
    for (const colorScheme of ['dark', 'light']) {
        test(`nobody is kept out: ${screen}, ${colorScheme}`, () =>
            visit({ ...options, colorScheme }, screen === 'phone'));
    }
}

async function visit(options, phone) {
    const page = await newPage(browser, options);
    const by = (id) => page.getByTestId(id);
    const open = async (where) => assert.deepEqual(await barriers(page), [], where);

    await page.goto(`${service.origin}/`);
    await by('sign-in-submit').click();
    await page.getByRole('alert').waitFor();
    await open('signing in');

    for (const [address, what] of [
        ['recover', 'recover-submit'],
        ['enrol#none', 'enrol-submit'],
        [`invitation/${'a'.repeat(26)}#none`, 'redeem-enrol'],
        ['sign-in?code=none&state=none', 'to-start'],
    ]) {
        await page.goto(`${service.origin}/${address}`);
        await by(what).waitFor();
        await open(address);
    }

    await page.goto(`${service.origin}/`);
    await signIn(page);
    await page.getByRole('img').waitFor();
    await open('scans');

    await by('scan-share').click();
    await by('share-count').waitFor();
    await by('activity-show').click();
    await by('activity-line').first().waitFor();
    await open('sharing');
    await by('share-make').click();
    await by('share-qr').waitFor();
    await open('a link');
    await by('share-close').click();
    await by('share-close').waitFor({ state: 'detached' });

    await page.getByRole('link', { name: 'Account' }).click();
    await by('activity-show').click();
    await by('activity-line').first().waitFor();
    await open('account');
    await by('account-delete').click();
    await by('account-delete-word').waitFor();
    await page.waitForTimeout(400);
    await open('deleting the account');
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: 'My scans' }).click();

    await by('scan-delete').click();
    await by('scan-delete-confirm').waitFor();
    await page.waitForTimeout(400); // until it has faded in
    await open('deleting');
    await page.keyboard.press('Escape');

    await by('upload-input').setInputFiles(`${service.tmp}/disc`);
    await by('series-card').waitFor();
    await page.getByText('1 series left out').click();
    await page.getByRole('button', { name: 'What leaves this computer' }).click();
    await page.getByRole('table').waitFor();
    await page.waitForTimeout(400);
    await open('upload');

    await page.getByRole('link', { name: 'My scans' }).click();
    await by('scan-open').click();
    await by('status-samples').filter({ visible: true }).waitFor();
    await open('view');
    for (const panel of phone ? ['look', 'cut', 'save'] : []) {
        await by(`panel-${panel}`).click();
        await open(panel);
    }
    await page.context().close();
}
