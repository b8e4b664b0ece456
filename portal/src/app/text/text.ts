/* What the first page says, and what every page does. */

import type { Refusal } from '../../core/providerError';
import { plural } from './plural';

export const text = {
    product: 'Exposure Render',
    notDiagnostic: 'For looking and explaining. Not for diagnosis.',
    skip: 'Skip to content',
    loading: 'Opening…',
    copy: 'Copy',
    copied: 'Copied.',
    nav: { scans: 'My scans', upload: 'Add a scan', account: 'Account', signOut: 'Sign out' },

    home: {
        title: 'Your scan, as a picture you understand',
        picture: 'A head CT: skin, see-through, over bones',
        credit: 'The picture: rendered here from the head CT of InVesalius (CTI Renato Archer), GPL-2.',
        lead: 'Drop the folder of CT or MRI files that the hospital gave you. A minute later you can turn it, look inside and light it like a real thing, here in your browser. Nothing to install.',
        points: [
            [
                'Names stay with you',
                'Before anything is sent, this page removes names, dates and numbers from the files and shows you what it removed.',
            ],
            [
                'Encrypted',
                'Scans are encrypted while they arrive. The original files are erased as soon as the volume is made.',
            ],
            ['Yours to delete', 'Deleting a scan destroys its key. Then nobody can read it again.'],
        ],
        face: 'A picture of a head can show a face. Share it as you would share a photo.',
    },

    signIn: {
        title: 'Sign in',
        name: 'Name',
        password: 'Password',
        submit: 'Sign in',
        busy: 'Signing in…',
        wrong: 'Name or password is not right.',
        tooMany: (s: number) =>
            `Too many tries. Try again in ${plural(s || 60, 'second', 'seconds')}.`,
        ended: 'You have been signed out. Please sign in again.',
        needed: 'Please give a name and a password.',
        by: (name: string) => `Sign in with ${name}`,
        orAccount: 'Or with an account of this service:',
        forgotten: 'Forgot the password?',
        noWay: 'Nobody can sign in here yet: whoever runs this service has to set it up first.',
        again: 'Try again',
        toStart: 'Back to signing in',
        returning: 'Signing you in…',
    },

    provider: {
        it: 'The provider',
        denied: (name) => `${name} did not let you in, or you went back. Nothing has happened.`,
        stale: () =>
            'This way back is used up, or was begun in another window. Please sign in again.',
        unreachable: (name) =>
            `${name} cannot be reached from this page. Try again; if the network is on, whoever runs this service has to allow it.`,
        unavailable: (name) => `${name} has trouble of its own just now. Try again in a while.`,
        not_taken: (name) =>
            `${name} let you in, but this service does not accept what it says of you. Whoever runs the service has to look at how the two are set up.`,
        misconfigured: (name, detail) =>
            `${name} and this service are not set up for each other. Tell whoever runs the service${detail ? `: ${detail}` : '.'}`,
    } satisfies Record<Refusal, (name: string, detail: string) => string> & { it: string },

    error: {
        offline: 'The server cannot be reached. Is the network on?',
        tooLarge: 'This is larger than the server takes.',
        wrongKind: 'The server does not take this kind of file.',
        full: 'There is no room left. Delete a scan first.',
        busy: 'Too many requests just now. Please wait a moment.',
        gone: 'It is not there any more.',
        other: 'Something went wrong. Please try again.',
    },
};
