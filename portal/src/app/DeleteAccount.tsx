import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import Typography from '@mui/material/Typography';
import { type FormEvent, useEffect, useState } from 'react';
import { Field } from './Field';
import { api, signOut, useAuth } from './state';
import { accountText } from './text/account';
import { useCall } from './useCall';

const t = accountText.remove;

export function DeleteAccount() {
    const [open, setOpen] = useState(false);
    return (
        <>
            <Typography variant="body2">{t.lead}</Typography>
            <Button
                variant="outlined"
                color="error"
                onClick={() => setOpen(true)}
                data-testid="account-delete"
            >
                {t.open}
            </Button>
            {open && <Confirm onClose={() => setOpen(false)} />}
        </>
    );
}

/** Says what is lost, and wants a word typed. */
function Confirm({ onClose }: { onClose: () => void }) {
    const builtIn = useAuth((a) => a.builtIn);
    const [word, setWord] = useState('');
    const [scans, setScans] = useState<number | null>(null);
    const { error, busy, call } = useCall();

    // biome-ignore lint/correctness/useExhaustiveDependencies: once
    useEffect(() => {
        void call(async () => {
            const list = await api.scans();
            setScans(list.filter(({ role }) => role === 'owner').length);
        });
    }, []);

    const submit = (event: FormEvent) => {
        event.preventDefault();
        void call(async () => {
            await api.removeUser();
            await signOut();
        });
    };
    return (
        <Dialog open onClose={onClose} fullWidth maxWidth="sm">
            <form onSubmit={submit}>
                <DialogTitle>{t.title}</DialogTitle>
                <DialogContent sx={{ display: 'grid', gap: 2 }}>
                    {error && <Alert severity="error">{error}</Alert>}
                    {scans !== null && (
                        <Box component="ul" sx={{ m: 0, pl: 2.5, display: 'grid', gap: 1 }}>
                            {t.what(scans, builtIn).map((line) => (
                                <li key={line}>{line}</li>
                            ))}
                        </Box>
                    )}
                    <Box sx={{ pt: 1 }}>
                        <Field
                            label={t.confirm(t.word)}
                            value={word}
                            onChange={setWord}
                            testId="account-delete-word"
                        />
                    </Box>
                </DialogContent>
                <DialogActions>
                    <Button onClick={onClose}>{accountText.cancel}</Button>
                    <Button
                        type="submit"
                        variant="contained"
                        color="error"
                        disabled={busy || scans === null || word.trim().toLowerCase() !== t.word}
                        data-testid="account-delete-confirm"
                    >
                        {t.submit}
                    </Button>
                </DialogActions>
            </form>
        </Dialog>
    );
}
