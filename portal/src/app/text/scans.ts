import { plural } from './plural';

export const scansText = {
    title: 'My scans',
    given: 'Shared with me',
    empty: 'No scans yet. Add the first one:',
    loading: 'Loading your scans…',
    open: 'Open',
    rename: 'Rename',
    remove: 'Delete',
    untitled: 'Untitled scan',
    thumbnail: (title: string) => `Preview of ${title}`,
    state: { importing: 'Being made ready', ready: 'Ready', failed: 'Not usable' },
    stage: {
        reading: 'Reading the files',
        decoding: 'Decoding the pictures',
        assembling: 'Putting the slices together',
        sealing: 'Encrypting',
        thumbnail: 'Taking the preview picture',
    } as Record<string, string>,
    added: (date: string) =>
        `Added ${new Date(`${date}T00:00`).toLocaleDateString('en-GB', { dateStyle: 'medium' })}`,
    size: (dims: readonly number[], modality: string) => `${modality} · ${dims.join(' × ')} voxels`,
    renameTitle: 'Rename this scan',
    nameLabel: 'Name',
    save: 'Save',
    cancel: 'Cancel',
    removeTitle: 'Delete this scan?',
    removeBody: (title: string) =>
        `“${title}” and its saved views will be gone for good, also for everybody who is looking at it now.`,
    leave: 'Remove from my list',
    leaveTitle: 'Remove this scan from your list?',
    leaveBody: (title: string) =>
        `“${title}” itself stays with its owner, who can share it with you again.`,
    warnings: (n: number) => plural(n, 'note from the import', 'notes from the import'),
};
