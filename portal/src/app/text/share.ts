import type { TermDays } from '../../core/share';
import { plural } from './plural';

const day = (date: string) => new Date(date).toLocaleDateString('en-GB', { dateStyle: 'medium' });

const roles = { viewer: 'look', editor: 'look and save views', owner: 'do everything' };

export const shareText = {
    open: 'Share',
    title: (title: string) => `Share “${title}”`,
    alone: 'Nobody but you can open this scan.',
    others: (n: number) => `Besides you, ${plural(n, 'person', 'people')} can open this scan.`,
    close: 'Close',

    make: {
        title: 'Share with somebody',
        label: 'For whom?',
        labelHelp: 'Only for you, stored encrypted. You will know by it who looks.',
        role: 'They may',
        roles: [
            ['viewer', 'Look: turn it, cut it, light it'],
            ['editor', 'Look, and save views for all'],
        ] as const,
        term: 'For how long?',
        terms: {
            1: 'A day',
            7: 'A week',
            30: 'A month',
            365: 'A year',
            0: 'Until I take it back',
        } satisfies Record<TermDays, string>,
        submit: 'Make a link',
        face: 'Whoever sees a scan can take a picture of the screen, and a picture of a head can show a face. Share it as you would share a photo.',
    },

    link: {
        label: 'Link',
        lead: (label: string, role: keyof typeof roles, until: string) =>
            `Whoever opens this link first, and signs in, may ${roles[role]}${label ? ` as “${label}”` : ''}. It works once, until ${day(until)}.`,
        once: 'It is shown only now. Send it to nobody but the person it is for.',
        qr: 'The link as a QR code, for a phone',
        done: 'Done',
    },

    access: {
        title: 'Who can open it',
        unnamed: 'Without a label',
        role: (who: string) => `What ${who} may do`,
        term: (who: string) => `How long ${who} may`,
        until: (date: string) => `Until ${day(date)}`,
        fromNow: {
            1: 'A day from now',
            7: 'A week from now',
            30: 'A month from now',
            365: 'A year from now',
            0: 'Until I take it back',
        } satisfies Record<TermDays, string>,
        revoke: (who: string) => `Take it back from ${who}`,
        revokeTitle: (who: string) => `Take it back from ${who}?`,
        revokeBody:
            'They cannot open it any more. If they are looking now, their picture ends within two seconds.',
        renew: 'Also encrypt the scan under a new key',
        renewHelp:
            'Not needed for this: nobody ever gets the key itself. It is for when you fear that it has leaked from the server. It takes a moment, and links that nobody has used yet end.',
        notRenewed: (why: string) => `Taken back. But the scan is still under its old key: ${why}`,
        submit: 'Take it back',
        cancel: 'Cancel',
    },

    unused: {
        title: 'Links that nobody has used yet',
        until: (role: keyof typeof roles, date: string) =>
            `May ${roles[role]}; the link ends ${day(date)}.`,
        withdraw: (who: string) => `Withdraw the link for ${who}`,
    },

    views: {
        title: 'Who looked at it',
        lead: 'Every opening and every change is written down, yours too.',
    },

    given: (role: keyof typeof roles, until?: string) =>
        `Shared with you: you may ${roles[role]}${until ? `, until ${day(until)}` : ''}.`,
    redeem: {
        title: 'Somebody shares a scan with you',
        lead: 'A scan is a CT or MRI of a person, drawn so that you can turn it and look inside, here in the browser. The person who shares it sees when you look at it.',
        signIn: 'So that nobody else can open it, it needs to know who you are. Sign in; then the scan opens.',
        enrol: 'I have no account, but a link to make one',
        enrolLink: 'Your link to make an account',
        enrolNext: 'Go on',
        asked: 'Have you neither? Ask whoever runs this service for a link to make an account.',
        accept: 'Open the scan',
        noSecret:
            'The link is not whole: the part after # is missing. Copy all of it, or ask for another one.',
        gone: 'This link has been used, withdrawn or has expired. Ask for another one.',
        own: 'This is a scan of your own: there is nothing to accept.',
        toScans: 'To my scans',
    },
};
