import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Checkbox from '@mui/material/Checkbox';
import FormControlLabel from '@mui/material/FormControlLabel';
import Typography from '@mui/material/Typography';
import { useState } from 'react';
import { CopyField } from './CopyField';
import { saveAs } from './download';
import { accountText } from './text/account';

const t = accountText.recovery;

interface Props {
    code: string;
    /** Whose it is. */
    name: string;
    onKept: () => void;
}

/** Shown once; goes on only when the person says that it is kept. */
export function RecoveryCode({ code, name, onKept }: Props) {
    const [kept, setKept] = useState(false);
    const save = () => {
        const body = t.file(name, code, location.host);
        saveAs(new Blob([body], { type: 'text/plain' }), 'recovery-code.txt');
    };
    return (
        <Box sx={{ display: 'grid', gap: 2 }}>
            <Typography>{t.lead}</Typography>
            <Alert severity="warning">{t.once}</Alert>
            <CopyField label={t.label} value={code} testId="recovery-code" />
            <Button variant="outlined" onClick={save} sx={{ justifySelf: 'start' }}>
                {t.download}
            </Button>
            <FormControlLabel
                label={t.kept}
                control={
                    <Checkbox
                        checked={kept}
                        onChange={(e) => setKept(e.target.checked)}
                        slotProps={{ input: { 'data-testid': 'recovery-kept' } as object }}
                    />
                }
            />
            <Button
                variant="contained"
                size="large"
                disabled={!kept}
                onClick={onKept}
                data-testid="recovery-next"
            >
                {t.next}
            </Button>
        </Box>
    );
}
