import { plural } from './plural';

const day = (date: string) => new Date(date).toLocaleDateString('en-GB', { dateStyle: 'medium' });

export const accountText = {
    title: 'Account',
    signedInAs: (name: string) => `Signed in as ${name}.`,
    signedIn: 'Signed in.',
    byProvider: 'Name and password are your provider’s affair; change them there.',
    used: (used: string, quota: string) => `${used} of ${quota} in use.`,
    cancel: 'Cancel',

    password: {
        label: 'New password',
        show: 'Show it',
        hide: 'Hide it',
        rule: (min: number) =>
            `At least ${min} characters. Four or five unrelated words are good and easy to keep.`,
        short: (min: number) => `The password has fewer than ${min} characters.`,
        change: 'Change password',
        old: 'Password until now',
        changed:
            'The password is changed. The old one no longer works; where it is signed in now, that ends within a while.',
    },

    recovery: {
        title: 'Recovery code',
        lead: 'If you forget your password, this code is the only way back to your scans: they are encrypted, and nobody can read them for you.',
        once: 'It is shown only now. Print it, or keep it where you keep passports.',
        label: 'Your recovery code',
        download: 'Save as a file',
        file: (name: string, code: string, site: string) =>
            `Recovery code of ${name} at ${site}\n\n${code}\n\nWhoever has it can set a new password and then see every scan. It works once.\n`,
        kept: 'I have kept it',
        next: 'Go on',
        make: 'Make a new recovery code',
        makeLead: 'The code from before no longer works then.',
    },

    enrol: {
        title: 'Make your account',
        lead: 'This link lets you choose a name and a password. It works once.',
        noSecret:
            'The link is not whole: the part after # is missing. Copy all of it, or ask for another one.',
        used: 'This link has been used or has expired. Ask whoever sent it for another one.',
        name: 'Name to sign in with',
        nameRule: 'Letters, digits and . _ - @ + only. It is stored so that nobody can read it.',
        taken: 'This name is taken. Choose another one.',
        submit: 'Make the account',
    },

    recover: {
        title: 'Set a new password',
        lead: 'With the recovery code that you kept. Your scans stay yours.',
        code: 'Recovery code',
        submit: 'Set it',
        wrong: 'Name or code is not right, or the code has been used.',
        noCode: 'Without the code',
        noCodeBody:
            'Then nobody can open your scans again, not even whoever runs the service. You can ask for a new account and add the scans again from their files.',
        byProvider: 'Whoever signs in with a provider sets the password there.',
    },

    activity: {
        title: 'My activity',
        lead: 'What was done in your name. A line that you do not know means that somebody else has been in: change the password.',
        none: 'Nothing yet.',
        show: 'Show it',
    },

    data: {
        title: 'My data',
        exportLead:
            'One file (tar) with all that is yours: every scan of your own as a NIfTI volume, which other programs read, and as JSON its saved views, who has it, and your activity. It is not encrypted: keep it as you keep the disc of the hospital.',
        export: 'Export my data',
        exporting: (got: string) => `${got} so far…`,
        file: 'my-exposure-render-data.tar',
    },

    remove: {
        title: 'Delete my account',
        lead: 'With all its scans: for good, and at once.',
        open: 'Delete my account…',
        what: (scans: number, builtIn: boolean) => [
            scans > 0
                ? `${plural(scans, 'scan of yours is', 'scans of yours are')} destroyed, with ${scans === 1 ? 'its' : 'their'} saved views. Keys go first: then nobody can read them again.`
                : 'You have no scans of your own.',
            'Whoever you shared them with loses them too, at once.',
            'You lose what others shared with you.',
            'Backups from before can still hold them until whoever runs this service throws these away, which is asked of them within 30 days. Restoring one erases you again.',
            'The log keeps what was done, but no longer by whom.',
            builtIn
                ? 'Name and password no longer sign you in.'
                : 'Your provider still knows you: signing in again begins anew, with nothing, from tomorrow on.',
        ],
        word: 'delete',
        confirm: (word: string) => `Type “${word}” to confirm`,
        submit: 'Delete for good',
    },

    date: day,
};
