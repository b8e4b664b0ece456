import type { Found, Notice, NoticeCode, Refusal } from '../../core/series';
import { plural } from './plural';

const other = (n: number) => `${plural(n, 'other file', 'other files')} left alone.`;
const broken = (n: number) =>
    `${plural(n, 'file is', 'files are')} damaged or incomplete and left out.`;

export const uploadText = {
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
        no_data_file: 'The file with its voxels is missing. Choose both files, or their folder.',
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
        shifted: () => 'Some slices are shifted sideways against the others; edges may look torn.',
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
    left: (s: number) => (s < 90 ? `about ${s} s left` : `about ${Math.round(s / 60)} min left`),
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
};
