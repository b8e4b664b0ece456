/* Every sentence of the pages, in one place: another language is another file
 * of this shape. */

import type { Found, Notice, NoticeCode, Refusal } from '../core/series';
import type { EndReason } from '../core/session';

const plural = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;

const other = (n: number) => `${plural(n, 'other file', 'other files')} left alone.`;
const broken = (n: number) =>
    `${plural(n, 'file is', 'files are')} damaged or incomplete and left out.`;

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
        drop: 'Drop the folder or zip file with your CT or MRI files here',
        dropNow: 'Let go to look inside',
        browse: 'Choose a folder',
        browseFiles: 'or single files',
        hint: 'The whole disc is fine. What is not a scan is left alone.',
        walking: 'Looking for files…',
        reading: (done: number, all: number) => `Looking at file ${done} of ${all}`,
        none: 'There is no CT or MRI series in what you chose.',
        noneHelp:
            'On a patient CD the pictures are usually in a folder called DICOM or IMAGES. Choosing the whole disc works too.',
        noneReadable: 'Nothing in what you chose can be made into a picture you can turn.',
        found: (n: number) =>
            n === 1
                ? '1 series found. Look at it, then add it.'
                : `${n} series found. Add the ones you want.`,
        people: 'These files are of more than one person. Each series says whose it is.',
        leftOut: (n: number) => plural(n, 'series left out', 'series left out'),
        others: {
            not_dicom: other,
            dicomdir: other,
            no_image: other,
            truncated: broken,
            malformed: broken,
            damaged: (n: number) =>
                `${plural(n, 'file', 'files')} could not be read: damaged, or gone from the disc.`,
            archive: (n: number) =>
                `${plural(n, 'archive is', 'archives are')} of a kind that cannot be opened here. Unpack first, then choose the folder.`,
            volume: (n: number) =>
                `${plural(n, 'NIfTI, NRRD or MetaImage file has', 'NIfTI, NRRD or MetaImage files have')} a header that cannot be read here.`,
            encrypted: (n: number) =>
                `${plural(n, 'zip file is', 'zip files are')} protected by a password. Unpack with the password first, then choose the folder.`,
            bomb: (n: number) =>
                `${plural(n, 'zip file is', 'zip files are')} made to unpack without end, and left closed.`,
        } satisfies Record<keyof Required<Found['others']>, (n: number) => string>,
        again: 'Choose something else',
        geometry: (dims: readonly number[], spacing_mm: readonly number[]) =>
            `${dims[0]} × ${dims[1]} pixels, ${plural(dims[2] ?? 0, 'slice', 'slices')}${
                spacing_mm.every((s) => s > 0)
                    ? `, ${spacing_mm.map((s) => s.toFixed(s < 0.95 ? 2 : 1)).join(' × ')} mm`
                    : ''
            }`,
        localOnly: 'shown here only, not sent',
        unnamed: 'Series without a description',
        phase: 'Time point',
        phaseOf: (n: number, all: number) => `${n} of ${all}`,
        phaseHelp:
            'This is a recording over time: every slice was taken several times. One time point becomes a scan.',
        titleLabel: 'Name for this scan',
        titleHelp: 'Only for you; stored encrypted. Leave out names of people.',
        defaultTitle: (what: string) => `${what || 'My'} scan`,
        send: 'Add this one',
        refusal: {
            not_image: 'No CT or MRI pictures.',
            multiframe: 'Many pictures in one file that does not say where each lies.',
            unsupported_syntax:
                'Its pictures are compressed in a way that cannot be read here, such as video or HTJ2K.',
            mosaic: 'Each file holds a mosaic of many small pictures, which cannot be read here.',
            colour: 'Colour pictures of a kind that cannot be read here.',
            localizer: 'Overview pictures, taken to plan the scan.',
            one_slice: 'A single slice; a volume needs several.',
            no_geometry: 'The files do not say where each slice lies.',
            scattered: 'The pictures do not form a stack: too far apart, or at an angle.',
            too_large: 'Larger than this service can take.',
            no_data_file:
                'The file with its voxels is missing. Choose both files, or their folder.',
        } satisfies Record<Refusal, string>,
        notice: {
            missing: ({ n, of }: Notice) =>
                `${n} of ${of} slices ${n === 1 ? 'is' : 'are'} missing; the ${n === 1 ? 'gap' : 'gaps'} will be filled from the slices beside.`,
            irregular: () =>
                'The slices are not evenly spaced; they will be resampled to even distances.',
            tilt: () => 'The slices lie at a slant, as the scanner was tilted; they are kept so.',
            duplicates: ({ n, of }: Notice) =>
                `${n} of ${of} pictures ${n === 1 ? 'lies' : 'lie'} where another lies, and will be left out.`,
            no_position: () =>
                'The files do not say where each slice lies. They are stacked by their numbers, so proportions may be wrong.',
            shifted: () =>
                'Some slices are shifted sideways against the others; edges may look torn.',
            colliding: () =>
                'Different pictures carry the same identifier; they are told apart by where they lie.',
            burned_in: () =>
                'The files say that text is written into the pictures. It cannot be removed: look before you share.',
            colour: () => 'Colour pictures: only their brightness will be used.',
            stacks: () => 'The file holds several stacks of pictures; the largest will be used.',
            file: () =>
                'Not straight from a scanner: whether left is left depends on the program that wrote it.',
        } satisfies Record<NoticeCode, (notice: Notice) => string>,
        queued: 'Waiting for the one before it',
        preparing: (done: number, all: number) => `Removing personal data: file ${done} of ${all}`,
        packing: 'Removing personal data',
        sending: (sent: string, total: string) => `${sent} of ${total}`,
        rate: (rate: string) => `, ${rate}/s`,
        left: (s: number) =>
            s < 90 ? `about ${s} s left` : `about ${Math.round(s / 60)} min left`,
        waiting: (sent: string, total: string) =>
            `The connection is interrupted. It goes on by itself from ${sent} of ${total}.`,
        paused: (sent: string, total: string) => `Paused at ${sent} of ${total}`,
        finishing: 'Everything is sent; waiting for the answer…',
        done: 'Added.',
        toScans: 'See it',
        cancel: 'Cancel',
        pause: 'Pause',
        resume: 'Go on',
        retry: 'Try again',
        cancelled: 'Cancelled. Nothing of it was kept.',
        unreadable: 'A file could not be read. Is the disc still in the drive?',
        underWay: (n: number) => plural(n, 'series is being added', 'series are being added'),
        show: 'Show',
        receipt: {
            title: 'What leaves this computer',
            summary: (kept: number, replaced: number, removed: number) =>
                `${kept} fields kept, ${replaced} replaced, ${removed} removed.`,
            lead: 'The files are de-identified, not anonymous: the pictures themselves stay as they are, and a picture can show a face.',
            field: 'Field',
            before: 'In your files',
            after: 'Sent',
            nothing: 'not sent',
            empty: 'empty',
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
