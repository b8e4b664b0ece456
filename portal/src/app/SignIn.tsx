import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Paper from '@mui/material/Paper';
import Typography from '@mui/material/Typography';
import { type FormEvent, useEffect, useState } from 'react';
import { Link } from 'wouter';
import type { Provider, Providers } from '../core/api';
import { ProviderError } from '../core/providerError';
import { ApiError } from '../core/rest';
import { Field } from './Field';
import { api, goToProvider, sentence, signIn, useAuth } from './state';
import { text } from './text/text';

const t = text.signIn;

/** All the ways in; the address stays what it was. */
export function SignIn() {
    const ended = useAuth((a) => a.ended);
    const [ways, setWays] = useState<Providers | null>(null);
    const [error, setError] = useState('');
    const [round, setRound] = useState(0);

    // biome-ignore lint/correctness/useExhaustiveDependencies: round asks again
    useEffect(() => {
        let over = false;
        api.providers().then(
            (list) => !over && setWays(list),
            (e) => !over && setError(sentence(e)),
        );
        return () => {
            over = true;
        };
    }, [round]);

    const again = () => {
        setError('');
        setRound(round + 1);
    };
    const refused = (e: unknown) => setError(refusal(e));
    return (
        <Paper variant="outlined" sx={{ p: 3, display: 'grid', gap: 2 }}>
            <Typography variant="h2">{t.title}</Typography>
            {ended && !error && <Alert severity="info">{t.ended}</Alert>}
            {error && (
                <Alert
                    severity="error"
                    action={
                        ways ? null : (
                            <Button color="inherit" size="small" onClick={again}>
                                {t.again}
                            </Button>
                        )
                    }
                >
                    {error}
                </Alert>
            )}
            {ways?.providers.map((provider) => (
                <ByProvider
                    key={`${provider.issuer} ${provider.client_id}`}
                    provider={provider}
                    onRefused={refused}
                />
            ))}
            {ways?.accounts && ways.providers.length > 0 && (
                <Typography variant="body2" color="textSecondary">
                    {t.orAccount}
                </Typography>
            )}
            {ways?.accounts && (
                <ByAccount
                    first={ways.providers.length === 0}
                    onRefused={refused}
                    onTry={() => setError('')}
                />
            )}
            {ways && !ways.accounts && ways.providers.length === 0 && (
                <Alert severity="warning">{t.noWay}</Alert>
            )}
        </Paper>
    );
}

function ByProvider(props: { provider: Provider; onRefused: (e: unknown) => void }) {
    const { provider, onRefused } = props;
    const [busy, setBusy] = useState(false);
    const go = async () => {
        setBusy(true);
        try {
            const { pathname, hash } = location;
            await goToProvider(provider, pathname + hash);
        } catch (e) {
            onRefused(e);
            setBusy(false);
        }
    };
    return (
        <Button
            variant="contained"
            size="large"
            disabled={busy}
            onClick={() => void go()}
            data-testid="sign-in-provider"
        >
            {t.by(provider.name)}
        </Button>
    );
}

interface ByAccountProps {
    /** No other way stands before it. */
    first: boolean;
    onTry: () => void;
    onRefused: (e: unknown) => void;
}

function ByAccount({ first, onTry, onRefused }: ByAccountProps) {
    const [name, setName] = useState('');
    const [password, setPassword] = useState('');
    const [busy, setBusy] = useState(false);

    const submit = async (event: FormEvent) => {
        event.preventDefault();
        if (!name || !password) {
            onRefused(t.needed);
            return;
        }
        setBusy(true);
        onTry();
        try {
            await signIn(name, password);
        } catch (e) {
            onRefused(e);
            setBusy(false);
        }
    };

    return (
        <Box component="form" onSubmit={submit} noValidate sx={{ display: 'grid', gap: 2 }}>
            <Field
                label={t.name}
                value={name}
                onChange={setName}
                autoComplete="username"
                testId="sign-in-name"
            />
            <Field
                label={t.password}
                type="password"
                value={password}
                onChange={setPassword}
                autoComplete="current-password"
                testId="sign-in-password"
            />
            <Button
                type="submit"
                variant={first ? 'contained' : 'outlined'}
                size="large"
                disabled={busy}
                data-testid="sign-in-submit"
            >
                {busy ? t.busy : t.submit}
            </Button>
            <Button component={Link} href="/recover" size="small">
                {t.forgotten}
            </Button>
        </Box>
    );
}

/** Why it was not possible, in a sentence; a string is one. */
export function refusal(error: unknown): string {
    if (typeof error === 'string') {
        return error;
    }
    if (error instanceof ProviderError) {
        return text.provider[error.refusal](error.provider || text.provider.it, error.detail);
    }
    if (error instanceof ApiError && error.status === 401) {
        return t.wrong;
    }
    if (error instanceof ApiError && error.status === 429) {
        return t.tooMany(error.retryAfter_s);
    }
    return sentence(error);
}
