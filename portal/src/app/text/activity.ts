import type { Deed, Who } from '../../core/audit';

/** What the log calls it, to what a person would. */
const verbs: Record<string, string> = {
    'sign-in': 'Signed in',
    'scan-add': 'Added the scan',
    'scan-change': 'Changed the scan',
    'scan-delete': 'Deleted the scan',
    'scan-look': 'Saw its preview',
    'scan-view': 'Opened it',
    'scan-export': 'Exported it',
    'configuration-add': 'Saved a view',
    'configuration-change': 'Changed a saved view',
    'configuration-delete': 'Deleted a saved view',
    'share-invite': 'Made a link to share it',
    'share-uninvite': 'Withdrew a link',
    'share-redeem': 'Accepted a link',
    'share-change': 'Changed what somebody may',
    'share-revoke': 'Took a permission back',
    'user-add': 'Made the account',
    'user-change': 'Changed the account',
    'user-disable': 'Locked the account',
    'user-enable': 'Unlocked the account',
    'user-delete': 'Deleted the account',
    'user-export': 'Exported everything',
};

const outcomes = { permitted: '', refused: ' – refused', failed: ' – it did not work' };

const people: Record<Exclude<Who['kind'], 'known'>, string> = {
    self: 'You',
    former: 'Somebody who no longer may',
    nobody: 'The operator, or an account that is gone',
};

export const activityText = {
    show: 'Show it',
    none: 'Nothing yet.',
    list: 'What was done, newest first',
    when: (at: string) =>
        new Date(at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' }),
    who: (who: Who) =>
        who.kind === 'known' ? who.label || 'Somebody without a label' : people[who.kind],
    what: ({ verb, outcome, on }: Deed) =>
        `${verbs[verb] ?? verb}${on ? `: “${on}”` : ''}${outcomes[outcome]}`,
};
