import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Paper from '@mui/material/Paper';
import Typography from '@mui/material/Typography';
import { type FormEvent, useId, useState } from 'react';
import { useLocation } from 'wouter';
import type { Enrolled } from '../core/api';
import { ApiError } from '../core/rest';
import { secretIn, secretOf } from '../core/share';
import { Field } from './Field';
import { NewPassword, passwordFault } from './NewPassword';
import { Plain } from './Plain';
import { RecoveryCode } from './RecoveryCode';
import { api, sentence, signInAs } from './state';
import { accountText } from './text/account';
import { text } from './text/text';
import { useCall } from './useCall';

const t = accountText.enrol;

/** The page of a link that whoever runs the service has sent. */
export default function Enrol() {
    const [, navigate] = useLocation();
    const [secret] = useState(() => secretOf(location.hash));
    return (
        <Plain title={t.title}>
            {secret ? (
                <Paper variant="outlined" sx={{ p: 3, display: 'grid', gap: 2 }}>
                    <EnrolForm secret={secret} onDone={() => navigate('/', { replace: true })} />
                </Paper>
            ) : (
                <Alert severity="error">{t.noSecret}</Alert>
            )}
        </Plain>
    );
}

/** Name and password, then the recovery code; signed in when that is kept. */
export function EnrolForm(props: { secret: string; onDone: () => void }) {
    const { secret, onDone } = props;
    const [name, setName] = useState('');
    const [password, setPassword] = useState('');
    const [made, setMade] = useState<Enrolled | null>(null);
    const { error, busy, call, setError } = useCall(refusal);
    const rule = useId();

    const submit = (event: FormEvent) => {
        event.preventDefault();
        const fault = passwordFault(password);
        if (fault) {
            setError(fault);
        } else {
            void call(async () => setMade(await api.enrol(secretIn(secret), name, password)));
        }
    };
    const done = (token: Enrolled) => {
        signInAs(name, token);
        onDone();
    };

    return made ? (
        <RecoveryCode code={made.recovery_code} name={name} onKept={() => done(made)} />
    ) : (
        <form onSubmit={submit} noValidate style={{ display: 'grid', gap: 16 }}>
            <Typography>{t.lead}</Typography>
            {error && <Alert severity="error">{error}</Alert>}
            <div>
                <Field
                    label={t.name}
                    value={name}
                    onChange={setName}
                    autoComplete="username"
                    describedBy={rule}
                    testId="enrol-name"
                />
                <Typography id={rule} variant="body2" color="textSecondary" sx={{ mt: 0.5 }}>
                    {t.nameRule}
                </Typography>
            </div>
            <NewPassword value={password} onChange={setPassword} />
            <Button
                type="submit"
                variant="contained"
                size="large"
                disabled={busy || !name}
                data-testid="enrol-submit"
            >
                {t.submit}
            </Button>
        </form>
    );
}

function refusal(e: unknown): string {
    if (e instanceof ApiError && e.status === 429) {
        return text.signIn.tooMany(e.retryAfter_s);
    }
    const own: Record<number, string> = { 401: t.used, 409: t.taken };
    return (e instanceof ApiError && own[e.status]) || sentence(e);
}
