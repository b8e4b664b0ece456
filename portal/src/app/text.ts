/* Every sentence of the pages, in one place: another language is another file
 * of this shape. */

import type { Notice, Refusal } from '../core/series';
import type { EndReason } from '../core/session';

const plural = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;

export const text = {
    product: 'Exposure Render',
    notDiagnostic: 'For looking and explaining. Not for diagnosis.',
    skip: 'Skip to content',
    nav: { scans: 'My scans', upload: 'Add a scan', signOut: 'Sign out' },

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
    },

    scans: {
        title: 'My scans',
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
        size: (dims: readonly number[], modality: string) =>
            `${modality} · ${dims.join(' × ')} voxels`,
        renameTitle: 'Rename this scan',
        nameLabel: 'Name',
        save: 'Save',
        cancel: 'Cancel',
        removeTitle: 'Delete this scan?',
        removeBody: (title: string) =>
            `“${title}” and its saved views will be gone for good, also for everybody who is looking at it now.`,
        warnings: (n: number) => plural(n, 'note from the import', 'notes from the import'),
    },

    upload: {
        title: 'Add a scan',
        drop: 'Drop the folder with your CT or MRI files here',
        dropNow: 'Let go to look inside',
        browse: 'Choose a folder',
        browseFiles: 'or single files',
        hint: 'The whole disc or folder is fine. What is not a scan is left alone.',
        walking: 'Looking for files…',
        analysing: (done: number, all: number) => `Looking at file ${done} of ${all}`,
        none: 'There is no CT or MRI series in what you chose.',
        noneHelp:
            'On a patient CD the pictures are usually in a folder called DICOM or IMAGES. Choosing the whole disc works too.',
        found: (n: number) => `${plural(n, 'series', 'series')} found. Choose one to add.`,
        skipped: (n: number) => `${plural(n, 'other file', 'other files')} left alone.`,
        broken: (n: number) =>
            `${plural(n, 'file is', 'files are')} damaged or incomplete and left out.`,
        again: 'Choose something else',
        slices: (n: number) => plural(n, 'slice', 'slices'),
        geometry: (rows: number, columns: number, step: number | null) =>
            `${columns} × ${rows} pixels${step ? `, ${step.toFixed(1)} mm apart` : ''}`,
        localOnly: 'shown here only, not sent',
        unnamed: 'Series without a description',
        title_label: 'Name for this scan',
        title_help: 'Only for you; stored encrypted. Leave out names of people.',
        defaultTitle: (modality: string) => `${modality || 'My'} scan`,
        send: 'Add this one',
        noneReadable: 'Nothing in what you chose can be made into a picture you can turn:',
        refusal: {
            not_image: 'Not a CT or MRI series.',
            multiframe: 'Its pictures are stored many in one file, which cannot be read here yet.',
            unsupported_syntax:
                'Its pictures are compressed in a way that cannot be read here yet, such as JPEG 2000.',
            colour: 'Colour pictures; a volume is a stack of grey ones.',
            mosaic: 'Each file holds many small pictures, which cannot be read here yet.',
            scout: 'An overview picture, not a volume.',
            one_slice: 'A single slice; a volume needs several.',
            no_geometry: 'The files do not say where each slice lies.',
        } satisfies Record<Refusal, string>,
        notice: {
            repeated:
                'Some slices lie at the same place, as in a recording over time; one phase will be used.',
            uneven: 'The slices are not evenly spaced; gaps will be filled in.',
            burned_in:
                'The files say that text is written into the pictures. It cannot be removed: look before you share.',
            directions: 'It holds pictures in several directions; the largest group will be used.',
        } satisfies Record<Notice, string>,
        preparing: (done: number, all: number) => `Removing personal data: file ${done} of ${all}`,
        sending: (sent: string, total: string, rate: string) => `${sent} of ${total}, ${rate}`,
        left: (s: number) =>
            s < 90 ? `about ${s} s left` : `about ${Math.round(s / 60)} min left`,
        finishing: 'Everything is sent; waiting for the answer…',
        cancel: 'Cancel',
        cancelled: 'Cancelled. Nothing of it was kept.',
        lost: 'The connection broke while sending. Nothing was kept; please try again.',
        unreadable: 'A file could not be read. Is the disc still in the drive?',
        receipt: {
            title: 'What leaves this computer',
            summary: (kept: number, replaced: number, removed: number) =>
                `${kept} fields kept, ${replaced} replaced, ${removed} removed.`,
            lead: 'The files are de-identified, not anonymous: the pictures themselves stay as they are, and a picture can show a face.',
            field: 'Field',
            before: 'In your files',
            after: 'Sent',
            nothing: 'not sent',
            same: 'as it is',
            private: 'Private fields of the scanner’s maker',
            download: 'Save this list',
        },
    },

    view: {
        back: 'Back to my scans',
        loading: 'Opening…',
        look: 'Look',
        cut: 'Cut',
        save: 'Save',
        close: 'Close',
        canvas: 'Picture of the scan. Arrow keys turn it, with Shift they move it, plus and minus zoom, square brackets roll. A, P, L, R, S, I look from a side, 0 shows everything. The wheel leads through slices.',
        undo: 'Undo',
        redo: 'Redo',
        presets: 'Tissues',
        technique: 'Shown as',
        techniques: {
            path: 'Lit tissue',
            isosurface: 'Surface',
            mip: 'Brightest',
            average: 'X-ray',
            slice: 'Slice',
        },
        surfaceAt: 'Surface at',
        windowCenter: 'Middle grey',
        windowWidth: 'Contrast',
        planes: { axial: 'Below', coronal: 'Front', sagittal: 'Left' },
        depth: 'Depth',
        thickness: 'Thickness',
        inColors: 'In the tissues’ colours',
        light: 'Light',
        focus: 'Focus',
        blur: 'Blur',
        focusPick: 'Choose in the picture',
        focusPicking: 'Click what shall be sharp',
        autofocus: 'Automatic',
        brightness: 'Brightness',
        lamp: 'Lamps',
        surrounding: 'Light from around',
        background: 'Background',
        dark: 'Dark',
        bright: 'Light',
        direction: 'Look from',
        sides: { A: 'Front', P: 'Back', L: 'Left', R: 'Right', S: 'Above', I: 'Below' },
        fit: 'Show all',
        cutLead: 'Slide to cut away from each side.',
        cutFrom: {
            'x-min': 'From the right side',
            'x-max': 'From the left side',
            'y-min': 'From the front',
            'y-max': 'From the back',
            'z-min': 'From below',
            'z-max': 'From above',
        } as Record<string, string>,
        sidesNote: 'Left and right are the patient’s own.',
        hideTable: 'Hide the scanner’s table',
        resetCut: 'Undo all cuts',
        curve: 'Fine tuning',
        curveLead: (unit: string) =>
            `How solid (up) each brightness in the scan (${unit || 'value'}) is. Drag points; click to add one.`,
        point: (n: number) => `Point ${n}`,
        pointValue: (value: number, unit: string, opacity: number) =>
            `${Math.round(value)} ${unit}, ${(opacity * 100).toFixed(1)} % solid`,
        graph: 'Transfer function',
        color: 'Colour',
        removePoint: 'Remove point',
        configurations: 'Saved views',
        configName: 'Name of this view',
        configSave: 'Save view',
        configLoad: (name: string) => `Show ${name}`,
        configRemove: (name: string) => `Delete ${name}`,
        configSaved: (name: string) => `“${name}” saved.`,
        configShown: (name: string) => `Showing “${name}”.`,
        configNone: 'None yet. A saved view keeps direction, cuts, tissues and light.',
        screenshot: 'Save picture',
        reduced: (factor: number) =>
            `1/${factor} of the detail: the server lacks memory for all of it`,
        refining: (fraction: number) =>
            fraction >= 1 ? 'Finished' : `Refining… ${Math.floor(100 * fraction)} %`,
        state: {
            connecting: 'Connecting…',
            opening: 'Getting your scan ready…',
            reconnecting: {
                line: 'The connection broke. Trying again…',
                no_worker: 'No renderer is free just now. Trying again…',
                too_fast: 'Too many requests. Waiting a moment…',
            },
        },
        queued: (position: number) => `You are number ${position} in the queue.`,
        ahead: (n: number) =>
            n === 0 ? 'You are next.' : `${plural(n, 'person is', 'people are')} before you.`,
        estimate: (s: number) =>
            s <= 0 ? '' : s < 90 ? `About ${s} seconds.` : `About ${Math.ceil(s / 60)} minutes.`,
        again: 'Start again',
        ended: {
            closed: 'This viewing has ended.',
            worker_lost: 'The renderer has stopped. Your scan is safe.',
            idle: 'You were away for a while, so the place was given to somebody else.',
            deleted: 'This scan has been deleted.',
            failed: 'The scan could not be opened.',
            signed_out: 'You have been signed out. Please sign in again.',
            not_permitted: 'You may not look at this scan.',
            not_found: 'There is no such scan.',
            replaced: 'This scan has been opened in another window.',
            protocol:
                'This page and the server do not understand each other. Reloading the page may help.',
        } satisfies Record<EndReason, string>,
    },

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

export function size(bytes: number): string {
    const units = ['B', 'kB', 'MB', 'GB'];
    let n = bytes;
    let unit = 0;
    while (n >= 1000 && unit < units.length - 1) {
        n /= 1000;
        unit++;
    }
    return `${n < 10 && unit > 0 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
}
