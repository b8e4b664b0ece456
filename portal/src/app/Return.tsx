import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import CircularProgress from '@mui/material/CircularProgress';
import { useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { takePending } from '../core/pending';
import { Plain } from './Plain';
import { refusal } from './SignIn';
import { comeBack } from './state';
import { text } from './text/text';

const t = text.signIn;

/** Where a provider sends people back to. */
export default function Return() {
    const [, navigate] = useLocation();
    const [failed, setFailed] = useState<{ why: string; back: string } | null>(null);
    const begun = useRef(false);

    useEffect(() => {
        /* What the address holds is for one use. */
        if (begun.current) {
            return;
        }
        begun.current = true;
        const pending = takePending(sessionStorage);
        const back = pending?.back ?? '/';
        comeBack(location.href, pending).then(
            (enter) => {
                navigate(back, { replace: true });
                enter();
            },
            (e) => setFailed({ why: refusal(e), back }),
        );
    }, [navigate]);

    return (
        <Plain title={failed ? t.title : t.returning}>
            {failed ? (
                <>
                    <Alert severity="error">{failed.why}</Alert>
                    <Button
                        onClick={() => navigate(failed.back, { replace: true })}
                        variant="contained"
                        size="large"
                        data-testid="to-start"
                    >
                        {t.toStart}
                    </Button>
                </>
            ) : (
                <CircularProgress aria-label={t.returning} />
            )}
        </Plain>
    );
}
