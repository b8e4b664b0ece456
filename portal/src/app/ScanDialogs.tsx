import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import TextField from '@mui/material/TextField';
import { useState } from 'react';
import type { Scan } from '../core/api';
import { api, sentence } from './state';
import { scansText } from './text/scans';

const t = scansText;

interface Props {
    scan: Scan;
    /** changed: the list is to be asked for again. */
    onDone: (changed: boolean) => void;
}

/** Runs one call; the dialog stays open with a sentence when it fails. */
function useCall(onDone: Props['onDone']) {
    const [error, setError] = useState('');
    const [busy, setBusy] = useState(false);
    const call = async (act: () => Promise<unknown>) => {
        setBusy(true);
        try {
            await act();
            onDone(true);
        } catch (e) {
            setError(sentence(e));
            setBusy(false);
        }
    };
    return { error, busy, call };
}

export function RenameDialog({ scan, onDone }: Props) {
    const [title, setTitle] = useState(scan.title);
    const { error, busy, call } = useCall(onDone);
    return (
        <Dialog open onClose={() => onDone(false)} fullWidth maxWidth="xs">
            <form
                onSubmit={(e) => {
                    e.preventDefault();
                    void call(() => api.rename(scan.id, title.trim()));
                }}
            >
                <DialogTitle>{t.renameTitle}</DialogTitle>
                <DialogContent>
                    {error && <Alert severity="error">{error}</Alert>}
                    <TextField
                        autoFocus
                        fullWidth
                        margin="dense"
                        label={t.nameLabel}
                        value={title}
                        onChange={(e) => setTitle(e.target.value)}
                        slotProps={{ htmlInput: { maxLength: 200, autoComplete: 'off' } }}
                    />
                </DialogContent>
                <DialogActions>
                    <Button onClick={() => onDone(false)}>{t.cancel}</Button>
                    <Button type="submit" variant="contained" disabled={busy || !title.trim()}>
                        {t.save}
                    </Button>
                </DialogActions>
            </form>
        </Dialog>
    );
}

export function RemoveDialog({ scan, onDone }: Props) {
    const { error, busy, call } = useCall(onDone);
    return (
        <Dialog open onClose={() => onDone(false)} fullWidth maxWidth="xs">
            <DialogTitle>{t.removeTitle}</DialogTitle>
            <DialogContent>
                {error && <Alert severity="error">{error}</Alert>}
                {t.removeBody(scan.title || t.untitled)}
            </DialogContent>
            <DialogActions>
                <Button onClick={() => onDone(false)}>{t.cancel}</Button>
                <Button
                    variant="contained"
                    color="error"
                    disabled={busy}
                    onClick={() => void call(() => api.remove(scan.id))}
                    data-testid="scan-delete-confirm"
                >
                    {t.remove}
                </Button>
            </DialogActions>
        </Dialog>
    );
}
