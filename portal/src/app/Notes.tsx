import Box from '@mui/material/Box';
import Typography from '@mui/material/Typography';
import type { Scan } from '../core/api';
import { scansText } from './text/scans';

/** What the import had to guess or fill in, behind one line. */
export function Notes({ notes }: { notes: Scan['warnings'] }) {
    if (!notes?.length) {
        return null;
    }
    return (
        <Typography component="details" variant="body2" color="inherit" data-testid="import-notes">
            <summary>{scansText.warnings(notes.length)}</summary>
            <Box component="ul" sx={{ pl: 2, my: 0.5 }}>
                {notes.map((n) => (
                    <li key={n.code + n.detail}>{n.detail}</li>
                ))}
            </Box>
        </Typography>
    );
}
