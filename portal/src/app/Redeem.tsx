import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Paper from '@mui/material/Paper';
import Typography from '@mui/material/Typography';
import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import { ApiError } from '../core/rest';
import { secretIn, secretOf } from '../core/share';
import { EnrolForm } from './Enrol';
import { Field } from './Field';
import { Plain } from './Plain';
import { SignIn } from './SignIn';
import { api, useAuth } from './state';
import { shareText } from './text/share';
import { useCall } from './useCall';

const t = shareText.redeem;

/** Where the link of an invitation leads. */
export default function Redeem({ id }: { id: string }) {
    const signedIn = useAuth((a) => a.signedIn);
    const [secret] = useState(() => secretOf(location.hash));
    return (
        <Plain title={t.title}>
            {secret ? (
                <>
                    <Typography>{t.lead}</Typography>
                    {signedIn ? <Accept id={id} secret={secret} /> : <WhoAreYou />}
                </>
            ) : (
                <Alert severity="error">{t.noSecret}</Alert>
            )}
        </Plain>
    );
}

function Accept({ id, secret }: { id: string; secret: string }) {
    const [, navigate] = useLocation();
    const [over, setOver] = useState('');
    const { error, busy, call } = useCall();
    const accept = () =>
        call(async () => {
            try {
                navigate(`/scans/${await api.redeem(id, secret)}`, { replace: true });
            } catch (e) {
                const why = e instanceof ApiError && OVER[e.code];
                if (!why) {
                    throw e;
                }
                setOver(why);
            }
        });
    return over ? (
        <>
            <Alert severity="info">{over}</Alert>
            <Button
                variant="contained"
                size="large"
                onClick={() => navigate('/scans', { replace: true })}
            >
                {t.toScans}
            </Button>
        </>
    ) : (
        <>
            {error && <Alert severity="error">{error}</Alert>}
            <Button
                variant="contained"
                size="large"
                disabled={busy}
                onClick={() => void accept()}
                data-testid="redeem"
            >
                {t.accept}
            </Button>
        </>
    );
}

/** Answers after which trying again is of no use. */
const OVER: Record<string, string> = { not_found: t.gone, own: t.own };

/** Signed out: with an account, or with what makes one. */
function WhoAreYou() {
    const [enrolling, setEnrolling] = useState(false);
    return (
        <>
            <Typography>{t.signIn}</Typography>
            {enrolling ? <EnrolHere /> : <SignIn />}
            {!enrolling && (
                <>
                    <Button onClick={() => setEnrolling(true)} data-testid="redeem-enrol">
                        {t.enrol}
                    </Button>
                    <Typography variant="body2" color="textSecondary">
                        {t.asked}
                    </Typography>
                </>
            )}
        </>
    );
}

/** Here, so that the invitation's own secret need not be kept anywhere. */
function EnrolHere() {
    const [link, setLink] = useState('');
    const [secret, setSecret] = useState('');
    const next = (event: FormEvent) => {
        event.preventDefault();
        setSecret(secretIn(link));
    };
    return (
        <Paper variant="outlined" sx={{ p: 3 }}>
            {secret ? (
                <EnrolForm secret={secret} onDone={() => {}} />
            ) : (
                <form onSubmit={next} style={{ display: 'grid', gap: 16 }}>
                    <Field
                        label={t.enrolLink}
                        value={link}
                        onChange={setLink}
                        testId="redeem-enrol-link"
                        autoFocus
                    />
                    <Button type="submit" variant="contained" disabled={!link.trim()}>
                        {t.enrolNext}
                    </Button>
                </form>
            )}
        </Paper>
    );
}
