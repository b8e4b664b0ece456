/* Line icons on a 24 x 24 grid. */

import { createSvgIcon } from '@mui/material/utils';

const icon = (name: string, d: string) =>
    createSvgIcon(
        <path
            d={d}
            fill="none"
            stroke="currentColor"
            strokeWidth="2"
            strokeLinecap="round"
            strokeLinejoin="round"
        />,
        name,
    );

export const BackIcon = icon('Back', 'M19 12H5m6-6-6 6 6 6');
export const CameraIcon = icon(
    'Camera',
    'M4 8h4l2-3h4l2 3h4v11H4zm8 8.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z',
);
export const CloseIcon = icon('Close', 'M6 6l12 12M18 6L6 18');
export const CutIcon = icon('Cut', 'M12 3v18M4 7h5v10H4M15 7h5v10h-5');
export const DeleteIcon = icon('Delete', 'M5 7h14M10 7V4h4v3m3 0-1 13H8L7 7m3 4v5m4-5v5');
export const EditIcon = icon('Edit', 'M4 20l1-4L16 5l3 3L8 19z');
export const FolderIcon = icon('Folder', 'M3 6h6l2 3h10v10H3zm9 4v6m-3-3h6');
export const LookIcon = icon(
    'Look',
    'M2 12s4-6 10-6 10 6 10 6-4 6-10 6S2 12 2 12zm10 3a3 3 0 1 0 0-6 3 3 0 0 0 0 6z',
);
export const MoreIcon = icon('More', 'M6 9l6 6 6-6');
export const RedoIcon = icon('Redo', 'M15 5l4 4-4 4m4-4H9a5 5 0 0 0 0 10h3');
export const SaveIcon = icon('Save', 'M6 4h12v17l-6-4-6 4z');
export const ShareIcon = icon(
    'Share',
    'M16 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM6 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zm10 7a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM9 10.5l4.5-3.5M9 13.5l4.5 3.5',
);
export const UndoIcon = icon('Undo', 'M9 5L5 9l4 4M5 9h10a5 5 0 0 1 0 10h-3');
