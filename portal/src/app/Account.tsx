import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Paper from '@mui/material/Paper';
import Typography from '@mui/material/Typography';
import { type FormEvent, type ReactNode, useEffect, useState } from 'react';
import type { User } from '../core/api';
import { type Deed, ownDeeds } from '../core/audit';
import { Activity } from './Activity';
import { DeleteAccount } from './DeleteAccount';
import { saveStream } from './download';
import { Field } from './Field';
import { NewPassword, passwordFault } from './NewPassword';
import { RecoveryCode } from './RecoveryCode';
import { Shell } from './Shell';
import { api, sentence, useAuth } from './state';
import { accountText } from './text/account';
import { size } from './text/size';
import { text } from './text/text';
import { useCall } from './useCall';

const t = accountText;

/** What a person can do with the account, from harmless to final. */
export default function Account() {
    const { name, builtIn } = useAuth();
    return (
        <Shell title={t.title}>
            <Box sx={{ display: 'grid', gap: 2, maxWidth: 680 }}>
                <Section title={name ? t.signedInAs(name) : t.signedIn}>
                    {!builtIn && <Typography variant="body2">{t.byProvider}</Typography>}
                    <Room />
                </Section>
                {builtIn && (
                    <>
                        <Section title={t.password.change}>
                            <ChangePassword />
                        </Section>
                        <Section title={t.recovery.title}>
                            <NewCode name={name} />
                        </Section>
                    </>
                )}
                <Section title={t.activity.title}>
                    <Activity lead={t.activity.lead} ask={activity} />
                </Section>
                <Section title={t.data.title}>
                    <Export />
                </Section>
                <Section title={t.remove.title}>
                    <DeleteAccount />
                </Section>
            </Box>
        </Shell>
    );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
    return (
        <Paper
            component="section"
            variant="outlined"
            sx={{ p: { xs: 2, sm: 3 }, display: 'grid', gap: 2, justifyItems: 'start' }}
        >
            <Typography variant="h2">{title}</Typography>
            {children}
        </Paper>
    );
}

async function activity(): Promise<Deed[]> {
    const [lines, scans] = await Promise.all([api.activity(), api.scans()]);
    return ownDeeds(lines, scans);
}

function Room() {
    const [user, setUser] = useState<User | null>(null);
    const [error, setError] = useState('');
    useEffect(() => {
        api.user().then(setUser, (e) => setError(sentence(e)));
    }, []);
    return (
        <Typography variant="body2" color="textSecondary">
            {error || (user && t.used(size(user.used_bytes), size(user.quota_bytes)))}
        </Typography>
    );
}

function ChangePassword() {
    const [old, setOld] = useState('');
    const [password, setPassword] = useState('');
    const [done, setDone] = useState(false);
    const { error, busy, call, setError } = useCall();
    const submit = (event: FormEvent) => {
        event.preventDefault();
        setDone(false);
        const fault = passwordFault(password);
        if (fault) {
            setError(fault);
            return;
        }
        void call(async () => {
            await api.changePassword(old, password);
            setOld('');
            setPassword('');
            setDone(true);
        });
    };
    return (
        <Box
            component="form"
            onSubmit={submit}
            noValidate
            sx={{ display: 'grid', gap: 2, width: '100%' }}
        >
            {error && <Alert severity="error">{error}</Alert>}
            {done && <Alert severity="success">{t.password.changed}</Alert>}
            <Field
                label={t.password.old}
                type="password"
                value={old}
                onChange={setOld}
                autoComplete="current-password"
                testId="old-password"
            />
            <NewPassword value={password} onChange={setPassword} />
            <Button
                type="submit"
                variant="outlined"
                disabled={busy || !old || !password}
                data-testid="password-submit"
                sx={{ justifySelf: 'start' }}
            >
                {t.password.change}
            </Button>
        </Box>
    );
}

function NewCode({ name }: { name: string }) {
    const [password, setPassword] = useState('');
    const [code, setCode] = useState('');
    const { error, busy, call } = useCall();
    const submit = (event: FormEvent) => {
        event.preventDefault();
        void call(async () => {
            setCode(await api.newRecoveryCode(password));
            setPassword('');
        });
    };
    return code ? (
        <RecoveryCode code={code} name={name} onKept={() => setCode('')} />
    ) : (
        <Box
            component="form"
            onSubmit={submit}
            noValidate
            sx={{ display: 'grid', gap: 2, width: '100%' }}
        >
            <Typography variant="body2">
                {t.recovery.lead} {t.recovery.makeLead}
            </Typography>
            {error && <Alert severity="error">{error}</Alert>}
            <Field
                label={text.signIn.password}
                type="password"
                value={password}
                onChange={setPassword}
                autoComplete="current-password"
                testId="recovery-password"
            />
            <Button
                type="submit"
                variant="outlined"
                disabled={busy || !password}
                data-testid="recovery-make"
                sx={{ justifySelf: 'start' }}
            >
                {t.recovery.make}
            </Button>
        </Box>
    );
}

function Export() {
    const [got, setGot] = useState(0);
    const { error, busy, call } = useCall();
    const act = () =>
        call(async () => {
            setGot(0);
            await saveStream(() => api.exportUser(), t.data.file, setGot);
        });
    return (
        <>
            <Typography variant="body2">{t.data.exportLead}</Typography>
            {error && <Alert severity="error">{error}</Alert>}
            <Button
                variant="outlined"
                disabled={busy}
                onClick={() => void act()}
                data-testid="account-export"
            >
                {busy ? t.data.exporting(size(got)) : t.data.export}
            </Button>
        </>
    );
}
