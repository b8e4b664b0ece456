// An account of the service, from the link that makes it to its end.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { addScan, newPage, PASSWORD, signIn, startBrowser } from './browser.mjs';
import { startService } from './service.mjs';

const NAME = 'frieda';
const AGAIN = 'another long password';

let service;
let browser;
let page;
let code;

before(async () => {
    service = await startService();
    browser = await startBrowser();
    page = await newPage(browser, { viewport: { width: 1280, height: 800 } });
    // Asked where to save, nobody would answer.
    await page.addInitScript(() => delete window.showSaveFilePicker);
});

after(async () => {
    await browser?.close();
    service?.stop();
});

const by = (id) => page.getByTestId(id);
const account = () => page.getByRole('link', { name: 'Account' }).click();
const signOut = () => page.getByRole('button', { name: 'Sign out' }).click();

/** The code that is shown, once the person says that it is kept. */
async function keepCode() {
    const shown = await by('recovery-code').inputValue();
    assert.ok(await by('recovery-next').isDisabled(), 'it has to be kept first');
    await by('recovery-kept').check();
    await by('recovery-next').click();
    return shown;
}

test('the link of an invitation makes an account, with a recovery code', async () => {
    await page.goto(`${service.origin}/enrol#${service.invite()}`);
    await by('enrol-name').fill(NAME);
    await by('new-password').fill('short');
    await by('enrol-submit').click();
    await page.getByRole('alert').getByText('fewer than 10').waitFor();
    await by('new-password').fill(PASSWORD);
    await by('enrol-submit').click();
    code = await keepCode();
    await by('upload-input').waitFor({ state: 'attached' });
});

test('and works once', async () => {
    const secret = service.invite();
    for (const [name, answer] of [[NAME, 'taken'], ['second', ''], ['third', 'has been used']]) {
        await page.goto('about:blank');
        await page.goto(`${service.origin}/enrol#${secret}`);
        await by('enrol-name').fill(name);
        await by('new-password').fill(PASSWORD);
        await by('enrol-submit').click();
        await (answer
            ? page.getByRole('alert').getByText(answer)
            : by('recovery-code')).waitFor();
    }
});

test('who has forgotten the password sets another one with the code', async () => {
    await page.goto(`${service.origin}/`);
    await page.getByRole('link', { name: 'Forgot the password?' }).click();
    await by('recover-name').fill(NAME);
    await by('recover-code').fill(code.toUpperCase());
    await by('new-password').fill(AGAIN);
    await by('recover-submit').click();
    const next = await keepCode();
    assert.notEqual(next, code, 'a code works once');
    code = next;
    await by('upload-input').waitFor({ state: 'attached' });
    await signOut();
    await signIn(page, NAME);
    await page.getByRole('alert').getByText('not right').waitFor();
});

test('the password is changed by who knows it', async () => {
    await signIn(page, NAME, AGAIN);
    await account();
    await by('old-password').fill('certainly not this');
    await by('new-password').fill(PASSWORD);
    await by('password-submit').click();
    await page.getByText('The old password is not right').waitFor();
    await by('old-password').fill(AGAIN);
    await by('password-submit').click();
    await page.getByText('The password is changed').waitFor();
    await page.getByRole('link', { name: 'My scans' }).click();
    await by('upload-input').waitFor({ state: 'attached' });
    await signOut();
    await signIn(page, NAME);
    await by('upload-input').waitFor({ state: 'attached' });
});

test('another recovery code is made for the password', async () => {
    await account();
    await by('recovery-password').fill(PASSWORD);
    await by('recovery-make').click();
    assert.notEqual(await keepCode(), code);
});

test('what one has done, and all that one has, can be had', async () => {
    await page.getByRole('link', { name: 'My scans' }).click();
    await addScan(page, service.phantom('cd'));
    await account();
    await by('activity-show').click();
    await page.getByRole('row').getByText('Added the scan').waitFor();
    const [download] = await Promise.all([
        page.waitForEvent('download'),
        by('account-export').click(),
    ]);
    const file = `${service.tmp}/export.tar`;
    await download.saveAs(file);
    const names = execFileSync('tar', ['tf', file]).toString();
    assert.match(names, /^export\.json$/m);
    assert.match(names, /^scans\/[a-z2-7]{26}\.nii$/m);
    assert.ok(readFileSync(file).length > 100_000);
});

test('an account that is deleted is gone with its scans', async () => {
    await by('account-delete').click();
    await page.getByText('1 scan of yours is destroyed').waitFor();
    assert.ok(await by('account-delete-confirm').isDisabled());
    await by('account-delete-word').fill('delete');
    await by('account-delete-confirm').click();
    await signIn(page, NAME);
    await page.getByRole('alert').getByText('not right').waitFor();
    assert.deepEqual(service.blobs(), []);
});
