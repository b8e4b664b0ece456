import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Paper from '@mui/material/Paper';
import Typography from '@mui/material/Typography';
import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import type { Enrolled } from '../core/api';
import { ApiError } from '../core/rest';
import { Field } from './Field';
import { NewPassword, passwordFault } from './NewPassword';
import { Plain } from './Plain';
import { RecoveryCode } from './RecoveryCode';
import { api, sentence, signInAs } from './state';
import { accountText } from './text/account';
import { text } from './text/text';
import { useCall } from './useCall';

const t = accountText.recover;

/** For who has forgotten the password. */
export default function Recover() {
    const [, navigate] = useLocation();
    const [name, setName] = useState('');
    const [code, setCode] = useState('');
    const [password, setPassword] = useState('');
    const [got, setGot] = useState<Enrolled | null>(null);
    const { error, busy, call, setError } = useCall(refusal);

    const submit = (event: FormEvent) => {
        event.preventDefault();
        const fault = passwordFault(password);
        if (fault) {
            setError(fault);
        } else {
            void call(async () => setGot(await api.recover(name, code.trim(), password)));
        }
    };
    const kept = (token: Enrolled) => {
        signInAs(name, token);
        navigate('/', { replace: true });
    };

    return (
        <Plain title={t.title}>
            <Paper variant="outlined" sx={{ p: 3 }}>
                {got ? (
                    <RecoveryCode code={got.recovery_code} name={name} onKept={() => kept(got)} />
                ) : (
                    <form onSubmit={submit} noValidate style={{ display: 'grid', gap: 16 }}>
                        <Typography>{t.lead}</Typography>
                        {error && <Alert severity="error">{error}</Alert>}
                        <Field
                            label={text.signIn.name}
                            value={name}
                            onChange={setName}
                            autoComplete="username"
                            testId="recover-name"
                        />
                        <Field
                            label={t.code}
                            value={code}
                            onChange={setCode}
                            testId="recover-code"
                        />
                        <NewPassword value={password} onChange={setPassword} />
                        <Button
                            type="submit"
                            variant="contained"
                            size="large"
                            disabled={busy || !name || !code.trim()}
                            data-testid="recover-submit"
                        >
                            {t.submit}
                        </Button>
                    </form>
                )}
            </Paper>
            {!got && (
                <div>
                    <Typography variant="h2">{t.noCode}</Typography>
                    <Typography variant="body2" color="textSecondary" sx={{ mt: 0.5 }}>
                        {t.noCodeBody} {t.byProvider}
                    </Typography>
                </div>
            )}
        </Plain>
    );
}

function refusal(e: unknown): string {
    if (e instanceof ApiError && e.status === 429) {
        return text.signIn.tooMany(e.retryAfter_s);
    }
    return e instanceof ApiError && e.status === 401 ? t.wrong : sentence(e);
}
