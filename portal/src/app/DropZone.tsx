import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Typography from '@mui/material/Typography';
import { type ChangeEvent, type DragEvent, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { entriesOf } from '../core/files';
import { FolderIcon } from './icons';
import { uploadText } from './text/upload';
import { takeEntries, takeFiles } from './uploading';

/** Takes folders, by drop or by picker; what is in them shows on /upload. */
export function DropZone() {
    const [, navigate] = useLocation();
    const [over, setOver] = useState(false);
    const folder = useRef<HTMLInputElement>(null);
    const files = useRef<HTMLInputElement>(null);

    const drop = (event: DragEvent) => {
        event.preventDefault();
        setOver(false);
        const entries = entriesOf(event.dataTransfer.items);
        if (entries.length > 0) {
            void takeEntries(entries);
            navigate('/upload');
        }
    };

    const picked = (event: ChangeEvent<HTMLInputElement>) => {
        const list = [...(event.target.files ?? [])];
        event.target.value = '';
        if (list.length > 0) {
            void takeFiles(list);
            navigate('/upload');
        }
    };
    const input = { type: 'file', multiple: true, hidden: true, onChange: picked };

    return (
        <Box
            data-testid="upload-drop"
            onDragOver={(e) => {
                e.preventDefault();
                setOver(true);
            }}
            onDragLeave={() => setOver(false)}
            onDrop={drop}
            sx={{
                border: '2px dashed',
                borderColor: over ? 'primary.main' : 'divider',
                bgcolor: over ? 'action.hover' : 'transparent',
                borderRadius: 3,
                p: { xs: 2.5, sm: 4 },
                textAlign: 'center',
            }}
        >
            <FolderIcon color="primary" sx={{ fontSize: 40 }} />
            <Typography variant="h3" component="p">
                {over ? uploadText.dropNow : uploadText.drop}
            </Typography>
            <Typography variant="body2" sx={{ mt: 0.5, mb: 2, color: 'text.secondary' }}>
                {uploadText.hint}
            </Typography>
            <Button variant="contained" onClick={() => folder.current?.click()}>
                {uploadText.browse}
            </Button>{' '}
            <Button onClick={() => files.current?.click()}>{uploadText.browseFiles}</Button>
            <input
                ref={(element) => {
                    folder.current = element;
                    element?.setAttribute('webkitdirectory', '');
                }}
                {...input}
                aria-label={uploadText.browse}
                data-testid="upload-input"
            />
            <input
                ref={files}
                {...input}
                aria-label={uploadText.browseFiles}
                data-testid="upload-files"
            />
        </Box>
    );
}
