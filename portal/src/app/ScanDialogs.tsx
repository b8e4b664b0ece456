import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import TextField from '@mui/material/TextField';
import { useState } from 'react';
import type { Scan } from '../core/api';
import { may } from '../core/roles';
import { api } from './state';
import { scansText } from './text/scans';
import { useCall } from './useCall';

const t = scansText;

interface Props {
    scan: Scan;
    /** changed: the list is to be asked for again. */
    onDone: (changed: boolean) => void;
}

export function RenameDialog({ scan, onDone }: Props) {
    const [title, setTitle] = useState(scan.title);
    const { error, busy, call } = useCall();
    return (
        <Dialog open onClose={() => onDone(false)} fullWidth maxWidth="xs">
            <form
                onSubmit={(e) => {
                    e.preventDefault();
                    void call(async () => {
                        await api.rename(scan.id, title.trim());
                        onDone(true);
                    });
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

/** Of one's own for good; of another's only from the list. */
export function RemoveDialog({ scan, onDone }: Props) {
    const { error, busy, call } = useCall();
    const own = may(scan.role, 'remove');
    const remove = async () => {
        await (own ? api.remove(scan.id) : api.leave(scan.id));
        onDone(true);
    };
    const title = scan.title || t.untitled;
    return (
        <Dialog open onClose={() => onDone(false)} fullWidth maxWidth="xs">
            <DialogTitle>{own ? t.removeTitle : t.leaveTitle}</DialogTitle>
            <DialogContent>
                {error && <Alert severity="error">{error}</Alert>}
                {own ? t.removeBody(title) : t.leaveBody(title)}
            </DialogContent>
            <DialogActions>
                <Button onClick={() => onDone(false)}>{t.cancel}</Button>
                <Button
                    variant="contained"
                    color="error"
                    disabled={busy}
                    onClick={() => void call(remove)}
                    data-testid="scan-delete-confirm"
                >
                    {own ? t.remove : t.leave}
                </Button>
            </DialogActions>
        </Dialog>
    );
}
