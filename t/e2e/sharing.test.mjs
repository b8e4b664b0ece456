// Two people and a scan: shared by a link, looked at, taken back.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import {
    addScan, look, newPage, PASSWORD, signIn, somePicture, startBrowser, USER,
} from './browser.mjs';
import { startService } from './service.mjs';

const OTHER = 'noah';

let service;
let browser;
let owner;
let other;
let lookout;
let link;

before(async () => {
    service = await startService();
    service.addUser(USER, PASSWORD);
    service.addUser('lena', PASSWORD);
    browser = await startBrowser();
    lookout = await newPage(browser);
    owner = await newPage(browser, { viewport: { width: 1280, height: 800 } });
    other = await newPage(browser, { viewport: { width: 1280, height: 800 } });
    await owner.goto(`${service.origin}/`);
    await signIn(owner);
    await addScan(owner, service.phantom('cd'));
});

after(async () => {
    await browser?.close();
    service?.stop();
});

async function makeLink(label) {
    await owner.getByTestId('share-label').fill(label);
    await owner.getByTestId('share-make').click();
    const made = await owner.getByTestId('share-link').inputValue();
    await owner.getByTestId('share-done').click();
    return made;
}

test('an owner makes a link, whose secret is behind #', async () => {
    await owner.getByTestId('scan-share').click();
    await owner.getByText('Nobody but you').waitFor();
    link = await makeLink('Noah');
    const { origin, pathname, hash } = new URL(link);
    assert.equal(origin, service.origin);
    assert.match(pathname, /^\/invitation\/[a-z2-7]{26}$/);
    assert.ok(hash.length > 20);
    await owner.getByTestId('share-invitation').getByText('Noah').waitFor();
});

test('a link that is withdrawn is of no use', async () => {
    const made = await makeLink('Nobody');
    await owner.getByRole('button', { name: 'Withdraw the link for Nobody' }).click();
    await owner.getByTestId('share-invitation').nth(1).waitFor({ state: 'detached' });
    await other.goto(made);
    await signIn(other, 'lena');
    await other.getByTestId('redeem').click();
    await other.getByRole('alert').getByText('withdrawn').waitFor();
});

test('who opens it makes an account on its page, and sees the scan', async () => {
    await other.goto('about:blank');
    await other.goto(link);
    await other.getByTestId('redeem-enrol').click();
    await other.getByTestId('redeem-enrol-link').fill(
        `${service.origin}/enrol#${service.invite()}`);
    await other.getByRole('button', { name: 'Go on' }).click();
    await other.getByTestId('enrol-name').fill(OTHER);
    await other.getByTestId('new-password').fill(PASSWORD);
    await other.getByTestId('enrol-submit').click();
    await other.getByTestId('recovery-kept').check();
    await other.getByTestId('recovery-next').click();
    await other.getByTestId('redeem').click();
    await other.getByTestId('view-canvas').waitFor();
    const seen = await somePicture(other, lookout);
    assert.ok(seen.deviation > 8, `luma deviates by ${seen.deviation}`);
    assert.match(other.url(), /\/scans\/[a-z2-7]{26}$/, 'the secret has left the address');
});

test('who may only look is offered nothing else', async () => {
    assert.equal(await other.getByTestId('config-save').count(), 0);
    assert.equal(await other.getByRole('button', { name: 'Share' }).count(), 0);
});

test('the owner sees who has it, and who looked', async () => {
    await owner.getByTestId('share-close').click();
    await owner.getByTestId('scan-share').click();
    await owner.getByText('1 person can open').waitFor();
    await owner.getByTestId('share-person').getByText('Noah', { exact: true }).waitFor();
    await owner.getByTestId('activity-show').click();
    await owner.getByRole('row').filter({ hasText: 'Noah' }).getByText('Opened it').waitFor();
});

test('another role opens it again, with what it may', async () => {
    await owner.getByTestId('share-person-role').selectOption('editor');
    await other.getByTestId('config-save').waitFor();
    await somePicture(other, lookout);
});

test('taken back, the picture ends within two seconds, and says why', async () => {
    await owner.getByTestId('share-revoke').click();
    const began = performance.now();
    await owner.getByTestId('share-revoke-confirm').click();
    await other.getByText('no longer shares this scan').waitFor();
    const took = performance.now() - began;
    const { deviation } = await look(lookout, await other.getByTestId('view-canvas')
        .evaluate(async (canvas) => {
            const blob = await new Promise((done) => canvas.toBlob(done));
            return [...new Uint8Array(await blob.arrayBuffer())];
        }).then(Buffer.from));
    assert.ok(took < 2000, `it took ${took} ms`);
    assert.ok(deviation < 1, `what is left on the screen deviates by ${deviation}`);
    await owner.getByText('Nobody but you').waitFor();
});

test('and the scan has left the list, and the link is used up', async () => {
    await other.getByRole('button', { name: 'Back to my scans' }).first().click();
    await other.getByText('No scans yet').waitFor();
    assert.equal(await other.getByTestId('scan-given').count(), 0);
    await other.goto(link);
    await signIn(other, OTHER);
    await other.getByTestId('redeem').click();
    await other.getByRole('alert').getByText('has been used').waitFor();
});

test('what is shared can be given up, and stays with its owner', async () => {
    const again = await makeLink('Noah again');
    await other.goto('about:blank');
    await other.goto(again);
    await signIn(other, OTHER);
    await other.getByTestId('redeem').click();
    await other.getByRole('button', { name: 'Back to my scans' }).click();
    await other.getByTestId('scan-given').waitFor();
    await other.getByTestId('scan-delete').click();
    await other.getByTestId('scan-delete-confirm').click();
    await other.getByTestId('scan-given').waitFor({ state: 'detached' });
    await owner.getByTestId('share-close').click();
    await owner.getByTestId('scan-open').waitFor();
});
